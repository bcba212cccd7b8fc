//! Opens what is kept of requests, grants and approvers' keys, and tells webhooks of what happens to them.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use custos_approvals::{
    Announcement, Approvals, Happening, OPEN_REQUESTS_MAX, Parts, RelyingParty, RequestKind,
};
use custos_evidence::{DetailValue, Evidence, NodeRecord, RecordOutcome, RecordType};
use custos_identity::SignIns;
use custos_model::{Clock, IdSource};
use custos_policy::Policy;
use custos_policy::documents::utc_ns;
use custos_store::Store;
use custos_webhooks::{
    Delivered, DeliveryOutcome, Event, EventType, RequestKind as EventKind, WebhookSettings,
    Webhooks,
};

use crate::config::Config;
use crate::failure::Failure;
use crate::{issuers, machine};

/// What the rest of the gateway gets.
pub(crate) struct Opened {
    pub(crate) approvals: Approvals,
    /// To be run; `None` where there are none.
    pub(crate) webhooks: Option<Webhooks>,
}

pub(crate) fn open(
    config: &Config,
    clock: &Arc<dyn Clock>,
    evidence: &Evidence,
    store: &Store,
    sign_ins: &SignIns,
    policy: &Arc<ArcSwap<Policy>>,
) -> Result<Opened, Failure> {
    let webhooks = webhooks(config, clock, evidence, store)?;
    let approvals = Approvals::new(Parts {
        clock: Arc::clone(clock),
        evidence: evidence.clone(),
        store: store.clone(),
        sign_ins: sign_ins.clone(),
        policy: Arc::clone(policy),
        node: (config.cluster.clone(), config.node.clone()),
        relying_party: config.web.as_ref().and_then(|web| relying_party(&web.url)),
        random: Box::new(machine::random),
        announce: announcer(webhooks.clone())?,
    });
    let approvals = approvals.context("cannot read what is kept of requests and grants")?;
    Ok(Opened {
        approvals,
        webhooks,
    })
}

fn webhooks(
    config: &Config,
    clock: &Arc<dyn Clock>,
    evidence: &Evidence,
    store: &Store,
) -> Result<Option<Webhooks>, Failure> {
    let Some(web) = config.web.as_ref().filter(|_| !config.webhooks.is_empty()) else {
        return Ok(None);
    };
    let settings = config.webhooks.iter().map(|webhook| {
        let failed = || format!("cannot use webhook `{}`", webhook.name);
        Ok(WebhookSettings {
            name: webhook.name.clone(),
            url: webhook.url.clone(),
            format: webhook.format,
            secrets: webhook.secrets.clone(),
            events: webhook.events.clone(),
            client: issuers::client(&webhook.reach).with_context(failed)?,
        })
    });
    let settings = settings.collect::<anyhow::Result<Vec<_>>>()?;
    let evidence = evidence.clone();
    let made = Webhooks::new(
        settings,
        &web.url,
        store.clone(),
        Arc::clone(clock),
        Arc::new(machine::random),
        Box::new(move |delivered| record(&evidence, &delivered)),
    );
    Ok(Some(made.context("cannot use the webhooks")?))
}

/// A delivery, or that there will be none.
fn record(evidence: &Evidence, delivered: &Delivered) {
    let request = delivered.request.map(|id| id.to_string());
    let event = delivered.event_type.map_or("unknown", EventType::as_str);
    let mut detail = vec![
        ("attempts", DetailValue::from(delivered.attempts)),
        ("channel", DetailValue::Text(&delivered.webhook)),
        ("event", DetailValue::Text(event)),
    ];
    detail.extend(request.iter().map(|id| ("request", DetailValue::Text(id))));
    let outcome = match delivered.outcome {
        DeliveryOutcome::Delivered => RecordOutcome::Ok,
        DeliveryOutcome::GivenUp => RecordOutcome::Failed,
    };
    let mut record = NodeRecord::new(RecordType::RequestNotified, outcome);
    record.reason = delivered.reason.as_deref();
    record.detail = &detail;
    if let Err(error) = evidence.append(&record) {
        tracing::error!(%error, "the end of a delivery could not be recorded");
    }
}

/// Announcements wait for the disk on a thread of their own, and nobody waits for them.
fn announcer(webhooks: Option<Webhooks>) -> Result<custos_approvals::Announce, Failure> {
    let Some(webhooks) = webhooks else {
        return Ok(Box::new(|_| {}));
    };
    let (sender, receiver): (SyncSender<Announcement>, _) = sync_channel(OPEN_REQUESTS_MAX);
    std::thread::Builder::new()
        .name("announcer".to_owned())
        .spawn(move || announce_all(&webhooks, &receiver))
        .context("cannot start a thread")?;
    Ok(Box::new(move |announcement: &Announcement| {
        match sender.try_send(announcement.clone()) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => {
                tracing::error!("too many announcements wait; one is not made");
            }
        }
    }))
}

fn announce_all(webhooks: &Webhooks, receiver: &Receiver<Announcement>) {
    let mut seed = [0; 10];
    machine::random(&mut seed);
    let ids = IdSource::new(seed);
    for announcement in receiver {
        if let Err(error) = webhooks.tell(&event(&announcement, &ids)) {
            tracing::error!(%error, "an announcement could not be queued");
        }
    }
}

fn event(announcement: &Announcement, ids: &IdSource) -> Event {
    let request = &announcement.request;
    let (mut decision, mut ending, mut by) = (None, None, None);
    let event_type = match &announcement.happening {
        Happening::Opened => EventType::RequestOpened,
        Happening::Escalated { .. } => EventType::RequestEscalated,
        Happening::Decided {
            by: who,
            decision: what,
        } => {
            by = Some(who.clone());
            decision = Some(what.as_str().to_owned());
            EventType::RequestDecided
        }
        Happening::Ended { ending: how } => {
            ending = Some((*how).to_owned());
            EventType::RequestEnded
        }
        Happening::GrantStarted => EventType::GrantStarted,
        Happening::GrantEnded { ending: how } => {
            ending = Some((*how).to_owned());
            EventType::GrantEnded
        }
        Happening::BreakGlass => EventType::BreakGlassStarted,
        Happening::ReviewOverdue => EventType::ReviewOverdue,
    };
    Event {
        id: *ids.request(announcement.utc_ns).as_uuid(),
        event_type,
        time_utc_ns: announcement.utc_ns,
        request: *request.id.as_uuid(),
        kind: match request.kind {
            RequestKind::Operation => EventKind::Operation,
            RequestKind::Grant => EventKind::Grant,
            RequestKind::BreakGlass => EventKind::BreakGlass,
        },
        requester: request.requester.name.clone(),
        resource: request.resource.clone(),
        text: request.text.clone(),
        rules: request.rules.clone(),
        justification: request.justification.clone(),
        expires_utc_ns: utc_ns(&request.expires),
        approvers: request.groups().into_iter().map(str::to_owned).collect(),
        decision,
        ending,
        by,
    }
}

/// Scheme, host and port of the web address, and its host.
fn relying_party(base_url: &str) -> Option<RelyingParty> {
    let (scheme, rest) = base_url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    Some(RelyingParty {
        id: host.to_owned(),
        origin: format!("{scheme}://{authority}"),
    })
}
