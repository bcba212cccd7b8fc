//! Verified responses of SAML providers that their browser has not fetched yet. The response comes by a form of another
//! site, so our cookie is not with it (RFC 6265bis section 5.5.1); the browser comes again for the answer, with it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use custos_identity::NewSignIn;
use custos_model::Secret;

/// Answers at a time. Each was verified, so nobody without an account at a provider takes room.
const ANSWERS_MAX: usize = 1000;
/// A browser comes for its answer at once.
const LIFE: Duration = Duration::from_mins(1);

/// Somebody whom a provider vouches for, before it is known whether this browser asked.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The provider's name in the configuration.
    pub(crate) provider: String,
    /// What the browser that asked knows.
    pub(crate) relay_state: Secret,
    /// Who, and for how long from when it was verified.
    pub(crate) new: NewSignIn,
    /// When that was.
    pub(crate) verified_mono_ns: u64,
}

/// All answers, under handles that are good once.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<HashMap<String, (u64, Answer)>>);

impl Answers {
    /// Keeps an answer; false when there is no room.
    pub(crate) fn add(&self, handle: &str, answer: Answer, mono_ns: u64) -> bool {
        let mut all = self.all();
        all.retain(|_, (expires_mono_ns, _)| *expires_mono_ns > mono_ns);
        if all.len() >= ANSWERS_MAX {
            return false;
        }
        let expires_mono_ns = mono_ns.saturating_add(LIFE.as_nanos() as u64);
        all.insert(handle.to_owned(), (expires_mono_ns, answer));
        true
    }

    /// Takes an answer of a provider out.
    pub(crate) fn take(&self, handle: &str, provider: &str, mono_ns: u64) -> Option<Answer> {
        let (expires_mono_ns, answer) = self.all().remove(handle)?;
        (expires_mono_ns > mono_ns && answer.provider == provider).then_some(answer)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, (u64, Answer)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use custos_model::{Authentication, Principal};

    use super::*;

    fn answer() -> Answer {
        Answer {
            provider: "adfs".to_owned(),
            relay_state: Secret::new("state".to_owned()),
            new: NewSignIn {
                principal: Principal::unknown("alice"),
                authentication: Authentication::by("adfs", 0),
                provider_session: None,
                lasts: Duration::from_hours(1),
                parents: Vec::new(),
            },
            verified_mono_ns: 0,
        }
    }

    #[test]
    fn an_answer_is_good_once_for_its_provider_and_a_minute() {
        let answers = Answers::default();
        let life = LIFE.as_nanos() as u64;
        for handle in ["a", "b", "c"] {
            assert!(answers.add(handle, answer(), 0));
        }
        assert!(answers.take("a", "adfs", life - 1).is_some());
        assert!(answers.take("a", "adfs", life - 1).is_none());
        assert!(answers.take("b", "okta", 0).is_none());
        assert!(answers.take("b", "adfs", 0).is_none());
        assert!(answers.take("c", "adfs", life).is_none());
    }

    #[test]
    fn there_is_room_for_so_many() {
        let answers = Answers::default();
        for number in 0..ANSWERS_MAX {
            assert!(answers.add(&number.to_string(), answer(), 0));
        }
        assert!(!answers.add("more", answer(), 0));
        assert!(answers.add("more", answer(), LIFE.as_nanos() as u64));
    }
}
