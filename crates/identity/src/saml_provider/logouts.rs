//! Logout requests that were accepted, and what they still forbid: the provider may end a session before the response
//! that began it is here.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use custos_model::Principal;
use custos_saml::{LogoutRequest, NameIdFormat};

use super::mapping::is_named;
use crate::sign_ins::NewSignIn;

/// People and sessions that are remembered at a time; the oldest make room.
const NAMES_MAX: usize = 10_000;
/// Longer than a request waits for its response, and the response for its browser.
const LIFE: Duration = Duration::from_mins(12);
/// Clocks of one provider's machines may be so far apart.
const SKEW_NS: u64 = 60 * SECOND_NS;
const SECOND_NS: u64 = 1_000_000_000;

/// Whose sign-ins the provider ends.
#[derive(Debug)]
pub struct SamlLogout {
    /// The provider's entity ID.
    pub issuer: String,
    /// Whose, as the principal has it if the request says in which format the name is.
    pub subject: String,
    /// Which of the provider's sessions; all when there is none.
    pub sessions: Vec<String>,
    pub(super) request: LogoutRequest,
}

impl SamlLogout {
    /// Whether the name stands for itself in any format: the request says none (SAML core, section 8.3.1).
    pub fn is_of_any_format(&self) -> bool {
        self.request.name_id.format == NameIdFormat::Unspecified
    }

    /// Whether it ends a sign-in of this principal with this session at the provider.
    ///
    /// A session alone is not enough, because providers may give several people one index (SAML core, section 2.7.2).
    /// With the name in another format it is.
    pub fn means(&self, principal: &Principal, session: Option<&str>) -> bool {
        if principal.issuer != self.issuer {
            return false;
        }
        let is_same_name = || is_named(&principal.subject, &self.request.name_id.value);
        let is_principal =
            principal.subject == self.subject || (self.is_of_any_format() && is_same_name());
        match session {
            Some(own) if !self.sessions.is_empty() => {
                self.sessions.iter().any(|session| session == own)
                    && (is_principal || is_same_name())
            }
            // A sign-in whose session the provider never named may be it.
            _ => is_principal,
        }
    }

    /// Whether a sign-in that has not begun yet would begin after its end. Somebody who authenticated after the logout
    /// is not meant, even where the provider gives the same index again.
    fn forbids(&self, new: &NewSignIn) -> bool {
        let session = new.provider_session.as_deref();
        if !self.means(&new.principal, session) {
            return false;
        }
        let is_named_session = session.is_some() && !self.sessions.is_empty();
        let allowance_ns = if is_named_session { SKEW_NS } else { 0 };
        // Some providers write whole seconds.
        let until_utc_ns = self.request.issued_utc_ns.saturating_add(allowance_ns);
        new.authentication.authenticated_utc_ns / SECOND_NS <= until_utc_ns / SECOND_NS
    }
}

/// The last ones, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Logouts {
    kept: VecDeque<(u64, Arc<SamlLogout>)>,
    names: usize,
}

impl Logouts {
    pub(super) fn add(&mut self, logout: Arc<SamlLogout>, mono_ns: u64) {
        self.names += names(&logout);
        let expires_mono_ns = mono_ns.saturating_add(LIFE.as_nanos() as u64);
        self.kept.push_back((expires_mono_ns, logout));
        while let Some((expires_mono_ns, oldest)) = self.kept.front() {
            if *expires_mono_ns > mono_ns && self.names <= NAMES_MAX {
                return;
            }
            self.names -= names(oldest);
            self.kept.pop_front();
        }
    }

    /// The logout that forbids a sign-in.
    pub(super) fn of(&self, new: &NewSignIn, mono_ns: u64) -> Option<Arc<SamlLogout>> {
        let mut live = self.kept.iter().filter(|(expires, _)| *expires > mono_ns);
        let found = live.find(|(_, logout)| logout.forbids(new));
        found.map(|(_, logout)| Arc::clone(logout))
    }
}

fn names(logout: &SamlLogout) -> usize {
    1 + logout.sessions.len()
}

#[cfg(test)]
mod tests {
    use custos_model::{Authentication, PrincipalKind};
    use custos_saml::NameId;

    use super::*;

    const LOGOUT_UTC_NS: u64 = 1000 * SECOND_NS;
    const IDP: &str = "https://idp.example";

    fn logout(format: NameIdFormat, subject: &str, sessions: &[&str]) -> Arc<SamlLogout> {
        let sessions: Vec<String> = sessions.iter().map(|it| (*it).to_owned()).collect();
        let request = LogoutRequest {
            id: "_l".to_owned(),
            issuer: IDP.to_owned(),
            name_id: NameId {
                value: "alice".to_owned(),
                format,
                name_qualifier: None,
                sp_name_qualifier: None,
            },
            issued_utc_ns: LOGOUT_UTC_NS,
            session_indexes: sessions.clone(),
            relay_state: None,
        };
        Arc::new(SamlLogout {
            issuer: IDP.to_owned(),
            subject: subject.to_owned(),
            sessions,
            request,
        })
    }

    fn persistent(sessions: &[&str]) -> Arc<SamlLogout> {
        logout(NameIdFormat::Persistent, "persistent:alice", sessions)
    }

    fn open(sessions: &[&str]) -> Arc<SamlLogout> {
        logout(NameIdFormat::Unspecified, "unspecified:alice", sessions)
    }

    fn new(subject: &str, session: Option<&str>, authenticated_utc_ns: u64) -> NewSignIn {
        NewSignIn {
            principal: Principal {
                issuer: IDP.to_owned(),
                subject: subject.to_owned(),
                kind: PrincipalKind::Human,
                ..Principal::unknown("alice")
            },
            authentication: Authentication::by("corp", authenticated_utc_ns),
            provider_session: session.map(ToOwned::to_owned),
            lasts: Duration::from_hours(1),
            parents: Vec::new(),
        }
    }

    #[test]
    fn a_logout_means_a_name_and_sessions() {
        let cases = [
            (persistent(&[]), "persistent:alice", Some("1"), true),
            (persistent(&[]), "email:alice", Some("1"), false),
            (persistent(&["1"]), "persistent:alice", Some("1"), true),
            (persistent(&["1"]), "persistent:alice", Some("2"), false),
            (persistent(&["1"]), "persistent:alice", None, true),
            (persistent(&["1"]), "email:alice", Some("1"), true),
            (persistent(&["1"]), "email:alice", None, false),
            (persistent(&["1"]), "persistent:bob", Some("1"), false),
            (open(&[]), "persistent:alice", Some("1"), true),
            (open(&[]), "<urn:x>:alice", None, true),
            (open(&[]), "persistent:bob", Some("1"), false),
            (open(&["1"]), "persistent:alice", Some("1"), true),
            (open(&["1"]), "persistent:alice", Some("2"), false),
            (open(&["1"]), "persistent:bob", Some("1"), false),
        ];
        for (logout, subject, session, is_meant) in cases {
            let mut principal = new(subject, None, 0).principal;
            let sessions = &logout.sessions;
            let shown = format!("{} {sessions:?} {subject} {session:?}", logout.subject);
            assert_eq!(logout.means(&principal, session), is_meant, "{shown}");
            principal.issuer = "https://other.example".to_owned();
            assert!(!logout.means(&principal, session), "{shown}");
        }
    }

    #[test]
    fn who_authenticated_before_the_logout_is_forbidden() {
        let forbids = |logout: Arc<SamlLogout>, session, authenticated_utc_ns| {
            let mut logouts = Logouts::default();
            logouts.add(logout, 0);
            let new = new("persistent:alice", session, authenticated_utc_ns);
            logouts.of(&new, 0).is_some()
        };
        let second_later = LOGOUT_UTC_NS + SECOND_NS;
        for named in [persistent(&[]), open(&[])] {
            assert!(forbids(Arc::clone(&named), Some("1"), 0));
            assert!(forbids(Arc::clone(&named), None, second_later - 1));
            assert!(!forbids(named, None, second_later));
        }
        // A session that is named has its own end, so clocks get their allowance.
        let session = persistent(&["1"]);
        assert!(forbids(
            Arc::clone(&session),
            Some("1"),
            LOGOUT_UTC_NS + SKEW_NS
        ));
        assert!(!forbids(
            Arc::clone(&session),
            Some("1"),
            second_later + SKEW_NS
        ));
        assert!(!forbids(Arc::clone(&session), Some("2"), 0));
        assert!(forbids(Arc::clone(&session), None, LOGOUT_UTC_NS));
        assert!(!forbids(session, None, second_later));
    }

    #[test]
    fn so_many_are_remembered_for_so_long() {
        let mut logouts = Logouts::default();
        let new = new("persistent:alice", Some("1"), 0);
        let life = LIFE.as_nanos() as u64;
        logouts.add(persistent(&["1"]), 0);
        assert!(logouts.of(&new, life - 1).is_some());
        assert!(logouts.of(&new, life).is_none());
        let other = ["2"; 49];
        for _ in 0..NAMES_MAX / 50 - 1 {
            logouts.add(persistent(&other), 0);
        }
        assert!(logouts.of(&new, 0).is_some());
        logouts.add(persistent(&other), 0);
        assert!(logouts.of(&new, 0).is_none());
        assert!(logouts.names <= NAMES_MAX, "{}", logouts.names);
        logouts.add(persistent(&["1"]), life);
        assert_eq!((logouts.names, logouts.kept.len()), (2, 1));
    }
}
