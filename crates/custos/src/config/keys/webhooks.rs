//! The keys of `webhook[]`.

use super::Change::Restart;
use super::Fallback::{Derived, Is, Required};
use super::{Key, Kind, key};

/// All of them, in the order of the reference.
pub(super) const KEYS: &[Key] = &[
    key(
        "webhook[]",
        "name",
        Kind::Name,
        Required,
        Restart,
        "Name of the webhook in records; each once. What waits for it is kept under this name.",
    ),
    key(
        "webhook[]",
        "url",
        Kind::Text,
        Derived("`url_file`"),
        Restart,
        "Where it is: an `https` address. Plain `http` only to loopback, where `allow_networks` has it.",
    ),
    key(
        "webhook[]",
        "url_file",
        Kind::Path,
        Derived("`url`"),
        Restart,
        "File with the address (mode 0600), where the address is a secret, as those of chats are.",
    ),
    key(
        "webhook[]",
        "format",
        Kind::Choice(&["cloudevents", "slack", "teams"]),
        Is("cloudevents"),
        Restart,
        "What it reads: CloudEvents 1.0 as JSON, or messages for Slack or Microsoft Teams.",
    ),
    key(
        "webhook[]",
        "secret_file",
        Kind::Path,
        Derived("required with `format = \"cloudevents\"`"),
        Restart,
        "File with the secret that calls are signed with (mode 0600): `whsec_` and base64, or a text; 24 bytes at least.",
    ),
    key(
        "webhook[]",
        "next_secret_file",
        Kind::Path,
        Derived("none"),
        Restart,
        "File with a second secret, while the receiver goes from one to the other. Calls have two signatures then.",
    ),
    key(
        "webhook[]",
        "events",
        Kind::TextList,
        Derived("all"),
        Restart,
        "Types of events that it gets, such as `custos.request.opened`.",
    ),
    key(
        "webhook[]",
        "ca_file",
        Kind::Path,
        Derived("the system's certificate authorities"),
        Restart,
        "PEM file: certificate authorities of the receiver.",
    ),
    key(
        "webhook[]",
        "allow_networks",
        Kind::TextList,
        Derived("none"),
        Restart,
        "Private networks that the receiver's addresses may be in.",
    ),
];
