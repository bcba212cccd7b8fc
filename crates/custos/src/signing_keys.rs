//! The keys that sign our tokens change by themselves.

use std::time::Duration;

use custos_api::Admin;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether a rotation is due.
const LOOK: Duration = Duration::from_mins(1);

/// Rotates the keys whenever that is due, at the start too. What fails is tried again at the next look; until then the
/// old key signs on.
pub(crate) async fn rotate_when_due(admin: Admin, stop: CancellationToken) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = admin.rotate_due_keys().await {
            tracing::error!(%error, "the signing keys could not be rotated");
        }
    }
}
