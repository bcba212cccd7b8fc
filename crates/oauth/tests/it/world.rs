//! A server, its state, a clock that stands still until it is moved, and clients.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;

use custos_jwt::{KeySet, Signer};
use custos_model::{Instant, PrincipalKind, SignInId};
use custos_oauth::cookie::{BrowserSecret, BrowserSession};
use custos_oauth::{
    AuthorizationServer, AuthorizeRefusal, BaseUrl, Call, Consent, Decision, DeviceConfirmation,
    DeviceRefusal, Event, KeyRing, MachineClient, MachineProof, MachineSecret, Outcome, Reason,
    Refusal, Scope, Scopes, SecretHash, State, TokenAnswer, Visitor,
};
use serde_json::{Map, Value, json};

use crate::memory::{HOUR_NS, Memory, person, principal};

pub(crate) const BASE: &str = "https://custos.example.com";
pub(crate) const CALLBACK: &str = "http://127.0.0.1:50123/callback";
/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(crate) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
pub(crate) const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
pub(crate) const CREDENTIAL: &str = "urn:custos:params:oauth:token-type:connection-credential";
pub(crate) const DELEGATION: &str = "urn:custos:params:oauth:token-type:delegation-token";
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// 32 characters, the fewest that are taken.
pub(crate) const SECRET: &str = "3q2+7wAAAAC0dGVzdC1zZWNyZXQtMDEy";

const START_NS: u64 = 1_795_232_787_000_000_000;

pub(crate) struct World {
    pub(crate) server: AuthorizationServer,
    pub(crate) memory: Memory,
    pub(crate) alice: SignInId,
    pub(crate) robot: Signer,
    pub(crate) source: Cell<IpAddr>,
    now: Cell<Instant>,
    random: RefCell<u64>,
}

/// What a client saw, and what went on record.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) reason: Option<Reason>,
    pub(crate) detail: Option<&'static str>,
    pub(crate) events: Vec<Event>,
}

impl World {
    pub(crate) fn new() -> Self {
        let base: BaseUrl = BASE.parse().unwrap();
        let key = || Signer::generate().unwrap();
        let keys = KeyRing::new(&base, key(), key(), Vec::new()).unwrap();
        let robot = key();
        let machine = |id: &str, kind| MachineClient {
            id: id.parse().unwrap(),
            proof: MachineProof::Keys(key_set(&robot)),
            principal: principal("local", id, kind),
            scopes: Scopes::new(Scope::Api, &[Scope::Postgres]),
        };
        let with_secret = |id: &str, secret| MachineClient {
            proof: MachineProof::Secret(MachineSecret {
                hash: SecretHash::of(secret),
                expires_utc_ns: START_NS + HOUR_NS,
            }),
            ..machine(id, PrincipalKind::Workload)
        };
        let clients = vec![
            machine("backup", PrincipalKind::Workload),
            machine("helper", PrincipalKind::Agent),
            with_secret("old", SECRET),
            with_secret("short", &SECRET[1..]),
        ];
        let now = Instant {
            utc_ns: START_NS,
            mono_ns: 0,
        };
        let memory = Memory::default();
        Self {
            alice: memory.sign_in(person("alice"), now, 12 * HOUR_NS),
            server: AuthorizationServer::new(base, keys, clients).unwrap(),
            memory,
            robot,
            source: Cell::new([192, 0, 2, 7].into()),
            now: Cell::new(now),
            random: RefCell::new(1),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.now.get()
    }

    pub(crate) fn pass(&self, seconds: u64) {
        let mut now = self.now.get();
        now.utc_ns += seconds * 1_000_000_000;
        now.mono_ns += seconds * 1_000_000_000;
        self.now.set(now);
    }

    /// One call of the server.
    pub(crate) fn ask<T>(
        &mut self,
        call: impl FnOnce(&mut AuthorizationServer, &State<'_>, &Call<'_>) -> T,
    ) -> T {
        let random = |bytes: &mut [u8]| fill(&mut self.random.borrow_mut(), bytes);
        let state = State {
            sign_ins: &self.memory,
            refresh_tokens: &self.memory,
            workloads: &self.memory,
        };
        let context = Call {
            now: self.now.get(),
            source: self.source.get(),
            random: &random,
        };
        call(&mut self.server, &state, &context)
    }

    pub(crate) fn token(&mut self, parameters: &[(&str, &str)]) -> Seen {
        self.token_form(&form(parameters))
    }

    pub(crate) fn token_form(&mut self, body: &str) -> Seen {
        let outcome = self.ask(|server, state, call| server.token(body.as_bytes(), state, call));
        seen(outcome, |answer| match answer {
            TokenAnswer::Token(response) => response.json(),
            TokenAnswer::Credential(decision) => json!({"decision": format!("{decision:?}")}),
        })
    }

    pub(crate) fn revoke(&mut self, parameters: &[(&str, &str)]) -> Seen {
        let body = form(parameters);
        let outcome = self.ask(|server, state, call| server.revoke(body.as_bytes(), state, call));
        seen(outcome, |()| Value::Null)
    }

    pub(crate) fn api(&mut self, token: &str) -> Seen {
        let outcome = self.ask(|server, state, call| server.authenticate(token, state, call));
        seen(
            outcome,
            |token| json!({"principal": token.principal, "scope": token.scopes.to_string()}),
        )
    }

    pub(crate) fn start_device(&mut self, parameters: &[(&str, &str)]) -> Seen {
        let body = form(parameters);
        let outcome = self.ask(|server, _, call| server.authorize_device(body.as_bytes(), call));
        seen(outcome, |answer| answer.json())
    }

    pub(crate) fn show(
        &mut self,
        typed: &str,
        visitor: Visitor,
    ) -> Outcome<DeviceConfirmation, DeviceRefusal> {
        self.ask(|server, state, call| server.show_device(typed, visitor, state, call))
    }

    pub(crate) fn decide(
        &mut self,
        confirmation: &str,
        decision: Decision,
        visitor: Visitor,
    ) -> Outcome<(), DeviceRefusal> {
        self.ask(|server, state, call| {
            server.decide_device(confirmation, decision, visitor, state, call)
        })
    }

    /// Shows and decides, as alice in her browser.
    pub(crate) fn decide_typed(&mut self, user_code: &str, decision: Decision) {
        let visitor = self.visitor();
        let shown = self.show(user_code, visitor).answer.unwrap();
        let decided = self.decide(shown.confirmation.expose(), decision, visitor);
        decided.answer.unwrap();
    }

    pub(crate) fn visitor(&self) -> Visitor {
        Visitor {
            browser: browser(1),
            sign_in: self.alice,
        }
    }

    /// The page and the redirect of a good authorization request: the code.
    pub(crate) fn code(&mut self) -> String {
        let alice = self.alice;
        let location = self.grant(&authorize_query(&[]), alice).unwrap();
        parameter(&location, "code").unwrap()
    }

    pub(crate) fn grant(
        &mut self,
        query: &str,
        sign_in: SignInId,
    ) -> Result<String, AuthorizeRefusal> {
        let request = self.server.authorize(query.as_bytes()).answer?;
        let outcome = self.ask(|server, state, call| {
            server.grant_code(request, sign_in, Consent::Confirmed, state, call)
        });
        outcome
            .answer
            .map(|redirect| redirect.location().to_owned())
    }

    /// Tokens of alice's command line.
    pub(crate) fn tokens(&mut self) -> Value {
        let code = self.code();
        self.token(&redeem(&code)).good()
    }

    pub(crate) fn access_token(&mut self) -> String {
        text(&self.tokens(), "access_token")
    }

    /// An access token of the agent `helper` for itself.
    pub(crate) fn agent_token(&mut self) -> String {
        self.machine_token("helper")
    }

    pub(crate) fn machine_token(&mut self, client: &str) -> String {
        let assertion = self.assertion(client, |_| {});
        let form = machine_form(client, &assertion);
        text(&self.token(&form).good(), "access_token")
    }

    /// A good client assertion, changed.
    pub(crate) fn assertion(
        &self,
        client: &str,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> String {
        let now = self.now.get().utc_ns / 1_000_000_000;
        let mut id = [0; 8];
        fill(&mut self.random.borrow_mut(), &mut id);
        let claims = json!({
            "iss": client, "sub": client, "aud": BASE,
            "iat": now, "exp": now + 60, "jti": format!("{:x}", u64::from_be_bytes(id)),
        });
        let Value::Object(mut claims) = claims else {
            unreachable!("an object");
        };
        change(&mut claims);
        self.robot.sign("JWT", &claims).unwrap()
    }
}

impl Seen {
    pub(crate) fn good(self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.body
    }

    /// Error and reason.
    pub(crate) fn refused(&self) -> (&str, Reason) {
        let error = self.body["error"].as_str().unwrap_or("none");
        (
            error,
            self.reason
                .unwrap_or_else(|| panic!("not refused: {self:?}")),
        )
    }

    pub(crate) fn codes(&self) -> Vec<&'static str> {
        codes(&self.events)
    }
}

pub(crate) fn codes(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(Event::code).collect()
}

pub(crate) fn seen<T>(outcome: Outcome<T>, body: impl FnOnce(T) -> Value) -> Seen {
    let refused = |refusal: &Refusal| (refusal.status(), refusal.json());
    let reason = outcome.answer.as_ref().err().map(Refusal::reason);
    let detail = outcome.answer.as_ref().err().and_then(Refusal::detail);
    let (status, body) = match outcome.answer {
        Ok(answer) => (200, body(answer)),
        Err(refusal) => refused(&refusal),
    };
    Seen {
        status,
        body,
        reason,
        detail,
        events: outcome.events,
    }
}

/// A good authorization request, with some parameters replaced, added, or (by an empty value) left out.
pub(crate) fn authorize_query(changes: &[(&str, &str)]) -> String {
    let mut parameters = vec![
        ("response_type", "code"),
        ("client_id", "custos-cli"),
        ("redirect_uri", CALLBACK),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "xyz & more"),
    ];
    replace(&mut parameters, changes);
    form(&parameters)
}

pub(crate) fn redeem(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", "custos-cli"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

pub(crate) fn refresh(token: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "refresh_token"),
        ("client_id", "custos-cli"),
        ("refresh_token", token),
    ]
}

pub(crate) fn poll(device_code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", DEVICE_CODE),
        ("client_id", "custos-cli"),
        ("device_code", device_code),
    ]
}

pub(crate) fn machine_form<'a>(client: &'a str, assertion: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
    ]
}

pub(crate) fn secret_form(secret: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "client_credentials"),
        ("client_id", "old"),
        ("client_secret", secret),
    ]
}

pub(crate) fn exchange_workload(token: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", EXCHANGE),
        ("subject_token", token),
        ("subject_token_type", JWT),
    ]
}

pub(crate) fn delegate<'a>(subject: &'a str, actor: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", EXCHANGE),
        ("subject_token", subject),
        ("subject_token_type", ACCESS_TOKEN),
        ("actor_token", actor),
        ("actor_token_type", ACCESS_TOKEN),
    ]
}

/// Parameters replaced, added, or (by an empty value) left out.
pub(crate) fn with<'a>(
    mut parameters: Vec<(&'a str, &'a str)>,
    changes: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    replace(&mut parameters, changes);
    parameters
}

fn replace<'a>(parameters: &mut Vec<(&'a str, &'a str)>, changes: &[(&'a str, &'a str)]) {
    parameters.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    parameters.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
}

pub(crate) fn form(parameters: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", escaped(value));
    parameters.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn escaped(value: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        b' ' => "+".to_owned(),
        _ => format!("%{byte:02x}"),
    };
    value.bytes().map(byte).collect()
}

/// A parameter of a redirect.
pub(crate) fn parameter(location: &str, name: &str) -> Option<String> {
    let (_, query) = location.split_once('?')?;
    let parameters = custos_oauth::Parameters::from_query(query.as_bytes()).unwrap();
    parameters.get(name).map(str::to_owned)
}

pub(crate) fn text(body: &Value, name: &str) -> String {
    let value = body[name].as_str();
    value
        .unwrap_or_else(|| panic!("no {name} in {body}"))
        .to_owned()
}

/// The claims of a token, unproved.
pub(crate) fn claims(token: &str) -> Value {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

pub(crate) fn key_set(signer: &Signer) -> KeySet {
    let set = json!({ "keys": [signer.public_jwk()] });
    KeySet::parse(set.to_string().as_bytes()).unwrap()
}

pub(crate) fn browser(number: u8) -> BrowserSession {
    BrowserSecret::new([number; 32]).session()
}

/// SplitMix64: distinct and repeatable.
pub(crate) fn fill(state: &mut u64, bytes: &mut [u8]) {
    for chunk in bytes.chunks_mut(8) {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = *state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let word = (word ^ (word >> 31)).to_le_bytes();
        chunk.copy_from_slice(&word[..chunk.len()]);
    }
}
