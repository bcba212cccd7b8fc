//! A provider that is configured and discovered.

use custos_jwt::{Class, ClassName, ClassRule, Issuer, IssuerKeys, Token, Verified};
use custos_model::Instant;

use crate::discovery::{Discovery, OFFLINE_ACCESS};
use crate::rejection::Rejection;
use crate::settings::{RelyingParty, Settings};

/// A provider that is configured and discovered. All that happens with it is in this type's methods; no state is
/// kept between them.
#[derive(Clone, Debug)]
pub struct Provider {
    relying_party: RelyingParty,
    discovery: Discovery,
    issuer: Issuer,
    scope: String,
}

impl Provider {
    pub(crate) fn new(
        relying_party: RelyingParty,
        discovery: Discovery,
    ) -> Result<Self, Rejection> {
        let mut logout = ClassRule::new(ClassName::LogoutToken);
        if relying_party.settings().untyped_logout_tokens {
            logout = logout.untyped();
        }
        let rules = [ClassRule::new(ClassName::IdToken), logout];
        // The issuer's length and the algorithms were checked, so the record has nothing to object to.
        let issuer = Issuer::new(discovery.issuer(), discovery.algorithms(), &[], rules)
            .map_err(|_| Rejection::DiscoveryIssuer)?;
        let mut scope = relying_party.scope().to_owned();
        let asks = relying_party.settings().offline_access && discovery.has_offline_access();
        if asks && !scope.split(' ').any(|scope| scope == OFFLINE_ACCESS) {
            scope.push(' ');
            scope.push_str(OFFLINE_ACCESS);
        }
        Ok(Self {
            relying_party,
            discovery,
            issuer,
            scope,
        })
    }

    /// What is configured.
    pub fn settings(&self) -> &Settings {
        self.relying_party.settings()
    }

    /// What the provider says of itself.
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// The record to make the provider's `custos_jwt::KeyCache` with. Tokens are judged with keys under exactly this
    /// record, so a later discovery that changes it needs a new cache.
    pub fn token_issuer(&self) -> &Issuer {
        &self.issuer
    }

    pub(crate) fn scope(&self) -> &str {
        &self.scope
    }

    /// Judges one of the provider's tokens. Keys under another record than this provider's prove nothing of it.
    pub(crate) fn verify(
        &self,
        keys: &IssuerKeys,
        token: &Token,
        class: &Class<'_>,
        now: Instant,
    ) -> Result<Verified, Rejection> {
        if keys.issuer() != &self.issuer {
            return Err(Rejection::KeysWrong);
        }
        Ok(keys.verify(token, class, now)?)
    }
}
