//! Whose tokens are taken: from the configuration to keys that stay fresh.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use custos_console::{Provider, WebProvider};
use custos_evidence::{DetailValue, Evidence, NodeRecord, RecordOutcome, RecordType};
use custos_fetch::{Client, SystemResolver};
use custos_identity::{
    KeyLocation, Keyring, MetadataEvent, SamlProvider, WorkloadIssuer, Workloads,
};
use custos_jwt::{
    Algorithm, ClassName, ClassRule, Issuer, IssuerKeys, KeyCache, KeyEvent, KeyLabel,
};
use custos_model::Clock;
use tokio_util::sync::CancellationToken;

use crate::config::{self, Config, Reach, WorkloadKeys};
use crate::failure::Failure;

/// How often it is looked whether keys are due; each issuer is asked far less often.
const LOOK: Duration = Duration::from_secs(1);

/// The machine identities of the configuration.
pub(crate) fn workloads(config: &Config, clock: &Arc<dyn Clock>) -> Result<Workloads, Failure> {
    let issuers: Result<Vec<_>, Failure> = config
        .workload_issuers
        .iter()
        .map(|issuer| workload_issuer(issuer, clock))
        .collect();
    let workloads = Workloads::new(issuers?, config.workloads.clone());
    Ok(workloads.context("cannot use the workloads of the configuration")?)
}

fn workload_issuer(
    settings: &config::WorkloadIssuer,
    clock: &Arc<dyn Clock>,
) -> Result<WorkloadIssuer, Failure> {
    let failed = || format!("cannot use workload issuer {}", settings.name);
    let record = Issuer::new(
        &settings.url,
        &Algorithm::ALL,
        &[&settings.audience],
        [ClassRule::new(ClassName::WorkloadToken)],
    )
    .with_context(failed)?;
    let location = match &settings.keys {
        WorkloadKeys::File { keys, .. } => {
            let keys = IssuerKeys::configured(record, keys.clone());
            return Ok(WorkloadIssuer {
                name: settings.name.clone(),
                kind: settings.kind,
                keyring: Keyring::configured(keys, Arc::clone(clock)),
            });
        }
        WorkloadKeys::Discovery => KeyLocation::Discovery,
        WorkloadKeys::Url(url) => KeyLocation::Url(url.clone()),
    };
    let client = client(&settings.reach).with_context(failed)?;
    Ok(WorkloadIssuer {
        name: settings.name.clone(),
        kind: settings.kind,
        keyring: Keyring::fetched(KeyCache::new(record), client, location, Arc::clone(clock)),
    })
}

/// Fetches from a provider or issuer. Loopback is open to those who say so in `allow_networks`.
pub(crate) fn client(reach: &Reach) -> Result<Client, custos_fetch::FetchError> {
    let loopback = reach
        .networks
        .iter()
        .any(|network| network.contains(std::net::Ipv4Addr::LOCALHOST.into()));
    let settings = custos_fetch::Settings {
        networks: reach.networks.clone(),
        loopback,
        extra_ca_pem: reach.ca.as_ref().map(|(_, pem)| pem.clone()),
        ..custos_fetch::Settings::default()
    };
    Client::new(settings, Arc::new(SystemResolver))
}

/// Everybody whose tokens are taken.
#[derive(Clone, Debug)]
pub(crate) struct KnownIssuers {
    /// Of machines.
    pub(crate) workloads: Workloads,
    /// Of people.
    pub(crate) providers: Vec<WebProvider>,
}

impl KnownIssuers {
    /// Their keys, by name. A provider has some once it was discovered.
    fn keyrings(&self) -> Vec<(String, Keyring)> {
        let workloads = self.workloads.issuers();
        let workloads = workloads.map(|issuer| (issuer.name.clone(), issuer.keyring.clone()));
        let providers = self.providers.iter();
        let providers = providers.filter_map(|provider| match &provider.provider {
            Provider::OpenId(openid) => {
                let provider = &openid.provider;
                Some((provider.name().to_owned(), provider.keyring()?))
            }
            Provider::Saml(_) => None,
        });
        workloads.chain(providers).collect()
    }

    /// Those whose keys stand in metadata.
    fn saml(&self) -> Vec<&SamlProvider> {
        let providers = self.providers.iter();
        let saml = providers.filter_map(|provider| match &provider.provider {
            Provider::Saml(provider) => Some(provider),
            Provider::OpenId(_) => None,
        });
        saml.collect()
    }
}

/// Keeps the keys of these issuers fresh until `stop`, and puts on record what happens to them.
pub(crate) async fn keep_keys(known: KnownIssuers, evidence: Evidence, stop: CancellationToken) {
    let mut looks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = stop.cancelled() => return,
        }
        let keyrings = known.keyrings();
        let fetches = keyrings.iter().map(|(_, keyring)| keyring.refresh_if_due());
        let saml = known.saml();
        let metadata = saml.iter().map(|provider| provider.refresh_if_due());
        futures_util::future::join(
            futures_util::future::join_all(fetches),
            futures_util::future::join_all(metadata),
        )
        .await;
        for (name, keyring) in &keyrings {
            for event in keyring.take_events() {
                record(&evidence, name, &Told::of(&event));
            }
        }
        for provider in saml {
            for event in provider.take_events() {
                record(&evidence, provider.name(), &Told::of_metadata(&event));
            }
        }
    }
}

/// What happened to an issuer's keys, in the words of records.
struct Told {
    event: &'static str,
    is_bad: bool,
    added: String,
    removed: String,
    reason: Option<&'static str>,
}

impl Told {
    fn new(event: &'static str) -> Self {
        Self {
            event,
            is_bad: false,
            added: String::new(),
            removed: String::new(),
            reason: None,
        }
    }

    fn of(event: &KeyEvent) -> Self {
        let told = Self::new(event.code());
        match event {
            KeyEvent::Loaded { keys, .. } => Self {
                added: labels(keys),
                ..told
            },
            KeyEvent::Changed { added, removed } => Self {
                added: labels(added),
                removed: labels(removed),
                ..told
            },
            KeyEvent::RefreshFailed { reason, .. } => Self {
                is_bad: true,
                reason: Some(reason.code()),
                ..told
            },
            KeyEvent::LoginsRefused | KeyEvent::Expired => Self {
                is_bad: true,
                ..told
            },
            KeyEvent::Recovered => told,
        }
    }

    fn of_metadata(event: &MetadataEvent) -> Self {
        let told = Self::new(event.code());
        match event {
            MetadataEvent::Loaded { keys } => Self {
                added: keys.join(" "),
                ..told
            },
            MetadataEvent::Changed { added, removed } => Self {
                added: added.join(" "),
                removed: removed.join(" "),
                ..told
            },
            MetadataEvent::RefreshFailed { reason } => Self {
                is_bad: true,
                reason: Some(reason),
                ..told
            },
            MetadataEvent::Recovered => told,
        }
    }
}

/// A key set that changes hands decides who gets in, so each change is evidence. When it cannot be written, traffic has
/// stopped anyway.
fn record(evidence: &Evidence, issuer: &str, told: &Told) {
    let Told {
        event,
        is_bad,
        added,
        removed,
        reason,
    } = told;
    if *is_bad {
        tracing::warn!(issuer, event, reason, "keys of an issuer");
    }
    let mut detail = vec![
        ("event", DetailValue::Text(event)),
        ("issuer", DetailValue::Text(issuer)),
    ];
    for (name, text) in [("added", added), ("removed", removed)] {
        if !text.is_empty() {
            detail.push((name, DetailValue::Text(text)));
        }
    }
    let outcome = if *is_bad {
        RecordOutcome::Failed
    } else {
        RecordOutcome::Ok
    };
    let appended = evidence.append(&NodeRecord {
        reason: *reason,
        detail: &detail,
        ..NodeRecord::new(RecordType::IssuerKeys, outcome)
    });
    if let Err(error) = appended {
        tracing::error!(%error, "a change of an issuer's keys could not be put on record");
    }
}

fn labels(keys: &[KeyLabel]) -> String {
    let thumbprints: Vec<&str> = keys.iter().map(|key| key.thumbprint.as_str()).collect();
    thumbprints.join(" ")
}
