//! Which client asks (RFC 6749 section 2.3).

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_model::Secret;

use crate::answer::TokenError;
use crate::opaque::Hash;
use crate::parameters::Parameters;
use crate::settings::Client;

/// Authenticates a client by one method: `client_secret_basic`, `client_secret_post`, or none for a public client,
/// which proves itself by PKCE. `decoy` is compared with where there is no such client.
pub(crate) fn client<'a>(
    clients: &'a BTreeMap<String, Client>,
    decoy: &Hash,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<&'a Client, TokenError> {
    let basic = basic(headers)?;
    let by_header = basic.is_some();
    if by_header && form.get("client_secret").is_some() {
        return Err(TokenError::Request("the client authenticates in two ways"));
    }
    let named = form.get("client_id");
    let (id, secret) = match &basic {
        Some((id, secret)) => (id.as_str(), Some(secret.expose())),
        None => (named.unwrap_or_default(), form.get("client_secret")),
    };
    if named.is_some_and(|named| named != id) {
        return Err(TokenError::Request("two clients are named"));
    }
    let client = clients.get(id);
    let expected = client.and_then(|client| client.secret.as_ref());
    let good = match (client.is_some() && expected.is_none(), secret) {
        (true, secret) => secret.is_none(),
        (false, secret) => {
            let expected = expected.map_or(*decoy, |expected| Hash::of(expected.expose()));
            expected.is(&Hash::of(secret.unwrap_or_default()))
        }
    };
    client
        .filter(|_| good)
        .ok_or(TokenError::Client { by_header })
}

/// Id and secret of the one `Authorization` header, each decoded from its form encoding (section 2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<(String, Secret)>, TokenError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let refused = TokenError::Client { by_header: true };
    if values.next().is_some() {
        return Err(refused);
    }
    let (scheme, text) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or(refused)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(refused);
    }
    let bytes = STANDARD.decode(text.trim()).map_err(|_| refused)?;
    let pair = String::from_utf8(bytes).map_err(|_| refused)?;
    let (id, secret) = pair.split_once(':').ok_or(refused)?;
    let decoded = decode(id).zip(decode(secret));
    let (id, secret) = decoded.ok_or(refused)?;
    Ok(Some((id, Secret::new(secret))))
}

fn decode(text: &str) -> Option<String> {
    let value = format!("v={text}");
    let mut pairs = form_urlencoded::parse(value.as_bytes());
    let (_, decoded) = pairs.next()?;
    pairs.next().is_none().then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use axum::http::header::AUTHORIZATION;
    use axum::http::{HeaderMap, HeaderValue};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use custos_model::Secret;

    use super::{TokenError, client};
    use crate::opaque::Hash;
    use crate::parameters::Parameters;
    use crate::settings::Client;

    fn asked(authorization: &[&str], form: &str) -> Result<String, TokenError> {
        let client_of = |id: &str, secret: Option<&str>| Client {
            id: id.to_owned(),
            secret: secret.map(|secret| Secret::new(secret.to_owned())),
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
        };
        let clients = [client_of("custos", Some("p:s %/+")), client_of("cli", None)];
        let clients = BTreeMap::from(clients.map(|client| (client.id.clone(), client)));
        let mut headers = HeaderMap::new();
        for pair in authorization {
            let value = format!("Basic {}", STANDARD.encode(pair));
            headers.append(AUTHORIZATION, HeaderValue::from_str(&value).unwrap());
        }
        let form = Parameters::parse(form.as_bytes()).unwrap();
        let decoy = Hash::of("decoy");
        client(&clients, &decoy, &headers, &form).map(|client| client.id.clone())
    }

    #[test]
    fn one_way_each() {
        assert_eq!(
            asked(&["custos:p%3As+%25%2F%2B"], ""),
            Ok("custos".to_owned())
        );
        assert_eq!(
            asked(&["custos:p%3As+%25%2F%2B"], "client_id=custos"),
            Ok("custos".to_owned())
        );
        let form = "client_id=custos&client_secret=p%3As+%25%2F%2B";
        assert_eq!(asked(&[], form), Ok("custos".to_owned()));
        assert_eq!(asked(&[], "client_id=cli"), Ok("cli".to_owned()));
    }

    #[test]
    fn everything_else_is_refused() {
        let header = TokenError::Client { by_header: true };
        let body = TokenError::Client { by_header: false };
        let good = "custos:p%3As+%25%2F%2B";
        for (authorization, form, error) in [
            (vec!["custos:wrong"], "", header),
            (vec!["custos:"], "", header),
            (vec!["custos"], "", header),
            (vec!["nobody:decoy2"], "", header),
            (vec!["nobody:"], "", header),
            (vec![good, good], "", header),
            (vec!["custos:a&b"], "", header),
            (vec!["cli:"], "", header),
            (vec![], "", body),
            (vec![], "client_id=custos", body),
            (vec![], "client_id=custos&client_secret=wrong", body),
            (vec![], "client_id=nobody", body),
            (vec![], "client_id=cli&client_secret=x", body),
        ] {
            assert_eq!(
                asked(&authorization, form),
                Err(error),
                "{authorization:?} {form}"
            );
        }
        for (authorization, form) in [
            (vec![good], "client_secret=x"),
            (vec![good], "client_id=cli"),
        ] {
            assert!(
                matches!(asked(&authorization, form), Err(TokenError::Request(_))),
                "{form}"
            );
        }
    }
}
