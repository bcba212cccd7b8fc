//! A control database, a clock that can be put forward, and events.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use custos_fetch::{Client, Settings, SystemResolver};
use custos_model::{Clock, Instant, Secret};
use custos_store::{MasterKey, Store};
use custos_webhooks::{
    Delivered, Event, EventType, Format, RequestKind, Retries, SigningSecret, WebhookSettings,
    Webhooks,
};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const BASE_URL: &str = "https://custos.example.com";
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The machine's time, and as much more as a test adds.
pub(crate) struct TestClock {
    start: std::time::Instant,
    ahead_ns: AtomicU64,
}

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.ahead_ns
            .fetch_add(by.as_nanos() as u64, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        let mono_ns = self.start.elapsed().as_nanos() as u64;
        Instant {
            utc_ns: 1_795_232_787_000_000_000 + mono_ns + self.ahead_ns.load(Ordering::SeqCst),
            mono_ns,
        }
    }
}

pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) clock: Arc<TestClock>,
    /// Pauses of milliseconds.
    pub(crate) retries: Retries,
    sender: mpsc::Sender<Delivered>,
    reports: mpsc::Receiver<Delivered>,
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "the clock of a test")]
    pub(crate) fn new() -> Self {
        let (sender, reports) = mpsc::channel(64);
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: Arc::new(TestClock {
                start: std::time::Instant::now(),
                ahead_ns: AtomicU64::new(0),
            }),
            retries: Retries {
                first: Duration::from_millis(10),
                longest: Duration::from_hours(1),
                in_all: Duration::from_hours(24),
            },
            sender,
            reports,
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("control.db")
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.path(), MasterKey::from_bytes([1; 32])).unwrap()
    }

    /// The webhooks as after a start of the gateway.
    pub(crate) fn webhooks(&self, settings: Vec<WebhookSettings>) -> Webhooks {
        let sender = self.sender.clone();
        Webhooks::with_retries(
            settings,
            BASE_URL,
            self.store(),
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            Arc::new(|bytes| aws_lc_rs::rand::fill(bytes).unwrap()),
            Box::new(move |delivered| sender.try_send(delivered).unwrap()),
            self.retries,
        )
        .unwrap()
    }

    pub(crate) async fn report(&mut self) -> Delivered {
        self.reports.recv().await.unwrap()
    }

    /// What waits for each webhook.
    pub(crate) fn waiting(&self) -> Vec<(String, u64)> {
        self.store().outbox_webhooks().unwrap()
    }
}

/// Webhooks that deliver.
pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinSet<()>,
}

impl Running {
    pub(crate) fn start(webhooks: &Webhooks) -> Self {
        let stop = CancellationToken::new();
        let mut task = JoinSet::new();
        task.spawn(webhooks.clone().run(stop.clone()));
        Self { stop, task }
    }

    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        self.task.join_next().await.unwrap().unwrap();
    }
}

pub(crate) fn client(loopback: bool, total_timeout: Duration) -> Client {
    let settings = Settings {
        loopback,
        total_timeout,
        ..Settings::default()
    };
    Client::new(settings, Arc::new(SystemResolver)).unwrap()
}

pub(crate) fn secret(text: &str) -> SigningSecret {
    SigningSecret::parse(&Secret::new(text.to_owned())).unwrap()
}

pub(crate) fn webhook(name: &str, url: String) -> WebhookSettings {
    WebhookSettings {
        name: name.to_owned(),
        url: Secret::new(url),
        format: Format::CloudEvents,
        secrets: vec![secret(SECRET)],
        events: EventType::ALL.to_vec(),
        client: client(true, Duration::from_secs(10)),
    }
}

pub(crate) fn event(number: u128) -> Event {
    Event {
        id: Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + number),
        event_type: EventType::RequestOpened,
        time_utc_ns: 1_795_232_787_123_456_000,
        request: Uuid::from_u128(0x0198_0000_0000_7000_9000_0000_0000_0001),
        kind: RequestKind::Operation,
        requester: "alice".to_owned(),
        resource: "postgres/shop".to_owned(),
        text: Some("DELETE FROM shop.orders\nWHERE id = '***'".to_owned()),
        rules: vec!["drops".to_owned()],
        justification: Some("ticket 4711: table replaced in March".to_owned()),
        expires_utc_ns: Some(1_795_234_587_000_000_000),
        approvers: vec!["dba".to_owned(), "managers".to_owned()],
        decision: None,
        ending: None,
        by: None,
    }
}
