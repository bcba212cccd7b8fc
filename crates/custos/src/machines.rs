//! Machines of the configuration: clients of the authorization server, and what stands against some of them.

use anyhow::Context as _;
use custos_api::Finding;
use custos_evidence::{DetailValue, Evidence, NodeRecord, RecordOutcome, RecordType};
use custos_model::Principal;
use custos_oauth::{MachineClient, MachineProof, MachineSecret, Scope, Scopes, SecretHash};

use crate::config::{self, Config, Machine};
use crate::failure::Failure;

/// The machines as clients. Their principals are the gateway's own: its URL is their issuer.
pub(crate) fn clients(config: &Config) -> Result<Vec<MachineClient>, Failure> {
    let Some(web) = &config.web else {
        return Ok(Vec::new());
    };
    let clients = config.machines.iter().map(|machine| {
        let name = &machine.name;
        let id = name.parse();
        Ok(MachineClient {
            id: id.with_context(|| format!("cannot use machine {name}"))?,
            proof: match &machine.proof {
                config::MachineProof::Keys { keys, .. } => MachineProof::Keys(keys.clone()),
                config::MachineProof::Secret {
                    sha256,
                    expires_utc_ns,
                } => MachineProof::Secret(MachineSecret {
                    hash: SecretHash::from_bytes(*sha256),
                    expires_utc_ns: *expires_utc_ns,
                }),
            },
            principal: principal(machine, &web.url),
            scopes: Scopes::new(Scope::Api, &[Scope::Postgres]),
        })
    });
    clients.collect()
}

fn principal(machine: &Machine, issuer: &str) -> Principal {
    Principal {
        issuer: issuer.to_owned(),
        subject: subject(&machine.name),
        name: machine.name.clone(),
        kind: machine.kind,
        groups: machine.groups.clone(),
        on_behalf_of: Vec::new(),
    }
}

/// The gateway's own name for a machine, as issuer.
pub(crate) fn subject(name: &str) -> String {
    format!("machine:{name}")
}

/// What stands against the configuration for as long as it stays so.
pub(crate) fn findings(config: &Config) -> Vec<Finding> {
    let found = config.machines.iter().filter_map(|machine| {
        let config::MachineProof::Secret { expires_utc_ns, .. } = &machine.proof else {
            return None;
        };
        Some(Finding {
            machine: machine.name.clone(),
            owner: machine.owner.clone().unwrap_or_default(),
            expires_utc_ns: *expires_utc_ns,
        })
    });
    found.collect()
}

/// Puts each finding on record; an auditor sees it without asking the gateway. Returns when they are on disk.
pub(crate) async fn record(
    evidence: &Evidence,
    findings: &[Finding],
    now_utc_ns: u64,
) -> Result<(), custos_evidence::EvidenceError> {
    let mut last = None;
    for finding in findings {
        let expires = finding.expires();
        let reason = finding.text(now_utc_ns);
        let detail = [
            (
                "days_left",
                DetailValue::from(finding.days_left(now_utc_ns)),
            ),
            ("expires", DetailValue::Text(&expires)),
            ("finding", DetailValue::Text(Finding::WORD)),
            ("machine", DetailValue::Text(&finding.machine)),
            ("owner", DetailValue::Text(&finding.owner)),
        ];
        last = Some(evidence.append(&NodeRecord {
            reason: Some(&reason),
            detail: &detail,
            ..NodeRecord::new(RecordType::FindingStanding, RecordOutcome::Ok)
        })?);
        tracing::warn!(
            machine = finding.machine,
            expires,
            "a machine has a static secret"
        );
    }
    match last {
        Some(position) => evidence.sync(position).await,
        None => Ok(()),
    }
}
