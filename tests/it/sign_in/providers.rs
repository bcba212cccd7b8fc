//! Real OpenID providers, in this process.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
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
    people: Vec<Person>,
    provider: Provider,
    address: SocketAddr,
    stop: CancellationToken,
    runtime: Runtime,
}

struct TestClock(StdInstant);

impl Clock for TestClock {
    fn now(&self) -> Instant {
        Instant {
            utc_ns: now_utc().as_nanos() as u64,
            mono_ns: self.0.elapsed().as_nanos() as u64,
        }
    }
}

impl TestProvider {
    #[expect(clippy::disallowed_methods, reason = "this is a provider's own clock")]
    pub(crate) fn start(name: &str, gateway: &str) -> Self {
        let runtime = Runtime::new().expect("a runtime can be made");
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let issuer = format!("http://{address}");
        let mut seed = [0; SEED_BYTES];
        random(&mut seed);
        let people = seeded(&seed);
        let provider = Provider::new(Settings {
            issuer: issuer.clone(),
            clients: vec![Client {
                id: "custos".to_owned(),
                secret: None,
                redirect_uris: vec![format!("{gateway}/oidc/{name}/callback")],
                post_logout_redirect_uris: vec![format!("{gateway}/signed-out")],
                backchannel_logout_uri: Some(format!("{gateway}/oidc/{name}/backchannel-logout")),
            }],
            people: people.clone(),
            signer: Signer::generate().expect("a key can be made"),
            clock: Arc::new(TestClock(StdInstant::now())),
            random: Arc::new(random),
        })
        .expect("the settings are good");
        let stop = CancellationToken::new();
        runtime.spawn(provider.clone().serve(listener, stop.clone()));
        Self {
            name: name.to_owned(),
            issuer,
            people,
            provider,
            address,
            stop,
            runtime,
        }
    }

    /// Nobody listens there any more.
    pub(crate) fn stop(&mut self) {
        self.stop.cancel();
        wait_for("the provider to be down", PATIENCE, || {
            TcpStream::connect(self.address).is_err().then_some(())
        });
    }

    /// It is there again, and knows what it knew.
    pub(crate) fn start_again(&mut self) {
        let listener = self
            .runtime
            .block_on(TcpListener::bind(self.address))
            .expect("the port is still free");
        self.stop = CancellationToken::new();
        let serving = self.provider.clone().serve(listener, self.stop.clone());
        self.runtime.spawn(serving);
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

    /// As the gateway's configuration has it.
    pub(crate) fn settings(&self) -> String {
        let Self { name, issuer, .. } = self;
        format!(
            "\n[[provider]]\nname = \"{name}\"\nissuer = \"{issuer}\"\nclient_id = \"custos\"\n\
             groups_claim = \"groups\"\nallow_networks = [\"127.0.0.0/8\"]\n"
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
        let notices = self
            .provider
            .logout_tokens(name)
            .expect("somebody is there");
        assert!(!notices.is_empty(), "nobody is signed in");
        for notice in notices {
            let form = format!("logout_token={}", notice.token.expose());
            let page = Browser::new().post(&notice.uri, &form);
            assert_eq!(page.status, 200, "{}", page.body);
        }
    }
}

fn random(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).expect("the system gives random bytes");
}
