//! A provider that listens, its clients and its people.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use custos_dev_provider::{Client, Provider, SEED_BYTES, ServeError, Settings, seeded};
use custos_jwt::{
    Algorithm, Class, ClassName, ClassRule, Issuer, IssuerKeys, KeySet, Nonce, Rejection, Signer,
    Token, Verified,
};
use custos_model::{Clock, Instant, Secret};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client::{Answer, Browser, form, query, request, send};

pub(crate) const CALLBACK: &str = "http://127.0.0.1:7001/oidc/dev/callback";
pub(crate) const OTHER_CALLBACK: &str = "http://127.0.0.1:7002/callback";
pub(crate) const CLI_CALLBACK: &str = "http://127.0.0.1:7003/callback?from=dev";
pub(crate) const SIGNED_OUT: &str = "http://127.0.0.1:7001/signed-out";
pub(crate) const BACK_CHANNEL: &str = "http://127.0.0.1:7001/oidc/dev/backchannel-logout";
pub(crate) const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters.~";
pub(crate) const CUSTOS: (&str, &str) = ("custos", "secret of custos: 1");
pub(crate) const OTHER: (&str, &str) = ("other", "secret of other");

/// Stands still unless told.
pub(crate) struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn now(&self) -> Instant {
        let mono_ns = self.0.load(Ordering::SeqCst);
        Instant {
            utc_ns: 1_795_000_000_000_000_000 + mono_ns,
            mono_ns,
        }
    }
}

pub(crate) struct World {
    pub(crate) provider: Provider,
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: JoinSet<Result<(), ServeError>>,
    clock: Arc<TestClock>,
    passwords: BTreeMap<String, Secret>,
}

fn random(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).unwrap();
}

fn client(id: &str, secret: Option<&str>, callback: &str) -> Client {
    Client {
        id: id.to_owned(),
        secret: secret.map(|secret| Secret::new(secret.to_owned())),
        redirect_uris: vec![callback.to_owned()],
        post_logout_redirect_uris: Vec::new(),
        backchannel_logout_uri: None,
    }
}

pub(crate) fn settings(issuer: &str, clock: Arc<TestClock>) -> Settings {
    let mut seed = [0; SEED_BYTES];
    random(&mut seed);
    let custos = Client {
        post_logout_redirect_uris: vec![SIGNED_OUT.to_owned()],
        backchannel_logout_uri: Some(BACK_CHANNEL.to_owned()),
        ..client(CUSTOS.0, Some(CUSTOS.1), CALLBACK)
    };
    Settings {
        issuer: issuer.to_owned(),
        clients: vec![
            custos,
            client(OTHER.0, Some(OTHER.1), OTHER_CALLBACK),
            client("cli", None, CLI_CALLBACK),
        ],
        people: seeded(&seed),
        signer: Signer::generate().unwrap(),
        clock,
        random: Arc::new(random),
    }
}

pub(crate) fn clock() -> Arc<TestClock> {
    Arc::new(TestClock(AtomicU64::new(1)))
}

impl World {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clock = clock();
        let settings = settings(&format!("http://{address}"), Arc::clone(&clock));
        let people = settings.people.iter();
        let passwords = people.map(|person| (person.name.clone(), person.password.clone()));
        let passwords = passwords.collect();
        let provider = Provider::new(settings).unwrap();
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        tasks.spawn(provider.clone().serve(listener, stop.clone()));
        Self {
            provider,
            address,
            stop,
            tasks,
            clock,
            passwords,
        }
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock
            .0
            .fetch_add(seconds * 1_000_000_000, Ordering::SeqCst);
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    pub(crate) fn password(&self, name: &str) -> &str {
        self.passwords[name].expose()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.browser().get(path).await
    }

    /// Signs in on the page that `asked` leads to.
    pub(crate) async fn sign_in(&self, browser: &mut Browser, asked: &Asked, name: &str) -> Answer {
        let page = browser.get(&asked.path()).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let (ticket, password) = (page.ticket(), self.password(name));
        let fields = [
            ("ticket", ticket.as_str()),
            ("name", name),
            ("password", password),
        ];
        browser.post("/sign-in", &fields).await
    }

    /// A code for the client custos.
    pub(crate) async fn code(&self, browser: &mut Browser, name: &str) -> String {
        let answer = self.sign_in(browser, &Asked::good(), name).await;
        answer.parameter(CALLBACK, "code").unwrap()
    }

    pub(crate) async fn redeem(&self, code: &str) -> Answer {
        self.token(CUSTOS, &redemption(code)).await
    }

    /// Tokens of a new sign-in with a refresh token.
    pub(crate) async fn tokens(&self, browser: &mut Browser, name: &str) -> serde_json::Value {
        let asked = Asked::good().with("scope", "openid offline_access");
        let answer = self.sign_in(browser, &asked, name).await;
        let code = answer.parameter(CALLBACK, "code").unwrap();
        let answer = self.redeem(&code).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()
    }

    /// By `client_secret_basic`.
    pub(crate) async fn token(
        &self,
        (id, secret): (&str, &str),
        fields: &[(&str, &str)],
    ) -> Answer {
        let encode = |text: &str| query(&[("", text)])[1..].to_owned();
        let pair = STANDARD.encode(format!("{}:{}", encode(id), encode(secret)));
        let mut request = form(self.address, "/token", fields);
        let value = format!("Basic {pair}").parse().unwrap();
        request.headers_mut().insert(AUTHORIZATION, value);
        send(self.address, request).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.token(CUSTOS, &fields).await
    }

    pub(crate) async fn userinfo(&self, token: &str) -> Answer {
        let mut request = request(axum::http::Method::GET, self.address, "/userinfo");
        let value = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert(AUTHORIZATION, value);
        send(self.address, request).await
    }

    /// Judges a token as the gateway does, with the keys that are published.
    pub(crate) async fn verify(
        &self,
        token: &str,
        class: &Class<'_>,
    ) -> Result<Verified, Rejection> {
        let keys = self.get("/keys").await;
        let keys = KeySet::parse(keys.body.as_bytes()).unwrap();
        let rules = [ClassName::IdToken, ClassName::LogoutToken].map(ClassRule::new);
        let issuer = Issuer::new(&self.issuer(), &[Algorithm::Es256], &[], rules).unwrap();
        let token = Token::parse(token.as_bytes()).unwrap();
        IssuerKeys::configured(issuer, keys).verify(&token, class, self.clock.now())
    }
}

pub(crate) fn redemption(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

pub(crate) fn id_token<'a>(client_id: &'a str, nonce: &'a str, access_token: &'a str) -> Class<'a> {
    Class::IdToken {
        client_id,
        nonce: Nonce::Login(nonce),
        access_token: Some(access_token),
        max_auth_age: Some(std::time::Duration::from_mins(10)),
    }
}

/// An authorization request.
#[derive(Clone)]
pub(crate) struct Asked(BTreeMap<&'static str, String>);

impl Asked {
    pub(crate) fn good() -> Self {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
        let parameters = [
            ("client_id", CUSTOS.0),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid profile email groups"),
            ("state", "state & of=custos"),
            ("nonce", "nonce-1"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        Self(
            parameters
                .map(|(name, value)| (name, value.to_owned()))
                .into(),
        )
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.0.insert(name, value.to_owned());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    pub(crate) fn path(&self) -> String {
        let pairs: Vec<(&str, &str)> = self
            .0
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        format!("/authorize?{}", query(&pairs))
    }
}
