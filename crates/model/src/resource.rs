//! What is behind the gateway.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The protocols that this build speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// PostgreSQL frontend/backend protocol 3.0 and 3.2.
    Postgres,
    /// SSH 2.0.
    Ssh,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Postgres, Self::Ssh];

    /// The first part of a resource name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Ssh => "ssh",
        }
    }

    fn of_name(name: &str) -> Option<(Self, &str)> {
        let (word, rest) = name.split_once('/')?;
        let protocol = Self::ALL.into_iter().find(|it| it.as_str() == word)?;
        Some((protocol, rest))
    }
}

/// `<protocol>/<name>`, for example `postgres/shop`. The name matches `[a-z0-9][a-z0-9._-]{0,62}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceName(String);

/// A resource name that was not understood.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a resource name: write `postgres/NAME` or `ssh/NAME`, NAME in lower-case letters, digits, `.`, `_` and `-`, at most 63"
)]
pub struct ResourceNameError(String);

impl ResourceName {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The protocol before the slash.
    pub fn protocol(&self) -> Protocol {
        // There is no name without one.
        Protocol::of_name(&self.0).map_or(Protocol::Postgres, |(protocol, _)| protocol)
    }
}

impl FromStr for ResourceName {
    type Err = ResourceNameError;

    fn from_str(text: &str) -> Result<Self, ResourceNameError> {
        let valid = Protocol::of_name(text).is_some_and(|(_, name)| {
            name.len() <= 63
                && name
                    .starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
                && name.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
                })
        });
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(ResourceNameError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for ResourceName {
    type Error = ResourceNameError;

    fn try_from(text: String) -> Result<Self, ResourceNameError> {
        text.parse()
    }
}

impl From<ResourceName> for String {
    fn from(name: ResourceName) -> Self {
        name.0
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::ResourceName;

    #[test]
    fn names_are_strict() {
        for good in [
            "postgres/shop",
            "postgres/0",
            "postgres/a.b_c-d",
            "ssh/web1",
        ] {
            assert!(good.parse::<ResourceName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "shop",
            "postgres/",
            "postgres/Shop",
            "postgres/-x",
            "mysql/shop",
            "postgres/a/b",
            "postgres/a b",
        ] {
            assert!(bad.parse::<ResourceName>().is_err(), "{bad}");
        }
    }
}
