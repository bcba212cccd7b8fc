//! The way back to a client.

use form_urlencoded::Serializer;

/// A registered redirect URI and the client's own state.
#[derive(Clone)]
pub(crate) struct Redirect {
    pub(crate) uri: String,
    pub(crate) state: Option<String>,
}

impl Redirect {
    /// An authorization response: `state`, and `iss` against mix-up (RFC 9207), in errors too.
    pub(crate) fn answer(&self, issuer: &str, pairs: &[(&str, &str)]) -> String {
        let iss = [("iss", issuer)];
        self.url(pairs.iter().chain(&iss).copied())
    }

    /// After a logout there is nothing to say but `state`.
    pub(crate) fn plain(&self) -> String {
        self.url([])
    }

    fn url<'a>(&'a self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        let query = Serializer::new(String::new())
            .extend_pairs(pairs.into_iter().chain(state))
            .finish();
        let uri = &self.uri;
        match (query.is_empty(), uri.contains('?')) {
            (true, _) => uri.clone(),
            (false, true) => format!("{uri}&{query}"),
            (false, false) => format!("{uri}?{query}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Redirect;

    #[test]
    fn what_a_client_sent_stays_a_value() {
        let mut redirect = Redirect {
            uri: "http://127.0.0.1:1/cb".to_owned(),
            state: Some("a&iss=http://evil#x y".to_owned()),
        };
        assert_eq!(
            redirect.answer("http://127.0.0.1:9", &[("code", "c")]),
            "http://127.0.0.1:1/cb?code=c&iss=http%3A%2F%2F127.0.0.1%3A9&\
             state=a%26iss%3Dhttp%3A%2F%2Fevil%23x+y"
        );
        redirect.uri.push_str("?tenant=1");
        redirect.state = Some("s".to_owned());
        assert_eq!(redirect.plain(), "http://127.0.0.1:1/cb?tenant=1&state=s");
        redirect.state = None;
        assert_eq!(redirect.plain(), "http://127.0.0.1:1/cb?tenant=1");
    }
}
