//! Requests, approvals, grants, and the keys of those who approve (ADR 15).

use super::{DetailMember, Entry, integer, text};
use crate::record_type::{RecordOutcome, RecordType};
use RecordOutcome::{Denied, Failed, Interrupted, Ok, Pending};

const REQUEST: DetailMember = text("request", "the request");
const APPROVAL: DetailMember = text("approval", "the approval's own id");
const JUSTIFICATION: DetailMember = text("justification", "why, in the person's own words");
const KEY: DetailMember = text(
    "key",
    "SHA-256 fingerprint of the approver's public key, as OpenSSH writes it",
);
const METHOD: DetailMember = text("method", "`ssh`, `webauthn` or `attested`");
const ISSUER: DetailMember = text("issuer", "issuer of the approver");
const SUBJECT: DetailMember = text("subject", "the issuer's name for the approver");
const PUBLIC_KEY: DetailMember = text(
    "public_key",
    "an OpenSSH public key without comment, or of a passkey its SubjectPublicKeyInfo in base64url",
);

/// Members that most of them may have.
const COMMON: &[&str] = &["actor", "approval", "detail", "reason", "src", "target"];
/// The same where the actor must be known.
const BY_SOMEBODY: &[&str] = &["approval", "detail", "reason", "src", "target"];

pub(super) const OPERATION_APPROVED: Entry = Entry {
    kind: RecordType::OperationApproved,
    when: "People agreed to an operation that was held, and everything was checked again; durable before it is forwarded. `approval` names the request, the commitment over what will be forwarded, and the approvals.",
    outcomes: &[Ok],
    required: &["actor", "approval", "op", "sess", "src", "target"],
    optional: &[],
    detail: &[],
};

pub(super) const REQUEST_OPENED: Entry = Entry {
    kind: RecordType::RequestOpened,
    when: "Somebody asks people to agree: to an operation that is held, or to a grant; or a grant without agreement begins, and its review is asked for.",
    outcomes: &[Pending],
    required: &["actor"],
    optional: &["approval", "detail", "reason", "src", "target", "verdict"],
    detail: &[
        text("expires", "until when it can be approved, UTC"),
        JUSTIFICATION,
        text("kind", "`operation`, `grant` or `break_glass`"),
        integer("operation", "the operation's number in its session"),
        text("policy", "SHA-256 of the policy that asks for approval"),
        text("reason", "why it must be asked for, as the rules say"),
        REQUEST,
        integer("seconds", "how long a grant is to hold"),
        text("session", "the session of the operation"),
        text("ticket", "a ticket elsewhere"),
        text("verbs", "what is to be done"),
    ],
};

pub(super) const REQUEST_JUSTIFIED: Entry = Entry {
    kind: RecordType::RequestJustified,
    when: "Whoever asked said why, before anybody decided.",
    outcomes: &[Ok],
    required: &["actor"],
    optional: BY_SOMEBODY,
    detail: &[JUSTIFICATION, REQUEST],
};

pub(super) const REQUEST_NOTIFIED: Entry = Entry {
    kind: RecordType::RequestNotified,
    when: "Approvers were told of a request through a channel, or could not be.",
    outcomes: &[Ok, Failed],
    required: &[],
    optional: COMMON,
    detail: &[
        integer("attempts", "how often it was tried"),
        text("channel", "the channel's name in the configuration"),
        text("event", "what they were told of, as a word"),
        REQUEST,
    ],
};

pub(super) const REQUEST_VIEWED: Entry = Entry {
    kind: RecordType::RequestViewed,
    when: "Somebody looked at a request with what it is about.",
    outcomes: &[Ok, Denied],
    required: &["actor"],
    optional: BY_SOMEBODY,
    detail: &[REQUEST],
};

pub(super) const REQUEST_ESCALATED: Entry = Entry {
    kind: RecordType::RequestEscalated,
    when: "Nobody decided in time: from now on others may as well.",
    outcomes: &[Ok],
    required: &[],
    optional: COMMON,
    detail: &[REQUEST, text("to", "the group that may decide from now on")],
};

pub(super) const REQUEST_ENDED: Entry = Entry {
    kind: RecordType::RequestEnded,
    when: "A request is over: nothing can be decided on it any more.",
    outcomes: &[Ok, Denied, Failed, Interrupted],
    required: &[],
    optional: COMMON,
    detail: &[
        text(
            "ending",
            "`executed`, `granted`, `reviewed`, `denied`, `expired`, `withdrawn`, `refused` or `restarted`",
        ),
        REQUEST,
    ],
};

pub(super) const APPROVAL_DECIDED: Entry = Entry {
    kind: RecordType::ApprovalDecided,
    when: "An approver agreed (`ok`) or did not (`denied`). The statement, and the signature over it, are in `approvals/`.",
    outcomes: &[Ok, Denied],
    required: &["actor"],
    optional: BY_SOMEBODY,
    detail: &[
        APPROVAL,
        text("decision", "`approve` or `deny`"),
        JUSTIFICATION,
        KEY,
        METHOD,
        REQUEST,
        text("sign_in", "the approver's sign-in"),
        text("signature_sha256", "SHA-256 of the signature's file"),
        text("statement_sha256", "SHA-256 of the statement's file"),
    ],
};

pub(super) const APPROVAL_REFUSED: Entry = Entry {
    kind: RecordType::ApprovalRefused,
    when: "A decision was not taken: it does not count, or is not well signed.",
    outcomes: &[Denied],
    required: &[],
    optional: COMMON,
    detail: &[text("code", "why, as a stable code"), REQUEST],
};

pub(super) const APPROVAL_VOIDED: Entry = Entry {
    kind: RecordType::ApprovalVoided,
    when: "An approval that was taken counts no more.",
    outcomes: &[Denied],
    required: &[],
    optional: COMMON,
    detail: &[APPROVAL, REQUEST],
};

pub(super) const GRANT_STARTED: Entry = Entry {
    kind: RecordType::GrantStarted,
    when: "A grant begins; its id is the request's. `approval.by` names the approvals; one of kind `break_glass` has none.",
    outcomes: &[Ok],
    required: &["actor"],
    optional: BY_SOMEBODY,
    detail: &[
        JUSTIFICATION,
        text("kind", "`operation`, `grant` or `break_glass`"),
        REQUEST,
        text("rules", "the rules that it satisfies"),
        text("until", "when it ends, UTC"),
    ],
};

pub(super) const GRANT_ENDED: Entry = Entry {
    kind: RecordType::GrantEnded,
    when: "A grant ended; what went on under it alone is cut.",
    outcomes: &[Ok],
    required: &[],
    optional: COMMON,
    detail: &[
        text(
            "ending",
            "`time`, `session`, `job`, `revoked`, `policy`, `review` or `key`",
        ),
        REQUEST,
        integer("sessions", "live sessions that were cut"),
    ],
};

pub(super) const REVIEW_OVERDUE: Entry = Entry {
    kind: RecordType::ReviewOverdue,
    when: "Nobody reviewed a grant without agreement by the time that they had for it.",
    outcomes: &[Failed],
    required: &[],
    optional: COMMON,
    detail: &[text("due", "by when, UTC"), REQUEST],
};

pub(super) const APPROVER_REQUESTED: Entry = Entry {
    kind: RecordType::ApproverRequested,
    when: "Somebody proved to have a key and asks that it be hers for approving.",
    outcomes: &[Pending],
    required: &["actor"],
    optional: BY_SOMEBODY,
    detail: &[
        text("approver", "the enrolment's own id"),
        KEY,
        METHOD,
        PUBLIC_KEY,
    ],
};

pub(super) const APPROVER_ENROLLED: Entry = Entry {
    kind: RecordType::ApproverEnrolled,
    when: "An operator or administrator (`actor`) accepted an approver's key: from now on it signs for her.",
    outcomes: &[Ok],
    required: &["actor"],
    optional: BY_SOMEBODY,
    detail: &[
        text("approver", "the enrolment's own id"),
        text("credential_id", "the passkey's identifier, in base64url"),
        ISSUER,
        KEY,
        METHOD,
        text("name", "name of the approver"),
        text("origin", "the origin that the passkey signs for"),
        PUBLIC_KEY,
        text("rp_id", "the relying party that the passkey is of"),
        SUBJECT,
    ],
};

pub(super) const APPROVER_REVOKED: Entry = Entry {
    kind: RecordType::ApproverRevoked,
    when: "An approver's key signs for her no more.",
    outcomes: &[Ok],
    required: &["actor"],
    optional: BY_SOMEBODY,
    detail: &[ISSUER, KEY, SUBJECT],
};
