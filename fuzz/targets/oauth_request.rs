//! Conversations with the authorization server, one request in a line: `ENDPOINT PARAMETERS`.
//!
//! `$code`, `$device`, `$user`, `$page`, `$refresh` and `$access` stand for what the server gave out last, so that
//! requests get past the first check.
#![no_main]

#[path = "../../crates/oauth/tests/it/memory.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod memory;

use std::cell::Cell;
use std::collections::BTreeMap;

use custos_jwt::Signer;
use custos_model::{Instant, SignInId};
use custos_oauth::cookie::BrowserSecret;
use custos_oauth::{
    AuthorizationServer, AuthorizeRefusal, Call, Consent, Decision, Event, GrantId, GrantType,
    KeyRing, Refusal, State, TokenAnswer, Visitor,
};
use libfuzzer_sys::fuzz_target;
use memory::{HOUR_NS, Memory, person};

const BASE: &str = "https://custos.example.com";
const MAX_LINES: usize = 24;

fuzz_target!(|data: &[u8]| {
    let mut talk = Talk::new();
    for line in data.split(|byte| *byte == b'\n').take(MAX_LINES) {
        talk.line(line);
    }
});

struct Talk {
    server: AuthorizationServer,
    memory: Memory,
    alice: SignInId,
    now: Instant,
    random: Cell<u64>,
    /// What was given out last, by the name that stands for it.
    given: BTreeMap<&'static str, String>,
    /// Everything that was given out and is secret.
    secrets: Vec<String>,
    /// Tokens that codes and device codes were redeemed for.
    redeemed: BTreeMap<GrantId, u32>,
}

impl Talk {
    fn new() -> Self {
        let base: custos_oauth::BaseUrl = BASE.parse().unwrap();
        let key = || Signer::generate().unwrap();
        let keys = KeyRing::new(&base, key(), key(), Vec::new()).unwrap();
        let now = Instant {
            utc_ns: 1_795_232_787_000_000_000,
            mono_ns: 0,
        };
        let memory = Memory::default();
        Self {
            server: AuthorizationServer::new(base, keys, Vec::new()).unwrap(),
            alice: memory.sign_in(person("alice"), now, 12 * HOUR_NS),
            memory,
            now,
            random: Cell::new(1),
            given: BTreeMap::new(),
            secrets: Vec::new(),
            redeemed: BTreeMap::new(),
        }
    }

    fn line(&mut self, line: &[u8]) {
        let (endpoint, rest) = match line.iter().position(|byte| *byte == b' ') {
            Some(space) => (&line[..space], &line[space + 1..]),
            None => (line, [].as_slice()),
        };
        let request = self.filled_in(rest);
        let events = match endpoint {
            b"authorize" => self.authorize(&request),
            b"token" => self.token(&request),
            b"device" => self.device(&request),
            b"show" => self.show(&request),
            b"approve" => self.decide(&request, Decision::Approve),
            b"deny" => self.decide(&request, Decision::Deny),
            b"revoke" => self.revoke(&request),
            b"api" => self.api(&request),
            b"wait" => self.wait(request.len()),
            _ => Vec::new(),
        };
        self.check(&events);
    }

    fn filled_in(&self, request: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = request;
        while let Some((first, after)) = rest.split_first() {
            let found = self.given.iter().find_map(|(name, value)| {
                rest.strip_prefix(name.as_bytes())
                    .map(|after| (value, after))
            });
            if let Some((value, after)) = found {
                out.extend_from_slice(value.as_bytes());
                rest = after;
            } else {
                out.push(*first);
                rest = after;
            }
        }
        out
    }

    fn ask<T>(
        &mut self,
        request: impl FnOnce(&mut AuthorizationServer, &State<'_>, &Call<'_>) -> T,
    ) -> T {
        let random = |bytes: &mut [u8]| {
            for chunk in bytes.chunks_mut(8) {
                let word = self.random.get().wrapping_mul(0x9e37_79b9_7f4a_7c15);
                self.random.set(self.random.get() + 1);
                chunk.copy_from_slice(&word.to_be_bytes()[..chunk.len()]);
            }
        };
        let state = State {
            sign_ins: &self.memory,
            refresh_tokens: &self.memory,
            workloads: &self.memory,
        };
        let call = Call {
            now: self.now,
            source: [192, 0, 2, 7].into(),
            random: &random,
        };
        request(&mut self.server, &state, &call)
    }

    fn give(&mut self, name: &'static str, value: &str) {
        self.secrets.push(value.to_owned());
        self.given.insert(name, value.to_owned());
    }

    fn wait(&mut self, seconds: usize) -> Vec<Event> {
        self.now.utc_ns += seconds as u64 * 1_000_000_000;
        self.now.mono_ns += seconds as u64 * 1_000_000_000;
        Vec::new()
    }

    fn authorize(&mut self, query: &[u8]) -> Vec<Event> {
        let outcome = self.server.authorize(query);
        let request = match outcome.answer {
            Ok(request) => request,
            Err(refusal) => {
                sent_back(&refusal);
                return outcome.events;
            }
        };
        assert!(is_loopback(request.redirect_uri().as_str()));
        let alice = self.alice;
        let outcome = self.ask(|server, state, call| {
            server.grant_code(request, alice, Consent::Confirmed, state, call)
        });
        match outcome.answer {
            Ok(redirect) => {
                let (to, query) = redirect.location().split_once('?').unwrap();
                assert!(is_loopback(to));
                let parameters = custos_oauth::Parameters::from_query(query.as_bytes()).unwrap();
                assert_eq!(parameters.get("iss"), Some(BASE));
                self.give("$code", parameters.get("code").unwrap());
            }
            Err(refusal) => sent_back(&refusal),
        }
        outcome.events
    }

    fn token(&mut self, body: &[u8]) -> Vec<Event> {
        let outcome = self.ask(|server, state, call| server.token(body, state, call));
        match outcome.answer {
            Err(refusal) => is_worded(&refusal),
            Ok(TokenAnswer::Credential(decision)) => {
                assert!(decision.expires_utc_ns > self.now.utc_ns);
            }
            Ok(TokenAnswer::Token(response)) => {
                let json = response.json();
                let token = json["access_token"].as_str().unwrap().to_owned();
                let good = self.ask(|server, state, call| server.authenticate(&token, state, call));
                assert_eq!(
                    good.answer.unwrap().scopes.to_string(),
                    json["scope"].as_str().unwrap()
                );
                self.give("$access", &token);
                if let Some(refresh) = json["refresh_token"].as_str() {
                    self.give("$refresh", refresh);
                }
            }
        }
        outcome.events
    }

    fn device(&mut self, body: &[u8]) -> Vec<Event> {
        let outcome = self.ask(|server, _, call| server.authorize_device(body, call));
        match outcome.answer {
            Ok(answer) => {
                let json = answer.json();
                self.give("$device", json["device_code"].as_str().unwrap());
                self.give("$user", json["user_code"].as_str().unwrap());
            }
            Err(refusal) => is_worded(&refusal),
        }
        outcome.events
    }

    fn visitor(&self) -> Visitor {
        Visitor {
            browser: BrowserSecret::new([1; 32]).session(),
            sign_in: self.alice,
        }
    }

    fn show(&mut self, typed: &[u8]) -> Vec<Event> {
        let (typed, visitor) = (String::from_utf8_lossy(typed), self.visitor());
        let outcome =
            self.ask(|server, state, call| server.show_device(&typed, visitor, state, call));
        if let Ok(shown) = outcome.answer {
            self.give("$page", shown.confirmation.expose());
        }
        outcome.events
    }

    fn decide(&mut self, page: &[u8], decision: Decision) -> Vec<Event> {
        let (page, visitor) = (String::from_utf8_lossy(page), self.visitor());
        let outcome = self
            .ask(|server, state, call| server.decide_device(&page, decision, visitor, state, call));
        outcome.events
    }

    fn revoke(&mut self, body: &[u8]) -> Vec<Event> {
        let outcome = self.ask(|server, state, call| server.revoke(body, state, call));
        if let Err(refusal) = &outcome.answer {
            is_worded(refusal);
        }
        outcome.events
    }

    fn api(&mut self, token: &[u8]) -> Vec<Event> {
        let token = String::from_utf8_lossy(token);
        let outcome = self.ask(|server, state, call| server.authenticate(&token, state, call));
        if outcome.answer.is_ok() {
            assert!(
                self.secrets.iter().any(|given| *given == token),
                "a token that nobody was given"
            );
        }
        outcome.events
    }

    fn check(&mut self, events: &[Event]) {
        let shown = format!("{events:?}");
        assert!(
            self.secrets
                .iter()
                .all(|secret| !shown.contains(secret.as_str())),
            "{shown}"
        );
        for event in events {
            if let Event::TokenIssued(issued) = event
                && matches!(
                    issued.grant_type,
                    GrantType::AuthorizationCode | GrantType::DeviceCode
                )
            {
                let count = self.redeemed.entry(issued.grant).or_insert(0);
                *count += 1;
                assert_eq!(*count, 1, "redeemed twice");
            }
        }
    }
}

fn sent_back(refusal: &AuthorizeRefusal) {
    match refusal {
        AuthorizeRefusal::Page(refusal) => is_worded(refusal),
        AuthorizeRefusal::Redirect { to, .. } => {
            let (to, query) = to.location().split_once('?').unwrap();
            assert!(is_loopback(to) && query.starts_with("error="));
        }
    }
}

fn is_worded(refusal: &Refusal) {
    assert!((400..=599).contains(&refusal.status()));
    assert_eq!(refusal.json()["error"], refusal.error().as_str());
}

fn is_loopback(uri: &str) -> bool {
    let rest = uri
        .strip_prefix("http://127.0.0.1:")
        .or_else(|| uri.strip_prefix("http://[::1]:"));
    let port = rest.and_then(|rest| rest.strip_suffix("/callback"));
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}
