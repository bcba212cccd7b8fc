//! Whoever should not decide does not, and what was not agreed to does not run. Each try is on record.

mod changes;
mod people;
mod statements;

use custos_testkit::Answer;

use super::World;

/// An answer refuses with this code, which is on record for the request.
#[track_caller]
pub(crate) fn refuses(world: &World, answer: &Answer, request: &str, code: &str) {
    assert!(answer.status >= 400, "{answer:?}");
    assert_eq!(answer.code(), code, "{answer:?}");
    world.refused(request, code);
}
