//! Requests are signed with RSA, which takes milliseconds and is there for everybody to ask for: so few at a time, and
//! where others do not wait for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::failure::SamlFailure;

/// Signatures at a time.
const AT_A_TIME: usize = 4;
/// How long to wait for one's turn.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whose turn it is.
#[derive(Debug)]
pub(super) struct Signing(Arc<Semaphore>);

impl Default for Signing {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }
}

impl Signing {
    /// Runs what signs, on a thread that may take its time.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SamlFailure> {
        let turn = Arc::clone(&self.0).acquire_owned();
        let Ok(Ok(turn)) = tokio::time::timeout(PATIENCE, turn).await else {
            return Err(SamlFailure::Busy);
        };
        // Whoever asked may go away; the turn lasts as long as the work.
        let worked = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        worked.await.map_err(|_| SamlFailure::Busy)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[tokio::test]
    async fn four_sign_at_a_time_elsewhere() {
        let signing = Arc::new(Signing::default());
        let here = std::thread::current().id();
        let there = signing.run(|| std::thread::current().id()).await;
        assert_ne!(there.unwrap(), here);

        let mut ends = Vec::new();
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..AT_A_TIME {
            let (end, wait) = sync_channel::<()>(1);
            ends.push(end);
            let signing = Arc::clone(&signing);
            running.spawn(async move { signing.run(move || wait.recv().is_ok()).await });
        }
        while signing.0.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = signing.run(|| ()).await.unwrap_err();
        assert_eq!(refused.code(), "busy");
        // Nobody waits for them any more, but they are still at work.
        running.shutdown().await;
        assert_eq!(signing.0.available_permits(), 0);
        for end in ends {
            end.send(()).unwrap();
        }
        signing.run(|| ()).await.unwrap();
    }
}
