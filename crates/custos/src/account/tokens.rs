//! The tokens of a sign-in, as the gateway gives them and as they are kept.

use anyhow::{Context as _, ensure};
use custos_model::Secret;
use serde::{Deserialize, Serialize};

use super::gateway::Gateway;
use super::machine::Machine;

/// Far longer than any token that we know of.
const TOKEN_BYTES_MAX: usize = 16 << 10;
/// What is assumed where the gateway says nothing (RFC 6749 section 5.1 only recommends that it does).
const LIFETIME_SECONDS_DEFAULT: u64 = 300;
const LIFETIME_SECONDS_MAX: u64 = 24 * 60 * 60;
const NS: u64 = 1_000_000_000;

/// An access token, and the one that gets the next.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: Secret,
    pub(crate) refresh: Option<Secret>,
    /// When the access token ends, by this machine's clock.
    pub(crate) expires_utc_ns: u64,
    /// How to sign in anew, where a machine has signed in.
    pub(crate) machine: Option<Machine>,
}

/// The answer of a token endpoint (RFC 6749 section 5.1).
#[derive(Deserialize)]
pub(crate) struct TokenAnswer {
    access_token: String,
    token_type: String,
    expires_in: Option<u64>,
    refresh_token: Option<String>,
}

/// As it lies in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    gateway: String,
    access_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    access_expires_utc_seconds: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    machine: Option<Machine>,
}

impl TokenAnswer {
    /// The token in clear, for another question to the same gateway.
    pub(crate) fn access_token(&self) -> &str {
        &self.access_token
    }
}

impl Tokens {
    /// Checks an answer that came at `now_utc_ns`. A refresh token that is not replaced stays.
    pub(crate) fn from_answer(
        answer: TokenAnswer,
        now_utc_ns: u64,
        before: Option<&Self>,
    ) -> anyhow::Result<Self> {
        ensure!(
            answer.token_type.eq_ignore_ascii_case("bearer"),
            "the gateway gave a token of another type than Bearer"
        );
        let lifetime = answer
            .expires_in
            .unwrap_or(LIFETIME_SECONDS_DEFAULT)
            .min(LIFETIME_SECONDS_MAX);
        let refresh = answer.refresh_token.map(token).transpose()?;
        Ok(Self {
            access: token(answer.access_token)?,
            refresh: refresh.or_else(|| before.and_then(|tokens| tokens.refresh.clone())),
            expires_utc_ns: now_utc_ns.saturating_add(lifetime * NS),
            machine: before.and_then(|tokens| tokens.machine.clone()),
        })
    }

    /// Whether the access token can be used for so long yet.
    pub(crate) fn lasts(&self, now_utc_ns: u64, seconds: u64) -> bool {
        now_utc_ns.saturating_add(seconds * NS) < self.expires_utc_ns
    }

    /// For the file.
    pub(crate) fn to_json(&self, gateway: &Gateway) -> anyhow::Result<Vec<u8>> {
        Ok(serde_json::to_vec_pretty(&Stored {
            version: 1,
            gateway: gateway.issuer().to_owned(),
            access_token: self.access.expose().to_owned(),
            refresh_token: self.refresh.as_ref().map(|token| token.expose().to_owned()),
            access_expires_utc_seconds: self.expires_utc_ns / NS,
            machine: self.machine.clone(),
        })?)
    }

    /// From the file, with the gateway that they are for.
    pub(crate) fn from_json(json: &[u8]) -> anyhow::Result<(Gateway, Self)> {
        let stored: Stored = serde_json::from_slice(json)
            .map_err(|error| anyhow::anyhow!("line {}, column {}", error.line(), error.column()))?;
        ensure!(stored.version == 1, "written by a newer version of custos");
        let tokens = Self {
            access: token(stored.access_token)?,
            refresh: stored.refresh_token.map(token).transpose()?,
            expires_utc_ns: stored.access_expires_utc_seconds.saturating_mul(NS),
            machine: stored.machine,
        };
        Ok((
            Gateway::parse(&stored.gateway).context("its gateway")?,
            tokens,
        ))
    }
}

/// A token that fits into a header and a form (RFC 6750 section 2.1, RFC 6749 appendix A).
fn token(text: String) -> anyhow::Result<Secret> {
    let text = Secret::new(text);
    let sound = text.expose().bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(
        sound && (1..=TOKEN_BYTES_MAX).contains(&text.expose().len()),
        "a token that cannot be used"
    );
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answered(answer: serde_json::Value, before: Option<&Tokens>) -> anyhow::Result<Tokens> {
        Tokens::from_answer(serde_json::from_value(answer)?, 100 * NS, before)
    }

    #[test]
    fn a_refresh_token_stays_until_it_is_replaced() {
        let bearer = |refresh| json!({"access_token": "a", "token_type": "bearer", "expires_in": 60, "refresh_token": refresh});
        let first = answered(bearer(json!("r1")), None).unwrap();
        assert_eq!(first.expires_utc_ns, 160 * NS);
        let second = answered(bearer(json!(null)), Some(&first)).unwrap();
        assert_eq!(second.refresh.as_ref().unwrap().expose(), "r1");
        let third = answered(bearer(json!("r2")), Some(&second)).unwrap();
        assert_eq!(third.refresh.unwrap().expose(), "r2");
    }

    #[test]
    fn lifetimes_have_bounds() {
        let of = |seconds| {
            answered(
                json!({"access_token": "a", "token_type": "Bearer", "expires_in": seconds}),
                None,
            )
            .unwrap()
        };
        assert_eq!(of(json!(u64::MAX)).expires_utc_ns, (100 + 86_400) * NS);
        assert_eq!(of(json!(null)).expires_utc_ns, 400 * NS);
        let tokens = of(json!(61));
        assert!(
            tokens.lasts(100 * NS, 60) && !tokens.lasts(101 * NS, 60) && !tokens.lasts(u64::MAX, 1)
        );
    }

    #[test]
    fn tokens_that_would_break_a_header_are_refused() {
        let long = "x".repeat(TOKEN_BYTES_MAX + 1);
        for bad in ["", "a b", "a\r\nx: y", "ü", "\u{0}", &long] {
            assert!(answered(json!({"access_token": bad, "token_type": "Bearer"}), None).is_err());
            let refresh =
                json!({"access_token": "a", "token_type": "Bearer", "refresh_token": bad});
            assert!(answered(refresh, None).is_err());
        }
        assert!(answered(json!({"access_token": "a", "token_type": "DPoP"}), None).is_err());
    }

    #[test]
    fn the_file_is_read_back_and_nothing_else_is() {
        let gateway = Gateway::parse("gw.example.com").unwrap();
        let answer = json!({"access_token": "a", "token_type": "Bearer", "refresh_token": "r"});
        let tokens = answered(answer, None).unwrap();
        let json = tokens.to_json(&gateway).unwrap();
        let (read_gateway, read) = Tokens::from_json(&json).unwrap();
        assert_eq!((read_gateway, read.access.expose()), (gateway, "a"));
        assert_eq!(read.expires_utc_ns, tokens.expires_utc_ns);
        let text = String::from_utf8(json).unwrap();
        for damaged in [
            "",
            "{}",
            &text.replace("\"version\": 1", "\"version\": 2"),
            &text.replace("https://gw", "http://gw"),
            &text.replace("\"a\"", "\"\""),
            &text.replace("gateway", "gatevay"),
        ] {
            assert!(Tokens::from_json(damaged.as_bytes()).is_err(), "{damaged}");
        }
    }
}
