//! What nobody may read in a log or a debug text, and settings that are refused.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use custos_model::Secret;
use custos_webhooks::{Format, WebhookError, Webhooks};
use tracing_subscriber::fmt::MakeWriter;

use crate::receiver::{Receiver, status};
use crate::world::{BASE_URL, Running, SECRET, World, event, secret, webhook};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn assert_clean(shown: &str) {
    for secret in [
        "canary",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "DELETE",
        "alice",
    ] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn the_log_tells_of_failures_and_of_nothing_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut world = World::new();
    let body = "HTTP/1.1 500 X\r\ncontent-length: 6\r\n\r\ncanary";
    let receiver = Receiver::new(&[body, &status(410, "x: canary\r\n")]).await;
    let webhooks = world.webhooks(vec![webhook("ops", receiver.url())]);
    webhooks.tell(&event(1)).unwrap();
    // Another test may have met the same line for the first time just when this subscriber came, and then nobody listens to it.
    tracing::callsite::rebuild_interest_cache();
    let running = Running::start(&webhooks);
    let delivered = world.report().await;
    assert_eq!(delivered.attempts, 2);
    running.stop().await;
    let shown = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(shown.contains("a delivery failed"), "{shown}");
    assert!(shown.contains("is given up"), "{shown}");
    assert_clean(&shown);
}

#[tokio::test]
async fn debug_texts_show_nothing_secret() {
    let world = World::new();
    let mut settings = webhook("ops", "https://hooks.example/canary".to_owned());
    settings.secrets = vec![secret("canary-canary-canary-canary"), secret(SECRET)];
    assert_clean(&format!("{settings:?}"));
    assert_clean(&format!("{:?}", event(1)));
    assert_clean(&format!("{:?}", world.webhooks(vec![settings])));
    let files = std::fs::read_dir(world.directory.path()).unwrap();
    world
        .webhooks(vec![webhook("ops", "http://127.0.0.1:9/".to_owned())])
        .tell(&event(1))
        .unwrap();
    for file in files {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"orders"));
    }
}

#[test]
fn webhooks_that_cannot_work_are_refused() {
    let world = World::new();
    let make = |settings| {
        Webhooks::new(
            settings,
            BASE_URL,
            world.store(),
            Arc::clone(&world.clock) as _,
            Arc::new(|_| {}),
            Box::new(|_| {}),
        )
    };
    let good = || webhook("ops", "https://hooks.example/".to_owned());
    assert!(make(vec![good()]).is_ok());
    let refused = make(vec![good(), good()]).unwrap_err();
    assert!(matches!(refused, WebhookError::Name(_)), "{refused:?}");
    for name in ["", "Ops", "a b", "ä"] {
        let mut bad = good();
        bad.name = name.to_owned();
        let refused = make(vec![bad]).unwrap_err();
        assert!(matches!(refused, WebhookError::Name(_)), "{refused:?}");
    }
    for count in [0, 3] {
        let mut bad = good();
        bad.secrets = vec![secret(SECRET); count];
        let refused = make(vec![bad]).unwrap_err();
        assert!(matches!(refused, WebhookError::Secrets(_)), "{refused:?}");
    }
    let mut chat = good();
    chat.secrets = Vec::new();
    chat.format = Format::Slack;
    chat.url = Secret::new("https://hooks.slack.example/".to_owned());
    assert!(make(vec![chat]).is_ok());
}
