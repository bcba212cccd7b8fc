//! All webhooks of the gateway.

use std::fmt;
use std::sync::Arc;

use custos_model::Clock;
use custos_store::{Outgoing, Store};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::delivered::Delivered;
use crate::delivery;
use crate::error::WebhookError;
use crate::event::Event;
use crate::retries::Retries;
use crate::settings::{self, WebhookSettings};

/// Fills a buffer with random bytes of cryptographic quality.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;
/// Is called with the end of each delivery. It must not wait for the webhooks.
pub type Report = Box<dyn Fn(Delivered) + Send + Sync>;

/// Events that wait for one webhook at most. A receiver that takes nothing for long costs its own oldest ones.
const WAITING_MAX: usize = 10_000;

/// Tells webhooks of events. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) webhooks: Vec<Webhook>,
    pub(crate) base_url: String,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Random,
    pub(crate) report: Report,
    pub(crate) retries: Retries,
}

pub(crate) struct Webhook {
    pub(crate) settings: WebhookSettings,
    /// Something was queued for it.
    pub(crate) queued: Notify,
}

impl Webhooks {
    /// `base_url`: the gateway's public address, without a slash at its end.
    ///
    /// # Errors
    /// [`WebhookError::Name`], [`WebhookError::Secrets`].
    pub fn new(
        settings: Vec<WebhookSettings>,
        base_url: &str,
        store: Store,
        clock: Arc<dyn Clock>,
        random: Random,
        report: Report,
    ) -> Result<Self, WebhookError> {
        let retries = Retries::default();
        Self::with_retries(settings, base_url, store, clock, random, report, retries)
    }

    /// The same with other pauses than the usual ones.
    pub fn with_retries(
        settings: Vec<WebhookSettings>,
        base_url: &str,
        store: Store,
        clock: Arc<dyn Clock>,
        random: Random,
        report: Report,
        retries: Retries,
    ) -> Result<Self, WebhookError> {
        settings::check(&settings)?;
        let webhooks = settings.into_iter().map(|settings| Webhook {
            settings,
            queued: Notify::new(),
        });
        let inner = Inner {
            webhooks: webhooks.collect(),
            base_url: base_url.to_owned(),
            store,
            clock,
            random,
            report,
            retries,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Queues an event for each webhook that wants it. It is durable when this returns; the same event twice is queued
    /// once, as long as it waits. Blocks for the time of a write to a local disk; does nothing where no webhook wants
    /// the event.
    pub fn tell(&self, event: &Event) -> Result<(), WebhookError> {
        let inner = &self.inner;
        let wanting: Vec<&Webhook> = inner
            .webhooks
            .iter()
            .filter(|webhook| webhook.settings.events.contains(&event.event_type))
            .collect();
        if wanting.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = wanting
            .iter()
            .map(|webhook| webhook.settings.name.as_str())
            .collect();
        let body = serde_json::to_vec(&event.bounded()).map_err(WebhookError::Encode)?;
        let outgoing = Outgoing {
            event: &event.id.to_string(),
            webhooks: &names,
            body: &body,
            queued_utc_ns: inner.clock.now().utc_ns,
            waiting_max: WAITING_MAX,
        };
        let displaced = inner
            .store
            .queue_in_outbox(&outgoing, &*inner.random)
            .map_err(WebhookError::Store)?;
        for webhook in wanting {
            webhook.queued.notify_one();
        }
        for entry in displaced {
            delivery::report_given_up(inner, &entry, "displaced");
        }
        Ok(())
    }

    /// Delivers what is queued, and what will be, until `stop`. What is under way then is sent again after the next
    /// start. One run at a time: a second one would send everything twice.
    pub async fn run(self, stop: CancellationToken) {
        let mut loops = JoinSet::new();
        loops.spawn(delivery::give_up_orphans(
            Arc::clone(&self.inner),
            stop.clone(),
        ));
        for number in 0..self.inner.webhooks.len() {
            loops.spawn(delivery::run(Arc::clone(&self.inner), number, stop.clone()));
        }
        while let Some(ended) = loops.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "the deliveries of a webhook ended; its events wait for a restart");
            }
        }
    }
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.inner.webhooks.iter().map(|it| &it.settings.name);
        out.debug_tuple("Webhooks")
            .field(&names.collect::<Vec<_>>())
            .finish()
    }
}
