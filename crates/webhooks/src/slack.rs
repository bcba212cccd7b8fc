//! Messages for Slack's incoming webhooks, made of Block Kit blocks.
//!
//! Slack reads `&`, `<` and `>` in every text object as the beginning of links and mentions, so they are written as
//! entities. Values of users stand in `plain_text`, where nothing else is read; the operation stands in a code block,
//! the one place with markup.

use serde_json::{Value, json};

use crate::event::Event;
use crate::format::{facts, title};
use crate::text::visible;

/// A section's text has at most 3000 characters; the block's own marks are a few of them.
const CODE_UNITS_MAX: usize = 2900;
/// A field's text has at most 2000.
const FIELD_UNITS_MAX: usize = 1800;
/// A line in a notification.
const SUMMARY_UNITS_MAX: usize = 300;

pub(crate) fn message(event: &Event, base_url: &str) -> Value {
    let title = title(event);
    let fields: Vec<Value> = facts(event)
        .into_iter()
        .map(|(label, value)| plain(&format!("{label}\n{}", escaped(&value, FIELD_UNITS_MAX))))
        .collect();
    let mut blocks = vec![
        json!({ "type": "header", "text": plain(title) }),
        json!({ "type": "section", "fields": fields }),
    ];
    if let Some(text) = &event.text {
        let code = format!("```\n{}\n```", escaped(&visible(text), CODE_UNITS_MAX));
        blocks.push(json!({
            "type": "section",
            "text": { "type": "mrkdwn", "text": code, "verbatim": true },
        }));
    }
    blocks.push(json!({
        "type": "actions",
        "elements": [{
            "type": "button",
            "text": plain("Open the request"),
            "url": event.url(base_url),
        }],
    }));
    if event.waits_for_people() {
        blocks.push(json!({ "type": "context", "elements": [plain(&event.command())] }));
    }
    let who = facts(event).into_iter().take(2);
    let summary: Vec<String> = who.map(|(_, value)| value).collect();
    let summary = escaped(&summary.join(", "), SUMMARY_UNITS_MAX);
    json!({ "text": format!("{title}: {summary}"), "mrkdwn": false, "blocks": blocks })
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

/// The text as Slack shows it and does not read it, cut to that many UTF-16 units as it is written.
fn escaped(text: &str, units_max: usize) -> String {
    let mut written = String::with_capacity(text.len());
    let mut units = 0_usize;
    for letter in text.chars() {
        let mut own = [0; 4];
        let (piece, piece_units): (&str, usize) = match letter {
            '&' => ("&amp;", 5),
            '<' => ("&lt;", 4),
            '>' => ("&gt;", 4),
            // Three of them would end the block; this one looks alike.
            '`' => ("\u{2cb}", 1),
            // `@here` and `@channel` are words to Slack; the space in between has no width.
            '@' => ("@\u{200b}", 2),
            letter => (letter.encode_utf8(&mut own), letter.len_utf16()),
        };
        units = units.saturating_add(piece_units);
        if units >= units_max {
            written.push('…');
            break;
        }
        written.push_str(piece);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_in_a_text_is_read_by_slack() {
        let text = "<!channel> <@U024BE7LH> @here & ```*x*``` a&lt;b";
        let written = escaped(text, 1000);
        assert_eq!(
            written,
            "&lt;!channel&gt; &lt;@\u{200b}U024BE7LH&gt; @\u{200b}here &amp; ˋˋˋ*x*ˋˋˋ a&amp;lt;b"
        );
    }

    #[test]
    fn a_cut_never_leaves_half_an_entity() {
        for units_max in 1..60 {
            let written = escaped("&<>&<>&<>", units_max);
            assert!(written.encode_utf16().count() <= units_max, "{written}");
            let rest = written
                .replace("&amp;", "")
                .replace("&lt;", "")
                .replace("&gt;", "");
            assert!(rest.is_empty() || rest == "…", "{written}");
        }
        assert_eq!(escaped("𝒳𝒳𝒳", 5), "𝒳𝒳…");
    }
}
