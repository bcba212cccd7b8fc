//! Signatures, checked by the Python code that the documentation gives to receivers.

use std::io::Write as _;
use std::process::{Command, Stdio};

use custos_webhooks::{Event, Format};
use serde_json::json;

use crate::receiver::{Got, Receiver, status};
use crate::world::{Running, SECRET, World, event, secret, webhook};

/// The first block of Python in the page.
fn documented() -> &'static str {
    let page = include_str!("../../../../docs/webhooks.md");
    let (_, rest) = page.split_once("```python\n").unwrap();
    rest.split_once("```").unwrap().0
}

const HARNESS: &str = "
import json, sys
question = json.load(sys.stdin)
now = int(question['headers'].get('webhook-timestamp', '0')) + question['late']
print(verify(question['secret'], question['headers'], question['body'].encode(), now))
";

/// What the documented function says.
fn verify(secret: &str, got: &Got, body: &str, late: i64) -> bool {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: serde_json::Map<_, _> = names
        .iter()
        .map(|name| ((*name).to_owned(), got.header(name).unwrap().into()))
        .collect();
    let question = json!({ "secret": secret, "headers": headers, "body": body, "late": late });
    let mut python = Command::new("python3")
        .arg("-c")
        .arg(format!("{}{HARNESS}", documented()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = python.stdin.take().unwrap();
    input.write_all(question.to_string().as_bytes()).unwrap();
    drop(input);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    match String::from_utf8(output.stdout).unwrap().trim() {
        "True" => true,
        "False" => false,
        other => panic!("{other}"),
    }
}

const OTHER: &str = "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXI=";
const RAW: &str = "a secret of one's own, ä";

#[tokio::test]
async fn receivers_can_verify_what_they_get() {
    let mut receiver = Receiver::new(&[&status(200, "")]).await;
    let world = World::new();
    let mut ops = webhook("ops", receiver.url());
    ops.secrets = vec![secret(SECRET), secret(RAW)];
    let webhooks = world.webhooks(vec![ops]);
    let _running = Running::start(&webhooks);
    let event = Event {
        requester: "Größe \u{1f984} \u{202e}".to_owned(),
        ..event(1)
    };
    webhooks.tell(&event).unwrap();
    let got = receiver.next().await;
    let signatures = got.header("webhook-signature").unwrap();
    assert_eq!(signatures.split(' ').count(), 2, "{signatures}");
    assert!(verify(SECRET, &got, &got.body, 0));
    assert!(verify(RAW, &got, &got.body, 0), "the second secret too");
    assert!(verify(SECRET, &got, &got.body, 299));
    assert!(!verify(SECRET, &got, &got.body, 301), "too old");
    assert!(!verify(SECRET, &got, &got.body, -301), "from the future");
    assert!(!verify(OTHER, &got, &got.body, 0));
    assert!(!verify(SECRET, &got, &got.body.replace("shop", "pay"), 0));
}

#[tokio::test]
async fn chats_get_a_signature_only_where_there_is_a_secret() {
    let mut receiver = Receiver::new(&[&status(200, "ok: 1\r\n")]).await;
    let world = World::new();
    for (name, format) in [("slack", Format::Slack), ("teams", Format::Teams)] {
        let mut signed = webhook(&format!("{name}-signed"), receiver.url());
        signed.format = format;
        let mut bare = webhook(name, receiver.url());
        bare.format = format;
        bare.secrets = Vec::new();
        for (settings, is_signed) in [(signed, true), (bare, false)] {
            let webhooks = world.webhooks(vec![settings]);
            let running = Running::start(&webhooks);
            webhooks.tell(&event(1)).unwrap();
            let got = receiver.next().await;
            assert_eq!(
                got.header("content-type"),
                Some("application/json; charset=utf-8")
            );
            assert_eq!(got.header("webhook-signature").is_some(), is_signed);
            assert_eq!(got.header("webhook-id").is_some(), is_signed);
            running.stop().await;
        }
    }
}
