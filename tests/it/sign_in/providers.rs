//! Real OpenID providers, in this process.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant as StdInstant;

use custos_dev_provider::{Client, Person, Provider, SEED_BYTES, Settings, seeded};
use custos_jwt::Signer;
use custos_model::{Clock, Instant};
use custos_testkit::{Browser, PATIENCE, now_utc, wait_for};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// A provider with alice, bob, carol and dan.
pub(crate) struct TestProvider {
    pub(crate) name: String,
    pub(crate) issuer: String,
    gateway: String,
    people: Vec<Person>,
    clock: Arc<TestClock>,
    provider: Provider,
    stop: CancellationToken,
    runtime: Runtime,
}

/// A clock that can be wrong.
struct TestClock {
    started: StdInstant,
    ahead_seconds: AtomicI64,
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        let seconds = self.ahead_seconds.load(Ordering::Relaxed);
        let utc_ns = now_utc().as_nanos() as u64;
        Instant {
            utc_ns: utc_ns.saturating_add_signed(seconds * 1_000_000_000),
            mono_ns: self.started.elapsed().as_nanos() as u64,
        }
    }
}

impl TestProvider {
    pub(crate) fn start(name: &str, gateway: &str) -> Self {
        let listener = listener();
        let issuer = format!("http://{}", listener.local_addr().expect("it is bound"));
        let provider = Self::new(name, gateway, issuer);
        provider.serve(listener);
        provider
    }

    fn serve(&self, listener: std::net::TcpListener) {
        let (served, stop) = (self.provider.clone(), self.stop.clone());
        self.runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("it is a listener");
            served.serve(listener, stop).await
        });
    }

    /// Nobody listens there any more.
    pub(crate) fn stop(&mut self) {
        self.stop.cancel();
        wait_for("the provider to be down", PATIENCE, || {
            TcpStream::connect(self.address()).is_err().then_some(())
        });
    }

    /// It is there again, and knows what it knew.
    pub(crate) fn start_again(&mut self) {
        self.stop = CancellationToken::new();
        let listener = self
            .runtime
            .block_on(TcpListener::bind(self.address()))
            .expect("the port is still free");
        self.serve(listener.into_std().expect("it is a listener"));
    }

    fn address(&self) -> &str {
        self.issuer.trim_start_matches("http://")
    }

    pub(crate) fn set_enabled(&self, name: &str, enabled: bool) {
        let set = self.provider.set_enabled(name, enabled);
        set.expect("the provider knows them");
    }

    pub(crate) fn set_groups(&self, name: &str, groups: &[&str]) {
        let groups: Vec<String> = groups.iter().map(|&group| group.to_owned()).collect();
        let set = self.provider.set_groups(name, &groups);
        set.expect("the provider knows them");
    }

    /// One whose issuer is the address of something that stands before it. Returns the port that it listens on itself.
    pub(crate) fn behind(name: &str, gateway: &str, issuer: String) -> (Self, u16) {
        let provider = Self::new(name, gateway, issuer);
        let port = provider.serve_behind();
        (provider, port)
    }

    #[expect(clippy::disallowed_methods, reason = "this is a provider's own clock")]
    fn new(name: &str, gateway: &str, issuer: String) -> Self {
        let mut seed = [0; SEED_BYTES];
        random(&mut seed);
        let people = seeded(&seed);
        let clock = Arc::new(TestClock {
            started: StdInstant::now(),
            ahead_seconds: AtomicI64::new(0),
        });
        let provider = with_new_keys(name, gateway, &issuer, &people, &clock);
        Self {
            name: name.to_owned(),
            issuer,
            gateway: gateway.to_owned(),
            people,
            clock,
            provider,
            stop: CancellationToken::new(),
            runtime: Runtime::new().expect("a runtime can be made"),
        }
    }

    /// The same people with other keys, on a port of its own that is returned. The one before goes on as it was.
    pub(crate) fn rotate_keys(&mut self) -> u16 {
        self.provider = with_new_keys(
            &self.name,
            &self.gateway,
            &self.issuer,
            &self.people,
            &self.clock,
        );
        self.serve_behind()
    }

    fn serve_behind(&self) -> u16 {
        let listener = listener();
        let port = listener.local_addr().expect("it is bound").port();
        let router = self.provider.router();
        self.runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("it is a listener");
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).await
        });
        port
    }

    /// Sets its clock wrong; a negative number is in the past.
    pub(crate) fn set_clock_ahead(&self, seconds: i64) {
        self.clock.ahead_seconds.store(seconds, Ordering::Relaxed);
    }

    /// As the gateway's configuration has it.
    pub(crate) fn settings(&self) -> String {
        self.settings_without_groups() + "groups_claim = \"groups\"\n"
    }

    /// The same, with no groups of its own.
    pub(crate) fn settings_without_groups(&self) -> String {
        let Self { name, issuer, .. } = self;
        format!(
            "\n[[provider]]\nname = \"{name}\"\nissuer = \"{issuer}\"\nclient_id = \"custos\"\n\
             allow_networks = [\"127.0.0.0/8\"]\n"
        )
    }

    pub(crate) fn password(&self, name: &str) -> String {
        let mut people = self.people.iter();
        let person = people
            .find(|person| person.name == name)
            .expect("the provider knows them");
        person.password.expose().to_owned()
    }

    /// Signs somebody in at the provider and returns where it sends the browser, without going there.
    pub(crate) fn answer_for(&self, name: &str, asked: &str) -> String {
        let mut browser = Browser::new();
        browser.open(asked);
        let password = self.password(name);
        browser.submit_without_following(&[("name", name), ("password", &password)])
    }

    /// The provider ends somebody's sessions and says so to the gateway.
    pub(crate) fn log_out(&self, name: &str) {
        self.log_out_answered(name, 200);
    }

    /// The same; the status that the gateway answers.
    pub(crate) fn log_out_answered(&self, name: &str, status: u16) {
        let notices = self
            .provider
            .logout_tokens(name)
            .expect("somebody is there");
        assert!(!notices.is_empty(), "nobody is signed in");
        for notice in notices {
            let form = format!("logout_token={}", notice.token.expose());
            let page = Browser::new().post(&notice.uri, &form);
            assert_eq!(page.status, status, "{}", page.body);
        }
    }
}

/// A free port of loopback.
fn listener() -> std::net::TcpListener {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener
        .set_nonblocking(true)
        .expect("a socket can be set so");
    listener
}

fn with_new_keys(
    name: &str,
    gateway: &str,
    issuer: &str,
    people: &[Person],
    clock: &Arc<TestClock>,
) -> Provider {
    Provider::new(Settings {
        issuer: issuer.to_owned(),
        clients: vec![Client {
            id: "custos".to_owned(),
            secret: None,
            redirect_uris: vec![format!("{gateway}/oidc/{name}/callback")],
            post_logout_redirect_uris: vec![format!("{gateway}/signed-out")],
            backchannel_logout_uri: Some(format!("{gateway}/oidc/{name}/backchannel-logout")),
        }],
        people: people.to_vec(),
        signer: Signer::generate().expect("a key can be made"),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        random: Arc::new(random),
    })
    .expect("the settings are good")
}

fn random(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).expect("the system gives random bytes");
}
