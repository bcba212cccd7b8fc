//! What can go wrong, for the operator and for the record. A client hears one text for all of it.

use custos_model::ResourceName;
use custos_store::{CANDIDATES_MAX, CredentialId, StoreError};

/// A credential could not be issued, listed or revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The name is not one that a client can present.
    #[error("a login name has 1 to 63 bytes and no control characters")]
    LoginName,
    /// A principal without a key.
    #[error("a principal needs an issuer, a subject and a kind other than `unknown`")]
    NotAPrincipal,
    /// Issuer, subject, groups and chain together are larger than a record may carry.
    #[error("the principal is larger than {limit_bytes} bytes as JSON")]
    PrincipalTooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The time to live is out of range.
    #[error("a connection credential lives between 1 s and 1 h")]
    TimeToLive,
    /// More networks than anybody reads.
    #[error("at most {limit} source networks can be given")]
    SourceNetworks {
        /// The limit.
        limit: usize,
    },
    /// A credential that could never be used.
    #[error("a credential that can be used is good for at least one use")]
    Uses,
    /// The sign-in is over.
    #[error("the sign-in has ended")]
    SignInEnded,
    /// There is no such resource.
    #[error("there is no resource {0}")]
    ResourceUnknown(ResourceName),
    /// As many credentials of this login name are valid as are looked at when somebody signs in.
    #[error(
        "`{login_name}` has {CANDIDATES_MAX} valid connection credentials; revoke some or wait until some expire"
    )]
    TooMany {
        /// The login name.
        login_name: String,
    },
    /// What signs certificates cannot be read.
    #[error("the key of the certificate authority in the control state is damaged")]
    AuthorityDamaged,
    /// There are no certificates for such keys.
    #[error("there are no certificates for keys of this kind")]
    KeyKind,
    /// Control state failed.
    #[error("cannot {action}")]
    Store {
        /// What was attempted.
        action: &'static str,
        /// Why not.
        #[source]
        source: StoreError,
    },
}

/// Why a sign-in was refused: for the record only.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginFailure {
    /// No credential was ever issued for the name, or all are long gone.
    #[error("unknown login name")]
    UnknownName,
    /// The secret is none of those issued for the name.
    #[error("no credential matches")]
    NoMatch,
    /// The right secret, too late.
    #[error("credential {credential} has expired")]
    Expired {
        /// Which one.
        credential: CredentialId,
    },
    /// The right secret, but it was revoked.
    #[error("credential {credential} was revoked")]
    Revoked {
        /// Which one.
        credential: CredentialId,
    },
    /// The right secret, presented as often as it may be.
    #[error("credential {credential} was used as often as it may be")]
    UsedUp {
        /// Which one.
        credential: CredentialId,
    },
    /// The right secret, but the sign-in that it belongs to has ended.
    #[error("the sign-in of credential {credential} has ended")]
    SignInEnded {
        /// Which one.
        credential: CredentialId,
    },
    /// The right secret, from a network that it is not good for.
    #[error("credential {credential} is not valid from this address")]
    WrongSource {
        /// Which one.
        credential: CredentialId,
    },
    /// Control state failed, so that nothing could be checked.
    #[error("cannot look up credentials")]
    Store(#[source] StoreError),
}

impl LoginFailure {
    /// A stable word for records and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownName => "unknown_name",
            Self::NoMatch => "no_match",
            Self::Expired { .. } => "expired",
            Self::Revoked { .. } => "revoked",
            Self::WrongSource { .. } => "wrong_source",
            Self::UsedUp { .. } => "used_up",
            Self::SignInEnded { .. } => "sign_in_ended",
            Self::Store(_) => "store",
        }
    }

    /// The credential whose secret was presented, where it was the right one.
    pub fn credential(&self) -> Option<CredentialId> {
        match self {
            Self::Expired { credential }
            | Self::Revoked { credential }
            | Self::UsedUp { credential }
            | Self::SignInEnded { credential }
            | Self::WrongSource { credential } => Some(*credential),
            Self::UnknownName | Self::NoMatch | Self::Store(_) => None,
        }
    }
}

impl IdentityError {
    pub(crate) fn store(action: &'static str) -> impl FnOnce(StoreError) -> Self {
        move |source| Self::Store { action, source }
    }
}
