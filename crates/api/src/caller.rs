//! Whoever asks for something to be done, as it stands in records.

use std::fmt;
use std::net::SocketAddr;

use custos_model::Principal;

use crate::peer::Peer;

/// The operator at the socket, or an administrator over the web.
#[derive(Clone, Debug)]
pub struct Caller {
    principal: Principal,
    source: Option<SocketAddr>,
    shown: String,
}

impl Caller {
    /// An administrator who has signed in.
    pub fn administrator(principal: Principal, source: SocketAddr) -> Self {
        let printable = |text: &str| -> String {
            let text = text.chars().take(100);
            text.map(|letter| if letter.is_control() { '?' } else { letter })
                .collect()
        };
        let shown = format!(
            "administrator {} ({} of {})",
            printable(&principal.name),
            printable(&principal.subject),
            printable(&principal.issuer)
        );
        Self {
            principal,
            source: Some(source),
            shown,
        }
    }

    /// As it stands in records.
    pub(crate) fn actor(&self) -> &Principal {
        &self.principal
    }

    /// Where the call came from; `None` at the socket.
    pub(crate) fn source(&self) -> Option<SocketAddr> {
        self.source
    }
}

impl From<&Peer> for Caller {
    fn from(peer: &Peer) -> Self {
        Self {
            principal: peer.actor(),
            source: None,
            shown: format!("operator {peer}"),
        }
    }
}

impl From<&Self> for Caller {
    fn from(caller: &Self) -> Self {
        caller.clone()
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use custos_model::Principal;

    use super::Caller;
    use crate::peer::Peer;

    #[test]
    fn callers_are_told_apart_and_drive_no_terminal() {
        let operator = Caller::from(&Peer::new(0, ""));
        assert_eq!(operator.to_string(), "operator 0 (uid 0)");
        let alice = Principal {
            issuer: "https://okta.example".to_owned(),
            subject: "00u1".to_owned(),
            ..Principal::unknown("al\u{1b}ice")
        };
        let alice = Caller::administrator(alice, ([192, 0, 2, 7], 5).into());
        assert_eq!(
            alice.to_string(),
            "administrator al?ice (00u1 of https://okta.example)"
        );
    }
}
