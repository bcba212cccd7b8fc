//! Telling the provider that somebody signs out (RP-Initiated Logout 1.0).

use custos_model::Secret;

use crate::form;
use crate::provider::Provider;

impl Provider {
    /// Where to send the browser of somebody who signs out, so that the session at the provider ends too. `None`
    /// where the provider has no such endpoint. `return_uri` is one that is registered there. The URL holds the
    /// identity token, as the specification asks, so it belongs to no log.
    pub fn logout_url(
        &self,
        id_token: &Secret,
        return_uri: Option<&str>,
        state: Option<&str>,
    ) -> Option<Secret> {
        let endpoint = self.discovery().end_session_endpoint()?;
        let always = [
            ("id_token_hint", id_token.expose()),
            ("client_id", self.settings().client_id.as_str()),
        ];
        let sometimes = [("post_logout_redirect_uri", return_uri), ("state", state)];
        let asked = sometimes
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let query = form::write(always.into_iter().chain(asked));
        Some(Secret::new(endpoint.with_query(&query)))
    }
}
