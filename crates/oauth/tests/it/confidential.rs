//! No secret in events, errors, `Debug` or what is stored.

use std::fmt::Write as _;

use custos_oauth::cookie::{BrowserSecret, CsrfKey, SessionCookie};
use custos_oauth::{Decision, Event};

use crate::world::{
    BASE, Seen, VERIFIER, World, authorize_query, form, machine_form, parameter, poll, redeem,
    refresh, text,
};

/// What was shown, and what must not be in it.
#[derive(Default)]
struct Canary {
    shown: String,
    secrets: Vec<String>,
}

impl Canary {
    fn see(&mut self, seen: Seen) -> Seen {
        self.debug(&seen.events);
        seen
    }

    fn debug(&mut self, value: &impl std::fmt::Debug) {
        let _ = writeln!(self.shown, "{value:?}\n{value:#?}");
    }

    fn secret(&mut self, text: String) -> String {
        assert!(text.len() >= 8);
        self.secrets.push(text.clone());
        text
    }
}

#[test]
fn nothing_secret_is_shown_or_stored() {
    let mut world = World::new();
    let mut canary = Canary::default();

    let alice = world.alice;
    let outcome = world.server.authorize(authorize_query(&[]).as_bytes());
    canary.debug(&outcome);
    let request = outcome.answer.unwrap();
    let outcome = world.ask(|server, state, call| {
        canary.debug(call);
        canary.debug(state);
        server.grant_code(
            request,
            alice,
            custos_oauth::Consent::Confirmed,
            state,
            call,
        )
    });
    canary.debug(&outcome);
    let redirect = outcome.answer.unwrap();
    let code = canary.secret(parameter(redirect.location(), "code").unwrap());

    let body = form(&redeem(&code));
    let parameters = custos_oauth::Parameters::from_form(body.as_bytes()).unwrap();
    canary.debug(&parameters);
    let outcome = world.ask(|server, state, call| server.token(body.as_bytes(), state, call));
    canary.debug(&outcome);
    let custos_oauth::TokenAnswer::Token(response) = outcome.answer.unwrap() else {
        panic!("no token");
    };
    let tokens = response.json();
    let token = canary.secret(text(&tokens, "access_token"));
    let old = canary.secret(text(&tokens, "refresh_token"));
    canary.secret(VERIFIER.to_owned());
    canary.debug(&world.ask(|server, state, call| server.authenticate(&token, state, call)));

    let seen = world.token(&refresh(&old));
    let new = canary.see(seen).good();
    canary.secret(text(&new, "access_token"));
    canary.secret(text(&new, "refresh_token"));

    let started = world.start_device(&[("client_id", "custos-cli")]);
    let device = canary.see(started).good();
    let device_code = canary.secret(text(&device, "device_code"));
    let user_code = canary.secret(text(&device, "user_code"));
    let visitor = world.visitor();
    let shown = world.show(&user_code, visitor);
    canary.debug(&shown);
    let confirmation = shown.answer.unwrap().confirmation;
    let confirmation = canary.secret(confirmation.expose().to_owned());
    canary.debug(&world.server);
    canary.debug(&world.decide(&confirmation, Decision::Approve, visitor));
    let seen = world.token(&poll(&device_code));
    canary.see(seen);

    let assertion = world.assertion("backup", |_| {});
    let assertion = canary.secret(assertion);
    let seen = world.token(&machine_form("backup", &assertion));
    canary.see(seen);
    let seen = world.token(&machine_form("backup", &assertion));
    canary.see(seen);
    let seen = world.token(&refresh(&old));
    assert!(matches!(seen.events[0], Event::RefreshReused { .. }));
    canary.see(seen);

    let browser = BrowserSecret::new([9; 32]);
    let cookie =
        SessionCookie::at(&BASE.parse().unwrap()).set(&browser, std::time::Duration::from_secs(1));
    canary.debug(&browser);
    canary.debug(&browser.session());
    canary.secret(cookie["__Host-custos=".len()..][..43].to_owned());
    let key = CsrfKey::new(&[1; 32]);
    canary.debug(&key);
    let csrf = key.token(&browser.session(), [2; 16]);
    canary.debug(&csrf);
    canary.secret(csrf.expose().to_owned());

    canary.debug(&world.server);
    canary.shown.push_str(&world.memory.stored_text());
    assert!(canary.shown.len() > 10_000 && canary.secrets.len() >= 11);
    for secret in &canary.secrets {
        assert!(!canary.shown.contains(secret.as_str()), "{secret}");
    }
}
