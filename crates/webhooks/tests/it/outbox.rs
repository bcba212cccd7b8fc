//! What waits: over restarts, beside slow receivers, and not for ever.

use std::time::Duration;

use custos_webhooks::{DeliveryOutcome, EventType};
use rusqlite::Connection;

use crate::receiver::{Receiver, status};
use crate::world::{Running, World, event, webhook};

#[tokio::test]
async fn an_event_survives_a_stop_before_it_was_sent() {
    let mut world = World::new();
    let mut receiver = Receiver::new(&[&status(200, "")]).await;
    world
        .webhooks(vec![webhook("ops", receiver.url())])
        .tell(&event(1))
        .unwrap();
    assert_eq!(world.waiting(), [("ops".to_owned(), 1)]);
    let _running = Running::start(&world.webhooks(vec![webhook("ops", receiver.url())]));
    receiver.next().await;
    assert_eq!(world.report().await.attempts, 1);
}

#[tokio::test]
async fn a_restart_between_attempts_keeps_their_count_and_their_pause() {
    let mut world = World::new();
    world.retries.first = Duration::from_mins(30);
    let mut receiver = Receiver::new(&[&status(500, ""), &status(200, "")]).await;
    let webhooks = world.webhooks(vec![webhook("ops", receiver.url())]);
    let running = Running::start(&webhooks);
    webhooks.tell(&event(1)).unwrap();
    let first = receiver.next().await;
    // The failure is written down when the row says so.
    while attempts(&world) == 0 {
        tokio::task::yield_now().await;
    }
    running.stop().await;
    drop(webhooks);
    // Due in half an hour: a start before that sends nothing, whatever else comes in.
    let webhooks = world.webhooks(vec![webhook("ops", receiver.url())]);
    let running = Running::start(&webhooks);
    webhooks.tell(&event(2)).unwrap();
    assert_ne!(receiver.next().await.body, first.body);
    assert_eq!(world.report().await.event, event(2).id.to_string());
    running.stop().await;
    drop(webhooks);
    world.clock.advance(Duration::from_secs(1801));
    let _running = Running::start(&world.webhooks(vec![webhook("ops", receiver.url())]));
    let again = receiver.next().await;
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("webhook-id"), first.header("webhook-id"));
    assert_ne!(
        again.header("webhook-timestamp"),
        first.header("webhook-timestamp")
    );
    let delivered = world.report().await;
    assert_eq!((delivered.attempts, delivered.reason), (2, None));
}

fn attempts(world: &World) -> i64 {
    let connection = Connection::open(world.path()).unwrap();
    connection
        .query_row("SELECT max(attempts) FROM outbox", [], |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn a_stop_in_the_middle_sends_it_again() {
    let mut world = World::new();
    let mut receiver = Receiver::new(&["", &status(200, "")]).await;
    let webhooks = world.webhooks(vec![webhook("ops", receiver.url())]);
    webhooks.tell(&event(1)).unwrap();
    let running = Running::start(&webhooks);
    receiver.next().await;
    running.stop().await;
    assert_eq!(world.waiting(), [("ops".to_owned(), 1)]);
    let _running = Running::start(&webhooks);
    receiver.next().await;
    assert_eq!(world.report().await.outcome, DeliveryOutcome::Delivered);
}

#[tokio::test]
async fn a_slow_receiver_harms_no_other() {
    let mut world = World::new();
    let mut slow = Receiver::new(&[""]).await;
    let mut fast = Receiver::new(&[&status(200, "")]).await;
    let webhooks = world.webhooks(vec![
        webhook("slow", slow.url()),
        webhook("fast", fast.url()),
    ]);
    let _running = Running::start(&webhooks);
    webhooks.tell(&event(0)).unwrap();
    slow.next().await;
    for number in 1..10 {
        webhooks.tell(&event(number)).unwrap();
    }
    for _ in 0..10 {
        fast.next().await;
        let delivered = world.report().await;
        assert_eq!(delivered.webhook, "fast");
        assert_eq!(delivered.outcome, DeliveryOutcome::Delivered);
    }
    assert!(slow.got_no_more(), "one delivery at a time");
}

#[tokio::test]
async fn a_day_is_the_end() {
    let mut world = World::new();
    let mut receiver = Receiver::new(&[&status(500, "")]).await;
    let webhooks = world.webhooks(vec![webhook("ops", receiver.url())]);
    webhooks.tell(&event(1)).unwrap();
    world.clock.advance(Duration::from_hours(25));
    let running = Running::start(&webhooks);
    let delivered = world.report().await;
    assert_eq!(delivered.outcome, DeliveryOutcome::GivenUp);
    assert_eq!(delivered.reason.as_deref(), Some("too_old"));
    assert_eq!(delivered.request, Some(event(1).request));
    running.stop().await;
    assert!(world.waiting().is_empty() && receiver.got_no_more());
}

#[tokio::test]
async fn a_clock_that_is_set_back_holds_nothing_up() {
    let mut world = World::new();
    world.clock.advance(Duration::from_hours(1000));
    let receiver = Receiver::new(&[&status(200, "")]).await;
    world
        .webhooks(vec![webhook("ops", receiver.url())])
        .tell(&event(1))
        .unwrap();
    world.clock = World::new().clock;
    let _running = Running::start(&world.webhooks(vec![webhook("ops", receiver.url())]));
    assert_eq!(world.report().await.outcome, DeliveryOutcome::Delivered);
}

#[tokio::test]
async fn each_webhook_gets_what_it_wants() {
    let mut world = World::new();
    let mut receiver = Receiver::new(&[&status(200, "")]).await;
    let mut some = webhook("some", receiver.url());
    some.events = vec![EventType::ReviewOverdue];
    let webhooks = world.webhooks(vec![some]);
    webhooks.tell(&event(1)).unwrap();
    assert!(world.waiting().is_empty());
    let mut overdue = event(2);
    overdue.event_type = EventType::ReviewOverdue;
    webhooks.tell(&overdue).unwrap();
    webhooks.tell(&overdue).unwrap();
    assert_eq!(world.waiting(), [("some".to_owned(), 1)]);
    let running = Running::start(&webhooks);
    assert_eq!(
        receiver.next().await.json()["type"],
        "custos.review.overdue"
    );
    assert_eq!(
        world.report().await.event_type,
        Some(EventType::ReviewOverdue)
    );
    running.stop().await;
    assert!(receiver.got_no_more());
}

#[tokio::test]
async fn without_webhooks_nothing_happens() {
    let world = World::new();
    let webhooks = world.webhooks(Vec::new());
    webhooks.tell(&event(1)).unwrap();
    assert!(world.waiting().is_empty());
    Running::start(&webhooks).stop().await;
}

#[tokio::test]
async fn what_waits_for_a_webhook_of_before_is_given_up() {
    let mut world = World::new();
    let url = "http://127.0.0.1:9/".to_owned();
    world
        .webhooks(vec![webhook("old", url.clone())])
        .tell(&event(1))
        .unwrap();
    let running = Running::start(&world.webhooks(Vec::new()));
    let delivered = world.report().await;
    assert_eq!(delivered.reason.as_deref(), Some("webhook_removed"));
    assert_eq!((delivered.webhook.as_str(), delivered.attempts), ("old", 0));
    running.stop().await;
    assert!(world.waiting().is_empty());
}

#[tokio::test]
async fn an_altered_row_is_given_up_and_not_sent() {
    let mut world = World::new();
    let mut receiver = Receiver::new(&[&status(200, "")]).await;
    let webhooks = world.webhooks(vec![webhook("ops", receiver.url())]);
    webhooks.tell(&event(1)).unwrap();
    Connection::open(world.path())
        .unwrap()
        .execute("UPDATE outbox SET body = zeroblob(40)", [])
        .unwrap();
    let running = Running::start(&webhooks);
    let delivered = world.report().await;
    assert_eq!(delivered.reason.as_deref(), Some("damaged"));
    assert_eq!((delivered.event_type, delivered.request), (None, None));
    running.stop().await;
    assert!(receiver.got_no_more());
}

#[tokio::test]
async fn ten_thousand_may_wait_and_then_the_oldest_makes_room() {
    let mut world = World::new();
    let webhooks = world.webhooks(vec![webhook("ops", "http://127.0.0.1:9/".to_owned())]);
    webhooks.tell(&event(1)).unwrap();
    Connection::open(world.path())
        .unwrap()
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
             INSERT INTO outbox (webhook, event, queued_utc_ns, due_utc_ns, body)
             SELECT 'ops', i, 1, 1, x'00' FROM n",
        )
        .unwrap();
    webhooks.tell(&event(2)).unwrap();
    let delivered = world.report().await;
    assert_eq!(delivered.event, event(1).id.to_string());
    assert_eq!(delivered.outcome, DeliveryOutcome::GivenUp);
    assert_eq!(delivered.reason.as_deref(), Some("displaced"));
    assert_eq!(delivered.request, Some(event(1).request));
    assert_eq!(world.waiting(), [("ops".to_owned(), 10_000)]);
}
