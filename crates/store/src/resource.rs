//! A target behind the gateway, as the operator describes it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use custos_model::{Protocol, ResourceName};
use serde::{Deserialize, Serialize};

/// One named target. Its upstream password is kept apart and never part of this value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// `<protocol>/<name>`.
    pub name: ResourceName,
    /// Host name or IP address, at most 253 bytes.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The account that the gateway signs in with, at most 63 bytes.
    pub account: String,
    /// The only database that is served, at most 63 bytes; `None`: the one that the client asks for.
    #[serde(default)]
    pub database: Option<String>,
    /// How the connection to the target is protected.
    #[serde(default)]
    pub tls: UpstreamTls,
    /// Certificates to trust for this target instead of the system's, at most 64 KiB of PEM text.
    #[serde(default)]
    pub ca_pem: Option<String>,
    /// The public key that an SSH target proves itself with: type and base64, at most 8 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
    /// Environment variables that clients may set at an SSH target: names, of which each may end in `*`; at most 64. `None`:
    /// those of language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept_env: Option<Vec<String>>,
    /// Answer a target that asks for an MD5 password.
    #[serde(default)]
    pub allow_md5: bool,
    /// Answer a target that asks for the clear password. Only inside TLS.
    #[serde(default)]
    pub allow_cleartext: bool,
    /// What must be on disk before bytes go on.
    #[serde(default)]
    pub durability: Durability,
    /// What policy and reports select by; at most 64, names up to 63 bytes, values up to 255.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// How the connection to a target is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpstreamTls {
    /// Not at all.
    Disable,
    /// Encrypted, but the target is not authenticated: anybody on the path can pose as it.
    Require,
    /// The certificate must lead to a trusted one; its names are not compared.
    VerifyCa,
    /// As `VerifyCa`, and the certificate must name the host.
    #[default]
    VerifyFull,
}

/// What must be on disk before bytes go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// The intent before an operation is forwarded, the outcome before its response is released.
    #[default]
    Strict,
    /// Written at once and synced soon; a power cut may cost the last moment.
    Buffered,
}

/// What is wrong with a resource.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{field} {problem}")]
pub struct ResourceProblem {
    /// The field.
    pub field: &'static str,
    /// What it must be.
    pub problem: &'static str,
}

/// A word that is none of those known.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not one of {expected}")]
pub struct UnknownWord {
    /// The word as given.
    pub text: String,
    /// Those known.
    pub expected: &'static str,
}

impl Resource {
    /// The first thing that is not acceptable, if any.
    pub fn check(&self) -> Result<(), ResourceProblem> {
        require(
            "host",
            "must have 1 to 253 bytes and no spaces",
            is_host(&self.host),
        )?;
        require("port", "must not be 0", self.port != 0)?;
        require("account", NAME_RULE, is_name(&self.account))?;
        require(
            "database",
            NAME_RULE,
            self.database.as_deref().is_none_or(is_name),
        )?;
        let ca_bytes = self.ca_pem.as_deref().map_or(0, str::len);
        require("ca_pem", "must be at most 64 KiB", ca_bytes <= CA_BYTES_MAX)?;
        let is_ssh = self.name.protocol() == Protocol::Ssh;
        require(
            "host_key",
            "must be given for an SSH target, and for no other: type and base64, as ssh-keyscan prints them",
            self.host_key.is_some() == is_ssh && self.host_key.as_deref().is_none_or(is_host_key),
        )?;
        require(
            "accept_env",
            "must be given for an SSH target only: at most 64 names of letters, digits and `_`, each perhaps with `*` at its end",
            self.accept_env.as_deref().is_none_or(|names| {
                is_ssh && names.len() <= 64 && names.iter().all(|name| is_variable(name))
            }),
        )?;
        require(
            "database",
            "must not be given for an SSH target",
            self.database.is_none() || !is_ssh,
        )?;
        require(
            "allow_cleartext",
            "must not be set without TLS: the password would cross the network readable",
            !self.allow_cleartext || self.tls != UpstreamTls::Disable,
        )?;
        require(
            "labels",
            "must be at most 64",
            self.labels.len() <= LABELS_MAX,
        )?;
        let labels_fit = self.labels.iter().all(|(name, value)| {
            is_name(name) && value.len() <= 255 && !value.contains(char::is_control)
        });
        require(
            "labels",
            "must have names up to 63 bytes, values up to 255, no control characters",
            labels_fit,
        )
    }
}

const NAME_RULE: &str = "must have 1 to 63 bytes and no control characters";
const CA_BYTES_MAX: usize = 64 * 1024;
const HOST_KEY_BYTES_MAX: usize = 8 * 1024;
const LABELS_MAX: usize = 64;

fn require(field: &'static str, problem: &'static str, holds: bool) -> Result<(), ResourceProblem> {
    if holds {
        Ok(())
    } else {
        Err(ResourceProblem { field, problem })
    }
}

fn is_host_key(text: &str) -> bool {
    let mut words = text.split(' ');
    let (kind, key, more) = (words.next(), words.next(), words.next());
    let fits = |word: Option<&str>| word.is_some_and(|word| !word.is_empty() && word.is_ascii());
    text.len() <= HOST_KEY_BYTES_MAX
        && !text.contains(char::is_control)
        && fits(kind)
        && fits(key)
        && more.is_none()
}

fn is_variable(text: &str) -> bool {
    let name = text.strip_suffix('*').unwrap_or(text);
    let is_good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 63 && !text.is_empty() && name.chars().all(is_good)
}

fn is_host(text: &str) -> bool {
    (1..=253).contains(&text.len()) && !text.contains(|c: char| c.is_control() || c.is_whitespace())
}

/// 63 bytes is what the targets keep of an identifier (NAMEDATALEN - 1).
pub(crate) fn is_name(text: &str) -> bool {
    (1..=63).contains(&text.len()) && !text.contains(char::is_control)
}

impl UpstreamTls {
    /// The word used on the command line and in records; those of libpq's `sslmode`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

impl Durability {
    /// The word used on the command line and in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Buffered => "buffered",
        }
    }
}

impl fmt::Display for UpstreamTls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for UpstreamTls {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        [
            Self::Disable,
            Self::Require,
            Self::VerifyCa,
            Self::VerifyFull,
        ]
        .into_iter()
        .find(|mode| mode.as_str() == text)
        .ok_or_else(|| UnknownWord {
            text: text.to_owned(),
            expected: "verify-full, verify-ca, require, disable",
        })
    }
}

impl FromStr for Durability {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        [Self::Strict, Self::Buffered]
            .into_iter()
            .find(|durability| durability.as_str() == text)
            .ok_or_else(|| UnknownWord {
                text: text.to_owned(),
                expected: "strict, buffered",
            })
    }
}

#[cfg(test)]
mod tests {
    use super::{Durability, Resource, UpstreamTls};

    fn shop() -> Resource {
        serde_json::from_str(
            r#"{"name":"postgres/shop","host":"db.internal","port":5432,"account":"shop_app"}"#,
        )
        .unwrap()
    }

    #[test]
    fn what_is_not_said_is_the_safe_choice() {
        let shop = shop();
        assert_eq!(shop.tls, UpstreamTls::VerifyFull);
        assert_eq!(shop.durability, Durability::Strict);
        assert!(!shop.allow_md5 && !shop.allow_cleartext);
        assert_eq!(shop.check(), Ok(()));
    }

    type Spoil = fn(&mut Resource);

    #[test]
    fn each_limit_is_checked() {
        let wrong: [(&str, Spoil); 11] = [
            ("host", |it| it.host = String::new()),
            ("host", |it| it.host = "a".repeat(254)),
            ("host", |it| it.host = "db internal".into()),
            ("port", |it| it.port = 0),
            ("account", |it| it.account = "a\0b".into()),
            ("account", |it| it.account = "a".repeat(64)),
            ("database", |it| it.database = Some(String::new())),
            ("ca_pem", |it| it.ca_pem = Some("x".repeat(64 * 1024 + 1))),
            ("allow_cleartext", |it| {
                (it.tls, it.allow_cleartext) = (UpstreamTls::Disable, true);
            }),
            ("labels", |it| {
                drop(it.labels.insert("env\n".into(), "prod".into()));
            }),
            ("labels", |it| {
                it.labels = (0..65).map(|n| (format!("l{n}"), String::new())).collect();
            }),
        ];
        for (field, spoil) in wrong {
            let mut resource = shop();
            spoil(&mut resource);
            assert_eq!(resource.check().unwrap_err().field, field);
        }
    }

    #[test]
    fn words_are_the_same_in_text_and_json() {
        for mode in [
            UpstreamTls::Disable,
            UpstreamTls::Require,
            UpstreamTls::VerifyCa,
            UpstreamTls::VerifyFull,
        ] {
            assert_eq!(mode.as_str().parse(), Ok(mode));
            assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{mode}\""));
        }
        for durability in [Durability::Strict, Durability::Buffered] {
            assert_eq!(durability.as_str().parse(), Ok(durability));
            assert_eq!(
                serde_json::to_string(&durability).unwrap(),
                format!("\"{durability}\"")
            );
        }
        assert!("prefer".parse::<UpstreamTls>().is_err());
        assert!("".parse::<Durability>().is_err());
    }
}
