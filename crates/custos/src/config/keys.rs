//! The one table of configuration keys. What is read, what it defaults to, what messages offer and
//! what `docs/configuration.md` says all come from here.

mod key;
mod machines;
mod sections;
mod webhooks;

pub(crate) use key::{Change, Fallback, Key, Kind, Section};
pub(crate) use sections::SECTIONS;

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

/// The keys of all sections but those of webhooks and machines.
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
        "",
        "policy",
        Kind::Path,
        Derived("none: `[[access]]` decides"),
        Reload,
        "Policy documents (policy.md): a file, or a directory with `*.yaml`. They judge every operation and take the place of `[[access]]`. A reload reads them again.",
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
        "sign_in_timeout",
        Kind::Duration(1000, 600 * SECOND),
        Is("5m"),
        Reload,
        "Time for somebody to sign in in a browser whose SSH client waits for it.",
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
        Kind::Choice(&["postgres", "ssh"]),
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
        "`required` refuses plain text. `off` is accepted on a loopback address only. Not for `ssh`, which encrypts by itself.",
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
        "How the credential is presented: SCRAM-SHA-256, or in clear inside TLS for clients that cannot do SCRAM. Not for `ssh`, where it is the password.",
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
        "kind",
        Kind::Choice(&["openid", "saml"]),
        Is("openid"),
        Restart,
        "What the provider speaks. A key of the other kind is refused.",
    ),
    key(
        "provider[]",
        "issuer",
        Kind::Text,
        Derived("required with `kind = \"openid\"`"),
        Restart,
        "The issuer, exactly as the provider writes it.",
    ),
    key(
        "provider[]",
        "client_id",
        Kind::Text,
        Derived("required with `kind = \"openid\"`"),
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
        "`yes` takes a missing `groups_claim` or `groups_attribute` for no groups.",
    ),
    key(
        "provider[]",
        "metadata_file",
        Kind::Path,
        Derived("`metadata_url`, with `kind = \"saml\"`"),
        Restart,
        "XML file: the provider's SAML metadata. Whoever can write it decides who signs in. What is in it can change at a reload.",
    ),
    key(
        "provider[]",
        "metadata_url",
        Kind::Text,
        Derived("`metadata_file`, with `kind = \"saml\"`"),
        Restart,
        "Where the provider's SAML metadata is fetched, every hour. While it cannot be, the last good one holds. Needs `metadata_fingerprint` and `entity_id`.",
    ),
    key(
        "provider[]",
        "metadata_fingerprint",
        Kind::Text,
        Derived("none: a file's signature is not looked at"),
        Restart,
        "SHA-256 of the certificate that must have signed the metadata, in hexadecimal. Required with `metadata_url`.",
    ),
    key(
        "provider[]",
        "entity_id",
        Kind::Text,
        Derived("the only one in `metadata_file`"),
        Restart,
        "The SAML provider's own name. Required where the metadata describes several, and with `metadata_url`.",
    ),
    key(
        "provider[]",
        "name_attributes",
        Kind::TextList,
        Derived("none: the name identifier is the login name"),
        Restart,
        "SAML attributes that give the login name; the first that is there counts.",
    ),
    key(
        "provider[]",
        "groups_attribute",
        Kind::Text,
        Derived("none: its people have no groups"),
        Restart,
        "SAML attribute that holds the groups, by its exact name. Who comes without it is refused, unless `groups_optional`.",
    ),
    key(
        "provider[]",
        "claims_from",
        Kind::Choice(&["id_token", "userinfo"]),
        Is("id_token"),
        Restart,
        "Where name and groups are read: in the identity token, or at the provider's userinfo endpoint.",
    ),
    key(
        "provider[]",
        "pkce",
        Kind::Choice(&["advertised", "assumed"]),
        Is("advertised"),
        Restart,
        "`assumed` takes a provider that does not list PKCE with S256 in its discovery document, such as Entra ID. PKCE is used all the same.",
    ),
    key(
        "provider[]",
        "check_interval",
        Kind::Duration(SECOND, 12 * HOUR),
        Is("15m"),
        Restart,
        "How often the provider is asked, with the refresh token that it gave, whether somebody who is signed in still is who she was, and in which groups.",
    ),
    key(
        "provider[]",
        "sign_in_max",
        Kind::Duration(10 * SECOND, 12 * HOUR),
        Is("12h"),
        Restart,
        "The longest sign-in. Shorten it for a provider that gives no refresh token: its people are not checked meanwhile.",
    ),
    key(
        "provider[]",
        "sign_out",
        Kind::Choice(&["everywhere", "here"]),
        Is("everywhere"),
        Restart,
        "`everywhere` sends the browser of somebody who signs out on to the provider, to sign out there too. The provider must know `URL/signed-out` as a place to return to.",
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
        "provisioning[]",
        "provider",
        Kind::Name,
        Required,
        Restart,
        "Name of the `[[provider]]` whose people they are; each once. The address is `/scim/v2/NAME` below `url` of `[web]`.",
    ),
    key(
        "provisioning[]",
        "token_file",
        Kind::Path,
        Required,
        Restart,
        "File with the bearer token of the provisioning source (mode 0600): 32 characters at least.",
    ),
    key(
        "provisioning[]",
        "next_token_file",
        Kind::Path,
        Derived("none"),
        Restart,
        "File with the token that takes its place; both are good, so that it can be changed without a gap.",
    ),
    key(
        "provisioning[]",
        "match",
        Kind::Choice(&["external_id", "user_name"]),
        Is("external_id"),
        Restart,
        "What of a user is the same at sign-in: `external_id` is the subject, `user_name` the name that `name_claims` gives, its case included. A name that people can change themselves at the provider is not safe to match by.",
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
    KEYS.iter().chain(webhooks::KEYS).chain(machines::KEYS)
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
