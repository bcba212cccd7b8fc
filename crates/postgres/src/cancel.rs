//! Cancel keys: issued by the gateway, good for one live session each, from the session's own address.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::constant_time;
use custos_model::SessionId;
use tokio::sync::Notify;

/// Fills a buffer with random bytes.
pub(crate) type Random = dyn Fn(&mut [u8]) + Send + Sync;

/// All keys in force.
pub(crate) struct CancelKeys {
    random: Box<Random>,
    entries: Mutex<HashMap<i32, Entry>>,
}

struct Entry {
    secret: Vec<u8>,
    address: IpAddr,
    session: SessionId,
    requested: Arc<Notify>,
}

/// A session that may be cancelled.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) session: SessionId,
    /// To be notified when the request is on record.
    pub(crate) requested: Arc<Notify>,
}

/// A key that one session holds; withdrawn when dropped.
pub(crate) struct CancelKey {
    keys: Arc<CancelKeys>,
    /// What the client takes for the server's process id.
    pub(crate) process_id: i32,
    /// 4 bytes in protocol 3.0, 32 in 3.2.
    pub(crate) secret: Vec<u8>,
    /// Notified at each valid cancel request, when it is on record.
    pub(crate) requested: Arc<Notify>,
}

impl fmt::Debug for CancelKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("CancelKeys").finish_non_exhaustive()
    }
}

impl CancelKeys {
    pub(crate) fn new(random: Box<Random>) -> Self {
        Self {
            random,
            entries: Mutex::default(),
        }
    }

    pub(crate) fn random(&self, bytes: &mut [u8]) {
        (self.random)(bytes);
    }

    /// A new key for a session.
    pub(crate) fn issue(
        self: &Arc<Self>,
        session: SessionId,
        address: IpAddr,
        secret_bytes: usize,
    ) -> CancelKey {
        let mut secret = vec![0; secret_bytes];
        self.random(&mut secret);
        let requested = Arc::new(Notify::new());
        let mut entries = self.entries();
        let process_id = loop {
            let mut bytes = [0; 4];
            self.random(&mut bytes);
            let candidate = i32::from_be_bytes(bytes) & i32::MAX;
            if candidate != 0 && !entries.contains_key(&candidate) {
                break candidate;
            }
        };
        let entry = Entry {
            secret: secret.clone(),
            address,
            session,
            requested: Arc::clone(&requested),
        };
        entries.insert(process_id, entry);
        CancelKey {
            keys: Arc::clone(self),
            process_id,
            secret,
            requested,
        }
    }

    /// The session that holds this key, if the key is good from there.
    pub(crate) fn find(&self, process_id: i32, secret: &[u8], address: IpAddr) -> Option<Found> {
        let entries = self.entries();
        let entry = entries.get(&process_id)?;
        let right = constant_time::verify_slices_are_equal(&entry.secret, secret).is_ok();
        (right && entry.address == address).then(|| Found {
            session: entry.session,
            requested: Arc::clone(&entry.requested),
        })
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<i32, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CancelKey {
    fn drop(&mut self) {
        self.keys.entries().remove(&self.process_id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};

    use custos_model::IdSource;

    use super::CancelKeys;

    #[test]
    fn only_the_right_key_from_the_right_address_cancels() {
        let next = AtomicU8::new(1);
        let random = move |bytes: &mut [u8]| bytes.fill(next.fetch_add(1, Ordering::Relaxed));
        let keys = Arc::new(CancelKeys::new(Box::new(random)));
        let session = IdSource::new([7; 10]).session(0);
        let here = [127, 0, 0, 1].into();
        let key = keys.issue(session, here, 32);
        let mut wrong = key.secret.clone();
        wrong[31] ^= 1;

        let find = |process_id, secret: &[u8], address| {
            keys.find(process_id, secret, address)
                .map(|found| found.session)
        };
        assert_eq!(find(key.process_id, &key.secret, here), Some(session));
        assert_eq!(find(key.process_id, &wrong, here), None);
        assert_eq!(find(key.process_id, &key.secret[..31], here), None);
        assert_eq!(
            find(key.process_id, &key.secret, [127, 0, 0, 2].into()),
            None
        );
        assert_eq!(find(key.process_id ^ 1, &key.secret, here), None);

        let (process_id, secret) = (key.process_id, key.secret.clone());
        drop(key);
        assert_eq!(find(process_id, &secret, here), None);
    }
}
