//! Certificates for keys of people's own, each call with an access token.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use custos_evidence::{DetailValue, RecordOutcome, RecordType};
use custos_identity::{IdentityError, IssuedCertificate, SIGN_IN_MAX};
use custos_model::Rfc3339;
use custos_signatures::SshKey;
use serde::Deserialize;
use serde_json::json;

use crate::console::Console;
use crate::my::{Caller, failure, host};
use crate::record::Entry;
use crate::token::{answer, unavailable};

/// A key that is to sign in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// As `id_….pub` has it.
    public_key: SshKey,
    ttl_seconds: Option<u64>,
}

/// `POST /v1/my/certificates`
pub(crate) async fn certify(
    State(console): State<Console>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Response {
    let caller = match console.caller(&headers, peer).await {
        Ok(caller) => caller,
        Err(response) => return response,
    };
    let Ok(Json(wanted)) = wanted else {
        let text = "the body must be a JSON object with `public_key`, a line of OpenSSH, and perhaps `ttl_seconds`";
        return failure(StatusCode::BAD_REQUEST, "bad_request", text);
    };
    let ttl = wanted.ttl_seconds.map_or(SIGN_IN_MAX, Duration::from_secs);
    let now = console.now();
    let authority = &console.services.certificates;
    let issued = match authority.issue(&caller.sign_in, &wanted.public_key, ttl, now) {
        Ok(issued) => issued,
        Err(error) => return not_issued(&error),
    };
    if let Err(response) = console
        .record_certificate(&caller, &wanted.public_key, &issued, peer)
        .await
    {
        return response;
    }
    let entrance = console.entrances.iter().find(|it| it.protocol == "ssh");
    answer(
        StatusCode::CREATED,
        json!({
            "certificate": issued.openssh,
            "login_name": caller.principal.name,
            "expires_utc": Rfc3339(issued.expires_utc_ns).to_string(),
            "host": host(console.base_url.as_str()),
            "port": entrance.map(|entrance| entrance.port),
            "host_key": entrance.and_then(|entrance| entrance.host_key.clone()),
            "host_authority": console.services.host_authority.public().openssh(),
        }),
    )
}

fn not_issued(error: &IdentityError) -> Response {
    match error {
        IdentityError::SignInEnded => {
            let text = "the sign-in has ended";
            failure(StatusCode::UNAUTHORIZED, "sign_in_needed", text)
        }
        IdentityError::KeyKind => {
            let text =
                "keys of this kind are not certified; take Ed25519, ECDSA, RSA or a security key";
            failure(StatusCode::BAD_REQUEST, "key_kind", text)
        }
        _ => unavailable(),
    }
}

impl Console {
    /// It is on record before it is handed out.
    async fn record_certificate(
        &self,
        caller: &Caller,
        key: &SshKey,
        issued: &IssuedCertificate,
        peer: SocketAddr,
    ) -> Result<(), Response> {
        let expires = Rfc3339(issued.expires_utc_ns).to_string();
        let (serial, sign_in) = (issued.serial.to_string(), caller.sign_in.id.to_string());
        let detail = [
            ("expires", DetailValue::Text(&expires)),
            ("key", DetailValue::Text(key.fingerprint())),
            ("serial", DetailValue::Text(&serial)),
            ("sign_in", DetailValue::Text(&sign_in)),
        ];
        self.record(Entry {
            kind: RecordType::CertificateIssued,
            outcome: RecordOutcome::Ok,
            actor: Some(&caller.principal),
            peer: Some(peer),
            target: None,
            reason: None,
            detail: &detail,
        })
        .await
        .map_err(|_| unavailable())
    }
}
