//! The authorization server as transcripts of requests and answers.
//!
//! Each happy path is one test; each hostile request differs from a good one in one thing and has its exact answer.
//! [`every_reason_is_shown`] holds the two together: a reason that no request can show is a defect.

mod api;
mod authorization_code;
mod confidential;
mod connection;
mod cookies;
mod delegation;
mod device;
mod device_page;
mod documents;
mod exchange;
mod hostile;
mod hostile_authorization;
mod hostile_token;
mod limits;
mod machine_clients;
mod memory;
mod refresh;
mod revocation;
mod world;

use std::collections::BTreeSet;

use custos_oauth::Reason;

/// Reasons that a test of its own shows, for they need more than one request: where it stands.
const SHOWN_ELSEWHERE: &[(Reason, &str)] = &[
    (Reason::StateFailed, "limits"),
    (Reason::TooManyCodes, "limits"),
    (Reason::TooManyDeviceCodes, "limits"),
    (Reason::TooManyFromNetwork, "limits"),
    (Reason::PrincipalTooLarge, "limits"),
    (Reason::PersonRefused, "authorization_code"),
    (Reason::RefreshOtherClient, "refresh"),
    (
        Reason::CodeOtherClient,
        "unit tests: only one client takes codes",
    ),
    (Reason::TokenRejected, "api"),
    (Reason::TokenRevoked, "api"),
];

/// The crypto library would have to fail, which no request can bring about.
const NOT_SHOWN: &[Reason] = &[Reason::SigningFailed];

#[test]
fn every_reason_is_shown() {
    let shown: BTreeSet<&str> = hostile::all()
        .map(|case| case.reason.code())
        .chain(SHOWN_ELSEWHERE.iter().map(|(reason, _)| reason.code()))
        .chain(NOT_SHOWN.iter().map(|reason| reason.code()))
        .collect();
    let all: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    let missing: Vec<_> = all.difference(&shown).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
