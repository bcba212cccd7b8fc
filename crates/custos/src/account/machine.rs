//! A machine's own sign-in: with its key (RFC 7523) or its static secret, for itself or for a person.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use custos_jwt::Signer;
use custos_model::{Clock as _, Secret};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::gateway::Gateway;
use super::http::HttpClient;
use super::oauth::{self, OAuthError};
use super::private_file;
use super::tokens::TokenAnswer;
use super::web_url::WebUrl;
use crate::failure::Failure;
use crate::machine::{self, SystemClock};

/// RFC 7523 section 2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long an assertion is good: it is used at once.
const ASSERTION_SECONDS: u64 = 60;
/// RFC 8693 sections 2.1 and 3.
pub(crate) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The gateway's own: a person's word that an agent may act for her.
pub(crate) const DELEGATION_TOKEN: &str = "urn:custos:params:oauth:token-type:delegation-token";

/// How a machine signs in. Only names of files are kept, never what is in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Machine {
    /// Its name in the gateway's configuration.
    pub(crate) name: String,
    /// What it proves itself with.
    pub(crate) proof: Proof,
    /// A delegation token, where it acts for the person who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) on_behalf_of: Option<PathBuf>,
}

/// What a machine proves itself with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Proof {
    /// A private key, PKCS#8 in PEM.
    KeyFile(PathBuf),
    /// A static secret on the first line.
    SecretFile(PathBuf),
}

/// Why a machine has no token.
#[derive(Debug)]
pub(crate) enum MachineError {
    /// A file of it.
    File(Failure),
    /// The gateway.
    Gateway(OAuthError),
}

impl MachineError {
    /// With what can be done about it.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::File(failure) => failure,
            Self::Gateway(error) => error.into_failure(),
        }
    }
}

impl From<OAuthError> for MachineError {
    fn from(error: OAuthError) -> Self {
        Self::Gateway(error)
    }
}

impl Machine {
    /// Signs in. The answer has no refresh token: next time it signs in again.
    pub(crate) async fn sign_in(
        &self,
        http: &HttpClient,
        gateway: &Gateway,
        endpoint: &WebUrl,
    ) -> Result<TokenAnswer, MachineError> {
        let delegation = match &self.on_behalf_of {
            Some(path) => Some(first_line(path).map_err(MachineError::File)?),
            None => None,
        };
        let own = self
            .ask(
                http,
                gateway,
                endpoint,
                &[("grant_type", "client_credentials")],
            )
            .await?;
        let Some(delegation) = delegation else {
            return Ok(own);
        };
        let pairs = [
            ("grant_type", EXCHANGE),
            ("subject_token", delegation.expose()),
            ("subject_token_type", DELEGATION_TOKEN),
            ("actor_token", own.access_token()),
            ("actor_token_type", ACCESS_TOKEN),
        ];
        self.ask(http, gateway, endpoint, &pairs).await
    }

    async fn ask(
        &self,
        http: &HttpClient,
        gateway: &Gateway,
        endpoint: &WebUrl,
        pairs: &[(&str, &str)],
    ) -> Result<TokenAnswer, MachineError> {
        let proof = self.proof(gateway).map_err(MachineError::File)?;
        let mut form = pairs.to_vec();
        form.push(("client_id", &self.name));
        match &self.proof {
            Proof::KeyFile(_) => {
                form.push(("client_assertion_type", ASSERTION_TYPE));
                form.push(("client_assertion", proof.expose()));
            }
            Proof::SecretFile(_) => form.push(("client_secret", proof.expose())),
        }
        Ok(oauth::ask(http, endpoint, &form).await?)
    }

    /// An assertion that is good once and for a minute, or the secret.
    fn proof(&self, gateway: &Gateway) -> Result<Secret, Failure> {
        match &self.proof {
            Proof::SecretFile(path) => first_line(path),
            Proof::KeyFile(path) => {
                let claims = self.claims(gateway);
                let assertion = signer(path)?.sign("JWT", &claims);
                Ok(Secret::new(
                    assertion.context("an assertion cannot be signed")?,
                ))
            }
        }
    }

    /// RFC 7523 section 3.
    fn claims(&self, gateway: &Gateway) -> Map<String, Value> {
        let now = SystemClock::start().now().utc_ns / 1_000_000_000;
        let mut id = [0; 16];
        machine::random(&mut id);
        let claims = json!({
            "iss": self.name,
            "sub": self.name,
            "aud": gateway.issuer(),
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": format!("{:032x}", u128::from_ne_bytes(id)),
        });
        match claims {
            Value::Object(claims) => claims,
            _ => Map::new(),
        }
    }
}

fn signer(path: &Path) -> Result<Signer, Failure> {
    let pem = required(path)?;
    let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_slice())
        .map_err(|_| anyhow::anyhow!("no key in PKCS#8, PEM (`BEGIN PRIVATE KEY`)"))
        .and_then(|key| Ok(Signer::from_pkcs8(key.secret_pkcs8_der())?));
    key.with_context(|| format!("cannot use the key in {}", path.display()))
        .map_err(|error| Failure::new(error).hint("`custos machine new-key FILE` makes one"))
}

fn first_line(path: &Path) -> Result<Secret, Failure> {
    let text = required(path)?;
    let read = || {
        let text = std::str::from_utf8(text.as_slice()).context("it is not text")?;
        let line = text.lines().next().unwrap_or_default().trim();
        ensure!(!line.is_empty(), "its first line is empty");
        Ok::<_, anyhow::Error>(Secret::new(line.to_owned()))
    };
    Ok(read().with_context(|| format!("cannot use {}", path.display()))?)
}

fn required(path: &Path) -> Result<Vec<u8>, Failure> {
    let Some(bytes) = private_file::read(path)? else {
        return Err(Failure::new(anyhow::anyhow!(
            "there is no file {}",
            path.display()
        )));
    };
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_used_are_refused_without_being_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        assert!(signer(&path).is_err() && first_line(&path).is_err());
        for text in ["", "\nsecret", "  \nsecret"] {
            private_file::write(&path, text.as_bytes()).unwrap();
            let said = first_line(&path).unwrap_err().to_string();
            assert!(!said.contains("secret"), "{said}");
        }
        private_file::write(&path, b"hush \nmore").unwrap();
        assert_eq!(first_line(&path).unwrap().expose(), "hush");
        let said = signer(&path).unwrap_err().to_string();
        assert!(
            said.contains("no key in PKCS#8") && !said.contains("hush"),
            "{said}"
        );
    }
}
