//! The table itself.

use super::{DetailKind, DetailMember, Entry};
use crate::record_type::{RecordOutcome, RecordType};
use RecordOutcome::{Denied, Failed, Interrupted, Ok, Pending};

const fn text(name: &'static str, meaning: &'static str) -> DetailMember {
    DetailMember {
        name,
        kind: DetailKind::Text,
        meaning,
    }
}

const fn integer(name: &'static str, meaning: &'static str) -> DetailMember {
    DetailMember {
        name,
        kind: DetailKind::Integer,
        meaning,
    }
}

const fn boolean(name: &'static str, meaning: &'static str) -> DetailMember {
    DetailMember {
        name,
        kind: DetailKind::Boolean,
        meaning,
    }
}

/// Members that every record of a session has.
const SESSION: &[&str] = &["actor", "sess", "src", "target"];
const SESSION_OP: &[&str] = &["actor", "op", "sess", "src", "target"];

/// The entry of a type.
pub fn entry(kind: RecordType) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.kind == kind)
}

/// Every record type, in the order of the specification.
pub const ENTRIES: &[Entry] = &[
    Entry {
        kind: RecordType::LogOpen,
        when: "A month's log begins; always its first record. `log.previous` names the last month's log with its size and root.",
        outcomes: &[Ok],
        required: &["log"],
        optional: &[],
        detail: &[],
    },
    Entry {
        kind: RecordType::LogClose,
        when: "A month's log ends; its last record.",
        outcomes: &[Ok],
        required: &["log"],
        optional: &[],
        detail: &[],
    },
    Entry {
        kind: RecordType::LogHeartbeat,
        when: "Every 60 s while the gateway runs, so that silence shows.",
        outcomes: &[Ok],
        required: &[],
        optional: &["detail"],
        detail: &[
            integer("open_sessions", "sessions that are open"),
            integer(
                "pending_bytes",
                "bytes of evidence taken and not yet in the log",
            ),
            integer("tree_size", "records in the log"),
        ],
    },
    Entry {
        kind: RecordType::NodeStart,
        when: "The gateway started. What follows directly are the ends of sessions that its last run left open.",
        outcomes: &[Ok],
        required: &[],
        optional: &[],
        detail: &[],
    },
    Entry {
        kind: RecordType::NodeStop,
        when: "The gateway stopped as asked.",
        outcomes: &[Ok],
        required: &[],
        optional: &[],
        detail: &[],
    },
    Entry {
        kind: RecordType::ConfigChanged,
        when: "The configuration was reloaded, or refused.",
        outcomes: &[Ok, Failed],
        required: &[],
        optional: &["actor", "detail", "reason"],
        detail: &[
            integer("changes", "keys that differ"),
            text("config_new", "SHA-256 of the configuration from now on"),
            text("config_old", "SHA-256 of the configuration until now"),
            text(
                "diff",
                "the difference, without secrets; goes on in `diff_2`, `diff_3`, …",
            ),
            text("policy_new", "SHA-256 of the policy from now on"),
            text("policy_old", "SHA-256 of the policy until now"),
        ],
    },
    Entry {
        kind: RecordType::EvidenceFailed,
        when: "Evidence could not be written; new work is refused from here on.",
        outcomes: &[Failed],
        required: &[],
        optional: &["reason"],
        detail: &[],
    },
    Entry {
        kind: RecordType::EvidenceRecovered,
        when: "Evidence can be written again. Nothing that was acknowledged is missing.",
        outcomes: &[Ok],
        required: &[],
        optional: &["detail"],
        detail: &[integer("duration_ms", "how long it could not")],
    },
    Entry {
        kind: RecordType::ConnectionRefused,
        when: "A connection ended before it was a login, or many were turned away at once.",
        outcomes: &[Denied],
        required: &[],
        optional: &["actor", "detail", "reason", "src"],
        detail: &[
            integer("count", "how many connections this record stands for"),
            text("kind", "what was wrong, as a word"),
            text("phase", "how far the connection had come"),
        ],
    },
    Entry {
        kind: RecordType::LoginFailed,
        when: "Somebody could not prove who they are. `actor.name` is only claimed.",
        outcomes: &[Denied],
        required: &["actor", "src"],
        optional: &["detail", "reason", "target"],
        detail: &[text("method", "how it was tried")],
    },
    Entry {
        kind: RecordType::SessionDenied,
        when: "A principal may not open the resource.",
        outcomes: &[Denied],
        required: &["actor", "src"],
        optional: &["detail", "reason", "target", "verdict"],
        detail: &[
            text("credential", "the connection credential used"),
            text("provider", "who authenticated the principal"),
        ],
    },
    Entry {
        kind: RecordType::SessionStart,
        when: "A session was authorized.",
        outcomes: &[Ok],
        required: SESSION,
        optional: &["detail", "verdict"],
        detail: &[
            text("acr", "authentication context class, as the provider says"),
            text("amr", "authentication methods (RFC 8176)"),
            text("authenticated", "when the principal was authenticated, UTC"),
            text(
                "claims",
                "what else was presented and pinned: repository, workflow, run",
            ),
            text("credential", "the connection credential used"),
            text("durability", "`strict` or `buffered`"),
            text(
                "method",
                "how the principal proved who it is: `scram-sha-256`, `password`, `token` or `oauthbearer`",
            ),
            text(
                "provider",
                "who authenticated the principal: a provider or issuer of the configuration, or `operator`",
            ),
            text("settings", "what the client asked to be set at the start"),
            text("sign_in", "the sign-in that the session belongs to"),
        ],
    },
    Entry {
        kind: RecordType::SessionEnd,
        when: "A session ended, for whatever reason; its last record.",
        outcomes: &[Ok, Denied, Failed, Interrupted],
        required: SESSION,
        optional: &["detail", "reason"],
        detail: &[
            text("kind", "what went wrong, as a word"),
            integer("operations", "operations asked for"),
            text("target_tls", "TLS version and suite towards the target"),
            integer("unfinished", "operations without an outcome"),
        ],
    },
    Entry {
        kind: RecordType::OperationIntent,
        when: "An operation is about to be forwarded; durable before it is, where the resource is strict.",
        outcomes: &[Pending],
        required: SESSION_OP,
        optional: &["mask", "verdict"],
        detail: &[],
    },
    Entry {
        kind: RecordType::OperationOutcome,
        when: "How an operation ended; before its response is released, where the resource is strict.",
        outcomes: &[Ok, Denied, Failed],
        required: SESSION_OP,
        optional: &["mask", "reason"],
        detail: &[],
    },
    Entry {
        kind: RecordType::OperationError,
        when: "An error that belongs to no operation: a statement that did not parse, a message that was refused.",
        outcomes: &[Denied, Failed],
        required: SESSION_OP,
        optional: &["reason", "verdict"],
        detail: &[],
    },
    Entry {
        kind: RecordType::SegmentClosed,
        when: "A piece of the session's transcript is complete; `body` commits to its file.",
        outcomes: &[Ok],
        required: &["actor", "body", "sess", "src", "target"],
        optional: &[],
        detail: &[],
    },
    Entry {
        kind: RecordType::CancelRequested,
        when: "A client asked to cancel what a session is doing.",
        outcomes: &[Ok, Denied],
        required: &["src"],
        optional: &["actor", "detail", "reason"],
        detail: &[text("session", "the session, when the key was right")],
    },
    Entry {
        kind: RecordType::CredentialIssued,
        when: "A connection credential is handed out, or was refused.",
        outcomes: &[Ok, Denied, Failed],
        required: &["actor"],
        optional: &["detail", "reason", "src", "target"],
        detail: &[
            text("credential", "its identifier, which is no secret"),
            text("expires", "when it ends, UTC"),
            text("groups", "groups of the principal"),
            text("on_behalf_of", "for whom the principal acts"),
            text("principal", "name of the principal"),
            text("principal_iss", "issuer of the principal"),
            text("principal_kind", "kind of the principal"),
            text("principal_sub", "the issuer's name for the principal"),
            text("sign_in", "the sign-in that it belongs to"),
            text("source_networks", "networks that it may be used from"),
        ],
    },
    Entry {
        kind: RecordType::CredentialRevoked,
        when: "A connection credential is taken back.",
        outcomes: &[Ok, Failed],
        required: &["actor"],
        optional: &["detail", "reason", "src", "target"],
        detail: &[
            text("credential", "its identifier"),
            text("principal", "name of the principal"),
        ],
    },
    Entry {
        kind: RecordType::ResourceAdded,
        when: "A resource is added.",
        outcomes: &[Ok, Failed],
        required: &["actor"],
        optional: &["detail", "reason", "src", "target"],
        detail: &[
            boolean(
                "allow_cleartext",
                "the target may ask for the password in clear text",
            ),
            boolean("allow_md5", "the target may ask for the password as MD5"),
            text("durability", "`strict` or `buffered`"),
            text("labels", "its labels"),
            boolean("own_ca", "a certificate authority of its own was given"),
            text("tls", "how the target's certificate is checked"),
        ],
    },
    Entry {
        kind: RecordType::ResourceRemoved,
        when: "A resource is removed.",
        outcomes: &[Ok, Failed],
        required: &["actor"],
        optional: &["reason", "src", "target"],
        detail: &[],
    },
    Entry {
        kind: RecordType::RecordingRead,
        when: "Somebody reads a session's records or transcript.",
        outcomes: &[Ok, Denied, Failed],
        required: &["actor"],
        optional: &["detail", "reason", "src", "target"],
        detail: &[
            text("session", "the session that is read"),
            text("what", "`records` or `transcript`"),
        ],
    },
    Entry {
        kind: RecordType::IssuerKeys,
        when: "The keys of a provider or workload issuer were loaded, changed, or could not be fetched; or the gateway signs its own tokens with other keys.",
        outcomes: &[Ok, Failed],
        required: &[],
        optional: &["actor", "detail", "reason"],
        detail: &[
            text("added", "RFC 7638 thumbprints of new keys"),
            text("event", "what happened, as a word"),
            text(
                "issuer",
                "the issuer's name in the configuration, or the gateway's own URL",
            ),
            text("removed", "RFC 7638 thumbprints of keys that are gone"),
            text(
                "signs",
                "RFC 7638 thumbprint of the gateway's key that signs now",
            ),
        ],
    },
    Entry {
        kind: RecordType::SignInStarted,
        when: "Somebody signed in.",
        outcomes: &[Ok],
        required: &["actor", "src"],
        optional: &["detail"],
        detail: &[
            text("acr", "authentication context class, as the provider says"),
            text("amr", "authentication methods (RFC 8176)"),
            text("authenticated", "when, as the provider says, UTC"),
            text("client", "what was signed in to: a browser or a client"),
            text(
                "credential",
                "what a machine proved itself with: `private_key_jwt`, `client_secret`, a `delegation`, or the name of the issuer whose token it was",
            ),
            text("expires", "when the sign-in ends, UTC"),
            text("groups", "groups, after mapping"),
            text(
                "key",
                "RFC 7638 thumbprint of the key that a machine signed with",
            ),
            text("mapping", "which of the provider's groups gave which"),
            text(
                "parents",
                "the sign-ins that it ends with: the agent's and the person's",
            ),
            text("provider", "the provider's name in the configuration"),
            text("sign_in", "its identifier, which is no secret"),
            text("token", "`jti` of what a person gave to the agent"),
        ],
    },
    Entry {
        kind: RecordType::SignInFailed,
        when: "Signing in through a provider was refused, or a provider ended the sign-in of nobody who is here.",
        outcomes: &[Denied, Failed],
        required: &["src"],
        optional: &["actor", "detail", "reason"],
        detail: &[
            text("kind", "why, as a word"),
            text("provider", "the provider's name in the configuration"),
        ],
    },
    Entry {
        kind: RecordType::SignInChanged,
        when: "The groups of somebody who is signed in changed: live sessions that policy no longer allows are cut.",
        outcomes: &[Ok],
        required: &["actor"],
        optional: &["detail"],
        detail: &[
            text("cause", "what told of it"),
            text("gained", "groups that are new, after mapping"),
            text("lost", "groups that are gone, after mapping"),
            text("mapping", "which of the provider's groups gave which"),
            text("provider", "the provider's name in the configuration"),
            integer("sessions", "live sessions that were cut"),
            text("sign_in", "its identifier, which is no secret"),
        ],
    },
    Entry {
        kind: RecordType::SignInUnchecked,
        when: "A provider could not be asked whether somebody who is signed in still is who she was. Written once, until it could be asked again.",
        outcomes: &[Failed],
        required: &["actor"],
        optional: &["detail", "reason"],
        detail: &[
            text("kind", "why, as a word"),
            text("provider", "the provider's name in the configuration"),
            text("sign_in", "its identifier, which is no secret"),
        ],
    },
    Entry {
        kind: RecordType::SignInEnded,
        when: "A sign-in ended before its time: its tokens and credentials open nothing any more, and its sessions are cut. `failed`: that could not be stored yet, and is in force until then (`not_stored_yet`).",
        outcomes: &[Ok, Failed],
        required: &["actor"],
        optional: &["detail", "reason", "src"],
        detail: &[
            text(
                "cause",
                "`logout`, `provider` (it said so), `check` (it was asked; `reason` has its word), `provisioning`, `configuration`, `administrator`, `parent` (what it hung on ended) or `store` (its groups could not be stored)",
            ),
            text("principal", "name of whose sign-in it was"),
            text("principal_iss", "issuer of the principal"),
            text("principal_sub", "the issuer's name for the principal"),
            integer("sessions", "live sessions that were cut"),
            text("sign_in", "its identifier"),
        ],
    },
    Entry {
        kind: RecordType::AuthorizationGranted,
        when: "A client got a code, a token or a credential, or a device goes on towards one.",
        outcomes: &[Ok],
        required: &["src"],
        optional: &["actor", "detail"],
        detail: &[
            text("agent", "the agent that a person lets act for her"),
            text("client", "the client"),
            text("consent", "how the person agreed"),
            text("event", "what happened, as a word"),
            text("expires", "when a delegation token ends, UTC"),
            text("grant", "the grant, common to all of its tokens"),
            text("resource", "what a credential may be issued for"),
            text("scopes", "what for"),
            text("sign_in", "the sign-ins that it hangs on"),
            text("token", "`jti` of an access or delegation token"),
        ],
    },
    Entry {
        kind: RecordType::AuthorizationRefused,
        when: "A client or a device was refused.",
        outcomes: &[Denied],
        required: &["src"],
        optional: &["actor", "detail", "reason"],
        detail: &[
            text("about", "the parameter, or the token verifier's word"),
            text("client", "the client, if it is a known one"),
            text("endpoint", "where"),
            text("error", "what the client was told (RFC 6749 section 5.2)"),
            text("event", "what happened, as a word"),
            text("sign_in", "the sign-in of whoever decided"),
        ],
    },
    Entry {
        kind: RecordType::AuthorizationRevoked,
        when: "Tokens were revoked: on request, or because a code or refresh token was used twice.",
        outcomes: &[Ok],
        required: &["src"],
        optional: &["actor", "detail"],
        detail: &[
            text("because", "why, as a word"),
            text("client", "the client"),
            text("event", "what happened, as a word"),
            text("grant", "the grant whose tokens are revoked"),
            text("sign_in", "the sign-in"),
        ],
    },
    Entry {
        kind: RecordType::ProvisioningChanged,
        when: "A provisioning source changed people or groups; durable before the change is made. `failed`: it could not be stored, so what other records of the same `request` say was not done.",
        outcomes: &[Ok, Failed],
        required: &["src"],
        optional: &["detail", "reason"],
        detail: &[
            boolean("active", "whether a new user may do anything"),
            text(
                "changed",
                "names of a user's attributes that changed, without their values",
            ),
            integer("count", "members in this record"),
            text("event", "what happened, as a word"),
            text("external_id", "the source's own key of the user or group"),
            text("external_id_before", "the key that it had"),
            text("group", "the group's id"),
            text("group_name", "the group's name"),
            text("group_name_before", "the name that it had"),
            text("members", "users who came or went, as `NAME (ID)`"),
            text("provider", "the provider's name in the configuration"),
            text("request", "the request, common to all of its records"),
            text("user", "the user's id"),
            text("user_name", "the user's name for signing in"),
            text("user_name_before", "the name that it had"),
        ],
    },
    Entry {
        kind: RecordType::ProvisioningRefused,
        when: "Somebody without the right bearer token asked at a provisioning address.",
        outcomes: &[Denied],
        required: &["src"],
        optional: &["detail", "reason"],
        detail: &[text(
            "provider",
            "the provider's name in the configuration, if it is one with provisioning",
        )],
    },
    Entry {
        kind: RecordType::AdministratorOffered,
        when: "The gateway started without an administrator and made a one-time token for the first; earlier ones are void.",
        outcomes: &[Ok],
        required: &[],
        optional: &["detail"],
        detail: &[text("expires", "when the token ends, UTC")],
    },
    Entry {
        kind: RecordType::AdministratorClaimed,
        when: "Somebody entered an administrator token: it was right and is used up, or it was not.",
        outcomes: &[Ok, Denied, Failed],
        required: &["actor", "src"],
        optional: &["detail", "reason"],
        detail: &[text("sign_in", "the sign-in of whoever entered it")],
    },
    Entry {
        kind: RecordType::AdministratorRemoved,
        when: "An administrator is one no more.",
        outcomes: &[Ok, Failed],
        required: &["actor"],
        optional: &["detail", "reason", "src"],
        detail: &[
            text("principal", "name of the administrator"),
            text("principal_iss", "issuer of the administrator"),
            text("principal_sub", "the issuer's name for the administrator"),
            integer("sessions", "live sessions that were cut"),
        ],
    },
    Entry {
        kind: RecordType::FindingStanding,
        when: "Something that the configuration allows for a time and that should go; at each start and reload for as long as it is there.",
        outcomes: &[Ok],
        required: &[],
        optional: &["detail", "reason"],
        detail: &[
            integer("days_left", "whole days until its end, negative afterwards"),
            text("expires", "its end, UTC"),
            text("finding", "what it is, as a word: `static_secret`"),
            text("machine", "the machine"),
            text("owner", "who answers for it"),
        ],
    },
];
