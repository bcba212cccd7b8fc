//! The loop of one webhook: one delivery at a time, so that a slow receiver harms no other.

use std::sync::Arc;
use std::time::Duration;

use custos_fetch::{Method, Request};
use custos_model::Secret;
use custos_store::{OutboxEntry, Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::delivered::{Delivered, DeliveryOutcome};
use crate::event::Event;
use crate::outcome::Attempt;
use crate::settings::WebhookSettings;
use crate::sign::signatures;
use crate::webhooks::Inner;

/// What is read of an answer, and forgotten.
const ANSWER_BYTES_MAX: usize = 4096;
/// After the control database failed.
const STORE_PAUSE: Duration = Duration::from_secs(5);
/// No sleep is longer, because a wall clock can be set.
const SLEEP_MAX: Duration = Duration::from_mins(1);

/// Delivers to the webhook of that number until `stop`, which breaks off what is sent and nothing that is stored.
pub(crate) async fn run(inner: Arc<Inner>, number: usize, stop: CancellationToken) {
    let Some(webhook) = inner.webhooks.get(number) else {
        return;
    };
    let name = webhook.settings.name.as_str();
    while !stop.is_cancelled() {
        let owned = name.to_owned();
        let next = with_store(&inner, move |store| store.next_in_outbox(&owned)).await;
        let wait = match next {
            Ok(Some(entry)) => {
                let now = inner.clock.now().utc_ns;
                let wait = Duration::from_nanos(entry.due_utc_ns.saturating_sub(now));
                // Nothing is put off for longer than that, so the clock was set back.
                if wait.is_zero() || wait > inner.retries.longest {
                    attempt(&inner, &webhook.settings, &entry, &stop).await;
                    continue;
                }
                wait.min(SLEEP_MAX)
            }
            Ok(None) => SLEEP_MAX,
            Err(()) => {
                pause(STORE_PAUSE, &stop).await;
                continue;
            }
        };
        tokio::select! {
            () = webhook.queued.notified() => {}
            () = pause(wait, &stop) => {}
        }
    }
}

async fn pause(duration: Duration, stop: &CancellationToken) {
    stop.run_until_cancelled(tokio::time::sleep(duration)).await;
}

async fn attempt(
    inner: &Inner,
    settings: &WebhookSettings,
    entry: &OutboxEntry,
    stop: &CancellationToken,
) {
    let Some((event, request)) = prepare(inner, settings, entry) else {
        return end(inner, entry, given_up(entry, "damaged"), stop).await;
    };
    if !inner
        .retries
        .allow(entry.queued_utc_ns, inner.clock.now().utc_ns)
    {
        return end(inner, entry, given_up(entry, "too_old"), stop).await;
    }
    let sending = Box::pin(settings.client.deliver(request));
    let Some(answer) = stop.run_until_cancelled(sending).await else {
        return;
    };
    let now = inner.clock.now().utc_ns;
    let attempts = entry.attempts.saturating_add(1);
    let (outcome, reason) = match Attempt::of(&answer, now) {
        Attempt::Taken => (DeliveryOutcome::Delivered, None),
        Attempt::Refused(reason) => (DeliveryOutcome::GivenUp, Some(reason)),
        Attempt::Failed(reason, asked) => {
            let mut dice = [0; 4];
            (inner.random)(&mut dice);
            let pause = inner
                .retries
                .pause(attempts, asked, u32::from_ne_bytes(dice));
            let due = now.saturating_add(u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX));
            if inner.retries.allow(entry.queued_utc_ns, due) {
                tracing::debug!(webhook = %settings.name, event = %entry.event, attempts, reason, "a delivery failed");
                return postpone(inner, entry, attempts, due, stop).await;
            }
            (DeliveryOutcome::GivenUp, Some(reason))
        }
    };
    let delivered = Delivered {
        webhook: entry.webhook.clone(),
        event: entry.event.clone(),
        event_type: Some(event.event_type),
        request: Some(event.request),
        outcome,
        attempts,
        reason,
    };
    end(inner, entry, delivered, stop).await;
}

/// The event and what is sent of it; `None` when it cannot be read.
fn prepare(
    inner: &Inner,
    settings: &WebhookSettings,
    entry: &OutboxEntry,
) -> Option<(Event, Request)> {
    let event = read(entry)?;
    let body = settings.format.render(&event, &inner.base_url).ok()?;
    let timestamp = (inner.clock.now().utc_ns / 1_000_000_000).to_string();
    let mut headers = vec![(
        "content-type",
        Secret::new(settings.format.content_type().to_owned()),
    )];
    if !settings.secrets.is_empty() {
        let signature = signatures(&settings.secrets, &entry.event, &timestamp, &body);
        headers.push(("webhook-id", Secret::new(entry.event.clone())));
        headers.push(("webhook-timestamp", Secret::new(timestamp)));
        headers.push(("webhook-signature", Secret::new(signature)));
    }
    let request = Request {
        method: Method::Post,
        url: settings.url.expose().to_owned(),
        headers,
        body: Some(Secret::new(body)),
        max_response_bytes: ANSWER_BYTES_MAX,
    };
    Some((event, request))
}

fn read(entry: &OutboxEntry) -> Option<Event> {
    let body = entry.body.as_ref()?;
    serde_json::from_slice(body).ok()
}

async fn postpone(
    inner: &Inner,
    entry: &OutboxEntry,
    attempts: u32,
    due_utc_ns: u64,
    stop: &CancellationToken,
) {
    let (webhook, event) = (entry.webhook.clone(), entry.event.clone());
    until_stored(inner, stop, move |store| {
        store.postpone_in_outbox(&webhook, &event, attempts, due_utc_ns)
    })
    .await;
}

/// Reports first: a crash in between makes a second report, and never none.
async fn end(inner: &Inner, entry: &OutboxEntry, delivered: Delivered, stop: &CancellationToken) {
    if delivered.outcome == DeliveryOutcome::GivenUp {
        warn(&delivered);
    }
    (inner.report)(delivered);
    let (webhook, event) = (entry.webhook.clone(), entry.event.clone());
    until_stored(inner, stop, move |store| {
        store.remove_from_outbox(&webhook, &event)
    })
    .await;
}

/// Gives up what waits for webhooks that the configuration has no more.
pub(crate) async fn give_up_orphans(inner: Arc<Inner>, stop: CancellationToken) {
    let Ok(waiting) = with_store(&inner, Store::outbox_webhooks).await else {
        return;
    };
    let known = |name: &str| inner.webhooks.iter().any(|it| it.settings.name == name);
    for (name, _) in waiting.into_iter().filter(|(name, _)| !known(name)) {
        while !stop.is_cancelled() {
            let owned = name.clone();
            let next = with_store(&inner, move |store| store.next_in_outbox(&owned)).await;
            let Ok(Some(entry)) = next else { break };
            let delivered = given_up(&entry, "webhook_removed");
            end(&inner, &entry, delivered, &stop).await;
        }
    }
}

/// Reports what is queued no more.
pub(crate) fn report_given_up(inner: &Inner, entry: &OutboxEntry, reason: &str) {
    let delivered = given_up(entry, reason);
    warn(&delivered);
    (inner.report)(delivered);
}

fn given_up(entry: &OutboxEntry, reason: &str) -> Delivered {
    let event = read(entry);
    Delivered {
        webhook: entry.webhook.clone(),
        event: entry.event.clone(),
        event_type: event.as_ref().map(|event| event.event_type),
        request: event.as_ref().map(|event| event.request),
        outcome: DeliveryOutcome::GivenUp,
        attempts: entry.attempts,
        reason: Some(reason.to_owned()),
    }
}

fn warn(delivered: &Delivered) {
    let Delivered {
        webhook,
        event,
        attempts,
        reason,
        ..
    } = delivered;
    tracing::warn!(%webhook, %event, attempts, reason, "an event for a webhook is given up");
}

/// Does it again and again: what was delivered is not sent anew because the disk fails.
async fn until_stored(
    inner: &Inner,
    stop: &CancellationToken,
    work: impl Fn(&Store) -> Result<bool, StoreError> + Clone + Send + 'static,
) {
    while with_store(inner, work.clone()).await.is_err() && !stop.is_cancelled() {
        pause(STORE_PAUSE, stop).await;
    }
}

/// Runs what waits for the disk on a thread that may. What fails is logged here.
async fn with_store<T: Send + 'static>(
    inner: &Inner,
    work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, ()> {
    let store = inner.store.clone();
    let done = tokio::task::spawn_blocking(move || work(&store)).await;
    match done {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "deliveries wait for the control database"
            );
        }
        Err(error) => tracing::error!(%error, "deliveries wait for the control database"),
    }
    Err(())
}
