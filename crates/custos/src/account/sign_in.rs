//! A sign-in that is kept on this machine, and how it is renewed.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use custos_model::{Clock as _, Secret};

use super::gateway::Gateway;
use super::http::HttpClient;
use super::machine::{Machine, MachineError};
use super::metadata::{Metadata, MetadataError};
use super::oauth::{self, OAuthError};
use super::state::{StateDirectory, suffixed};
use super::tokens::{TokenAnswer, Tokens};
use super::{CLIENT_ID, private_file};
use crate::failure::{Exit, Failure};
use crate::machine::SystemClock;

/// A token is renewed so long before it ends: commands and clocks take their time.
const EARLY_SECONDS: u64 = 60;

/// Being signed in at one gateway.
#[derive(Debug)]
pub(crate) struct SignIn {
    gateway: Gateway,
    http: HttpClient,
    clock: SystemClock,
    path: PathBuf,
    tokens: Tokens,
}

/// Why there is no new token.
enum RenewError {
    /// The gateway cannot be asked now.
    Unreachable(Failure),
    Failed(Failure),
}

impl SignIn {
    /// What is kept for a gateway; `None` when nothing is.
    pub(crate) fn open(state: &StateDirectory, gateway: Gateway) -> Result<Option<Self>, Failure> {
        let path = suffixed(&state.of_gateway(&gateway)?, "json");
        let Some(tokens) = load(&path, &gateway)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            http: HttpClient::new(state.authorities(&gateway)?),
            clock: SystemClock::start(),
            gateway,
            path,
            tokens,
        }))
    }

    /// As `open`; the failure is the one of a command that needs a sign-in.
    pub(crate) fn required(state: &StateDirectory, named: Option<&str>) -> Result<Self, Failure> {
        let Some(gateway) = state.choose(named)? else {
            return Err(Failure::new(anyhow::anyhow!("not signed in"))
                .exit(Exit::SignIn)
                .hint("`custos login --gateway URL`"));
        };
        let missing = not_signed_in(&gateway, "not signed in to");
        Self::open(state, gateway)?.ok_or(missing)
    }

    /// Keeps the tokens of a new sign-in, in place of an older one.
    pub(crate) fn begin(
        state: &StateDirectory,
        gateway: Gateway,
        http: HttpClient,
        answer: TokenAnswer,
        machine: Option<Machine>,
    ) -> Result<Self, Failure> {
        let clock = SystemClock::start();
        let mut tokens = Tokens::from_answer(answer, clock.now().utc_ns, None)?;
        tokens.machine = machine;
        let path = suffixed(&state.of_gateway(&gateway)?, "json");
        let _lock = private_file::lock(&lock_file(&path))?;
        private_file::write(&path, &tokens.to_json(&gateway)?)?;
        Ok(Self {
            gateway,
            http,
            clock,
            path,
            tokens,
        })
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    pub(crate) fn http(&self) -> &HttpClient {
        &self.http
    }

    /// An access token that can be used now, renewed where that is due.
    pub(crate) async fn access(&mut self) -> Result<Secret, Failure> {
        let now = self.clock.now().utc_ns;
        if !self.tokens.lasts(now, EARLY_SECONDS) {
            match self.replace().await {
                Ok(()) => {}
                // It is early: the old one does for this time.
                Err(RenewError::Unreachable(_)) if self.tokens.lasts(now, 1) => {}
                Err(RenewError::Unreachable(failure) | RenewError::Failed(failure)) => {
                    return Err(failure);
                }
            }
        }
        Ok(self.tokens.access.clone())
    }

    /// A new access token, because the gateway takes the present one no more.
    pub(crate) async fn renew(&mut self) -> Result<Secret, Failure> {
        match self.replace().await {
            Ok(()) => Ok(self.tokens.access.clone()),
            Err(RenewError::Unreachable(failure) | RenewError::Failed(failure)) => Err(failure),
        }
    }

    /// Forgets the tokens.
    pub(crate) fn forget(&self) -> Result<(), Failure> {
        let _lock = private_file::lock(&lock_file(&self.path))?;
        private_file::remove(&self.path).map(drop)
    }

    /// The failure of a command whose sign-in the gateway does not know any more.
    pub(crate) fn ended(&self) -> Failure {
        not_signed_in(&self.gateway, "the sign-in has ended at")
    }

    /// A refresh token is good for one use, so one process at a time uses it, and those that waited take what the
    /// first one got.
    async fn replace(&mut self) -> Result<(), RenewError> {
        let _lock = private_file::lock(&lock_file(&self.path)).map_err(RenewError::Failed)?;
        let stored = load(&self.path, &self.gateway).map_err(RenewError::Failed)?;
        let Some(stored) = stored else {
            return Err(RenewError::Failed(self.ended()));
        };
        let by_another = stored.access.expose() != self.tokens.access.expose();
        self.tokens = stored;
        let now = self.clock.now().utc_ns;
        if by_another && self.tokens.lasts(now, EARLY_SECONDS) {
            return Ok(());
        }
        self.tokens = self.exchange().await?;
        let json = self.tokens.to_json(&self.gateway);
        json.map_err(Failure::from)
            .and_then(|json| private_file::write(&self.path, &json))
            .map_err(RenewError::Failed)
    }

    async fn exchange(&self) -> Result<Tokens, RenewError> {
        if self.tokens.refresh.is_none() && self.tokens.machine.is_none() {
            return Err(RenewError::Failed(self.ended()));
        }
        let metadata = Metadata::discover(&self.http, &self.gateway).await;
        let metadata = metadata.map_err(|error| match error {
            MetadataError::Http(_) => RenewError::Unreachable(error.into_failure()),
            MetadataError::Refused { .. } => RenewError::Failed(error.into_failure()),
        })?;
        let answer = self.answer(&metadata).await?;
        Tokens::from_answer(answer, self.clock.now().utc_ns, Some(&self.tokens))
            .map_err(|error| RenewError::Failed(error.into()))
    }

    async fn answer(&self, metadata: &Metadata) -> Result<TokenAnswer, RenewError> {
        if let Some(machine) = &self.tokens.machine {
            let answer = machine.sign_in(&self.http, &self.gateway, &metadata.token);
            return answer.await.map_err(|error| match error {
                MachineError::Gateway(OAuthError::Http(error)) => {
                    RenewError::Unreachable(error.into_failure())
                }
                error => RenewError::Failed(error.into_failure()),
            });
        }
        let Some(refresh) = &self.tokens.refresh else {
            return Err(RenewError::Failed(self.ended()));
        };
        let pairs = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
            ("client_id", CLIENT_ID),
        ];
        let answer = oauth::ask::<TokenAnswer>(&self.http, &metadata.token, &pairs).await;
        answer.map_err(|error| self.refused(error))
    }

    fn refused(&self, error: OAuthError) -> RenewError {
        match error {
            // RFC 6749 section 5.2: invalid, expired, revoked, or used before. The lock is held.
            OAuthError::Refused(refusal) if refusal.code == "invalid_grant" => {
                match private_file::remove(&self.path) {
                    Ok(_) => RenewError::Failed(self.ended()),
                    Err(failure) => RenewError::Failed(failure),
                }
            }
            OAuthError::Http(_) => RenewError::Unreachable(error.into_failure()),
            other => RenewError::Failed(other.into_failure()),
        }
    }
}

fn not_signed_in(gateway: &Gateway, what: &str) -> Failure {
    Failure::new(anyhow::anyhow!("{what} {gateway}"))
        .exit(Exit::SignIn)
        .hint(format!("`custos login --gateway {gateway}`"))
}

fn lock_file(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

fn load(path: &Path, gateway: &Gateway) -> Result<Option<Tokens>, Failure> {
    let Some(json) = private_file::read(path)? else {
        return Ok(None);
    };
    let read = Tokens::from_json(&json).and_then(|(of, tokens)| {
        anyhow::ensure!(of == *gateway, "it is for {of}");
        Ok(Some(tokens))
    });
    read.with_context(|| format!("{} is damaged", path.display()))
        .map_err(|error| Failure::new(error).hint("`custos logout` deletes it; then sign in again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(dir: &Path, gateway: &str, expires_in: u64) -> SignIn {
        let answer = serde_json::json!({
            "access_token": "a1", "token_type": "Bearer",
            "expires_in": expires_in, "refresh_token": "r1",
        });
        SignIn::begin(
            &StateDirectory::at(&dir.join("custos")),
            Gateway::parse(gateway).unwrap(),
            HttpClient::new(None),
            serde_json::from_value(answer).unwrap(),
            None,
        )
        .unwrap()
    }

    /// A port at which nothing listens: one that was just given back.
    fn nowhere() -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    #[tokio::test]
    async fn a_token_that_still_lasts_is_used_while_the_gateway_is_away() {
        let dir = tempfile::tempdir().unwrap();
        let mut sign_in = begun(dir.path(), &nowhere(), 30);
        assert_eq!(sign_in.access().await.unwrap().expose(), "a1");
        let mut over = begun(dir.path(), &nowhere(), 0);
        let said = over.access().await.unwrap_err().to_string();
        assert!(said.contains("cannot connect"), "{said}");
        assert!(over.path.exists(), "it may be renewed later");
    }

    #[tokio::test]
    async fn what_another_process_renewed_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let gateway = nowhere();
        let mut sign_in = begun(dir.path(), &gateway, 0);
        let other = Tokens {
            access: Secret::new("a2".to_owned()),
            refresh: None,
            expires_utc_ns: u64::MAX,
            machine: None,
        };
        let json = other.to_json(&sign_in.gateway).unwrap();
        private_file::write(&sign_in.path, &json).unwrap();
        assert_eq!(sign_in.access().await.unwrap().expose(), "a2");
        sign_in.forget().unwrap();
        let said = sign_in.renew().await.unwrap_err().to_string();
        assert!(said.contains("has ended"), "{said}");
    }

    #[test]
    fn a_file_of_another_gateway_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let one = begun(dir.path(), "https://a.example", 60);
        let state = StateDirectory::at(&dir.path().join("custos"));
        let moved = one.path.with_file_name("b.example.json");
        std::fs::rename(&one.path, moved).unwrap();
        let other = Gateway::parse("https://b.example").unwrap();
        let said = SignIn::open(&state, other).unwrap_err().to_string();
        assert!(said.contains("it is for https://a.example"), "{said}");
    }
}
