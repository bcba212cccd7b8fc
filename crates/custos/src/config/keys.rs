//! The one table of configuration keys. What is read, what it defaults to, what messages offer and
//! what `docs/configuration.md` says all come from here.

mod machines;

/// What a key holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Free text.
    Text,
    /// A name of cluster, node or listener: `[a-z0-9][a-z0-9.-]{0,62}`.
    Name,
    /// A file or directory; relative ones count from the directory of the configuration file.
    Path,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number between two bounds.
    Integer(u64, u64),
    /// A duration between two bounds, in milliseconds.
    Duration(u64, u64),
    /// A size between two bounds, in bytes.
    Size(u64, u64),
    /// IP address and port.
    Address,
    /// A list of texts.
    TextList,
    /// A day; it means the moment at which it begins, UTC.
    Date,
}

/// What stands when a key does not.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fallback {
    /// The key must be there.
    Required,
    /// This value, written as in the file but without quotes.
    Is(&'static str),
    /// Told in words, because it depends on other keys.
    Derived(&'static str),
}

/// When a change takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// At the next reload (SIGHUP).
    Reload,
    /// At the next start only.
    Restart,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// The table it stands in: empty for the top, `limits`, or `listener[]` for a list of tables.
    pub(crate) section: &'static str,
    /// Its name there.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) kind: Kind,
    /// What stands when it does not.
    pub(crate) default: Fallback,
    /// When a change takes effect.
    pub(crate) change: Change,
    /// What it does.
    pub(crate) doc: &'static str,
}

/// A table of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    /// As in `Key::section`.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) doc: &'static str,
}

/// The tables, in the order of the reference.
pub(crate) const SECTIONS: &[Section] = &[
    Section {
        name: "",
        doc: "The node itself. These keys stand at the top of the file, before any table.",
    },
    Section {
        name: "log",
        doc: "The gateway's own log on standard error. What users do is never in it; that is evidence.",
    },
    Section {
        name: "limits",
        doc: "Everything has a limit. What goes beyond one is refused with an error in the protocol's own terms, and that is on record.",
    },
    Section {
        name: "listener[]",
        doc: "One table for each address that clients connect to.",
    },
    Section {
        name: "web",
        doc: "The address that people's browsers and the command line sign in at. Without it there is no signing in, only credentials that the operator issues.",
    },
    Section {
        name: "provider[]",
        doc: "One table for each OpenID Connect provider that people sign in with.",
    },
    Section {
        name: "group[]",
        doc: "Groups of this gateway, put together from groups of providers. Access rules name them as `group:NAME`; a provider's own group can be named too, as `group:PROVIDER:GROUP`.",
    },
    Section {
        name: "workload_issuer[]",
        doc: "One table for each issuer whose tokens machines present: a CI system, a cluster, any issuer of signed tokens.",
    },
    Section {
        name: "workload[]",
        doc: "One table for each machine identity: which tokens are it, told by claims that do not change hands.",
    },
    Section {
        name: "machine[]",
        doc: "One table for each machine that signs in with a key of its own: a service, or an agent that acts for people. Where a platform vouches for the machine, `[[workload]]` needs no key at all.",
    },
    Section {
        name: "access[]",
        doc: "Who may open what. Nothing is allowed that no rule allows.",
    },
];

const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;
const DAY: u64 = 24 * HOUR;

const fn key(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    default: Fallback,
    change: Change,
    doc: &'static str,
) -> Key {
    Key {
        section,
        name,
        kind,
        default,
        change,
        doc,
    }
}

use Change::{Reload, Restart};
use Fallback::{Derived, Is, Required};

/// The keys of all sections but those of machines.
const KEYS: &[Key] = &[
    key(
        "",
        "cluster",
        Kind::Name,
        Is("custos"),
        Restart,
        "Name of the installation. First part of the evidence log's origin, so it cannot change later without starting new logs.",
    ),
    key(
        "",
        "node",
        Kind::Name,
        Is("gw1"),
        Restart,
        "Name of this gateway node. Second part of the evidence log's origin; `cluster/node` is the name of its signing key.",
    ),
    key(
        "",
        "state_dir",
        Kind::Path,
        Is("/var/lib/custos"),
        Restart,
        "Control state: resources, credentials, the master key and `log.key`, which signs the evidence log. For the gateway's user only.",
    ),
    key(
        "",
        "evidence_dir",
        Kind::Path,
        Derived("`evidence` in `state_dir`"),
        Restart,
        "The evidence log and the recordings. When it cannot be written, traffic stops.",
    ),
    key(
        "",
        "admin_socket",
        Kind::Path,
        Derived("`admin.sock` in `state_dir`"),
        Restart,
        "Unix socket of the local admin API (mode 0600). Only root and the gateway's own user are served.",
    ),
    key(
        "",
        "master_key_file",
        Kind::Path,
        Derived("`master.key` in `state_dir`"),
        Restart,
        "Key that encrypts secrets at rest; made at the first start (mode 0600). The environment variable `CUSTOS_MASTER_KEY` takes precedence.",
    ),
    key(
        "",
        "drain_timeout",
        Kind::Duration(0, HOUR),
        Is("30s"),
        Reload,
        "How long a stopping gateway waits for running operations before it closes the remaining sessions.",
    ),
    key(
        "log",
        "level",
        Kind::Choice(&["error", "warn", "info", "debug"]),
        Is("info"),
        Reload,
        "How much is logged.",
    ),
    key(
        "log",
        "format",
        Kind::Choice(&["text", "json"]),
        Is("text"),
        Restart,
        "Lines for people or JSON objects, one a line.",
    ),
    key(
        "limits",
        "sessions",
        Kind::Integer(1, 1_000_000),
        Is("10000"),
        Reload,
        "Sessions open at once.",
    ),
    key(
        "limits",
        "sessions_per_principal",
        Kind::Integer(1, 1_000_000),
        Is("100"),
        Reload,
        "Sessions open at once by one principal.",
    ),
    key(
        "limits",
        "handshakes",
        Kind::Integer(1, 1_000_000),
        Is("1024"),
        Reload,
        "Connections at once that have not signed in yet.",
    ),
    key(
        "limits",
        "handshakes_per_source",
        Kind::Integer(1, 1_000_000),
        Is("256"),
        Reload,
        "The same, from one source address.",
    ),
    key(
        "limits",
        "handshake_timeout",
        Kind::Duration(100, 300 * SECOND),
        Is("10s"),
        Reload,
        "Time from the connection to the end of sign-in.",
    ),
    key(
        "limits",
        "connect_timeout",
        Kind::Duration(100, 300 * SECOND),
        Is("10s"),
        Reload,
        "Time to connect and sign in to the target.",
    ),
    key(
        "limits",
        "idle_timeout",
        Kind::Duration(0, 30 * DAY),
        Is("0s"),
        Reload,
        "A session without traffic for so long is closed; `0s` means never.",
    ),
    key(
        "limits",
        "session_max_age",
        Kind::Duration(0, 30 * DAY),
        Is("12h"),
        Reload,
        "A session is closed at this age, whatever it does; `0s` means never.",
    ),
    key(
        "limits",
        "request_bytes",
        Kind::Size(64 << 10, 1 << 30),
        Is("64MiB"),
        Reload,
        "Size of one request message of a client.",
    ),
    key(
        "limits",
        "request_memory",
        Kind::Size(1 << 20, 1 << 40),
        Is("512MiB"),
        Restart,
        "Memory that large requests of all sessions may take together.",
    ),
    key(
        "listener[]",
        "name",
        Kind::Name,
        Required,
        Restart,
        "Name of the listener in logs and messages; each once.",
    ),
    key(
        "listener[]",
        "protocol",
        Kind::Choice(&["postgres"]),
        Required,
        Restart,
        "What clients speak here.",
    ),
    key(
        "listener[]",
        "address",
        Kind::Address,
        Required,
        Restart,
        "Address and port to listen on; port 0 takes a free one and tells it in the log.",
    ),
    key(
        "listener[]",
        "tls",
        Kind::Choice(&["required", "off"]),
        Is("required"),
        Restart,
        "`required` refuses plain text. `off` is accepted on a loopback address only.",
    ),
    key(
        "listener[]",
        "certificate",
        Kind::Path,
        Derived("required with `tls = \"required\"`"),
        Reload,
        "PEM file: the server's certificate and its chain.",
    ),
    key(
        "listener[]",
        "key",
        Kind::Path,
        Derived("required with `tls = \"required\"`"),
        Reload,
        "PEM file: the private key (mode 0600 or 0640).",
    ),
    key(
        "listener[]",
        "authentication",
        Kind::Choice(&["scram", "password"]),
        Is("scram"),
        Restart,
        "How the credential is presented: SCRAM-SHA-256, or in clear inside TLS for clients that cannot do SCRAM.",
    ),
    key(
        "web",
        "address",
        Kind::Address,
        Required,
        Restart,
        "Address and port to listen on.",
    ),
    key(
        "web",
        "url",
        Kind::Text,
        Required,
        Restart,
        "What browsers and clients call it, such as `https://custos.example.com`; also the issuer of the gateway's own tokens. Without TLS it must be a loopback address.",
    ),
    key(
        "web",
        "tls",
        Kind::Choice(&["required", "off"]),
        Is("required"),
        Restart,
        "`off` is accepted on a loopback address only.",
    ),
    key(
        "web",
        "certificate",
        Kind::Path,
        Derived("required with `tls = \"required\"`"),
        Reload,
        "PEM file: the server's certificate and its chain.",
    ),
    key(
        "web",
        "key",
        Kind::Path,
        Derived("required with `tls = \"required\"`"),
        Reload,
        "PEM file: the private key (mode 0600 or 0640).",
    ),
    key(
        "web",
        "client_ca_file",
        Kind::Path,
        Derived("none: clients trust their system's"),
        Restart,
        "PEM file: the certificate authority of the listeners, where it is one of your own. `custos connect` hands it to clients.",
    ),
    key(
        "provider[]",
        "name",
        Kind::Name,
        Required,
        Restart,
        "Name of the provider in records, and the namespace of its groups: `okta:sre`.",
    ),
    key(
        "provider[]",
        "label",
        Kind::Text,
        Derived("the name"),
        Restart,
        "What the sign-in page calls it.",
    ),
    key(
        "provider[]",
        "issuer",
        Kind::Text,
        Required,
        Restart,
        "The issuer, exactly as the provider writes it.",
    ),
    key(
        "provider[]",
        "client_id",
        Kind::Text,
        Required,
        Restart,
        "The client id that the provider gave this gateway.",
    ),
    key(
        "provider[]",
        "client_secret_file",
        Kind::Path,
        Derived("none: a public client"),
        Restart,
        "File with the client secret (mode 0600).",
    ),
    key(
        "provider[]",
        "scopes",
        Kind::TextList,
        Derived("`openid profile`"),
        Restart,
        "What is asked for; `openid` always is.",
    ),
    key(
        "provider[]",
        "name_claims",
        Kind::TextList,
        Derived("`preferred_username`"),
        Restart,
        "Claims that give the login name; the first that is there counts.",
    ),
    key(
        "provider[]",
        "groups_claim",
        Kind::Text,
        Derived("none: its people have no groups"),
        Restart,
        "Claim that holds the groups. Who comes without it is refused, unless `groups_optional`.",
    ),
    key(
        "provider[]",
        "groups_optional",
        Kind::Choice(&["no", "yes"]),
        Is("no"),
        Restart,
        "`yes` takes a missing `groups_claim` for no groups.",
    ),
    key(
        "provider[]",
        "ca_file",
        Kind::Path,
        Derived("the system's certificate authorities"),
        Restart,
        "PEM file: certificate authorities of the provider.",
    ),
    key(
        "provider[]",
        "allow_networks",
        Kind::TextList,
        Derived("none"),
        Restart,
        "Private networks that the provider's addresses may be in, such as `10.0.0.0/8`. Public ones always are allowed.",
    ),
    key(
        "group[]",
        "name",
        Kind::Name,
        Required,
        Restart,
        "Name of the group; each once.",
    ),
    key(
        "group[]",
        "members",
        Kind::TextList,
        Required,
        Restart,
        "Groups of providers, as `PROVIDER:GROUP`, whose members belong to it.",
    ),
    key(
        "workload_issuer[]",
        "name",
        Kind::Name,
        Required,
        Restart,
        "Name of the issuer in records.",
    ),
    key(
        "workload_issuer[]",
        "kind",
        Kind::Choice(&["github-actions", "gitlab", "kubernetes", "spiffe", "other"]),
        Is("other"),
        Restart,
        "Whose tokens they are. It says which claims a workload must pin and which are recorded.",
    ),
    key(
        "workload_issuer[]",
        "issuer",
        Kind::Text,
        Required,
        Restart,
        "The `iss` of its tokens, exactly.",
    ),
    key(
        "workload_issuer[]",
        "audience",
        Kind::Text,
        Derived("`url` of `[web]`"),
        Restart,
        "The `aud` that tokens for this gateway have. Not one that tokens have by default: those are meant for others.",
    ),
    key(
        "workload_issuer[]",
        "keys_file",
        Kind::Path,
        Derived("the issuer's discovery document"),
        Restart,
        "File with the issuer's JSON Web Key Set, where it cannot be fetched.",
    ),
    key(
        "workload_issuer[]",
        "keys_url",
        Kind::Text,
        Derived("the issuer's discovery document"),
        Restart,
        "Where the issuer's key set is, if it has no discovery document.",
    ),
    key(
        "workload_issuer[]",
        "ca_file",
        Kind::Path,
        Derived("the system's certificate authorities"),
        Restart,
        "PEM file: certificate authorities of the issuer.",
    ),
    key(
        "workload_issuer[]",
        "allow_networks",
        Kind::TextList,
        Derived("none"),
        Restart,
        "Private networks that the issuer's addresses may be in.",
    ),
    key(
        "access[]",
        "name",
        Kind::Text,
        Required,
        Reload,
        "Name of the rule, in records and error messages; each once.",
    ),
    key(
        "access[]",
        "principals",
        Kind::TextList,
        Required,
        Reload,
        "Who: `group:NAME`, login names that the operator gave (to a credential that he issued, to a `[[workload]]` or a `[[machine]]`), or `*` for everybody who has signed in. What a provider calls its people decides nothing.",
    ),
    key(
        "access[]",
        "resources",
        Kind::TextList,
        Required,
        Reload,
        "What: resource names such as `postgres/shop`; a trailing `*` stands for any rest.",
    ),
];

/// Every key of every section.
pub(crate) fn all() -> impl Iterator<Item = &'static Key> {
    KEYS.iter().chain(machines::KEYS)
}

/// The keys of one section.
pub(crate) fn of_section(section: &str) -> impl Iterator<Item = &'static Key> {
    all().filter(move |key| key.section == section)
}

/// The key of that name. Names come from the reader's own code; a test reads each of them.
pub(crate) fn find(section: &str, name: &str) -> &'static Key {
    of_section(section)
        .find(|key| key.name == name)
        .expect("every key that is read stands in the table")
}

impl Key {
    /// What is allowed, for messages: `must be …`.
    pub(crate) fn allowed(&self) -> String {
        use super::units::{DURATION_EXAMPLES, SIZE_EXAMPLES, show_duration, show_size};
        let millis = |millis| show_duration(std::time::Duration::from_millis(millis));
        match self.kind {
            Kind::Text => "write a text in quotes".to_owned(),
            Kind::Name => {
                "write lower-case letters, digits, `.` and `-`, at most 63, a letter or digit first"
                    .to_owned()
            }
            Kind::Path => "write a path in quotes".to_owned(),
            Kind::Choice(words) => format!("write {}", or_list(words)),
            Kind::Integer(low, high) => format!("write a whole number from {low} to {high}"),
            Kind::Duration(low, high) => format!(
                "write a duration from {} to {}, such as {DURATION_EXAMPLES}",
                millis(low),
                millis(high)
            ),
            Kind::Size(low, high) => format!(
                "write a size from {} to {}, such as {SIZE_EXAMPLES}",
                show_size(low),
                show_size(high)
            ),
            Kind::Address => {
                r#"write an IP address and a port, such as "0.0.0.0:5432" or "[::1]:5432""#
                    .to_owned()
            }
            Kind::Date => "write a day, such as 2027-01-31".to_owned(),
            Kind::TextList => r#"write a list of texts, such as ["alice", "group:dba"]"#.to_owned(),
        }
    }
}

fn or_list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        for key in all() {
            assert!(
                SECTIONS.iter().any(|section| section.name == key.section),
                "{key:?}"
            );
            assert!(key.doc.ends_with('.'), "{key:?}");
            assert_eq!(
                of_section(key.section)
                    .filter(|other| other.name == key.name)
                    .count(),
                1
            );
        }
    }
}
