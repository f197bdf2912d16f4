//! A card for a webhook of a Teams workflow. Outside text stands in text runs, which know no markup; text blocks, which do,
//! hold our own words only.

use serde_json::{Value, json};

use super::{Message, MessagePart, Parts, defanged, more};

/// Bytes of all lines; Teams takes a message of 28 KB, card and envelope included.
const ROOM: usize = 20_000;

/// The message.
pub(crate) fn render(message: &Message) -> Value {
    let mut body = vec![rich(&message.title, true)];
    body.extend(message.lead.iter().map(|parts| rich(parts, false)));
    let mut used: usize = body.iter().map(size).sum();
    let mut left = 0;
    for section in &message.sections {
        let mut headed = false;
        for parts in &section.items {
            let mut listed = vec![MessagePart::Ours("• ".to_owned())];
            listed.extend(parts.iter().cloned());
            let item = rich(&listed, false);
            let needed = size(&item) + 150;
            if left > 0 || used + needed > ROOM {
                left += 1;
                continue;
            }
            if !headed {
                body.push(json!({"type": "TextBlock", "text": section.heading, "weight": "Bolder", "spacing": "Medium", "wrap": true}));
                headed = true;
            }
            used += needed;
            body.push(item);
        }
    }
    if left > 0 {
        body.push(rich(&vec![MessagePart::Ours(more(left))], false));
    }
    body.push(rich(&message.foot, false));
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": {"width": "Full"},
                "body": body,
            },
        }],
    })
}

fn size(value: &Value) -> usize {
    value.to_string().len()
}

fn rich(parts: &Parts, title: bool) -> Value {
    let inlines: Vec<Value> = parts
        .iter()
        .map(|part| match part {
            MessagePart::Ours(text) if title => {
                json!({"type": "TextRun", "text": text, "weight": "Bolder", "size": "Medium"})
            }
            MessagePart::Ours(text) => json!({"type": "TextRun", "text": text}),
            MessagePart::Name(text) => json!({"type": "TextRun", "text": run(text), "fontType": "Monospace"}),
            MessagePart::Prose(text) => json!({"type": "TextRun", "text": run(text)}),
        })
        .collect();
    json!({"type": "RichTextBlock", "inlines": inlines})
}

/// Text of a run: neither a mention nor a date or template expression.
fn run(text: &str) -> String {
    let text = defanged(text).replace('{', "\u{a0}{").replace('<', "‹").replace('>', "›");
    if text.trim().is_empty() { "(blank)".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_mention_or_an_expression() {
        for (text, expected) in [
            ("<at>all</at>", "‹at›all‹/at›"),
            ("{{DATE(2026-01-01)}}", "\u{a0}{\u{a0}{DATE(2026-01-01)}}"),
            ("@{body()} ${x}", "＠\u{a0}{body()} $\u{a0}{x}"),
            ("", "(blank)"),
        ] {
            assert_eq!(run(text), expected, "{text:?}");
        }
    }
}
