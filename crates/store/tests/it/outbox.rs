//! What waits for webhooks: in its order, once, bounded, sealed, and still there after a restart.

use custos_store::{OutboxEntry, Outgoing, Store};

use crate::support::{Place, random};

fn queue(store: &Store, event: &str, webhooks: &[&str], now: u64, max: usize) -> Vec<String> {
    let body = format!("canary-{event}");
    let outgoing = Outgoing {
        event,
        webhooks,
        body: body.as_bytes(),
        queued_utc_ns: now,
        waiting_max: max,
    };
    let displaced = store.queue_in_outbox(&outgoing, random).unwrap();
    displaced
        .into_iter()
        .map(|entry| format!("{} {} {}", entry.webhook, entry.event, text(&entry)))
        .collect()
}

fn text(entry: &OutboxEntry) -> String {
    let body = entry.body.as_deref().map(Vec::as_slice);
    String::from_utf8(body.unwrap_or(b"damaged").to_vec()).unwrap()
}

fn next(store: &Store, webhook: &str) -> Option<String> {
    let entry = store.next_in_outbox(webhook).unwrap()?;
    Some(entry.event)
}

#[test]
fn each_webhook_has_its_own_queue_and_the_first_due_comes_first() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(next(&store, "a"), None);
    queue(&store, "one", &["a", "b"], 10, 9);
    queue(&store, "two", &["a"], 11, 9);
    queue(&store, "one", &["a"], 12, 9);
    assert_eq!(
        store.outbox_webhooks().unwrap(),
        [("a".to_owned(), 2), ("b".to_owned(), 1)]
    );
    let first = store.next_in_outbox("a").unwrap().unwrap();
    assert_eq!((first.queued_utc_ns, first.due_utc_ns), (10, 10));
    assert_eq!((first.attempts, text(&first)), (0, "canary-one".to_owned()));
    assert!(store.postpone_in_outbox("a", "one", 1, 20).unwrap());
    assert_eq!(next(&store, "a").as_deref(), Some("two"));
    drop(store);
    let store = place.open();
    assert!(store.remove_from_outbox("a", "two").unwrap());
    assert!(!store.remove_from_outbox("a", "two").unwrap());
    let first = store.next_in_outbox("a").unwrap().unwrap();
    assert_eq!((first.due_utc_ns, first.attempts), (20, 1));
    assert_eq!(text(&first), "canary-one");
    assert!(store.remove_from_outbox("a", "one").unwrap());
    assert!(!store.postpone_in_outbox("a", "one", 2, 30).unwrap());
    assert_eq!(next(&store, "b").as_deref(), Some("one"));
}

#[test]
fn the_oldest_of_the_same_webhook_make_room() {
    let place = Place::new();
    let store = place.open();
    assert!(queue(&store, "one", &["a", "b"], 1, 2).is_empty());
    assert!(queue(&store, "two", &["a"], 2, 2).is_empty());
    // The oldest is the one that came first, not the one that is due first.
    store.postpone_in_outbox("a", "one", 3, 1_000).unwrap();
    assert_eq!(
        queue(&store, "three", &["a", "b"], 3, 2),
        ["a one canary-one"]
    );
    assert_eq!(
        queue(&store, "four", &["a", "b"], 4, 1),
        [
            "a two canary-two",
            "a three canary-three",
            "b one canary-one",
            "b three canary-three"
        ]
    );
    assert_eq!(
        store.outbox_webhooks().unwrap(),
        [("a".to_owned(), 1), ("b".to_owned(), 1)]
    );
}

#[test]
fn an_altered_row_can_be_taken_out_and_is_not_believed() {
    for edit in [
        "UPDATE outbox SET webhook = 'b'",
        "UPDATE outbox SET event = 'two'",
        "UPDATE outbox SET queued_utc_ns = queued_utc_ns + 1",
        "UPDATE outbox SET queued_utc_ns = -1, due_utc_ns = -1, attempts = -1",
        "UPDATE outbox SET body = zeroblob(40)",
    ] {
        let place = Place::new();
        let store = place.open();
        queue(&store, "one", &["a"], 1, 9);
        place.alter(edit);
        let (webhook, _) = store.outbox_webhooks().unwrap().remove(0);
        let entry = store.next_in_outbox(&webhook).unwrap().unwrap();
        assert_eq!(entry.body, None, "{edit}");
        assert!(store.remove_from_outbox(&webhook, &entry.event).unwrap());
    }
}

#[test]
fn neither_files_nor_debug_texts_show_what_waits() {
    let place = Place::new();
    let store = place.open();
    queue(&store, "one", &["a"], 1, 9);
    let entry = store.next_in_outbox("a").unwrap().unwrap();
    assert!(!format!("{entry:?}").contains("99, 97, 110"), "{entry:?}");
    assert!(!format!("{entry:?}").contains("canary"), "{entry:?}");
    for file in std::fs::read_dir(place.directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"canary"));
    }
}
