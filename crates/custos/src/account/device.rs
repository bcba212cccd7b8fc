//! Signing in with the browser of another machine, by a code to be typed there (RFC 8628).

use std::io::Write;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::http::HttpClient;
use super::metadata::Metadata;
use super::oauth::{self, OAuthError};
use super::tokens::TokenAnswer;
use super::web_url::WebUrl;
use super::{CLIENT_ID, told};
use crate::failure::Failure;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// RFC 8628 section 3.2.
const INTERVAL_DEFAULT: u64 = 5;
/// RFC 8628 section 3.5.
const SLOWER: Duration = Duration::from_secs(5);
const INTERVAL_MAX: Duration = Duration::from_mins(1);
const LIFETIME_MAX: Duration = Duration::from_mins(30);
const USER_CODE_MAX: usize = 32;

/// The answer to the first request (RFC 8628 section 3.2). `verification_uri_complete` is not asked for: whoever is
/// sent such a link approves what somebody else began.
#[derive(Deserialize)]
struct Grant {
    device_code: String,
    user_code: String,
    verification_uri: String,
    expires_in: u64,
    interval: Option<u64>,
}

/// Shows a code and waits until it is approved, refused or over. `screen` is told what to do.
pub(crate) async fn sign_in(
    http: &HttpClient,
    metadata: &Metadata,
    screen: &mut dyn Write,
) -> Result<TokenAnswer, Failure> {
    let Some(endpoint) = &metadata.device_authorization else {
        return Err(
            Failure::new(anyhow::anyhow!("the gateway offers no sign-in by code"))
                .hint("`custos login --no-browser`, with a browser on this machine"),
        );
    };
    let grant: Grant = oauth::ask(http, endpoint, &[("client_id", CLIENT_ID)])
        .await
        .map_err(OAuthError::into_failure)?;
    show(screen, &grant)?;
    let pairs = [
        ("grant_type", GRANT),
        ("device_code", &grant.device_code),
        ("client_id", CLIENT_ID),
    ];
    let ask = || oauth::ask(http, &metadata.token, &pairs);
    poll(&Pace::new(&grant), ask, tokio::time::sleep).await
}

fn show(screen: &mut dyn Write, grant: &Grant) -> anyhow::Result<()> {
    let url =
        WebUrl::parse(&grant.verification_uri).context("the address for the code is refused")?;
    let code = &grant.user_code;
    ensure!(
        (1..=USER_CODE_MAX).contains(&code.len())
            && code.bytes().all(|byte| byte.is_ascii_graphic()),
        "the gateway's code cannot be shown: {}",
        told(code)
    );
    let minutes = Pace::new(grant).lifetime.as_secs().div_ceil(60);
    writeln!(
        screen,
        "To sign in, open on any machine:\n  {}\nand type the code:\n  {code}\n\n\
         It is good for {minutes} min. Give it to nobody, and type none that somebody gave you.",
        url.as_str()
    )?;
    Ok(screen.flush()?)
}

/// How often and how long to ask.
struct Pace {
    interval: Duration,
    lifetime: Duration,
}

impl Pace {
    fn new(grant: &Grant) -> Self {
        let interval = grant.interval.unwrap_or(INTERVAL_DEFAULT).max(1);
        Self {
            interval: Duration::from_secs(interval).min(INTERVAL_MAX),
            lifetime: Duration::from_secs(grant.expires_in).min(LIFETIME_MAX),
        }
    }
}

/// Waits, asks, and again, until the answer is a final one (RFC 8628 section 3.5).
async fn poll<T>(
    pace: &Pace,
    mut ask: impl AsyncFnMut() -> Result<T, OAuthError>,
    mut wait: impl AsyncFnMut(Duration),
) -> Result<T, Failure> {
    let mut interval = pace.interval;
    let mut waited = Duration::ZERO;
    while waited + interval <= pace.lifetime {
        wait(interval).await;
        waited += interval;
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(OAuthError::Refused(refusal)) if refusal.code == "authorization_pending" => {}
            Err(OAuthError::Refused(refusal)) if refusal.code == "slow_down" => interval += SLOWER,
            Err(OAuthError::Refused(refusal)) if refusal.code == "expired_token" => break,
            // The network comes and goes; who waits for it asks less and less.
            Err(OAuthError::Http(_)) => interval = (interval * 2).min(INTERVAL_MAX),
            Err(error) => return Err(error.into_failure()),
        }
    }
    Err(
        Failure::new(anyhow::anyhow!("nobody approved the code in time"))
            .hint("`custos login` gives a new one"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::http::HttpError;
    use super::super::oauth::Refusal;
    use super::*;

    fn grant(interval: Option<u64>, expires_in: u64) -> Grant {
        Grant {
            device_code: "d".to_owned(),
            user_code: "BCDF-GHJK".to_owned(),
            verification_uri: "https://gw.example.com/device".to_owned(),
            expires_in,
            interval,
        }
    }

    /// The waits in seconds, and how it ended.
    async fn polled(grant: &Grant, answers: &[&str]) -> (Vec<u64>, String) {
        let mut waits = Vec::new();
        let mut answers = answers.iter();
        let ask = async || match answers.next().copied() {
            Some("ok") => Ok("token"),
            Some("timeout") => Err(HttpError::Timeout {
                authority: "gw".to_owned(),
            }
            .into()),
            Some(code) => Err(Refusal::new(code, None).into()),
            None => Err(Refusal::new("authorization_pending", None).into()),
        };
        let wait = async |time: Duration| waits.push(time.as_secs());
        let end = match poll(&Pace::new(grant), ask, wait).await {
            Ok(token) => token.to_owned(),
            Err(failure) => failure.to_string().lines().next().unwrap().to_owned(),
        };
        (waits, end)
    }

    #[tokio::test]
    async fn it_asks_at_the_pace_that_the_gateway_wants() {
        let pending = "authorization_pending";
        let (waits, end) = polled(&grant(None, 600), &[pending, pending, "ok"]).await;
        assert_eq!((waits, end.as_str()), (vec![5, 5, 5], "token"));
        let (waits, _) = polled(
            &grant(Some(2), 600),
            &[pending, "slow_down", pending, "slow_down", "ok"],
        )
        .await;
        assert_eq!(waits, [2, 2, 7, 7, 12]);
        let (waits, _) = polled(&grant(Some(0), 600), &["ok"]).await;
        assert_eq!(waits, [1]);
        let (waits, _) = polled(&grant(Some(u64::MAX), 600), &["ok"]).await;
        assert_eq!(waits, [60]);
    }

    #[tokio::test]
    async fn a_broken_network_is_waited_out() {
        let (waits, end) = polled(
            &grant(Some(20), 600),
            &["timeout", "timeout", "timeout", "ok"],
        )
        .await;
        assert_eq!((waits, end.as_str()), (vec![20, 40, 60, 60], "token"));
    }

    #[tokio::test]
    async fn final_answers_end_it() {
        let (waits, end) = polled(&grant(Some(1), 600), &["access_denied"]).await;
        assert_eq!(
            (waits.len(), end.as_str()),
            (1, "error: the gateway refused: access_denied")
        );
        let (_, end) = polled(&grant(Some(1), 600), &["expired_token"]).await;
        assert_eq!(end, "error: nobody approved the code in time");
        let (waits, end) = polled(&grant(Some(5), 12), &[]).await;
        assert_eq!(
            (waits, end.as_str()),
            (vec![5, 5], "error: nobody approved the code in time")
        );
        let (waits, _) = polled(&grant(Some(60), u64::MAX), &[]).await;
        assert_eq!(waits.len(), 30, "half an hour at most");
    }

    #[test]
    fn what_is_shown_is_plain() {
        let shown = |grant: &Grant| {
            let mut screen = Vec::new();
            show(&mut screen, grant).map(|()| String::from_utf8(screen).unwrap())
        };
        assert!(
            shown(&grant(None, 90))
                .unwrap()
                .contains("  BCDF-GHJK\n\nIt is good for 2 min.")
        );
        for uri in [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "http://gw.example.com",
            "$(calc)",
        ] {
            let mut bad = grant(None, 60);
            bad.verification_uri = uri.to_owned();
            assert!(shown(&bad).is_err(), "{uri}");
        }
        for code in ["", "a b", "\u{1b}[2J", &"x".repeat(33)] {
            let mut bad = grant(None, 60);
            bad.user_code = code.to_owned();
            assert!(shown(&bad).is_err(), "{code:?}");
        }
    }
}
