//! What is sent, byte for byte, and that users' texts are mere text in it.

use custos_webhooks::{Event, EventType, Format, RequestKind};
use serde_json::Value;

use crate::world::{BASE_URL, event};

fn message(format: Format, event: &Event) -> Value {
    serde_json::from_str(&format.render(event, BASE_URL).unwrap()).unwrap()
}

/// With the members of each object in the order of their names, however the crates are built.
fn pretty(format: Format, event: &Event) -> String {
    let mut message = message(format, event);
    message.sort_all_objects();
    serde_json::to_string_pretty(&message).unwrap()
}

/// The other end of a request.
fn ended() -> Event {
    Event {
        event_type: EventType::RequestDecided,
        kind: RequestKind::Grant,
        text: None,
        rules: Vec::new(),
        justification: None,
        expires_utc_ns: None,
        approvers: Vec::new(),
        decision: Some("deny".to_owned()),
        ending: Some("denied".to_owned()),
        by: Some("bob".to_owned()),
        ..event(2)
    }
}

/// Whatever chats read in a text.
fn hostile() -> Event {
    let text = "-- <!channel> <@U024BE7LH> @here <https://evil.example|Approve>\n\
                ```\n*Approved by bob*\n[click](https://evil.example) & `x` \u{202e}txt\0";
    Event {
        requester: "mallory\n*Requester:* alice <!here>".to_owned(),
        resource: "postgres/[shop](https://evil.example)".to_owned(),
        text: Some(text.to_owned()),
        rules: vec!["# drops".to_owned(), "1. **x**".to_owned()],
        justification: Some("because\n\n- [x] `@channel` <at>bob</at>".to_owned()),
        ..event(3)
    }
}

#[test]
fn cloudevents() {
    insta::assert_snapshot!("cloudevents-opened", pretty(Format::CloudEvents, &event(1)));
    insta::assert_snapshot!("cloudevents-decided", pretty(Format::CloudEvents, &ended()));
}

#[test]
fn slack() {
    insta::assert_snapshot!("slack-opened", pretty(Format::Slack, &event(1)));
    insta::assert_snapshot!("slack-decided", pretty(Format::Slack, &ended()));
    insta::assert_snapshot!("slack-hostile", pretty(Format::Slack, &hostile()));
}

#[test]
fn teams() {
    insta::assert_snapshot!("teams-opened", pretty(Format::Teams, &event(1)));
    insta::assert_snapshot!("teams-decided", pretty(Format::Teams, &ended()));
    insta::assert_snapshot!("teams-hostile", pretty(Format::Teams, &hostile()));
}

#[test]
fn every_type_has_a_title_and_its_name() {
    let mut titles = Vec::new();
    for event_type in EventType::ALL {
        let event = Event {
            event_type,
            ..event(1)
        };
        let cloud = message(Format::CloudEvents, &event);
        assert_eq!(cloud["type"], event_type.as_str());
        assert_eq!(event_type.as_str().parse(), Ok(event_type));
        let slack = message(Format::Slack, &event);
        titles.push(slack["blocks"][0]["text"]["text"].to_string());
        let teams = message(Format::Teams, &event);
        let card = &teams["attachments"][0]["content"]["body"];
        assert_eq!(card[0]["text"], slack["blocks"][0]["text"]["text"]);
    }
    titles.sort();
    titles.dedup();
    assert_eq!(titles.len(), EventType::ALL.len());
    assert!("custos.request".parse::<EventType>().is_err());
}

/// Every text in the value, with the kind of the object that it stands in.
fn texts(value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            let kind = members.get("type").and_then(Value::as_str).unwrap_or("");
            if let Some(text) = members.get("text").and_then(Value::as_str) {
                found.push((kind.to_owned(), text.to_owned()));
            }
            members.values().for_each(|value| texts(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        _ => {}
    }
}

#[test]
fn a_text_cannot_ping_a_channel_or_leave_its_block() {
    let mut found = Vec::new();
    texts(&message(Format::Slack, &hostile()), &mut found);
    let mut codes = 0;
    for (kind, text) in &found {
        assert!(!text.contains(['<', '>']), "{text}");
        assert!(
            !text.contains("@here") && !text.contains("@channel"),
            "{text}"
        );
        let hidden = |letter: char| letter.is_control() && letter != '\n';
        assert!(
            !text.contains(hidden) && !text.contains('\u{202e}'),
            "{text}"
        );
        if kind == "mrkdwn" {
            codes += 1;
            assert_eq!(text.matches('`').count(), 6, "{text}");
            assert!(
                text.starts_with("```\n") && text.ends_with("\n```"),
                "{text}"
            );
        }
    }
    assert_eq!(codes, 1);
    let fields = message(Format::Slack, &hostile())["blocks"][1]["fields"].clone();
    for field in fields.as_array().unwrap() {
        assert_eq!(field["type"], "plain_text");
        let text = field["text"].as_str().unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text}");
    }
}

#[test]
fn where_teams_reads_markdown_no_user_wrote() {
    let mut found = Vec::new();
    texts(&message(Format::Teams, &hostile()), &mut found);
    for (kind, text) in found {
        match kind.as_str() {
            "TextBlock" => assert_eq!(text, "Approval needed"),
            "TextRun" => assert!(!text.is_empty() && !text.contains('\n'), "{text}"),
            other => panic!("{other}: {text}"),
        }
    }
}

#[test]
fn long_texts_fit_into_what_chats_take() {
    for piece in ["&", "<@>", "ä", "𝒳", "a\n", "\n", "`", "\u{202e}"] {
        let long = piece.repeat(20_000);
        let event = Event {
            requester: long.clone(),
            resource: long.clone(),
            text: Some(long.clone()),
            rules: vec![long.clone(); 100],
            justification: Some(long.clone()),
            approvers: vec![long.clone(); 100],
            decision: Some(long.clone()),
            ending: Some(long.clone()),
            by: Some(long.clone()),
            ..event(1)
        };
        let cloud = message(Format::CloudEvents, &event);
        let text = cloud["data"]["text"].as_str().unwrap();
        assert!(text.len() <= 2048 && text.ends_with('…'));
        assert!(long.starts_with(text.trim_end_matches('…')));
        let slack = message(Format::Slack, &event);
        assert!(slack["blocks"].as_array().unwrap().len() <= 50);
        let fields = slack["blocks"][1]["fields"].as_array().unwrap();
        assert!(fields.len() <= 10);
        for field in fields {
            assert!(field["text"].as_str().unwrap().encode_utf16().count() <= 2000);
        }
        let code = slack["blocks"][2]["text"]["text"].as_str().unwrap();
        assert!(code.encode_utf16().count() <= 3000);
        let teams = Format::Teams.render(&event, BASE_URL).unwrap();
        assert!(teams.len() <= 28 * 1024, "{}", teams.len());
    }
}
