//! Slack's blocks. Names are code, in which nothing is interpreted; sentences have what would be markup replaced by what
//! looks like it, because Slack knows no escape for it.

use serde_json::{Value, json};

use super::{Message, MessagePart, Parts, defanged, more};

/// Longest text of a section; Slack takes 3,000 characters.
const SECTION: usize = 2_900;
/// Sections of a message; Slack takes 50 blocks.
const SECTIONS: usize = 40;
/// Longest text of a header; Slack takes 150 characters.
const HEADER: usize = 140;

/// The message for an incoming webhook.
pub(crate) fn render(message: &Message) -> Value {
    let title = super::clip(&super::text::line(&message.title), HEADER);
    let mut blocks = vec![json!({"type": "header", "text": {"type": "plain_text", "text": title, "emoji": false}})];
    let lead: Vec<String> = message.lead.iter().map(line).collect();
    let mut sections = vec![lead.join("\n")];
    let mut left = 0;
    for section in &message.sections {
        let mut open = format!("*{}*", section.heading);
        let mut items = section.items.iter();
        if sections.len() >= SECTIONS {
            left += section.items.len();
            continue;
        }
        for parts in items.by_ref() {
            let mut item = format!("\n• {}", line(parts));
            if item.chars().count() > SECTION / 2 {
                item = format!("\n• {}", line(&super::shortened(parts)));
            }
            if open.chars().count() + item.chars().count() <= SECTION {
                open.push_str(&item);
            } else if sections.len() + 1 < SECTIONS {
                sections.push(std::mem::replace(&mut open, item.trim_start().to_owned()));
            } else {
                left += 1;
                break;
            }
        }
        left += items.len();
        sections.push(open);
    }
    blocks.extend(sections.into_iter().map(|text| section(&text)));
    if left > 0 {
        blocks.push(section(&more(left)));
    }
    let foot = json!({"type": "mrkdwn", "text": line(&message.foot), "verbatim": true});
    blocks.push(json!({"type": "context", "elements": [foot]}));
    json!({
        "text": escaped(&title),
        "blocks": blocks,
        "mrkdwn": false,
        "parse": "none",
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
}

/// One line of Slack's markup.
fn line(parts: &Parts) -> String {
    parts
        .iter()
        .map(|part| match part {
            MessagePart::Ours(text) => escaped(text),
            MessagePart::Name(text) => code(text),
            MessagePart::Prose(text) => prose(text),
        })
        .collect()
}

/// The three characters that Slack asks to escape: behind them are links and mentions.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn code(text: &str) -> String {
    let text = defanged(text).replace('`', "ˋ");
    let text = if text.trim().is_empty() { "(blank)" } else { text.trim() };
    format!("`{}`", escaped(text))
}

/// A sentence: what it holds between backticks is code, the rest plain.
fn prose(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, quoted, after)) = quoted(rest) {
        out.push_str(&plain(before));
        out.push_str(&code(quoted));
        rest = after;
    }
    out.push_str(&plain(rest));
    out
}

fn quoted(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (quoted, after) = rest.split_once('`')?;
    Some((before, quoted, after))
}

fn plain(text: &str) -> String {
    let text = defanged(text);
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        out.push(match c {
            '*' => '∗',
            '~' => '∼',
            '`' => 'ˋ',
            // Inside a word it is plain.
            '_' if !before.is_alphanumeric() || !next.is_alphanumeric() => '＿',
            // The beginning of an emoji's name.
            ':' if !next.is_whitespace() => '∶',
            other => other,
        });
        before = c;
    }
    escaped(&out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        for (text, expected) in [
            ("<!channel>", "&lt;!channel&gt;"),
            ("<http://x.example|click>", "&lt;http: //x.example|click&gt;"),
            ("&lt;", "&amp;lt;"),
            ("*bold* _it_ ~no~ desync_mode", "∗bold∗ ＿it＿ ∼no∼ desync_mode"),
            ("set `a_b` here", "set `a_b` here"),
            ("one ` tick", "one ˋ tick"),
            ("a :skull: here", "a ∶skull: here"),
            ("ping @here", "ping ＠here"),
        ] {
            assert_eq!(prose(text), expected, "{text:?}");
        }
        assert_eq!(code("a`<b>"), "`aˋ&lt;b&gt;`");
        assert_eq!(code("  "), "`(blank)`");
    }
}
