//! Who is asking: sign-ins, and connection credentials, the short secrets that stock clients present as a password.
//!
//! A sign-in is one authenticated presence of a principal. A credential is bound to one principal and one resource, lives for
//! at most an hour and never longer than the sign-in that it was issued under. Only what is needed to check it
//! is stored. Clients prove it by SCRAM-SHA-256, without sending it, or as a plain password inside TLS.
//!
//! Machines present their platform's own token instead ([`Workloads`]), verified with the issuer's keys ([`Keyring`]).
//!
//! **Invariant**: what a client can observe does not depend on whether a login name exists, nor on why it was refused. Names of
//! workloads are configuration and no secret.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod authority_key;
mod authorization;
mod certificate_authority;
mod check;
mod credentials;
mod device_sign_in;
mod error;
mod host_authority;
mod issue;
mod key_change;
mod keyring;
mod oidc_provider;
mod own_groups;
mod own_issuer;
mod saml_provider;
mod sign_ins;
mod signing_keys;
mod workloads;

pub use authorization::{JudgedToken, SignInsOfCall, StoredRefreshTokens};
pub use certificate_authority::{
    CertificateAuthority, CertificateFailure, IssuedCertificate, PresentedCertificate,
};
pub use check::Login;
pub use credentials::{CredentialState, CredentialSummary, Credentials, ScramParameters};
pub use custos_store::{CredentialId, SourceNetwork};
pub use custos_store::{SignInsOf, StoredProviderSession, StoredSignIn};
pub use device_sign_in::{DeviceSignIn, DeviceSignInFailure};
pub use error::{IdentityError, LoginFailure};
pub use host_authority::HostAuthority;
pub use issue::{IssueRequest, Issued, SOURCE_NETWORKS_MAX, TTL_MAX, TTL_MIN};
pub use key_change::{KeyChange, KeyChangeKind, SigningKey, SigningKeyState};
pub use keyring::{KeyLocation, Keyring};
pub use oidc_provider::{OidcCheck, OidcProvider, OidcSignIn, ProviderFailure};
pub use own_groups::{ADMINISTRATORS, give_own_groups};
pub use own_issuer::{BearerFailure, OwnIssuer};
pub use saml_provider::{
    GroupsAttribute, MetadataAddress, MetadataEvent, SamlBegun, SamlFailure, SamlLogout,
    SamlMapping, SamlMetadata, SamlProvider, SamlSettings,
};
pub use sign_ins::{NewSignIn, SIGN_IN_MAX, SignInEnd, SignIns};
pub use signing_keys::{SigningKeysError, open_signing_keys};
pub use workloads::{
    ClaimError, ClaimValue, TokenFailure, Workload, WorkloadError, WorkloadIssuer, WorkloadKind,
    WorkloadLogin, Workloads,
};
