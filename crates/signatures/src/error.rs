//! Why a key or a signature is refused.

/// Why a key or a signature is refused. Nothing of what came is repeated in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not a key of its type, in its one spelling, or a point that is not on the curve.
    #[error("the key is malformed")]
    KeyMalformed,
    /// An SSH certificate: what signs here is the key itself.
    #[error("certificates are not taken, only keys")]
    KeyCertificate,
    /// A type of key or an algorithm that is not taken.
    #[error("keys of this type are not taken")]
    KeyUnsupported,
    /// An RSA key outside 2048 to 8192 bits, or with an exponent that is even, 1, or longer than four bytes.
    #[error("it is an RSA key of a size that is not taken")]
    KeyRsaSize,
    /// An Ed25519 point of small order: anybody can make signatures that verify under it.
    #[error("the key is weak: anybody could sign for it")]
    KeyWeak,
    /// An SSH security key whose application does not begin with `ssh:` (PROTOCOL.u2f).
    #[error("the security key is not for SSH")]
    KeyApplication,
    /// A passkey whose origin is not an HTTPS one (or `http://localhost`) of its relying party.
    #[error("the origin of the passkey does not belong to its relying party")]
    KeyOrigin,
    /// The signature is an assertion and the key an SSH key, or the other way around.
    #[error("the signature is not of this kind of key")]
    MethodWrong,
    /// More than [`crate::MAX_ARMOR_BYTES`] or [`crate::MAX_ASSERTION_BYTES`].
    #[error("the signature is too long")]
    TooLong,
    /// Not an armored SSHSIG as `ssh-keygen` writes it, alone in its file.
    #[error("the signature is not one that `ssh-keygen -Y sign` writes")]
    ArmorMalformed,
    /// Another version of SSHSIG than 1.
    #[error("this version of SSH signatures is not known")]
    VersionUnknown,
    /// Signed by another key than the enrolled one.
    #[error("the signature was made with another key")]
    KeyOther,
    /// Signed for another purpose.
    #[error("the signature was made for another purpose")]
    NamespaceWrong,
    /// The reserved member of the SSHSIG holds something.
    #[error("the signature has something in a reserved place")]
    ReservedUsed,
    /// The signature's algorithm is not one of the key's.
    #[error("the signature's algorithm is not one of the key")]
    AlgorithmWrong,
    /// Nobody touched the security key or the authenticator.
    #[error("nobody touched the key")]
    PresenceMissing,
    /// The authenticator did not ask for a PIN, a finger or a face.
    #[error("the authenticator did not verify its user")]
    UserNotVerified,
    /// The signature is not the key's over this statement.
    #[error("the signature is wrong")]
    SignatureWrong,
    /// Not the JSON of a public key credential with an assertion.
    #[error("the assertion is malformed")]
    AssertionMalformed,
    /// The assertion is another credential's.
    #[error("the assertion was made with another passkey")]
    CredentialOther,
    /// Not the JSON that a browser signs, or a member of it twice.
    #[error("the client data of the assertion are malformed")]
    ClientDataMalformed,
    /// Not `webauthn.get`.
    #[error("the client data are not those of an assertion")]
    ClientDataType,
    /// The challenge is not that of this statement.
    #[error("the assertion is about something else")]
    ChallengeWrong,
    /// Made on another site.
    #[error("the assertion was made on another site")]
    OriginWrong,
    /// Made in a frame on somebody else's page.
    #[error("the assertion was made inside somebody else's page")]
    CrossOrigin,
    /// Not the 37 bytes of an assertion without extensions, or flags that contradict each other.
    #[error("the authenticator data of the assertion are malformed")]
    AuthenticatorDataMalformed,
    /// The authenticator signed for another relying party.
    #[error("the assertion was made for another relying party")]
    RelyingPartyWrong,
}

impl SignatureError {
    /// The word in records. Never changes its meaning.
    pub fn code(self) -> &'static str {
        match self {
            Self::KeyMalformed => "key_malformed",
            Self::KeyCertificate => "key_certificate",
            Self::KeyUnsupported => "key_unsupported",
            Self::KeyRsaSize => "key_rsa_size",
            Self::KeyWeak => "key_weak",
            Self::KeyApplication => "key_application",
            Self::KeyOrigin => "key_origin",
            Self::MethodWrong => "method_wrong",
            Self::TooLong => "too_long",
            Self::ArmorMalformed => "armor_malformed",
            Self::VersionUnknown => "version_unknown",
            Self::KeyOther => "key_other",
            Self::NamespaceWrong => "namespace_wrong",
            Self::ReservedUsed => "reserved_used",
            Self::AlgorithmWrong => "algorithm_wrong",
            Self::PresenceMissing => "presence_missing",
            Self::UserNotVerified => "user_not_verified",
            Self::SignatureWrong => "signature_wrong",
            Self::AssertionMalformed => "assertion_malformed",
            Self::CredentialOther => "credential_other",
            Self::ClientDataMalformed => "client_data_malformed",
            Self::ClientDataType => "client_data_type",
            Self::ChallengeWrong => "challenge_wrong",
            Self::OriginWrong => "origin_wrong",
            Self::CrossOrigin => "cross_origin",
            Self::AuthenticatorDataMalformed => "authenticator_data_malformed",
            Self::RelyingPartyWrong => "relying_party_wrong",
        }
    }
}
