//! Brings a gateway up: control state, evidence, listeners, admin socket, in this order.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use custos_api::{Admin, AdminSettings, AdminSocket, Finding, ListenerStatus};
use custos_console::{Console, WebCertificate, WebListener, WebProvider};
use custos_evidence::{Evidence, Recovery, Settings};
use custos_identity::{CertificateAuthority, Credentials, HostAuthority, SignIns};
use custos_model::{Clock, Secret};
use custos_policy::Policy;
use custos_postgres::Postgres;
use custos_session::{BoundListener, Gateway, ServerIdentity, Services};
use custos_ssh::Ssh;
use custos_store::{MasterKey, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cli::VERSION;
use crate::config::Config;
use crate::failure::Failure;
use crate::issuers::{self, KnownIssuers};
use crate::logging::LogLevel;
use crate::machine::{self, SystemClock};
use crate::{approvals, machines, signing_keys, ssh, web};

/// A gateway that is up.
#[derive(Debug)]
pub(crate) struct Running {
    /// What is in force.
    pub(crate) config: Config,
    /// The record of everything.
    pub(crate) evidence: Evidence,
    /// Listeners and sessions.
    pub(crate) gateway: Gateway,
    /// Who may open what.
    pub(crate) policy: Arc<ArcSwap<Policy>>,
    /// The admin calls.
    pub(crate) admin: Admin,
    /// Resources and credentials.
    pub(crate) store: Store,
    /// Where people and machines sign in.
    pub(crate) console: Option<Console>,
    /// Makes the first administrator, where there is none; to be shown once, on the console.
    pub(crate) administrator_token: Option<Secret>,
    /// What stands against the configuration.
    pub(crate) findings: Arc<Mutex<Vec<Finding>>>,
    /// Where clients connect, with the ports that were bound.
    pub(crate) listeners: Vec<ListenerStatus>,
    /// The log's level.
    pub(crate) log: LogLevel,
    /// Who people sign in with.
    pub(crate) providers: Vec<WebProvider>,
    /// The web address's certificate, to be renewed.
    pub(crate) web_certificate: Option<WebCertificate>,
    background_stop: CancellationToken,
    background: TaskTracker,
}

impl Running {
    /// Brings it up. `client_ca_file`: verifies the listeners, where we made their certificates.
    pub(crate) async fn start(
        config: Config,
        log: LogLevel,
        client_ca_file: Option<PathBuf>,
    ) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let store = open_store(&config)?;
        let credentials = Credentials::new(store.clone(), machine::random)?;
        let (evidence, recovery) = open_evidence(&config, Arc::clone(&clock))?;
        report(&recovery);
        let policy = Arc::new(ArcSwap::new(Arc::clone(&config.policy)));
        let workloads = issuers::workloads(&config, &clock)?;
        let providers = web::providers(&config, &clock, &store)?;
        let known = KnownIssuers {
            workloads: workloads.clone(),
            providers: providers.clone(),
        };
        let sign_ins = SignIns::new(store.clone(), machine::random);
        let now = clock.now();
        let own_issuer = web::own_issuer(&config, &store, &sign_ins, now)?;
        machines::record(&evidence, &machines::findings(&config), now.utc_ns)
            .await
            .context("cannot put the standing findings on record")?;
        let approvals::Opened {
            approvals,
            webhooks,
        } = approvals::open(&config, &clock, &evidence, &store, &sign_ins, &policy)?;
        let certificates =
            CertificateAuthority::open(store.clone(), sign_ins.clone(), machine::random)?;
        let host_authority = HostAuthority::open(&store, machine::random)?;
        let services = Services {
            approvals,
            certificates,
            host_authority,
            clock,
            evidence: evidence.clone(),
            store: store.clone(),
            credentials,
            own_issuer,
            sign_ins,
            workloads,
            policy: Arc::clone(&policy),
        };
        let gateway = Gateway::new(services.clone(), config.limits.clone());
        let findings = Arc::new(Mutex::new(machines::findings(&config)));
        let opened = open_doors(
            &config,
            &services,
            &gateway,
            providers.clone(),
            client_ca_file,
            Arc::clone(&findings),
        );
        let Doors {
            listeners,
            admin,
            socket,
            web,
            administrator_token,
        } = match opened.await {
            Ok(opened) => opened,
            Err(failure) => {
                gateway.drain(std::time::Duration::ZERO).await;
                // The failure to open is what matters; this one would only say that closing failed too.
                let _ = evidence.shutdown().await;
                return Err(failure);
            }
        };
        let background_stop = CancellationToken::new();
        let background = TaskTracker::new();
        background.spawn(issuers::keep_keys(
            known,
            evidence.clone(),
            background_stop.clone(),
        ));
        let web_certificate = web
            .as_ref()
            .and_then(|(listener, _)| listener.certificate());
        let console = web.as_ref().map(|(_, console)| console.clone());
        if let Some((listener, console)) = web {
            background.spawn(console.clone().keep_checked(background_stop.clone()));
            background.spawn(listener.serve(console.router(), background_stop.clone()));
        }
        if let Some(webhooks) = webhooks {
            let stop = background_stop.clone();
            background.spawn(async move { webhooks.run(stop).await });
        }
        background.spawn(signing_keys::rotate_when_due(
            admin.clone(),
            background_stop.clone(),
        ));
        background.spawn(socket.serve(admin.clone(), background_stop.clone()));
        background.close();
        Ok(Self {
            config,
            evidence,
            gateway,
            policy,
            admin,
            store,
            console,
            administrator_token,
            findings,
            listeners,
            log,
            providers,
            web_certificate,
            background_stop,
            background,
        })
    }

    /// Lets sessions finish, then closes everything in the reverse order.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.gateway.drain(self.config.drain_timeout).await;
        self.background_stop.cancel();
        self.background.wait().await;
        self.evidence
            .shutdown()
            .await
            .context("cannot close the evidence log")?;
        Ok(())
    }

    /// The certificates of the listeners, by name.
    pub(crate) fn certificates(config: &Config) -> HashMap<String, Arc<ServerIdentity>> {
        let with_tls = config.listeners.iter().filter_map(|listener| {
            let tls = listener.tls.as_ref()?;
            Some((listener.name.clone(), Arc::clone(&tls.identity)))
        });
        with_tls.collect()
    }
}

fn open_store(config: &Config) -> Result<Store, Failure> {
    machine::private_directory(&config.state_dir)
        .with_context(|| format!("cannot make directory {}", config.state_dir.display()))?;
    let key = match machine::environment("CUSTOS_MASTER_KEY") {
        Some(text) => MasterKey::parse(&text).context("cannot use CUSTOS_MASTER_KEY")?,
        None => MasterKey::load_or_create(&config.master_key_file, machine::random)
            .context("cannot get the master key")?,
    };
    let path = config.state_dir.join("custos.db");
    Ok(Store::open(&path, key).with_context(|| format!("cannot open {}", path.display()))?)
}

fn open_evidence(config: &Config, clock: Arc<dyn Clock>) -> Result<(Evidence, Recovery), Failure> {
    let settings = Settings {
        key_file: config.state_dir.join("log.key"),
        config_digest: config.effective.digest(),
        policy_digest: config.policy.digest().to_owned(),
        ..Settings::new(&config.evidence_dir, &config.cluster, &config.node, VERSION)
    };
    let opened = custos_evidence::open(settings, clock, &mut |bytes| machine::random(bytes))
        .with_context(|| {
            format!(
                "cannot open the evidence in {}",
                config.evidence_dir.display()
            )
        });
    Ok(opened?)
}

fn report(recovery: &Recovery) {
    if *recovery == Recovery::default() {
        return;
    }
    tracing::warn!(
        interrupted_sessions = recovery.interrupted_sessions,
        replayed_records = recovery.replayed_records,
        rebuilt_segments = recovery.rebuilt_segments,
        "evidence recovered after an unclean stop"
    );
}

/// Where clients, the operator and browsers come in.
struct Doors {
    listeners: Vec<ListenerStatus>,
    admin: Admin,
    socket: AdminSocket,
    web: Option<(WebListener, Console)>,
    administrator_token: Option<Secret>,
}

async fn open_doors(
    config: &Config,
    services: &Services,
    gateway: &Gateway,
    providers: Vec<WebProvider>,
    client_ca_file: Option<PathBuf>,
    findings: Arc<Mutex<Vec<Finding>>>,
) -> Result<Doors, Failure> {
    let bound = bind(config, services, gateway)?;
    let listeners: Vec<_> = bound.iter().map(|(status, _)| status.clone()).collect();
    let client_ca_pem = client_ca_file
        .as_deref()
        .map(|file| {
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
        })
        .transpose()?;
    let configured = config.web.as_ref().and_then(|web| web.client_ca.as_ref());
    let client_ca_pem = client_ca_pem.or_else(|| configured.map(|(_, pem)| pem.clone()));
    let admin = Admin::new(AdminSettings {
        services: services.clone(),
        gateway: gateway.clone(),
        random: Arc::new(machine::random),
        own_uid: machine::own_uid(),
        pid: std::process::id(),
        build: VERSION.to_owned(),
        cluster: config.cluster.clone(),
        node: config.node.clone(),
        evidence_dir: config.evidence_dir.clone(),
        listeners: listeners.clone(),
        client_ca_file,
        findings,
        passwd: machine::passwd(),
    });
    let web = web::open(
        config,
        services,
        gateway,
        providers,
        &listeners,
        admin.clone(),
        client_ca_pem,
    )
    .await?;
    let administrator_token = match &web {
        Some((_, console)) => console
            .offer_administration()
            .await
            .context("cannot make an administrator token")?,
        None => None,
    };
    let socket = AdminSocket::bind(&config.admin_socket).context("cannot open the admin socket")?;
    // Last of all: sign-ins of before hold to the configuration of now.
    for (status, listener) in bound {
        tracing::info!(listener = %status.name, address = %status.address, "listening");
        listener.serve();
    }
    Ok(Doors {
        listeners,
        admin,
        socket,
        web,
        administrator_token,
    })
}

/// A listener whose address is taken.
enum Bound {
    Postgres(BoundListener<Postgres>),
    Ssh(BoundListener<Ssh>),
}

impl Bound {
    fn address(&self) -> SocketAddr {
        match self {
            Self::Postgres(bound) => bound.address(),
            Self::Ssh(bound) => bound.address(),
        }
    }

    fn serve(self) {
        match self {
            Self::Postgres(bound) => bound.serve(),
            Self::Ssh(bound) => bound.serve(),
        }
    }
}

/// Takes the addresses of the listeners, none of which is served yet.
fn bind(
    config: &Config,
    services: &Services,
    gateway: &Gateway,
) -> Result<Vec<(ListenerStatus, Bound)>, Failure> {
    let postgres = Arc::new(Postgres::new(machine::random));
    let key = ssh::host_key(&services.store)?;
    let host_key = key.public().openssh().to_owned();
    let ssh = Arc::new(Ssh::new(
        key,
        ssh::own_names(config),
        Arc::new(ssh::Certificates::new(services)),
        machine::random,
    ));
    let mut listeners = Vec::new();
    for listener in &config.listeners {
        let settings = listener.settings();
        let bound = if listener.protocol == "ssh" {
            gateway.bind(Arc::clone(&ssh), settings).map(Bound::Ssh)
        } else {
            gateway
                .bind(Arc::clone(&postgres), settings)
                .map(Bound::Postgres)
        };
        let bound = bound.map_err(|error| {
            Failure::new(error).hint("`custos doctor` tells who else uses the address")
        })?;
        let status = ListenerStatus {
            name: listener.name.clone(),
            protocol: listener.protocol.clone(),
            address: bound.address().to_string(),
            tls: match (&listener.tls, &bound) {
                (Some(_), _) => "required",
                (None, Bound::Ssh(_)) => "ssh",
                (None, Bound::Postgres(_)) => "off",
            }
            .to_owned(),
            host_key: matches!(bound, Bound::Ssh(_)).then(|| host_key.clone()),
        };
        listeners.push((status, bound));
    }
    Ok(listeners)
}
