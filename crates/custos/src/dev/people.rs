//! The development provider: people to sign in as, without an account anywhere.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context as _;
use custos_dev_provider::{Client, Person, Provider, SEED_BYTES, Settings, seeded};
use custos_jwt::Signer;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::failure::Failure;
use crate::machine::{self, SystemClock};

/// The provider, bound and not served yet.
#[derive(Debug)]
pub(super) struct People {
    /// Where the gateway's own web address will be.
    pub(super) web: SocketAddr,
    /// What that is called.
    pub(super) url: String,
    /// What the provider is called.
    pub(super) issuer: String,
    listener: TcpListener,
    seeded: Vec<Person>,
}

impl People {
    /// Takes a port of its own, and gives everybody a new password.
    pub(super) fn prepare(web: SocketAddr) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .context("cannot listen for the development provider")?;
        let address = listener.local_addr()?;
        let mut seed = [0; SEED_BYTES];
        machine::random(&mut seed);
        Ok(Self {
            web,
            url: format!("http://{web}"),
            issuer: format!("http://{address}"),
            listener,
            seeded: seeded(&seed),
        })
    }

    /// Serves it for as long as the process runs; returns what to tell of its people. Must be called inside a tokio
    /// runtime.
    pub(super) fn serve(self) -> Result<String, Failure> {
        let told = self.seeded.iter().fold(String::new(), |mut text, person| {
            let groups = person.groups.join(", ");
            let _ = writeln!(
                text,
                "  {:<8} {}   {groups}",
                person.name,
                person.password.expose()
            );
            text
        });
        let url = &self.url;
        let provider = Provider::new(Settings {
            clients: vec![Client {
                id: "custos".to_owned(),
                secret: None,
                redirect_uris: vec![format!("{url}/oidc/dev/callback")],
                post_logout_redirect_uris: vec![format!("{url}/signed-out")],
                backchannel_logout_uri: Some(format!("{url}/oidc/dev/backchannel-logout")),
            }],
            issuer: self.issuer,
            people: self.seeded,
            signer: Signer::generate().context("cannot make a key for the development provider")?,
            clock: Arc::new(SystemClock::start()),
            random: Arc::new(machine::random),
        })
        .context("cannot start the development provider")?;
        self.listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        TaskTracker::new().spawn(async move {
            let served = provider.serve(listener, CancellationToken::new()).await;
            if let Err(error) = served {
                tracing::error!(%error, "the development provider ended");
            }
        });
        Ok(told)
    }
}
