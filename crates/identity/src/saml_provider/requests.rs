//! Requests whose browser is at the provider. They are in memory: after a restart no response is taken that was asked
//! for before, so that a used assertion, which is forgotten too, is of no use.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use custos_saml::RequestId;

use super::failure::SamlFailure;

/// Requests at a time; the oldest make room.
const REQUESTS_MAX: usize = 20_000;
/// How long somebody may take at the provider.
const LIFE: Duration = Duration::from_mins(10);

/// By relay state, which nobody knows but the browser that was sent away with it.
#[derive(Debug, Default)]
pub(super) struct Requests {
    by_relay_state: HashMap<String, Request>,
    /// In the order in which they expire.
    order: VecDeque<(u64, String)>,
}

#[derive(Debug)]
struct Request {
    id: RequestId,
    is_answered: bool,
    expires_mono_ns: u64,
}

impl Requests {
    pub(super) fn add(&mut self, relay_state: &str, id: RequestId, mono_ns: u64) {
        self.forget(mono_ns);
        let expires_mono_ns = mono_ns.saturating_add(LIFE.as_nanos() as u64);
        let request = Request {
            id,
            is_answered: false,
            expires_mono_ns,
        };
        self.by_relay_state.insert(relay_state.to_owned(), request);
        self.order
            .push_back((expires_mono_ns, relay_state.to_owned()));
    }

    /// Marks the request as answered, whatever comes of the answer, and returns its ID.
    pub(super) fn answer(
        &mut self,
        relay_state: &str,
        mono_ns: u64,
    ) -> Result<RequestId, SamlFailure> {
        let found = self.by_relay_state.get_mut(relay_state);
        let request = found
            .filter(|request| mono_ns < request.expires_mono_ns)
            .ok_or(SamlFailure::Unsolicited)?;
        if std::mem::replace(&mut request.is_answered, true) {
            return Err(SamlFailure::AlreadyAnswered);
        }
        Ok(request.id.clone())
    }

    /// Makes room for one more.
    fn forget(&mut self, mono_ns: u64) {
        while let Some((expires_mono_ns, relay_state)) = self.order.front() {
            if *expires_mono_ns > mono_ns && self.order.len() < REQUESTS_MAX {
                return;
            }
            self.by_relay_state.remove(relay_state);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LIFE, REQUESTS_MAX, RequestId, Requests, SamlFailure};

    fn id(number: u8) -> RequestId {
        RequestId::from_random([number; 20])
    }

    #[test]
    fn a_request_is_answered_once_and_in_time() {
        let mut requests = Requests::default();
        let life = LIFE.as_nanos() as u64;
        requests.add("a", id(1), 0);
        requests.add("b", id(2), 5);
        assert_eq!(requests.answer("a", life - 1).unwrap(), id(1));
        let again = requests.answer("a", life - 1);
        assert!(matches!(again, Err(SamlFailure::AlreadyAnswered)));
        assert_eq!(requests.answer("b", life).unwrap(), id(2));
        for never in ["", "c"] {
            let refused = requests.answer(never, 0);
            assert!(matches!(refused, Err(SamlFailure::Unsolicited)), "{never}");
        }
        requests.add("late", id(3), 10);
        let late = requests.answer("late", life + 10);
        assert!(matches!(late, Err(SamlFailure::Unsolicited)));
    }

    #[test]
    fn the_oldest_make_room() {
        let mut requests = Requests::default();
        for number in 0..REQUESTS_MAX + 2 {
            requests.add(&number.to_string(), id(1), 0);
        }
        assert_eq!(requests.by_relay_state.len(), REQUESTS_MAX);
        assert_eq!(requests.order.len(), REQUESTS_MAX);
        assert!(requests.answer("1", 0).is_err());
        assert!(requests.answer("2", 0).is_ok());
        requests.add("new", id(1), LIFE.as_nanos() as u64);
        assert_eq!(requests.by_relay_state.len(), 1);
    }
}
