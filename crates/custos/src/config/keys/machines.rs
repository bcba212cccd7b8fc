//! The keys of `workload[]` and `machine[]`.

use super::Change::{Reload, Restart};
use super::Fallback::{Derived, Is, Required};
use super::{Key, Kind, key};

/// All of them, in the order of the reference.
pub(super) const KEYS: &[Key] = &[
    key(
        "workload[]",
        "name",
        Kind::Name,
        Required,
        Restart,
        "Login name of the workload; each once.",
    ),
    key(
        "workload[]",
        "issuer",
        Kind::Name,
        Required,
        Restart,
        "Name of the `[[workload_issuer]]` whose tokens it presents.",
    ),
    key(
        "workload[]",
        "claims",
        Kind::TextList,
        Required,
        Restart,
        "What its tokens say, as `CLAIM=VALUE`, all of them exactly. A claim inside another is a JSON pointer: `/kubernetes.io/serviceaccount/uid=…`. Names that others can take over are not enough: GitHub needs `repository_id`, GitLab `project_id`, Kubernetes the account's `uid`.",
    ),
    key(
        "workload[]",
        "groups",
        Kind::TextList,
        Derived("none"),
        Restart,
        "Groups that it belongs to.",
    ),
    key(
        "machine[]",
        "name",
        Kind::Name,
        Required,
        Reload,
        "Name of the machine: its client id, its login name, and what access rules call it. Each once, also among workloads.",
    ),
    key(
        "machine[]",
        "kind",
        Kind::Choice(&["service", "agent"]),
        Is("service"),
        Reload,
        "An `agent` may also act for people, who delegate to it with `custos delegate`.",
    ),
    key(
        "machine[]",
        "keys_file",
        Kind::Path,
        Derived("none: then there is a secret"),
        Reload,
        "File with its public keys: a JSON Web Key Set (`custos machine new-key` prints one), or PEM.",
    ),
    key(
        "machine[]",
        "secret_sha256",
        Kind::Text,
        Derived("none: then there are keys"),
        Reload,
        "SHA-256 of a static secret, 64 hexadecimal digits. The secret must be random and have at least 32 characters. For machines that cannot sign; a standing finding for as long as it is there.",
    ),
    key(
        "machine[]",
        "secret_expires",
        Kind::Date,
        Derived("required with `secret_sha256`"),
        Reload,
        "The day from whose beginning (UTC) on the secret is refused; at most 90 days ahead.",
    ),
    key(
        "machine[]",
        "owner",
        Kind::Text,
        Derived("required with `secret_sha256`"),
        Reload,
        "Who answers for the machine.",
    ),
    key(
        "machine[]",
        "groups",
        Kind::TextList,
        Derived("none"),
        Reload,
        "Groups that it belongs to.",
    ),
];
