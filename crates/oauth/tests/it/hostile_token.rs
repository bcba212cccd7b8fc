//! Hostile requests to the token, device authorization and revocation endpoints.

use custos_oauth::{Decision, ErrorCode, Reason};

use crate::hostile::Case;
use crate::world::{
    ACCESS_TOKEN, ASSERTION_TYPE, BASE, CREDENTIAL, DELEGATION, DEVICE_CODE, EXCHANGE, SECRET,
    Seen, VERIFIER, World, delegate, exchange_workload, form, machine_form, poll, redeem, refresh,
    secret_form, text, with,
};

macro_rules! cases {
    ($list:ident; $($name:literal: $error:ident, $reason:ident $(($detail:literal))?, $run:expr;)*) => {
        pub(crate) const $list: &[Case] = &[$(Case {
            name: $name,
            error: ErrorCode::$error,
            reason: Reason::$reason,
            detail: cases!(@detail $($detail)?),
            run: $run,
        },)*];
    };
    (@detail) => { None };
    (@detail $detail:literal) => { Some($detail) };
}

cases! { CASES;
    // The form.
    "no grant type": InvalidRequest, ParameterMissing("grant_type"), |w| redeeming(w, &[("grant_type", "")]);
    "password grant": UnsupportedGrantType, GrantType, |w| redeeming(w, &[("grant_type", "password")]);
    "code twice": InvalidRequest, ParameterRepeated, |w| { let code = w.code(); w.token_form(&format!("{}&code=x", form(&redeem(&code)))) };
    "a very long form": InvalidRequest, RequestTooLarge, |w| w.token_form(&"x".repeat(65_537));
    "a form of many parameters": InvalidRequest, TooManyParameters, |w| w.token_form(&"x=1&".repeat(33));
    "control characters": InvalidRequest, ParameterEncoding, |w| w.token_form("grant_type=a%0ab");
    "JSON for a form": InvalidRequest, ParameterEncoding, |w| w.token_form("{\"grant_type\": \"refresh_token\"}");

    // The client.
    "no client at the token endpoint": InvalidRequest, ParameterMissing("client_id"), |w| redeeming(w, &[("client_id", "")]);
    "unknown client at the token endpoint": InvalidClient, ClientUnknown, |w| redeeming(w, &[("client_id", "evil")]);
    "client secret": InvalidClient, ClientSecret, |w| redeeming(w, &[("client_secret", "x")]);
    "assertion of a public client": InvalidClient, ClientAssertionUnexpected, |w| redeeming(w, &[("client_assertion", "x")]);
    "machine without assertion": InvalidClient, ClientAssertionMissing, |w| w.token(&with(machine_form("backup", ""), &[("client_assertion", "")]));
    "no assertion type": InvalidClient, ClientAssertionType, |w| { let own = w.assertion("backup", |_| {}); w.token(&with(machine_form("backup", &own), &[("client_assertion_type", "")])) };
    "SAML assertion type": InvalidClient, ClientAssertionType, |w| { let own = w.assertion("backup", |_| {}); w.token(&with(machine_form("backup", &own), &[("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")])) };
    "assertion for the token endpoint": InvalidClient, ClientAssertionRejected("audience_wrong"), |w| asserting(w, |c| { c["aud"] = format!("{BASE}/oauth/token").into(); });
    "assertion for two audiences": InvalidClient, ClientAssertionRejected("audience_list"), |w| asserting(w, |c| { c["aud"] = vec![BASE, "https://other.example"].into(); });
    "assertion for us in a list": InvalidClient, ClientAssertionRejected("audience_list"), |w| asserting(w, |c| { c["aud"] = vec![BASE].into(); });
    "assertion of another client": InvalidClient, ClientAssertionRejected("issuer_wrong"), |w| { let other = w.assertion("helper", |_| {}); w.token(&machine_form("backup", &other)) };
    "assertion about another": InvalidClient, ClientAssertionRejected("subject_not_client"), |w| asserting(w, |c| { c["sub"] = "helper".into(); });
    "assertion with a long life": InvalidClient, ClientAssertionRejected("lives_too_long"), |w| asserting(w, |c| { c["exp"] = (c["exp"].as_u64().unwrap() + 1).into(); });
    "assertion without jti": InvalidClient, ClientAssertionRejected("claim_missing"), |w| asserting(w, |c| { c.remove("jti"); });
    "assertion that has expired": InvalidClient, ClientAssertionRejected("expired"), |w| { let own = w.assertion("backup", |_| {}); w.pass(121); w.token(&machine_form("backup", &own)) };
    "assertion twice": InvalidClient, ClientAssertionRejected("replayed"), |w| { let own = w.assertion("backup", |_| {}); w.token(&machine_form("backup", &own)).good(); w.token(&machine_form("backup", &own)) };
    "an access token as assertion": InvalidClient, ClientAssertionRejected("type_wrong"), |w| { let token = w.machine_token("backup"); w.token(&machine_form("backup", &token)) };
    "assertion with another signature": InvalidClient, ClientAssertionRejected("signature_wrong"), |w| { let own = w.assertion("backup", |_| {}); let other = w.assertion("backup", |_| {}); let cut = own.rfind('.').unwrap(); let tail = other.rfind('.').unwrap(); w.token(&machine_form("backup", &format!("{}{}", &own[..cut], &other[tail..]))) };
    "no secret": InvalidClient, ClientSecretMissing, |w| w.token(&secret_form(""));
    "wrong secret": InvalidClient, ClientSecretWrong, |w| w.token(&secret_form("x"));
    "secret of another machine": InvalidClient, ClientSecretWrong, |w| w.token(&secret_form(&SECRET[1..]));
    "short secret": InvalidClient, ClientSecretShort, |w| w.token(&with(secret_form(&SECRET[1..]), &[("client_id", "short")]));
    "secret after its end": InvalidClient, ClientSecretExpired, |w| { w.pass(3600); w.token(&secret_form(SECRET)) };
    "secret of a machine with a key": InvalidClient, ClientSecret, |w| w.token(&with(secret_form(SECRET), &[("client_id", "backup")]));
    "assertion of a machine with a secret": InvalidClient, ClientAssertionUnexpected, |w| { let own = w.assertion("old", |_| {}); w.token(&machine_form("old", &own)) };
    "assertion that is no token": InvalidClient, ClientAssertionRejected("token_parts"), |w| w.token(&machine_form("backup", "x"));
    "credentials of a public client": UnauthorizedClient, ClientGrant, |w| redeeming(w, &[("grant_type", "client_credentials")]);
    "code of a machine client": UnauthorizedClient, ClientGrant, |w| { let own = w.assertion("backup", |_| {}); w.token(&with(machine_form("backup", &own), &[("grant_type", "authorization_code")])) };
    "refresh of a client that gets no refresh token": UnauthorizedClient, ClientGrant, |w| w.token(&with(refresh("x"), &[("client_id", "custos-libpq")]));
    "machine with a scope that nobody has": InvalidScope, ScopeMalformed, |w| { let own = w.assertion("backup", |_| {}); w.token(&with(machine_form("backup", &own), &[("scope", "admin")])) };
    "token for another resource": InvalidTarget, ResourceNotOurs, |w| redeeming(w, &[("resource", "https://other.example")]);

    // Codes.
    "no code": InvalidRequest, ParameterMissing("code"), |w| redeeming(w, &[("code", "")]);
    "no redirect uri with the code": InvalidRequest, ParameterMissing("redirect_uri"), |w| redeeming(w, &[("redirect_uri", "")]);
    "no verifier": InvalidRequest, ParameterMissing("code_verifier"), |w| redeeming(w, &[("code_verifier", "")]);
    "short verifier": InvalidRequest, ParameterMalformed("code_verifier"), |w| redeeming(w, &[("code_verifier", &VERIFIER[..42])]);
    "long verifier": InvalidRequest, ParameterMalformed("code_verifier"), |w| redeeming(w, &[("code_verifier", &"x".repeat(129))]);
    "verifier with other characters": InvalidRequest, ParameterMalformed("code_verifier"), |w| redeeming(w, &[("code_verifier", &VERIFIER.replace('-', "+"))]);
    "unknown code": InvalidGrant, CodeUnknown, |w| redeeming(w, &[("code", "x")]);
    "code after a minute": InvalidGrant, CodeExpired, |w| { let code = w.code(); w.pass(60); w.token(&redeem(&code)) };
    "code a second time": InvalidGrant, CodeReused, |w| { let code = w.code(); w.token(&redeem(&code)).good(); w.token(&redeem(&code)) };
    "code with another port": InvalidGrant, CodeRedirectUri, |w| redeeming(w, &[("redirect_uri", "http://127.0.0.1:50124/callback")]);
    "code with another verifier": InvalidGrant, CodeVerifier, |w| redeeming(w, &[("code_verifier", &VERIFIER.replace('d', "e"))]);
    "code of a sign-in that ended": InvalidGrant, SignInEnded, |w| { w.pass(12 * 3600 - 30); let code = w.code(); w.pass(30); w.token(&redeem(&code)) };
    "more scope than the code has": InvalidScope, ScopeNotAllowed, |w| redeeming(w, &[("scope", "postgres")]);

    // Refresh tokens.
    "no refresh token": InvalidRequest, ParameterMissing("refresh_token"), |w| w.token(&refresh(""));
    "unknown refresh token": InvalidGrant, RefreshUnknown, |w| w.token(&refresh("x"));
    "an access token as refresh token": InvalidGrant, RefreshUnknown, |w| { let token = w.access_token(); w.token(&refresh(&token)) };
    "refresh token a second time": InvalidGrant, RefreshReused, |w| { let token = text(&w.tokens(), "refresh_token"); w.token(&refresh(&token)).good(); w.token(&refresh(&token)) };
    "refresh token after its revocation": InvalidGrant, RefreshRevoked, |w| { let token = text(&w.tokens(), "refresh_token"); w.revoke(&[("client_id", "custos-cli"), ("token", &token)]); w.token(&refresh(&token)) };
    "refresh token after its sign-in": InvalidGrant, RefreshExpired, |w| { let token = text(&w.tokens(), "refresh_token"); w.pass(12 * 3600); w.token(&refresh(&token)) };
    "refresh token with more scope": InvalidScope, ScopeNotAllowed, |w| { let token = text(&w.tokens(), "refresh_token"); w.token(&with(refresh(&token), &[("scope", "postgres")])) };

    // Device codes.
    "device authorization of an unknown client": InvalidClient, ClientUnknown, |w| w.start_device(&[("client_id", "evil")]);
    "device authorization of a machine": UnauthorizedClient, ClientGrant, |w| { let own = w.assertion("backup", |_| {}); w.start_device(&[("client_id", "backup"), ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &own)]) };
    "device authorization with another scope": InvalidScope, ScopeNotAllowed, |w| w.start_device(&[("client_id", "custos-libpq"), ("scope", "api")]);
    "device authorization for another resource": InvalidTarget, ResourceNotOurs, |w| w.start_device(&[("client_id", "custos-libpq"), ("resource", "https://x")]);
    "no device code": InvalidRequest, ParameterMissing("device_code"), |w| w.token(&poll(""));
    "unknown device code": InvalidGrant, DeviceCodeUnknown, |w| w.token(&poll("x"));
    "device code of another client": InvalidGrant, DeviceCodeOtherClient, |w| { let code = started(w).0; w.token(&with(poll(&code), &[("client_id", "custos-libpq")])) };
    "nobody has decided": AuthorizationPending, DevicePending, |w| { let code = started(w).0; w.token(&poll(&code)) };
    "polled at once": SlowDown, DeviceSlowDown, |w| { let code = started(w).0; w.token(&poll(&code)); w.pass(4); w.token(&poll(&code)) };
    "device denied": AccessDenied, DeviceDenied, |w| { let (code, user) = started(w); w.decide_typed(&user, Decision::Deny); w.token(&poll(&code)) };
    "device code after ten minutes": ExpiredToken, DeviceExpired, |w| { let code = started(w).0; w.pass(600); w.token(&poll(&code)) };
    "approved, and polled too late": ExpiredToken, DeviceExpired, |w| { let (code, user) = started(w); w.decide_typed(&user, Decision::Approve); w.pass(600); w.token(&poll(&code)) };
    "device code a second time": InvalidGrant, DeviceCodeUnknown, |w| { let (code, user) = started(w); w.decide_typed(&user, Decision::Approve); w.token(&poll(&code)).good(); w.pass(5); w.token(&poll(&code)) };
    "denied device asks again": InvalidGrant, DeviceCodeUnknown, |w| { let (code, user) = started(w); w.decide_typed(&user, Decision::Deny); w.token(&poll(&code)); w.pass(5); w.token(&poll(&code)) };
    "user code for a device code": InvalidGrant, DeviceCodeUnknown, |w| { let user = started(w).1; w.token(&poll(&user)) };

    // Revocation.
    "revocation without a token": InvalidRequest, ParameterMissing("token"), |w| w.revoke(&[("client_id", "custos-cli")]);
    "revocation by nobody": InvalidRequest, ParameterMissing("client_id"), |w| w.revoke(&[("token", "x")]);
    "revocation by another client": UnauthorizedClient, TokenOtherClient, |w| { let token = text(&w.tokens(), "refresh_token"); w.revoke(&[("client_id", "custos-libpq"), ("token", &token)]) };
    "revocation of an access token by another client": UnauthorizedClient, TokenOtherClient, |w| { let token = w.access_token(); w.revoke(&[("client_id", "custos-libpq"), ("token", &token)]) };
    "revocation by a machine without its key": InvalidClient, ClientAssertionMissing, |w| { let token = w.machine_token("backup"); w.revoke(&[("client_id", "backup"), ("token", &token)]) };
}

cases! { EXCHANGES;
    "no subject token": InvalidRequest, ParameterMissing("subject_token"), |w| exchanging(w, &[("subject_token", "")]);
    "no subject token type": InvalidRequest, ParameterMissing("subject_token_type"), |w| exchanging(w, &[("subject_token_type", "")]);
    "subject in SAML": InvalidRequest, SubjectTokenType, |w| exchanging(w, &[("subject_token_type", "urn:ietf:params:oauth:token-type:saml2")]);
    "subject is a refresh token": InvalidRequest, SubjectTokenType, |w| exchanging(w, &[("subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token")]);
    "subject of an unknown issuer": InvalidRequest, SubjectTokenRejected("issuer_unknown"), |w| exchanging(w, &[("subject_token", "evil")]);
    "workload issuer names a person": InvalidRequest, SubjectTokenRejected("not_a_machine"), |w| exchanging(w, &[("subject_token", "human:alice")]);
    "workload token as our access token": InvalidRequest, SubjectTokenRejected("token_parts"), |w| exchanging(w, &[("subject_token_type", ACCESS_TOKEN)]);
    "audience instead of resource": InvalidTarget, AudienceUnsupported, |w| exchanging(w, &[("audience", "postgres/shop")]);
    "exchange for another resource": InvalidTarget, ResourceNotOurs, |w| exchanging(w, &[("resource", "https://other.example")]);
    "exchange for a refresh token": InvalidRequest, RequestedTokenType, |w| exchanging(w, &[("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token")]);
    "exchange by an unknown client": InvalidClient, ClientUnknown, |w| exchanging(w, &[("client_id", "evil")]);
    "exchange by a client that may not": UnauthorizedClient, ClientGrant, |w| exchanging(w, &[("client_id", "custos-libpq")]);
    "exchange by a machine without its key": InvalidClient, ClientAssertionMissing, |w| exchanging(w, &[("client_id", "backup")]);
    "credential for no resource": InvalidRequest, ParameterMissing("resource"), |w| exchanging(w, &[("requested_token_type", CREDENTIAL)]);
    "credential for what is no resource": InvalidTarget, ResourceName, |w| exchanging(w, &[("requested_token_type", CREDENTIAL), ("resource", "postgres/../shop")]);
    "credential without the scope for it": InvalidScope, ScopeNotAllowed, |w| exchanging(w, &[("requested_token_type", CREDENTIAL), ("resource", "postgres/shop"), ("scope", "postgres")]);
    "workload with an actor": InvalidRequest, ActorUnexpected, |w| { let agent = w.agent_token(); exchanging(w, &[("actor_token", &agent), ("actor_token_type", ACCESS_TOKEN)]) };
    "own token without an actor": InvalidRequest, ActorMissing, |w| { let token = w.access_token(); w.token(&[("grant_type", EXCHANGE), ("subject_token", &token), ("subject_token_type", ACCESS_TOKEN)]) };
    "actor token without type": InvalidRequest, ParameterMissing("actor_token_type"), |w| delegating(w, &[("actor_token_type", "")]);
    "actor type without token": InvalidRequest, ParameterMissing("actor_token"), |w| delegating(w, &[("actor_token", "")]);
    "actor with a platform's token": InvalidRequest, ActorTokenType, |w| delegating(w, &[("actor_token_type", "urn:ietf:params:oauth:token-type:jwt")]);
    "actor with a bad token": InvalidRequest, ActorTokenRejected("token_parts"), |w| delegating(w, &[("actor_token", "x")]);
    "actor is a person": InvalidRequest, ActorNotAnAgent, |w| { let token = w.access_token(); delegating(w, &[("actor_token", &token)]) };
    "actor is a workload": InvalidRequest, ActorNotAnAgent, |w| { let token = w.machine_token("backup"); delegating(w, &[("actor_token", &token)]) };
    "actor acts for somebody already": InvalidRequest, ActorNotAnAgent, |w| { let token = text(&delegating(w, &[]).good(), "access_token"); delegating(w, &[("actor_token", &token)]) };
    "subject is a workload": InvalidRequest, SubjectNotAPerson, |w| { let token = w.machine_token("backup"); delegating(w, &[("subject_token", &token)]) };
    "subject is an agent for itself": InvalidRequest, SubjectNotAPerson, |w| { let token = w.agent_token(); delegating(w, &[("subject_token", &token)]) };
    "an agent gives on what it was given": InvalidRequest, SubjectNotAPerson, |w| { let token = text(&delegating(w, &[]).good(), "access_token"); let other = other_agent(w); w.token(&delegate(&token, &other)) };
    "a delegation for another agent": InvalidRequest, MayActOther, |w| { let given = given(w); let other = other_agent(w); w.token(&with(delegate(&given, &other), &[("subject_token_type", DELEGATION)])) };
    "a delegation without an agent": InvalidRequest, ActorMissing, |w| { let given = given(w); w.token(&[("grant_type", EXCHANGE), ("subject_token", &given), ("subject_token_type", DELEGATION)]) };
    "a delegation as access token": InvalidRequest, SubjectTokenRejected("type_wrong"), |w| { let given = given(w); delegating(w, &[("subject_token", &given)]) };
    "an access token as delegation": InvalidRequest, SubjectTokenRejected("type_wrong"), |w| delegating(w, &[("subject_token_type", DELEGATION)]);
    "a delegation as actor token": InvalidRequest, ActorTokenRejected("type_wrong"), |w| { let given = given(w); delegating(w, &[("actor_token", &given)]) };
    "a delegation with more scope": InvalidScope, ScopeNotAllowed, |w| { let given = given(w); delegating(w, &[("subject_token", &given), ("subject_token_type", DELEGATION), ("scope", "api postgres")]) };
    "delegating to nobody": InvalidRequest, ParameterMissing("may_act"), |w| giving(w, &[("may_act", "")]);
    "delegating to an unknown agent": InvalidRequest, MayActNotAnAgent, |w| giving(w, &[("may_act", "evil")]);
    "delegating to a service": InvalidRequest, MayActNotAnAgent, |w| giving(w, &[("may_act", "backup")]);
    "delegating to the command line": InvalidRequest, MayActNotAnAgent, |w| giving(w, &[("may_act", "custos-cli")]);
    "delegating for no time": InvalidRequest, ParameterMalformed("expires_in"), |w| giving(w, &[("expires_in", "0")]);
    "delegating for too long": InvalidRequest, ParameterMalformed("expires_in"), |w| giving(w, &[("expires_in", "43201")]);
    "delegating for a word": InvalidRequest, ParameterMalformed("expires_in"), |w| giving(w, &[("expires_in", "-1")]);
    "a machine delegates": InvalidRequest, SubjectNotAPerson, |w| { let token = w.machine_token("backup"); giving(w, &[("subject_token", &token)]) };
    "a platform's token delegates": InvalidRequest, SubjectNotAPerson, |w| giving(w, &[("subject_token", "workload:a"), ("subject_token_type", crate::world::JWT), ("client_id", "custos-workload")]);
    "an agent delegates for its person": InvalidRequest, SubjectNotAPerson, |w| { let token = text(&delegating(w, &[]).good(), "access_token"); giving(w, &[("subject_token", &token)]) };
    "delegating with an actor": InvalidRequest, ActorUnexpected, |w| { let agent = w.agent_token(); giving(w, &[("actor_token", &agent), ("actor_token_type", ACCESS_TOKEN)]) };
    "delegating with a token for postgres only": InvalidRequest, SubjectTokenRejected("scope_not_allowed"), |w| { let libpq = libpq_token(w); giving(w, &[("subject_token", &libpq)]) };
    "subject after sign-out": InvalidRequest, SubjectTokenRejected("token_revoked"), |w| { let (subject, agent) = (w.access_token(), w.agent_token()); let alice = w.alice; custos_oauth::SignIns::end(&w.memory, alice, w.now()).unwrap(); w.token(&delegate(&subject, &agent)) };
    "subject that has expired": InvalidRequest, SubjectTokenRejected("expired"), |w| { let subject = w.access_token(); w.pass(911); let agent = w.agent_token(); w.token(&delegate(&subject, &agent)) };
    "subject that is good for postgres only": InvalidRequest, SubjectTokenRejected("scope_not_allowed"), |w| { let (agent, libpq) = (w.agent_token(), libpq_token(w)); w.token(&delegate(&libpq, &agent)) };
    "delegation with more scope": InvalidScope, ScopeNotAllowed, |w| delegating(w, &[("scope", "api postgres")]);
}

fn redeeming(world: &mut World, changes: &[(&str, &str)]) -> Seen {
    let code = world.code();
    world.token(&with(redeem(&code), changes))
}

fn asserting(
    world: &mut World,
    change: fn(&mut serde_json::Map<String, serde_json::Value>),
) -> Seen {
    let assertion = world.assertion("backup", change);
    world.token(&machine_form("backup", &assertion))
}

fn exchanging(world: &mut World, changes: &[(&str, &str)]) -> Seen {
    world.token(&with(exchange_workload("workload:shop-ci"), changes))
}

fn delegating(world: &mut World, changes: &[(&str, &str)]) -> Seen {
    let (subject, agent) = (world.access_token(), world.agent_token());
    world.token(&with(delegate(&subject, &agent), changes))
}

/// Another agent than `helper`, by its platform's token.
fn other_agent(world: &mut World) -> String {
    let seen = world.token(&exchange_workload("agent:other"));
    text(&seen.good(), "access_token")
}

fn giving(world: &mut World, changes: &[(&str, &str)]) -> Seen {
    let subject = world.access_token();
    let form = [
        ("grant_type", EXCHANGE),
        ("client_id", "custos-cli"),
        ("subject_token", subject.as_str()),
        ("subject_token_type", ACCESS_TOKEN),
        ("requested_token_type", DELEGATION),
        ("may_act", "helper"),
    ];
    world.token(&with(form.to_vec(), changes))
}

/// Alice's delegation token for `helper`.
fn given(world: &mut World) -> String {
    text(&giving(world, &[]).good(), "access_token")
}

pub(crate) fn started(world: &mut World) -> (String, String) {
    let body = world.start_device(&[("client_id", "custos-cli")]).good();
    (text(&body, "device_code"), text(&body, "user_code"))
}

pub(crate) fn libpq_token(world: &mut World) -> String {
    let body = world.start_device(&[("client_id", "custos-libpq")]).good();
    world.decide_typed(&text(&body, "user_code"), Decision::Approve);
    let device_code = text(&body, "device_code");
    let form = [
        ("grant_type", DEVICE_CODE),
        ("client_id", "custos-libpq"),
        ("device_code", device_code.as_str()),
    ];
    text(&world.token(&form).good(), "access_token")
}
