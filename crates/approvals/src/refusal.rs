//! Why something is refused, for whoever asked and for the record.

use custos_evidence::EvidenceError;
use custos_identity::IdentityError;
use custos_store::StoreError;

macro_rules! refusals {
    ($($variant:ident = $code:literal, $text:literal;)+) => {
        /// A refusal. Its code is stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Refusal {
            $(#[doc = $text] $variant,)+
        }

        impl Refusal {
            /// The word for programs and records.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
        }

        impl std::fmt::Display for Refusal {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(match self { $(Self::$variant => $text,)+ })
            }
        }

        impl std::error::Error for Refusal {}
    };
}

refusals! {
    NotFound = "no_such_request", "there is no such request, or it is not yours to see";
    Ended = "ended", "the request has ended";
    Expired = "expired", "the request has expired";
    Requester = "requester", "whoever asks, and for whom, cannot decide; nor can anyone of the same name";
    NotHuman = "not_human", "only people decide, each for herself";
    NotInGroup = "not_in_group", "you are in no group that decides on this";
    OutsideHours = "outside_hours", "approvals of this do not count at this time";
    AlreadyDecided = "already_decided", "you have decided on this already";
    Unjustified = "unjustified", "nobody has said yet why this is asked for, so it cannot be approved";
    NoReason = "no_reason", "a decision needs a justification, of 1024 bytes at most";
    NotAttested = "not_attested", "a decision on this needs a signature by your own key";
    UnknownKey = "unknown_key", "that key is not enrolled for you, or was revoked";
    KeyKind = "key_kind", "keys of this kind cannot be enrolled: take Ed25519, ECDSA on P-256, RSA of at most 4096 bits, or a security key";
    OtherOrigin = "other_origin", "a passkey must be one of this gateway's own web address";
    KeyTaken = "key_taken", "that key is enrolled already";
    OwnKey = "own_key", "nobody accepts a key of her own";
    OtherStatement = "other_statement", "this is not the statement that was made for you to sign, or the request has changed since";
    WrongSignature = "wrong_signature", "the signature does not fit";
    OtherOperation = "other_operation", "what would run is not what was approved";
    OtherPolicy = "other_policy", "the policy has changed since it was asked for";
    NotEnough = "not_enough", "approvals that were given do not count any more";
    AlreadyVoted = "already_voted", "somebody has decided already, so the justification stays as it is";
    NotNeeded = "not_needed", "policy allows this without a request";
    EachStatement = "each_statement", "policy wants an approval for each statement; just run it, and it waits for approval";
    Denied = "denied", "policy does not allow this, with whatever approval";
    TooLong = "too_long", "that is longer than the rule allows";
    TooMany = "too_many", "there are too many open requests";
    TooLarge = "too_large", "the operation is too large for people to read, so it cannot be approved";
    NoBreakGlass = "no_break_glass", "no rule lets you take this without approval";
    Malformed = "malformed", "that could not be read";
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalsError {
    /// It is refused.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// Evidence cannot be written.
    #[error("record an approval")]
    Evidence(#[from] EvidenceError),
    /// The control database failed.
    #[error("keep a request")]
    Store(#[from] StoreError),
    /// Sign-ins could not be looked up.
    #[error("look up an approver")]
    Identity(#[from] IdentityError),
    /// What is kept cannot be read, or written.
    #[error("read what is kept of {what}")]
    Damaged {
        /// Of what.
        what: String,
    },
}

impl ApprovalsError {
    /// The refusal, if it is one.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused(refusal) => Some(*refusal),
            _ => None,
        }
    }
}
