//! What the webhooks make of receivers' answers.

use std::time::Duration;

use custos_webhooks::{DeliveryOutcome, Retries};

use crate::receiver::{Receiver, status};
use crate::world::{Running, World, client, event, webhook};

#[tokio::test]
async fn an_event_is_delivered_and_gone() {
    let mut world = World::new();
    let mut receiver = Receiver::new(&[&status(204, "")]).await;
    let webhooks = world.webhooks(vec![webhook("ops", receiver.url())]);
    let running = Running::start(&webhooks);
    webhooks.tell(&event(1)).unwrap();
    let got = receiver.next().await;
    assert_eq!(
        got.header("content-type"),
        Some("application/cloudevents+json; charset=utf-8")
    );
    assert_eq!(
        got.header("webhook-id"),
        Some(event(1).id.to_string().as_str())
    );
    assert_eq!(got.json()["data"]["requester"], "alice");
    let delivered = world.report().await;
    assert_eq!(delivered.webhook, "ops");
    assert_eq!(delivered.event, event(1).id.to_string());
    assert_eq!(delivered.event_type, Some(event(1).event_type));
    assert_eq!(delivered.request, Some(event(1).request));
    assert_eq!(delivered.outcome, DeliveryOutcome::Delivered);
    assert_eq!((delivered.attempts, delivered.reason), (1, None));
    running.stop().await;
    assert!(world.waiting().is_empty());
    assert!(receiver.got_no_more());
}

#[tokio::test]
async fn a_failure_is_followed_by_the_same_again() {
    let mut world = World::new();
    let mut receiver = Receiver::new(&[&status(500, ""), &status(404, ""), &status(200, "")]).await;
    let webhooks = world.webhooks(vec![webhook("ops", receiver.url())]);
    webhooks.tell(&event(1)).unwrap();
    let _running = Running::start(&webhooks);
    let first = receiver.next().await;
    for _ in 0..2 {
        let again = receiver.next().await;
        assert_eq!(again.body, first.body);
        assert_eq!(again.header("webhook-id"), first.header("webhook-id"));
    }
    let delivered = world.report().await;
    assert_eq!(delivered.outcome, DeliveryOutcome::Delivered);
    assert_eq!(delivered.attempts, 3);
}

#[tokio::test]
async fn silence_is_a_failure_in_time() {
    let mut world = World::new();
    let mut receiver = Receiver::new(&["", &status(200, "")]).await;
    let mut hasty = webhook("ops", receiver.url());
    hasty.client = client(true, Duration::from_millis(100));
    let webhooks = world.webhooks(vec![hasty]);
    webhooks.tell(&event(1)).unwrap();
    let _running = Running::start(&webhooks);
    receiver.next().await;
    receiver.next().await;
    assert_eq!(world.report().await.attempts, 2);
}

/// The first pause is longer than all the time that there is.
const NO_RETRIES: Retries = Retries {
    first: Duration::from_hours(10),
    longest: Duration::from_hours(10),
    in_all: Duration::from_hours(1),
};

/// The reason after which a single failure gives up.
async fn given_up(answer: &str, timeout: Duration) -> String {
    let mut world = World::new();
    world.retries = NO_RETRIES;
    let receiver = Receiver::new(&[answer]).await;
    let mut hasty = webhook("ops", receiver.url());
    hasty.client = client(true, timeout);
    let webhooks = world.webhooks(vec![hasty]);
    webhooks.tell(&event(1)).unwrap();
    let running = Running::start(&webhooks);
    let delivered = world.report().await;
    running.stop().await;
    assert_eq!(delivered.outcome, DeliveryOutcome::GivenUp);
    assert_eq!(delivered.attempts, 1);
    assert!(world.waiting().is_empty());
    delivered.reason.unwrap()
}

#[tokio::test]
async fn what_is_given_up_has_a_reason() {
    let long = Duration::from_secs(10);
    assert_eq!(given_up(&status(500, ""), long).await, "status_500");
    assert_eq!(given_up("", Duration::from_millis(100)).await, "timeout");
    assert_eq!(given_up("SSH-2.0-x\r\n", long).await, "http");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut elsewhere = Receiver::new(&[&status(200, "")]).await;
    let location = format!("location: {}\r\n", elsewhere.url());
    for code in [301, 302, 303, 307, 308] {
        let reason = given_up(&status(code, &location), Duration::from_secs(10)).await;
        assert_eq!(reason, "redirect");
    }
    assert!(elsewhere.got_no_more());
}

#[tokio::test]
async fn gone_is_the_end() {
    let mut world = World::new();
    let mut receiver = Receiver::new(&[&status(410, "")]).await;
    let webhooks = world.webhooks(vec![webhook("ops", receiver.url())]);
    webhooks.tell(&event(1)).unwrap();
    let running = Running::start(&webhooks);
    let delivered = world.report().await;
    assert_eq!(delivered.outcome, DeliveryOutcome::GivenUp);
    assert_eq!(delivered.reason.as_deref(), Some("status_410"));
    running.stop().await;
    assert!(world.waiting().is_empty());
    receiver.next().await;
    assert!(receiver.got_no_more());
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the time of a test")]
async fn receivers_say_when_to_come_again() {
    for code in [429, 503] {
        let mut world = World::new();
        let answers = [status(code, "retry-after: 1\r\n"), status(200, "")];
        let mut receiver = Receiver::new(&[&answers[0], &answers[1]]).await;
        let webhooks = world.webhooks(vec![webhook("ops", receiver.url())]);
        webhooks.tell(&event(1)).unwrap();
        let _running = Running::start(&webhooks);
        receiver.next().await;
        let since = std::time::Instant::now();
        receiver.next().await;
        assert!(since.elapsed() >= Duration::from_millis(900), "{since:?}");
        assert_eq!(world.report().await.attempts, 2);
    }
}

#[tokio::test]
async fn nobody_makes_them_wait_for_ever() {
    let mut world = World::new();
    world.retries.longest = Duration::from_millis(50);
    let answers = [status(503, "retry-after: 999999999\r\n"), status(200, "")];
    let receiver = Receiver::new(&[&answers[0], &answers[1]]).await;
    let webhooks = world.webhooks(vec![webhook("ops", receiver.url())]);
    webhooks.tell(&event(1)).unwrap();
    let _running = Running::start(&webhooks);
    let delivered = world.report().await;
    assert_eq!(delivered.outcome, DeliveryOutcome::Delivered);
    assert_eq!(delivered.attempts, 2);
}

#[tokio::test]
async fn a_long_or_endless_answer_makes_no_failure() {
    let mut world = World::new();
    let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "canary".repeat(100_000));
    let receiver = Receiver::new(&[&long]).await;
    let webhooks = world.webhooks(vec![webhook("ops", receiver.url())]);
    webhooks.tell(&event(1)).unwrap();
    let _running = Running::start(&webhooks);
    assert_eq!(world.report().await.outcome, DeliveryOutcome::Delivered);
}

#[tokio::test]
async fn the_guard_holds() {
    let mut world = World::new();
    let mut receiver = Receiver::new(&[&status(200, "")]).await;
    world.retries = NO_RETRIES;
    for (url, reason) in [
        (receiver.url(), "plain_http"),
        (receiver.url().replace("http:", "https:"), "address"),
        ("https://169.254.169.254/".to_owned(), "address"),
        ("file:///etc/passwd".to_owned(), "url"),
    ] {
        let mut guarded = webhook("ops", url);
        guarded.client = client(false, Duration::from_secs(10));
        let webhooks = world.webhooks(vec![guarded]);
        webhooks.tell(&event(1)).unwrap();
        let running = Running::start(&webhooks);
        assert_eq!(world.report().await.reason.as_deref(), Some(reason));
        running.stop().await;
    }
    assert!(receiver.got_no_more());
}
