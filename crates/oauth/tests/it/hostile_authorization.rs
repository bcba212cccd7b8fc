//! Hostile requests to the authorization endpoint.

use custos_oauth::{AuthorizeRefusal, ErrorCode, Reason};
use serde_json::json;

use crate::hostile::Case;
use crate::world::{BASE, CALLBACK, CHALLENGE, Seen, VERIFIER, World, authorize_query, parameter};

macro_rules! cases {
    ($($name:literal: $error:ident, $reason:ident $(($detail:literal))?, $query:expr;)*) => {
        pub(crate) const CASES: &[Case] = &[$(Case {
            name: $name,
            error: ErrorCode::$error,
            reason: Reason::$reason,
            detail: cases!(@detail $($detail)?),
            run: |world| asked(world, &$query),
        },)*];
    };
    (@detail) => { None };
    (@detail $detail:literal) => { Some($detail) };
}

fn changed(name: &str, value: &str) -> String {
    authorize_query(&[(name, value)])
}

fn twice(name: &str, value: &str) -> String {
    format!("{}&{name}={value}", authorize_query(&[]))
}

cases! {
    // A page, never a redirect.
    "unknown client": InvalidClient, ClientUnknown, changed("client_id", "evil");
    "client id in another case": InvalidClient, ClientUnknown, changed("client_id", "Custos-cli");
    "no client": InvalidRequest, ParameterMissing("client_id"), changed("client_id", "");
    "client twice": InvalidRequest, ParameterRepeated, twice("client_id", "custos-cli");
    "no redirect uri": InvalidRequest, ParameterMissing("redirect_uri"), changed("redirect_uri", "");
    "redirect uri twice": InvalidRequest, ParameterRepeated, twice("redirect_uri", "http://evil.example");
    "redirect to another host": InvalidRequest, RedirectUri, changed("redirect_uri", "https://evil.example/callback");
    "redirect with user info": InvalidRequest, RedirectUri, changed("redirect_uri", "http://127.0.0.1:1@evil.example/callback");
    "redirect to localhost": InvalidRequest, RedirectUri, changed("redirect_uri", "http://localhost:50123/callback");
    "redirect with another path": InvalidRequest, RedirectUri, changed("redirect_uri", "http://127.0.0.1:50123/");
    "redirect with a query": InvalidRequest, RedirectUri, changed("redirect_uri", "http://127.0.0.1:50123/callback?x=1");
    "redirect with a fragment": InvalidRequest, RedirectUri, changed("redirect_uri", "http://127.0.0.1:50123/callback#x");
    "redirect by javascript": InvalidRequest, RedirectUri, changed("redirect_uri", "javascript:alert(1)");
    "redirect with https on loopback": InvalidRequest, RedirectUri, changed("redirect_uri", "https://127.0.0.1:50123/callback");
    "a device client with a redirect": InvalidRequest, RedirectUri, changed("client_id", "custos-libpq");
    "a machine client with a redirect": InvalidRequest, RedirectUri, changed("client_id", "backup");
    "line break in the redirect": InvalidRequest, ParameterEncoding, changed("redirect_uri", "http://127.0.0.1:1/callback\r\nSet-Cookie: x=1");
    "bad escape": InvalidRequest, ParameterEncoding, format!("{}&x=%zz", authorize_query(&[]));
    "not UTF-8": InvalidRequest, ParameterEncoding, format!("{}&x=%ff", authorize_query(&[]));
    "a very long query": InvalidRequest, RequestTooLarge, format!("{}&x={}", authorize_query(&[]), "y".repeat(8192));
    "very many parameters": InvalidRequest, TooManyParameters, format!("{}{}", authorize_query(&[]), "&x=1".repeat(40));

    // Back to the client.
    "unknown parameter twice": InvalidRequest, ParameterRepeated, format!("{}&x=1&x=2", authorize_query(&[]));
    "scope twice": InvalidRequest, ParameterRepeated, format!("{}&scope=api&scope=api", authorize_query(&[]));
    "state twice": InvalidRequest, ParameterRepeated, twice("state", "other");
    "challenge twice": InvalidRequest, ParameterRepeated, twice("code_challenge", CHALLENGE);
    "state with other characters": InvalidRequest, ParameterMalformed("state"), changed("state", "\u{e4}");
    "state that is too long": InvalidRequest, ParameterMalformed("state"), changed("state", &"x".repeat(1025));
    "no response type": InvalidRequest, ParameterMissing("response_type"), changed("response_type", "");
    "implicit grant": UnsupportedResponseType, ResponseType, changed("response_type", "token");
    "hybrid flow": UnsupportedResponseType, ResponseType, changed("response_type", "code id_token");
    "fragment response": InvalidRequest, ResponseMode, changed("response_mode", "fragment");
    "request object": RequestNotSupported, RequestObject, changed("request", "eyJhbGciOiJub25lIn0.e30.");
    "request by reference": RequestUriNotSupported, RequestUri, changed("request_uri", "https://evil.example/r");
    "no challenge": InvalidRequest, ChallengeMissing, changed("code_challenge", "");
    "no challenge method, which means plain": InvalidRequest, ChallengeMethod, changed("code_challenge_method", "");
    "plain challenge": InvalidRequest, ChallengeMethod, changed("code_challenge_method", "plain");
    "challenge method in another case": InvalidRequest, ChallengeMethod, changed("code_challenge_method", "s256");
    "short challenge": InvalidRequest, ChallengeMalformed, changed("code_challenge", &CHALLENGE[..42]);
    "padded challenge": InvalidRequest, ChallengeMalformed, changed("code_challenge", &format!("{CHALLENGE}="));
    "challenge in standard base64": InvalidRequest, ChallengeMalformed, changed("code_challenge", &CHALLENGE.replace('-', "+"));
    "challenge with stray bits": InvalidRequest, ChallengeMalformed, changed("code_challenge", &format!("{}N", &CHALLENGE[..42]));
    "unknown scope": InvalidScope, ScopeMalformed, changed("scope", "openid");
    "another client's scope": InvalidScope, ScopeNotAllowed, changed("scope", "api postgres");
    "scope with two spaces": InvalidScope, ScopeMalformed, changed("scope", "api  api");
    "another resource": InvalidTarget, ResourceNotOurs, changed("resource", "https://other.example");
    "our resource with a slash": InvalidTarget, ResourceNotOurs, changed("resource", &format!("{BASE}/"));
    "nobody is signed in": AccessDenied, SignInNotLive, changed("custom", "sign-in gone");
}

/// The request as alice makes it. In the last case her sign-in ends while she looks at the page.
fn asked(world: &mut World, query: &str) -> Seen {
    if query.contains("sign-in+gone") {
        world.pass(12 * 3600);
    }
    let alice = world.alice;
    let outcome = world.server.authorize(query.as_bytes());
    let (refusal, events) = match outcome.answer {
        Err(refusal) => (refusal, outcome.events),
        Ok(request) => {
            let granted = world.ask(|server, state, call| {
                let consent = custos_oauth::Consent::Confirmed;
                server.grant_code(request, alice, consent, state, call)
            });
            match granted.answer {
                Err(refusal) => (refusal, granted.events),
                Ok(_) => panic!("a code for {query}"),
            }
        }
    };
    let reason = Some(refusal.refusal().reason());
    let detail = refusal.refusal().detail();
    let (status, body) = match &refusal {
        AuthorizeRefusal::Page(refusal) => (refusal.status(), refusal.json()),
        AuthorizeRefusal::Redirect { to, refusal } => {
            let location = to.location();
            check_redirect(location, query);
            let error = refusal.error().as_str();
            (303, json!({"error": error, "redirect": location}))
        }
    };
    Seen {
        status,
        body,
        reason,
        detail,
        events,
    }
}

/// Errors too go to the client's own URI, with `iss` and the state as it came.
fn check_redirect(location: &str, query: &str) {
    assert!(
        location.starts_with(&format!("{CALLBACK}?error=")),
        "{location}"
    );
    assert_eq!(parameter(location, "iss").as_deref(), Some(BASE));
    assert_eq!(parameter(location, "code"), None);
    let echoed = parameter(location, "state");
    if query.matches("state=").count() == 1 && query.contains("state=xyz") {
        assert_eq!(echoed.as_deref(), Some("xyz & more"));
    } else {
        assert_eq!(echoed, None);
    }
}

#[test]
fn an_unknown_client_or_redirect_is_never_redirected_to() {
    let pages = CASES
        .iter()
        .take_while(|case| case.name != "unknown parameter twice");
    let mut checked = 0;
    for case in pages {
        let seen = (case.run)(&mut World::new());
        assert!(seen.body.get("redirect").is_none(), "{}", case.name);
        checked += 1;
    }
    assert_eq!(checked, 21);
}

#[test]
fn a_verifier_is_no_challenge_for_itself() {
    let mut world = World::new();
    let alice = world.alice;
    let query = authorize_query(&[("code_challenge", VERIFIER)]);
    // 43 characters of base64url are a hash as far as anybody can tell; it is met by nothing that is known.
    let location = world.grant(&query, alice).unwrap();
    let code = parameter(&location, "code").unwrap();
    let seen = world.token(&crate::world::redeem(&code));
    assert_eq!(seen.refused(), ("invalid_grant", Reason::CodeVerifier));
}
