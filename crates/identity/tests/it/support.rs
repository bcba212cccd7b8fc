//! A node with a database of its own, and a client that speaks SCRAM.

use std::net::IpAddr;
use std::time::Duration;

use custos_identity::{Credentials, IssueRequest, Issued, Login, LoginFailure};
use custos_model::{Authentication, Instant, Principal, PrincipalKind, ResourceName, Secret};
use custos_scram::{ChannelBinding, ClientExchange, ClientProof, ServerExchange};
use custos_store::{MasterKey, Resource, Store};
use tempfile::TempDir;

/// When the tests take place: 2026-11-21.
pub(crate) const START_UTC_NS: u64 = 1_795_232_787_000_000_000;

pub(crate) struct Node {
    pub(crate) directory: TempDir,
    pub(crate) store: Store,
    pub(crate) credentials: Credentials,
}

impl Node {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open_store(&directory);
        let shop: Resource = serde_json::from_str(
            r#"{"name":"postgres/shop","host":"db.internal","port":5432,"account":"shop_app"}"#,
        )
        .unwrap();
        store
            .add_resource(&shop, &Secret::new("upstream".to_owned()), random)
            .unwrap();
        let credentials = Credentials::new(store.clone(), random).unwrap();
        Self {
            directory,
            store,
            credentials,
        }
    }

    pub(crate) fn restarted(self) -> Self {
        let Self {
            directory,
            store,
            credentials,
        } = self;
        drop((store, credentials));
        let store = open_store(&directory);
        let credentials = Credentials::new(store.clone(), random).unwrap();
        Self {
            directory,
            store,
            credentials,
        }
    }

    pub(crate) fn issue(&self, login_name: &str) -> Issued {
        self.credentials.issue(request(login_name), at(0)).unwrap()
    }

    /// A whole exchange. The client checks the server's signature too.
    pub(crate) fn sign_in(
        &self,
        login_name: &str,
        secret: &str,
        source: &str,
        now: Instant,
    ) -> Result<Login, LoginFailure> {
        let (mut client, proof) = self.exchange(login_name, secret);
        let (login, server_final) =
            self.credentials
                .check_scram(login_name, &proof, address(source), now)?;
        client
            .finish(&server_final)
            .expect("the gateway proves itself");
        Ok(login)
    }

    fn exchange(&self, login_name: &str, secret: &str) -> (ClientExchange, ClientProof) {
        let mut client = ClientExchange::new(secret, "client-nonce", ChannelBinding::None);
        let mut server = ServerExchange::start(client.mechanism(), &client.first(), None).unwrap();
        let parameters = self.credentials.scram_parameters(login_name);
        let challenge = server.challenge("server-nonce", &parameters.salt, parameters.iterations);
        let client_final = client.respond(&challenge).unwrap();
        let proof = server.finish(&client_final).unwrap();
        (client, proof)
    }
}

pub(crate) fn open_store(directory: &TempDir) -> Store {
    Store::open(
        &directory.path().join("control.db"),
        MasterKey::from_bytes([1; 32]),
    )
    .unwrap()
}

pub(crate) fn random(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).unwrap();
}

/// So many seconds after the start.
pub(crate) fn at(seconds: u64) -> Instant {
    Instant {
        utc_ns: START_UTC_NS + seconds * 1_000_000_000,
        mono_ns: seconds * 1_000_000_000,
    }
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn principal(login_name: &str) -> Principal {
    Principal {
        issuer: "local".to_owned(),
        subject: login_name.to_owned(),
        kind: PrincipalKind::Human,
        ..Principal::unknown(login_name)
    }
}

pub(crate) fn shop() -> ResourceName {
    "postgres/shop".parse().unwrap()
}

/// For a minute, from anywhere.
pub(crate) fn request(login_name: &str) -> IssueRequest {
    IssueRequest {
        principal: principal(login_name),
        resource: shop(),
        ttl: Duration::from_mins(1),
        source_networks: Vec::new(),
        authentication: Authentication::by_operator(START_UTC_NS),
        sign_in: None,
        uses_max: None,
    }
}
