//! What a start means for sign-ins of before: each is held against the configuration as it is now.

use custos_identity::{IdentityError, StoredSignIn};
use custos_model::PrincipalKind;

use crate::console::{Console, Provider};
use crate::end::Cause;

/// What becomes of a sign-in.
#[derive(Debug, PartialEq, Eq)]
enum Held {
    Good,
    /// It goes on with the groups of the gateway that the provider's give now.
    Regrouped(Vec<String>),
    Ends,
}

impl Console {
    /// Ends sign-ins whose provider is gone from the configuration, and those of machines, which begin anew by themselves
    /// with the key that they have now; and puts `[[group]]` in force for all others. Done before anybody connects, and
    /// blocks for the store.
    pub async fn settle_configured(&self) -> Result<(), IdentityError> {
        for sign_in in self.live_sign_ins(|_| true)? {
            match self.held(&sign_in) {
                Held::Good => {}
                Held::Regrouped(given) => {
                    if let Err(error) = self.regroup(&sign_in, &given, "configuration").await {
                        tracing::error!(%error, "a change of groups could not be put on record");
                    }
                }
                Held::Ends => {
                    self.end_sign_in(&sign_in, Cause::Configuration, None, None)
                        .await;
                }
            }
        }
        Ok(())
    }

    /// The sign-ins that are good by their own time, as far as they are `meant`. Blocks.
    pub(crate) fn live_sign_ins(
        &self,
        meant: impl Fn(&StoredSignIn) -> bool,
    ) -> Result<Vec<StoredSignIn>, IdentityError> {
        let now = self.now();
        let mut all = self.sign_ins.list()?;
        all.retain(|one| one.is_live(now.utc_ns) && meant(one));
        Ok(all)
    }

    fn held(&self, sign_in: &StoredSignIn) -> Held {
        let principal = &sign_in.principal;
        if !sign_in.parents.is_empty() {
            // It lives as long as they do.
            return Held::Good;
        }
        if principal.kind != PrincipalKind::Human {
            let platform = self.services.workloads.expects_token(&principal.name);
            return if platform { Held::Good } else { Held::Ends };
        }
        let provider = &sign_in.authentication.provider;
        let known = match self.provider(provider).map(|web| &web.provider) {
            Some(Provider::OpenId(openid)) => openid.provider.issuer() == principal.issuer,
            // Nobody knows who the provider is only where its metadata were never read from this address.
            Some(Provider::Saml(saml)) => saml.issuer().as_ref() == Some(&principal.issuer),
            None => false,
        };
        if !known {
            return Held::Ends;
        }
        let namespace = format!("{provider}:");
        let given = principal.groups.iter();
        let given = given.filter(|group| group.starts_with(&namespace));
        Held::Regrouped(given.cloned().collect())
    }
}
