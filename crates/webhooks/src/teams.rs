//! Messages for Microsoft Teams: an Adaptive Card 1.4 as an attachment.
//!
//! `TextBlock` and `FactSet` read Markdown, and clients differ in whether a backslash takes its meaning from a
//! character. So what users wrote stands in `RichTextBlock`s, whose `TextRun`s have no Markdown at all, a line for each,
//! because a run has no line ends either. Nobody is mentioned: that takes an entity that the card does not have.

use serde_json::{Value, json};

use crate::event::Event;
use crate::format::{facts, title};
use crate::text::visible;

/// A card is at most 28 KB, and people read the first lines.
const LINES_MAX: usize = 40;

pub(crate) fn message(event: &Event, base_url: &str) -> Value {
    let mut body = vec![json!({
        "type": "TextBlock",
        "text": title(event),
        "size": "Large",
        "weight": "Bolder",
        "wrap": true,
    })];
    body.extend(facts(event).into_iter().map(|(label, value)| {
        let label = json!({ "type": "TextRun", "text": format!("{label}: "), "weight": "Bolder" });
        let value = json!({ "type": "TextRun", "text": value });
        json!({ "type": "RichTextBlock", "spacing": "Small", "inlines": [label, value] })
    }));
    if let Some(text) = &event.text {
        body.push(json!({
            "type": "Container",
            "style": "emphasis",
            "items": lines(&visible(text)),
        }));
    }
    if event.waits_for_people() {
        body.push(monospace(&event.command()));
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
                "actions": [{
                    "type": "Action.OpenUrl",
                    "title": "Open the request",
                    "url": event.url(base_url),
                }],
            },
        }],
    })
}

fn lines(text: &str) -> Vec<Value> {
    let mut lines: Vec<Value> = text.lines().take(LINES_MAX).map(monospace).collect();
    if text.lines().nth(LINES_MAX).is_some() {
        lines.push(monospace("…"));
    }
    lines
}

fn monospace(line: &str) -> Value {
    // A run without text is refused.
    let text = if line.is_empty() { "\u{a0}" } else { line };
    let run = json!({ "type": "TextRun", "text": text, "fontType": "Monospace" });
    json!({ "type": "RichTextBlock", "spacing": "None", "inlines": [run] })
}
