//! An e-mail: subject, plain text and the same as HTML.

use doorward_model::html_prose;

use super::{Message, MessagePart, Parts, clip, defanged, more, text};

/// Bytes of the plain text, so that no server refuses it; the HTML holds as many lines.
const ROOM: usize = 256 * 1024;
/// Longest subject, in characters.
const SUBJECT: usize = 180;

/// The parts of a message that a digest decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mail {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// Renders a message.
pub(crate) fn render(message: &Message) -> Mail {
    Mail { subject: clip(&text::line(&message.title), SUBJECT), text: text::render(message, ROOM), html: html(message) }
}

fn html(message: &Message) -> String {
    let mut out = String::from("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"></head><body>");
    out.push_str(&format!("<h1>{}</h1>", line(&message.title)));
    for parts in &message.lead {
        out.push_str(&format!("<p>{}</p>", line(parts)));
    }
    let mut left = 0;
    for section in &message.sections {
        if left > 0 {
            left += section.items.len();
            continue;
        }
        out.push_str(&format!("<h2>{}</h2><ul>", escaped(&section.heading)));
        for parts in &section.items {
            if left > 0 || out.len() > ROOM {
                left += 1;
            } else {
                out.push_str(&format!("<li>{}</li>", line(parts)));
            }
        }
        out.push_str("</ul>");
    }
    if left > 0 {
        out.push_str(&format!("<p>{}</p>", escaped(&more(left))));
    }
    out.push_str(&format!("<p><small>{}</small></p></body></html>\n", line(&message.foot)));
    out
}

fn line(parts: &Parts) -> String {
    parts
        .iter()
        .map(|part| match part {
            MessagePart::Ours(text) => html_prose(text, escaped),
            MessagePart::Name(text) => format!("<code>{}</code>", escaped(&defanged(text))),
            MessagePart::Prose(text) => html_prose(&defanged(text), escaped),
        })
        .collect()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
