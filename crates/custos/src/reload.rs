//! SIGHUP: the whole file is read and checked, put on record, and only then put in force.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError};

use custos_evidence::{DetailValue, EvidenceError, NodeRecord, RecordOutcome, RecordType};
use custos_model::Clock as _;
use custos_oauth::Clients;
use custos_policy::{Policy, documents};

use crate::config::{Change, Config, Difference};
use crate::failure::Failure;
use crate::saml_providers;
use crate::start::Running;
use crate::{machine, machines};

/// A text in a record is cut at 1 KiB, so a long difference takes several.
const DIFF_BYTES: usize = 1000;
/// So many pieces of a difference are recorded, of the configuration's and of the policy's; a record is less than
/// 64 KiB.
const DIFF_PIECES_MAX: usize = 24;

/// Reads the file again. Whatever goes wrong, the gateway goes on with what it has.
pub(crate) async fn reload(running: &mut Running) {
    put_in_force_if_good(running).await;
    record_findings(running).await;
}

async fn put_in_force_if_good(running: &mut Running) {
    let new = match Config::load(&running.config.file) {
        Ok(new) => new,
        Err(error) => return refuse(running, &Failure::new(error), &[]).await,
    };
    let differences = running.config.effective.differences(&new.effective);
    if differences.is_empty() {
        tracing::info!("reload: nothing has changed");
        return;
    }
    let restart: Vec<&str> = differences
        .iter()
        .filter(|difference| difference.change == Change::Restart)
        .map(|difference| difference.key.as_str())
        .collect();
    if !restart.is_empty() {
        let keys = restart.join(", ");
        let error = anyhow::anyhow!("a change of these keys needs a restart: {keys}");
        return refuse(running, &Failure::new(error), &differences).await;
    }
    // Whatever can refuse the new configuration comes before the record that says that it is in force.
    let clients = match machines::checked_clients(&new) {
        Ok(clients) => clients,
        Err(failure) => return refuse(running, &failure, &differences).await,
    };
    if let Err(error) = record(running, &new, &differences, None).await {
        tracing::error!(%error, "reload refused: it cannot be put on record");
        return;
    }
    put_in_force(running, new, clients, &differences).await;
    for difference in &differences {
        tracing::info!(change = %difference, "reloaded");
    }
}

async fn put_in_force(
    running: &mut Running,
    new: Config,
    clients: Clients,
    differences: &[Difference],
) {
    running.policy.store(Arc::clone(&new.policy));
    let unused = running
        .gateway
        .reload(new.limits.clone(), &Running::certificates(&new));
    if !unused.is_empty() {
        tracing::warn!(listeners = %unused.join(", "), "certificates could not be put in force");
    }
    saml_providers::put_in_force(&running.providers, &new);
    let web_tls = new.web.as_ref().and_then(|web| web.tls.as_ref());
    if let (Some(certificate), Some(tls)) = (&running.web_certificate, web_tls)
        && let Err(error) = certificate.renew(&tls.identity)
    {
        tracing::warn!(%error, "the web address's certificate could not be put in force");
    }
    running.log.set(new.log.level);
    running
        .evidence
        .set_versions(&new.effective.digest(), new.policy.digest());
    running.config = new;
    cut_what_is_not_allowed_any_more(running);
    change_machines(running, clients, differences).await;
}

/// Machines that are gone or others now begin anew: what they were stands in their sign-ins.
async fn change_machines(running: &Running, clients: Clients, differences: &[Difference]) {
    let (Some(console), Some(web)) = (&running.console, &running.config.web) else {
        return;
    };
    console.replace_machines(clients);
    let changed = differences.iter().filter_map(|difference| {
        let (name, _) = difference.key.strip_prefix("machine.")?.rsplit_once('.')?;
        Some(name)
    });
    let changed: BTreeSet<&str> = changed.collect();
    for name in changed {
        console
            .end_sign_ins_of(&web.url, &machines::subject(name))
            .await;
    }
}

/// Puts on record what stands against the configuration that is in force.
async fn record_findings(running: &Running) {
    let found = machines::findings(&running.config);
    let now_utc_ns = machine::SystemClock::start().now().utc_ns;
    if let Err(error) = machines::record(&running.evidence, &found, now_utc_ns).await {
        tracing::error!(%error, "standing findings could not be put on record");
    }
    *running
        .findings
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = found;
}

/// Access rules hold for sessions that are open already.
fn cut_what_is_not_allowed_any_more(running: &Running) {
    for session in running.gateway.live() {
        let (Some(principal), Some(resource)) = (&session.principal, &session.resource) else {
            continue;
        };
        if !running.gateway.may_open(principal, resource) {
            running
                .gateway
                .cut(session.id, "access is no longer allowed");
        }
    }
}

async fn refuse(running: &Running, failure: &Failure, differences: &[Difference]) {
    tracing::error!(reason = %failure.to_string().trim_end(), "reload refused, nothing has changed");
    let recorded = record(running, &running.config, differences, Some(failure)).await;
    if let Err(error) = recorded {
        tracing::error!(%error, "the refused reload could not be put on record");
    }
}

/// Returns when the record is on disk.
async fn record(
    running: &Running,
    new: &Config,
    differences: &[Difference],
    failure: Option<&Failure>,
) -> Result<(), EvidenceError> {
    let old = &running.config;
    let digests = [
        ("config_old", old.effective.digest()),
        ("config_new", new.effective.digest()),
        ("policy_old", old.policy.digest().to_owned()),
        ("policy_new", new.policy.digest().to_owned()),
    ];
    let mut pieces = pieces("diff", differences);
    if let (None, Policy::Documents(old), Policy::Documents(new)) =
        (failure, &*old.policy, &*new.policy)
    {
        pieces.extend(self::pieces("policy_diff", &documents::diff(old, new)));
    }
    let mut detail = vec![("changes", DetailValue::from(differences.len()))];
    if failure.is_none() {
        detail.extend(
            digests
                .iter()
                .map(|(key, digest)| (*key, DetailValue::from(digest))),
        );
    }
    detail.extend(
        pieces
            .iter()
            .map(|(key, text)| (key.as_str(), DetailValue::from(text))),
    );
    let reason = failure.map(ToString::to_string);
    let outcome = if failure.is_none() {
        RecordOutcome::Ok
    } else {
        RecordOutcome::Failed
    };
    let position = running.evidence.append(&NodeRecord {
        reason: reason.as_deref().map(str::trim_end),
        detail: &detail,
        ..NodeRecord::new(RecordType::ConfigChanged, outcome)
    })?;
    running.evidence.sync(position).await
}

/// The lines as `NAME`, `NAME_2`, …, each small enough for a record's text.
fn pieces<T: ToString>(name: &str, lines: &[T]) -> Vec<(String, String)> {
    let mut texts = vec![String::new()];
    for line in lines {
        let line: String = line.to_string().chars().take(DIFF_BYTES / 4).collect();
        match texts.last_mut() {
            Some(text) if text.len() + line.len() < DIFF_BYTES => {
                let _ = writeln!(text, "{line}");
            }
            _ => texts.push(format!("{line}\n")),
        }
    }
    let named = texts
        .into_iter()
        .filter(|text| !text.is_empty())
        .take(DIFF_PIECES_MAX);
    named
        .enumerate()
        .map(|(index, text)| match index {
            0 => (name.to_owned(), text),
            _ => (format!("{name}_{}", index + 1), text),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_difference_is_cut_in_pieces_that_fit() {
        let differences: Vec<Difference> = (0..100)
            .map(|number| Difference {
                key: format!("access.rule-{number}.principals"),
                old: None,
                new: Some("ä".repeat(200)),
                change: Change::Reload,
            })
            .collect();
        let pieces = pieces("diff", &differences);
        assert_eq!(pieces.len(), DIFF_PIECES_MAX);
        assert_eq!(
            (pieces[0].0.as_str(), pieces[1].0.as_str()),
            ("diff", "diff_2")
        );
        assert!(pieces.iter().all(|(_, text)| text.len() <= 1024));
        assert!(super::pieces::<String>("diff", &[]).is_empty());
    }
}
