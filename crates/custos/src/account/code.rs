//! Signing in with the browser of this machine: authorization code with PKCE (RFC 7636), the answer comes to a
//! loopback port (RFC 8252) and names its issuer (RFC 9207).

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use custos_model::Secret;

use super::http::{self, HttpClient};
use super::loopback::Loopback;
use super::metadata::Metadata;
use super::oauth::{self, OAuthError, Refusal};
use super::tokens::TokenAnswer;
use super::web_url::WebUrl;
use super::{CLIENT_ID, browser, told};
use crate::failure::Failure;
use crate::machine;

const PATIENCE: Duration = Duration::from_mins(5);
const PARAMETERS_MAX: usize = 16;

/// One attempt to sign in. Both values are 256 random bits.
struct Attempt {
    state: String,
    verifier: Secret,
    redirect_uri: String,
}

/// Sends the browser to the gateway and waits five minutes for it to come back. `screen` is told what to do.
pub(crate) async fn sign_in(
    http: &HttpClient,
    issuer: &str,
    metadata: &Metadata,
    open_browser: bool,
    screen: &mut dyn Write,
) -> Result<TokenAnswer, Failure> {
    let Some(endpoint) = &metadata.authorization else {
        return Err(
            Failure::new(anyhow::anyhow!("the gateway offers no sign-in by browser"))
                .hint("`custos login --device`"),
        );
    };
    let loopback = Loopback::bind()
        .await
        .context("cannot listen on 127.0.0.1 for the browser")?;
    let attempt = Attempt::new(loopback.redirect_uri());
    let url = attempt.authorization_url(endpoint)?;
    show(screen, &url, open_browser)?;
    let query = loopback.query(PATIENCE).await?;
    let Some(query) = query else {
        return Err(Failure::new(anyhow::anyhow!(
            "the browser did not come back within 5 minutes"
        ))
        .hint("where there is no browser, `custos login --device`"));
    };
    let code = match attempt.judge(&query, issuer)? {
        Ok(code) => code,
        Err(refusal) => return Err(OAuthError::Refused(refusal).into_failure()),
    };
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
        ("redirect_uri", &attempt.redirect_uri),
        ("client_id", CLIENT_ID),
        ("code_verifier", attempt.verifier.expose()),
    ];
    oauth::ask(http, &metadata.token, &pairs)
        .await
        .map_err(OAuthError::into_failure)
}

fn show(screen: &mut dyn Write, url: &WebUrl, open_browser: bool) -> std::io::Result<()> {
    if !open_browser {
        writeln!(
            screen,
            "To sign in, open in a browser on this machine:\n  {}",
            url.as_str()
        )?;
    } else if browser::open(url).is_ok() {
        writeln!(
            screen,
            "The browser opens to sign in. If it does not, open it yourself at:\n  {}",
            url.as_str()
        )?;
    } else {
        writeln!(
            screen,
            "No browser could be started. To sign in, open in one on this machine:\n  {}",
            url.as_str()
        )?;
    }
    screen.flush()
}

impl Attempt {
    fn new(redirect_uri: String) -> Self {
        Self {
            state: random_text(),
            verifier: Secret::new(random_text()),
            redirect_uri,
        }
    }

    /// RFC 6749 section 4.1.1 and RFC 7636 section 4.3.
    fn authorization_url(&self, endpoint: &WebUrl) -> anyhow::Result<WebUrl> {
        let query = http::form(&[
            ("response_type", "code"),
            ("client_id", CLIENT_ID),
            ("redirect_uri", &self.redirect_uri),
            ("state", &self.state),
            ("code_challenge", &challenge(self.verifier.expose())),
            ("code_challenge_method", "S256"),
        ]);
        let joint = if endpoint.query().is_some() { '&' } else { '?' };
        Ok(WebUrl::parse(&format!(
            "{}{joint}{query}",
            endpoint.as_str()
        ))?)
    }

    /// The code, or the gateway's refusal; an error when the answer is not to this attempt, or not this gateway's.
    fn judge(&self, query: &str, issuer: &str) -> anyhow::Result<Result<Secret, Refusal>> {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            ensure!(
                parameters.len() < PARAMETERS_MAX,
                "the browser's answer has too many parameters"
            );
            if parameters.insert(name.clone(), value).is_some() {
                bail!("the browser's answer names `{}` twice", told(&name));
            }
        }
        let of = |name: &str| parameters.get(name).map(AsRef::as_ref);
        ensure!(
            of("state") == Some(&self.state),
            "the browser brought an answer to another attempt to sign in"
        );
        match of("iss") {
            Some(iss) if iss == issuer => {}
            Some(iss) => bail!(
                "the browser brought an answer of another issuer, `{}`",
                told(iss)
            ),
            None => bail!("the browser brought an answer that does not name its issuer"),
        }
        if let Some(error) = of("error") {
            return Ok(Err(Refusal::new(error, of("error_description"))));
        }
        let code = of("code").filter(|code| !code.is_empty());
        let code = code.context("the browser brought an answer without a code")?;
        Ok(Ok(Secret::new(code.to_owned())))
    }
}

fn random_text() -> String {
    let mut bytes = [0; 32];
    machine::random(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// S256 (RFC 7636 section 4.2).
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://gw.example.com";

    fn attempt() -> Attempt {
        Attempt {
            state: "s-1".to_owned(),
            verifier: Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned()),
            redirect_uri: "http://127.0.0.1:7/callback".to_owned(),
        }
    }

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636 appendix B.
        assert_eq!(
            challenge(attempt().verifier.expose()),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        let (one, two) = (random_text(), random_text());
        assert!(one.len() == 43 && one != two, "{one} {two}");
    }

    #[test]
    fn the_url_holds_the_challenge_and_not_the_verifier() {
        let url = |endpoint| {
            let endpoint = WebUrl::parse(endpoint).unwrap();
            attempt()
                .authorization_url(&endpoint)
                .unwrap()
                .as_str()
                .to_owned()
        };
        assert_eq!(
            url("https://gw.example.com/oauth/authorize"),
            "https://gw.example.com/oauth/authorize?response_type=code&client_id=custos-cli\
             &redirect_uri=http%3A%2F%2F127.0.0.1%3A7%2Fcallback&state=s-1\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
        );
        assert!(url("https://gw.example.com/a?b=c").contains("/a?b=c&response_type=code&"));
    }

    #[test]
    fn an_answer_must_be_to_this_attempt_and_of_this_issuer() {
        let iss = "iss=https%3A%2F%2Fgw.example.com";
        let code = attempt().judge(&format!("code=c%201&state=s-1&{iss}"), ISSUER);
        assert_eq!(code.unwrap().unwrap().expose(), "c 1");
        let many = "&a=b&c=d&e=f&g=h&i=j&k=l&m=n&o=p&q=r&s=t&u=v&w=x&y=z&1=2&3=4";
        for (query, word) in [
            (format!("code=c&{iss}"), "another attempt"),
            (format!("code=c&state=&{iss}"), "another attempt"),
            (format!("code=c&state=s-2&{iss}"), "another attempt"),
            ("code=c&state=s-1".to_owned(), "does not name its issuer"),
            (
                "code=c&state=s-1&iss=https%3A%2F%2Fevil.example".to_owned(),
                "another issuer",
            ),
            (
                format!("error=access_denied&state=s-2&{iss}"),
                "another attempt",
            ),
            (format!("code=c&code=d&state=s-1&{iss}"), "`code` twice"),
            (format!("state=s-2&state=s-1&code=c&{iss}"), "`state` twice"),
            (format!("state=s-1&{iss}"), "without a code"),
            (format!("state=s-1&code=&{iss}"), "without a code"),
            (format!("state=s-1&code=c&{iss}{many}"), "too many"),
            (String::new(), "another attempt"),
        ] {
            let said = attempt().judge(&query, ISSUER).unwrap_err().to_string();
            assert!(said.contains(word), "{query}: {said}");
        }
    }

    #[test]
    fn a_refusal_is_the_gateways_own() {
        let query = "error=access_denied&error_description=not%1b%5b2Jyou&state=s-1&iss=https://gw.example.com";
        let refusal = attempt().judge(query, ISSUER).unwrap().unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "the gateway refused: not\\u{1b}[2Jyou (access_denied)"
        );
    }
}
