//! What goes on record, and when: before anybody learns of it.

use std::net::SocketAddr;

use custos_evidence::{
    Detail, DetailValue, EvidenceError, NodeRecord, Position, RecordOutcome, RecordType, Source,
    Target,
};
use custos_model::{Principal, ResourceName, Rfc3339};
use custos_oauth::{Event, Purpose, SignedIn};

use crate::console::Console;

/// One record of the web address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) kind: RecordType,
    pub(crate) outcome: RecordOutcome,
    pub(crate) actor: Option<&'a Principal>,
    /// Who asked; `None` where nobody did.
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) target: Option<&'a str>,
    pub(crate) reason: Option<&'a str>,
    pub(crate) detail: Detail<'a>,
}

impl Console {
    /// Returns when the record is on disk.
    pub(crate) async fn record(&self, entry: Entry<'_>) -> Result<(), EvidenceError> {
        let position = self.append(&entry)?;
        self.services.evidence.sync(position).await
    }

    /// Returns when the record has its place; it is not on disk yet.
    pub(crate) fn append(&self, entry: &Entry<'_>) -> Result<Position, EvidenceError> {
        self.services.evidence.append(&NodeRecord {
            actor: entry.actor,
            src: entry.peer.map(|peer| Source {
                ip: peer.ip(),
                port: peer.port(),
                client: None,
                tls: None,
            }),
            target: entry.target.map(|resource| Target {
                resource,
                ..Target::default()
            }),
            reason: entry.reason,
            detail: entry.detail,
            ..NodeRecord::new(entry.kind, entry.outcome)
        })
    }

    /// Puts on record what the authorization server did, and does what it asks for. Returns when it is on disk.
    pub(crate) async fn record_events(
        &self,
        events: &[Event],
        peer: SocketAddr,
    ) -> Result<(), EvidenceError> {
        // What is over ends at once, also when it cannot be put on record.
        for event in events {
            if let Event::SignInEnded { sign_in, because } = event {
                self.cut_sessions(*sign_in, because.as_str());
            }
        }
        for event in events {
            self.record_event(event, peer).await?;
        }
        Ok(())
    }

    async fn record_event(&self, event: &Event, peer: SocketAddr) -> Result<(), EvidenceError> {
        let told = Told::of(event);
        let detail: Vec<(&str, DetailValue<'_>)> = told
            .detail
            .iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (*name, DetailValue::Text(text)))
            .collect();
        self.record(Entry {
            kind: told.kind,
            outcome: if told.denied {
                RecordOutcome::Denied
            } else {
                RecordOutcome::Ok
            },
            actor: told.actor,
            peer: Some(peer),
            target: None,
            reason: told.reason,
            detail: &detail,
        })
        .await
    }
}

fn named(resource: Option<&ResourceName>) -> String {
    resource.map(ToString::to_string).unwrap_or_default()
}

/// An event in the words of records.
struct Told<'a> {
    kind: RecordType,
    denied: bool,
    actor: Option<&'a Principal>,
    reason: Option<&'a str>,
    detail: Vec<(&'static str, String)>,
}

impl<'a> Told<'a> {
    fn of(event: &'a Event) -> Self {
        let mut told = Self {
            kind: RecordType::AuthorizationGranted,
            denied: false,
            actor: None,
            reason: None,
            detail: vec![("event", event.code().to_owned())],
        };
        match event {
            Event::CodeIssued {
                client,
                sign_in,
                grant,
                scopes,
                consent,
            } => told.say([
                ("client", client.to_string()),
                ("sign_in", sign_in.to_string()),
                ("grant", grant.to_string()),
                ("scopes", scopes.to_string()),
                ("consent", consent.as_str().to_owned()),
            ]),
            Event::SignedIn(signed_in) => told.signed_in(signed_in),
            Event::Delegated(delegated) => {
                told.actor = Some(&delegated.principal);
                told.say([
                    ("agent", delegated.agent.to_string()),
                    ("client", delegated.client.to_string()),
                    ("expires", Rfc3339(delegated.expires_utc_ns).to_string()),
                    ("sign_in", delegated.sign_in.to_string()),
                    ("token", delegated.token_id.clone()),
                ]);
            }
            Event::TokenIssued(token) => {
                told.actor = Some(&token.principal);
                told.say([
                    ("client", token.client.to_string()),
                    ("sign_in", token.sign_in.to_string()),
                    ("grant", token.grant.to_string()),
                    ("scopes", token.scopes.to_string()),
                    ("token", token.token_id.clone()),
                ]);
            }
            Event::CredentialAllowed {
                client,
                principal,
                sign_in,
                resource,
            } => {
                told.actor = Some(principal);
                told.say([
                    ("client", client.to_string()),
                    ("sign_in", sign_in.to_string()),
                    ("resource", resource.to_string()),
                ]);
            }
            Event::DeviceStarted { client, purpose } => told.say([
                ("client", client.to_string()),
                ("resource", named(purpose.resource())),
                (
                    "scopes",
                    match purpose {
                        Purpose::Tokens(scopes) => scopes.to_string(),
                        Purpose::Connection(_) => String::new(),
                    },
                ),
            ]),
            Event::DeviceShown {
                client,
                resource,
                sign_in,
            } => told.say([
                ("client", client.to_string()),
                ("resource", named(resource.as_ref())),
                ("sign_in", sign_in.to_string()),
            ]),
            Event::DeviceApproved {
                client,
                resource,
                sign_in,
                grant,
            } => told.say([
                ("client", client.to_string()),
                ("resource", named(resource.as_ref())),
                ("sign_in", sign_in.to_string()),
                ("grant", grant.to_string()),
            ]),
            other => told.refused(other),
        }
        told
    }

    fn signed_in(&mut self, signed_in: &'a SignedIn) {
        let SignedIn {
            sign_in,
            authentication,
            parents,
        } = signed_in;
        let parents: Vec<_> = parents.iter().map(ToString::to_string).collect();
        let fact = |name: &str| {
            let mut facts = authentication.facts.iter();
            let found = facts.find(|(own, _)| own == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        self.kind = RecordType::SignInStarted;
        self.actor = Some(&sign_in.principal);
        self.detail.clear();
        self.say([
            (
                "authenticated",
                Rfc3339(authentication.authenticated_utc_ns).to_string(),
            ),
            ("client", fact("client_id")),
            ("credential", authentication.provider.clone()),
            ("parents", parents.join(" ")),
            ("token", fact("token")),
            ("expires", Rfc3339(sign_in.expires_utc_ns).to_string()),
            ("groups", sign_in.principal.groups.join(", ")),
            ("key", fact("key")),
            ("provider", authentication.provider.clone()),
            ("sign_in", sign_in.id.to_string()),
        ]);
    }

    fn refused(&mut self, event: &'a Event) {
        self.kind = RecordType::AuthorizationRefused;
        self.denied = true;
        match event {
            Event::Refused {
                endpoint,
                client,
                error,
                reason,
                detail,
            } => {
                self.reason = Some(reason.code());
                let client = client.as_ref().map(ToString::to_string);
                self.say([
                    ("endpoint", endpoint.as_str().to_owned()),
                    ("client", client.unwrap_or_default()),
                    ("error", error.as_str().to_owned()),
                    ("about", detail.unwrap_or_default().to_owned()),
                ]);
            }
            Event::DeviceDenied {
                client,
                resource,
                sign_in,
            } => self.say([
                ("client", client.to_string()),
                ("resource", named(resource.as_ref())),
                ("sign_in", sign_in.to_string()),
            ]),
            Event::DevicePageRefused { reason, sign_in } => {
                self.reason = Some(reason);
                self.say([("sign_in", sign_in.to_string())]);
            }
            other => self.revoked(other),
        }
    }

    fn revoked(&mut self, event: &Event) {
        self.kind = RecordType::AuthorizationRevoked;
        self.denied = false;
        match event {
            Event::CodeReused {
                client,
                sign_in,
                grant,
            }
            | Event::RefreshReused {
                client,
                sign_in,
                grant,
            } => self.say([
                ("client", client.to_string()),
                ("sign_in", sign_in.to_string()),
                ("grant", grant.to_string()),
            ]),
            Event::GrantRevoked {
                grant,
                sign_in,
                because,
            } => self.say([
                ("grant", grant.to_string()),
                ("sign_in", sign_in.to_string()),
                ("because", because.as_str().to_owned()),
            ]),
            Event::SignInEnded { sign_in, because } => self.say([
                ("sign_in", sign_in.to_string()),
                ("because", because.as_str().to_owned()),
            ]),
            _ => {}
        }
    }

    fn say<const N: usize>(&mut self, detail: [(&'static str, String); N]) {
        self.detail.extend(detail);
    }
}
