//! The web address: the authorization server with its keys, the providers, and the pages.

use std::sync::Arc;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_api::{Admin, ListenerStatus};
use custos_console::{Console, ConsoleSettings, Entrance, Groups, WebListener, WebProvider};
use custos_identity::OidcProvider;
use custos_jwt::Signer;
use custos_model::{Clock, Secret};
use custos_oauth::{AuthorizationServer, BaseUrl, KeyRing, MachineClient};
use custos_session::{Gateway, Services};
use custos_store::Store;

use crate::config::{Config, Web};
use crate::failure::Failure;
use crate::{issuers, machine, machines};

/// Names of the signing keys in the store.
const CURRENT_KEY: &str = "oauth.key.current";
const NEXT_KEY: &str = "oauth.key.next";

/// The providers of the configuration.
pub(crate) fn providers(
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<WebProvider>, Failure> {
    let providers = config.providers.iter().map(|settings| {
        let client = issuers::client(&settings.reach)
            .with_context(|| format!("cannot use provider {}", settings.name))?;
        Ok(WebProvider {
            label: settings.label.clone(),
            provider: OidcProvider::new(settings.relying_party.clone(), client, Arc::clone(clock)),
        })
    });
    providers.collect()
}

/// Opens the web address, if the configuration has one.
pub(crate) async fn open(
    config: &Config,
    services: &Services,
    gateway: &Gateway,
    providers: Vec<WebProvider>,
    listeners: &[ListenerStatus],
    admin: Admin,
    client_ca_pem: Option<String>,
) -> Result<Option<(WebListener, Console)>, Failure> {
    let Some(web) = &config.web else {
        return Ok(None);
    };
    let identity = web.tls.as_ref().map(|tls| Arc::clone(&tls.identity));
    let listener = WebListener::bind(web.address, identity.as_deref())
        .await
        .map_err(|error| {
            Failure::new(error).hint("`custos doctor` tells who else uses the address")
        })?;
    let console = Console::new(ConsoleSettings {
        services: services.clone(),
        gateway: gateway.clone(),
        admin,
        server: server(web, &services.store, machines::clients(config)?)?,
        providers,
        groups: Groups(config.groups.clone()),
        entrances: listeners.iter().filter_map(entrance).collect(),
        client_ca_pem,
        random: Arc::new(machine::random),
    });
    tracing::info!(address = %listener.address(), url = web.url, "listening for the web");
    Ok(Some((listener, console)))
}

fn server(
    web: &Web,
    store: &Store,
    machines: Vec<MachineClient>,
) -> Result<AuthorizationServer, Failure> {
    let base_url: BaseUrl = web.url.parse().context("cannot use `url` of [web]")?;
    let current = signer(store, CURRENT_KEY)?;
    let next = signer(store, NEXT_KEY)?;
    let keys = KeyRing::new(&base_url, current, next, Vec::new())
        .context("cannot use the keys of the authorization server")?;
    Ok(AuthorizationServer::new(base_url, keys, machines)
        .context("cannot start the authorization server")?)
}

/// A signing key of the authorization server, made when there is none.
fn signer(store: &Store, name: &str) -> Result<Signer, Failure> {
    let made = Signer::generate().and_then(|signer| signer.to_pkcs8());
    let made = made.context("cannot make a signing key")?;
    let make = || Secret::new(STANDARD.encode(made.as_slice()));
    let kept = store
        .secret_or_create(name, make, machine::random)
        .context("cannot keep a signing key")?;
    let der = STANDARD
        .decode(kept.expose())
        .context("a signing key in the store is damaged")?;
    Ok(Signer::from_pkcs8(&der).context("a signing key in the store is damaged")?)
}

fn entrance(listener: &ListenerStatus) -> Option<Entrance> {
    let address: std::net::SocketAddr = listener.address.parse().ok()?;
    Some(Entrance {
        protocol: listener.protocol.clone(),
        port: address.port(),
        tls: listener.tls != "off",
    })
}
