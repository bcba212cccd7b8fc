//! The web address: the authorization server with its keys, the providers, and the pages.

use std::sync::Arc;

use anyhow::Context as _;
use custos_api::{Admin, ListenerStatus};
use custos_console::{
    Console, ConsoleSettings, Entrance, Groups, OpenIdProvider, Provider, ProvisioningSettings,
    WebListener, WebProvider,
};
use custos_identity::{OidcProvider, OwnIssuer, SignIns, open_signing_keys};
use custos_model::{Clock, Instant};
use custos_oauth::{AuthorizationServer, BaseUrl, MachineClient};
use custos_session::{Gateway, Services};
use custos_store::Store;

use crate::config::{Config, ProviderKind, Web};
use crate::failure::Failure;
use crate::saml_providers::SamlProviders;
use crate::{issuers, machine, machines};

/// The providers of the configuration.
pub(crate) fn providers(
    config: &Config,
    clock: &Arc<dyn Clock>,
    store: &Store,
) -> Result<Vec<WebProvider>, Failure> {
    let mut saml = SamlProviders::new(store, clock);
    let providers = config.providers.iter().map(|settings| {
        let client = issuers::client(&settings.reach)
            .with_context(|| format!("cannot use provider {}", settings.name))?;
        let provider = match &settings.kind {
            ProviderKind::OpenId(openid) => Provider::OpenId(OpenIdProvider {
                provider: OidcProvider::new(
                    openid.relying_party.clone(),
                    client,
                    Arc::clone(clock),
                ),
                check_interval: openid.check_interval,
                signs_out: openid.signs_out,
            }),
            ProviderKind::Saml(kind) => {
                Provider::Saml(saml.provider(&settings.name, kind, client)?)
            }
        };
        Ok(WebProvider {
            label: settings.label.clone(),
            sign_in_max: settings.sign_in_max,
            provider,
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
    let (Some(web), Some(issuer)) = (&config.web, &services.own_issuer) else {
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
        issuer: issuer.clone(),
        providers,
        groups: Groups(config.groups.clone()),
        provisioning: provisioning(config),
        entrances: listeners.iter().filter_map(entrance).collect(),
        client_ca_pem,
        random: Arc::new(machine::random),
    });
    console
        .settle_configured()
        .await
        .context("cannot hold sign-ins against the configuration")?;
    console
        .settle_provisioned()
        .await
        .context("cannot hold sign-ins against the provisioned directories")?;
    tracing::info!(address = %listener.address(), url = web.url, "listening for the web");
    Ok(Some((listener, console)))
}

fn provisioning(config: &Config) -> Vec<ProvisioningSettings> {
    let settings = config.provisioning.iter();
    settings
        .map(|provisioning| ProvisioningSettings {
            provider: provisioning.provider.clone(),
            tokens: provisioning.tokens.clone(),
            matched_by: provisioning.matched_by,
        })
        .collect()
}

/// The authorization server of the web address, if the configuration has one.
pub(crate) fn own_issuer(
    config: &Config,
    store: &Store,
    sign_ins: &SignIns,
    now: Instant,
) -> Result<Option<OwnIssuer>, Failure> {
    let Some(web) = &config.web else {
        return Ok(None);
    };
    let server = server(web, store, machines::clients(config)?, now)?;
    Ok(Some(OwnIssuer::new(
        server,
        store.clone(),
        sign_ins.clone(),
        machine::random,
    )))
}

fn server(
    web: &Web,
    store: &Store,
    machines: Vec<MachineClient>,
    now: Instant,
) -> Result<AuthorizationServer, Failure> {
    let base_url: BaseUrl = web.url.parse().context("cannot use `url` of [web]")?;
    let keys = open_signing_keys(store, &base_url, now, machine::random)
        .context("cannot use the keys of the authorization server")?;
    Ok(AuthorizationServer::new(base_url, keys, machines)
        .context("cannot start the authorization server")?)
}

fn entrance(listener: &ListenerStatus) -> Option<Entrance> {
    let address: std::net::SocketAddr = listener.address.parse().ok()?;
    Some(Entrance {
        protocol: listener.protocol.clone(),
        port: address.port(),
        tls: listener.tls != "off",
        host_key: listener.host_key.clone(),
    })
}
