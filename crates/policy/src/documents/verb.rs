//! The words for what somebody does.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};

/// What a resource is, which is the first part of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A PostgreSQL server.
    Postgres,
    /// A MySQL or MariaDB server.
    Mysql,
    /// An SSH server.
    Ssh,
    /// A Kubernetes API server.
    Kubernetes,
    /// A Kafka cluster.
    Kafka,
    /// An HTTP service.
    Http,
    /// A server of tools for agents.
    Mcp,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Postgres,
        Self::Mysql,
        Self::Ssh,
        Self::Kubernetes,
        Self::Kafka,
        Self::Http,
        Self::Mcp,
    ];

    /// The word in documents and names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Ssh => "ssh",
            Self::Kubernetes => "kubernetes",
            Self::Kafka => "kafka",
            Self::Http => "http",
            Self::Mcp => "mcp",
        }
    }

    /// Of a resource's name, `None` for one that begins with no known kind.
    pub fn of_name(name: &str) -> Option<Self> {
        let (kind, _) = name.split_once('/')?;
        Self::ALL.into_iter().find(|known| known.as_str() == kind)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

const SQL: &[Kind] = &[Kind::Postgres, Kind::Mysql];
const SSH: &[Kind] = &[Kind::Ssh];
const KUBE: &[Kind] = &[Kind::Kubernetes];
const KAFKA: &[Kind] = &[Kind::Kafka];
const HTTP: &[Kind] = &[Kind::Http];
const MCP: &[Kind] = &[Kind::Mcp];

/// Every word, and the kinds of resource that it can be done to. Those of one protocol stand together.
const WORDS: &[(&str, &[Kind])] = &[
    ("session.open", &Kind::ALL),
    ("sql.read", SQL),
    ("sql.insert", SQL),
    ("sql.update", SQL),
    ("sql.delete", SQL),
    ("sql.truncate", SQL),
    ("sql.define", SQL),
    ("sql.destroy", SQL),
    ("sql.administer", SQL),
    ("sql.escape", SQL),
    ("sql.unknown", SQL),
    ("ssh.shell", SSH),
    ("ssh.exec", SSH),
    ("ssh.upload", SSH),
    ("ssh.download", SSH),
    ("ssh.forward", SSH),
    ("ssh.unknown", SSH),
    ("kube.read", KUBE),
    ("kube.create", KUBE),
    ("kube.update", KUBE),
    ("kube.delete", KUBE),
    ("kube.exec", KUBE),
    ("kube.forward", KUBE),
    ("kube.administer", KUBE),
    ("kube.unknown", KUBE),
    ("kafka.consume", KAFKA),
    ("kafka.produce", KAFKA),
    ("kafka.define", KAFKA),
    ("kafka.destroy", KAFKA),
    ("kafka.administer", KAFKA),
    ("kafka.unknown", KAFKA),
    ("http.read", HTTP),
    ("http.write", HTTP),
    ("http.delete", HTTP),
    ("http.unknown", HTTP),
    ("mcp.read", MCP),
    ("mcp.call", MCP),
    ("mcp.unknown", MCP),
];

/// Words that stand for several.
const BUNDLES: &[(&str, &[&str])] = &[
    ("sql.select", &["sql.read"]),
    ("sql.dml", &["sql.insert", "sql.update", "sql.delete"]),
    ("sql.ddl", &["sql.define"]),
];

/// One thing that somebody does: `session.open`, `sql.read` and so on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Verb(u8);

impl Verb {
    /// Opening a session.
    pub const SESSION_OPEN: Self = Self(0);
    /// `sql.read`
    pub const SQL_READ: Self = Self(1);

    /// All of them, those of one protocol together.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..WORDS.len() as u8).map(Self)
    }

    /// The verb of that name. Bundles are none.
    pub fn named(word: &str) -> Option<Self> {
        Self::all().find(|verb| verb.as_str() == word)
    }

    /// The verbs that a word in a document stands for, a bundle too; none for an unknown word.
    pub fn meant_by(word: &str) -> BTreeSet<Self> {
        meant_by(word)
    }

    /// The word in documents, verdicts and records.
    pub fn as_str(self) -> &'static str {
        WORDS.get(usize::from(self.0)).map_or("", |(word, _)| word)
    }

    /// What it can be done to.
    pub fn kinds(self) -> &'static [Kind] {
        WORDS
            .get(usize::from(self.0))
            .map_or(&[], |(_, kinds)| kinds)
    }

    /// The word before the dot.
    pub fn protocol(self) -> &'static str {
        let word = self.as_str();
        word.split_once('.').map_or(word, |(protocol, _)| protocol)
    }

    /// What was not understood in this verb's protocol. It may be anything, so whatever forbids one verb of the
    /// protocol forbids it too. `session.open` is not of a protocol.
    pub fn unknown_of_its_protocol(self) -> Option<Self> {
        Self::named(&format!("{}.unknown", self.protocol()))
    }
}

/// The verbs that a word in a document stands for; empty for an unknown word.
pub(super) fn meant_by(word: &str) -> BTreeSet<Verb> {
    if let Some(verb) = Verb::named(word) {
        return BTreeSet::from([verb]);
    }
    let bundle = BUNDLES.iter().find(|(name, _)| *name == word);
    bundle.map_or_else(BTreeSet::new, |(_, verbs)| {
        verbs.iter().filter_map(|verb| Verb::named(verb)).collect()
    })
}

impl fmt::Display for Verb {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Debug for Verb {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Serialize for Verb {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{BUNDLES, Verb, meant_by};

    #[test]
    fn words_and_bundles() {
        assert_eq!(Verb::SESSION_OPEN.as_str(), "session.open");
        assert_eq!(Verb::SQL_READ.as_str(), "sql.read");
        for verb in Verb::all() {
            assert_eq!(Verb::named(verb.as_str()), Some(verb));
            assert!(verb == Verb::SESSION_OPEN || verb.unknown_of_its_protocol().is_some());
        }
        for (word, verbs) in BUNDLES {
            assert_eq!(meant_by(word).len(), verbs.len(), "{word}");
        }
        assert!(meant_by("sql").is_empty() && meant_by("SQL.read").is_empty());
    }
}
