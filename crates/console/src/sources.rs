//! What one address may take, so that nobody takes everything: connections at a time, and requests in a while. What is
//! refused here leaves no record, so that a flood of requests is no flood of records.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Connections of one address at a time.
const CONNECTIONS_MAX: usize = 64;
/// Requests of one address at once: an office behind one address signs in in the morning, and a decision on a request for
/// approval is five.
const REQUESTS_AT_ONCE: u32 = 600;
/// And one more after each of these.
const REQUEST_INTERVAL: Duration = Duration::from_millis(20);
/// Addresses that are remembered; when there is no room, new ones are refused.
const SOURCES_MAX: usize = 10_000;

/// Addresses and what they have taken.
#[derive(Debug, Default)]
pub(crate) struct Sources(Mutex<HashMap<IpAddr, Source>>);

#[derive(Debug)]
struct Source {
    connections: usize,
    /// When its whole allowance of requests is there again.
    whole_at: Instant,
}

/// One connection of an address; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    sources: Arc<Sources>,
    source: IpAddr,
}

impl Sources {
    /// A place for a connection; `None` when the address has as many as it may have.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let source = subject(address);
        let now = Instant::now();
        let mut sources = self.all();
        if sources.len() >= SOURCES_MAX && !sources.contains_key(&source) {
            sources.retain(|_, source| source.connections > 0 || source.whole_at > now);
            if sources.len() >= SOURCES_MAX {
                return None;
            }
        }
        let entry = sources.entry(source).or_insert(Source {
            connections: 0,
            whole_at: now,
        });
        if entry.connections >= CONNECTIONS_MAX {
            return None;
        }
        entry.connections += 1;
        drop(sources);
        Some(Place {
            sources: Arc::clone(self),
            source,
        })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<IpAddr, Source>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whether the address may make one more request now.
    pub(crate) fn may_request(&self) -> bool {
        let now = Instant::now();
        let mut sources = self.sources.all();
        let Some(source) = sources.get_mut(&self.source) else {
            return false;
        };
        let whole_at = source.whole_at.max(now) + REQUEST_INTERVAL;
        let admitted = whole_at.duration_since(now) <= REQUEST_INTERVAL * REQUESTS_AT_ONCE;
        if admitted {
            source.whole_at = whole_at;
        }
        admitted
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(source) = self.sources.all().get_mut(&self.source) {
            source.connections -= 1;
        }
    }
}

/// Whoever has an IPv6 address has all of its /64.
fn subject(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{CONNECTIONS_MAX, REQUEST_INTERVAL, REQUESTS_AT_ONCE, Sources};

    #[tokio::test(start_paused = true)]
    async fn an_address_takes_its_share_and_no_more() {
        let sources = Arc::new(Sources::default());
        let here = "2001:db8::1".parse().unwrap();
        let same = "2001:db8::ffff:1".parse().unwrap();
        let other = "192.0.2.1".parse().unwrap();
        let mut places: Vec<_> = (0..CONNECTIONS_MAX)
            .map(|_| sources.enter(here).unwrap())
            .collect();
        assert!(sources.enter(same).is_none(), "its /64 is one");
        assert!(sources.enter(other).is_some());
        let place = places.pop().unwrap();
        for _ in 0..REQUESTS_AT_ONCE {
            assert!(place.may_request());
        }
        assert!(!place.may_request());
        tokio::time::advance(REQUEST_INTERVAL).await;
        assert!(place.may_request());
        assert!(!place.may_request());
        drop(places);
        assert!(!place.may_request(), "another connection brings no more");
        assert!(sources.enter(same).is_some());
    }
}
