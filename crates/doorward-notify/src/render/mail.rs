//! An e-mail: subject, plain text and the same as HTML.

use doorward_model::html_prose;
use doorward_model::palette::{self, PaletteColour};

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

/// The style of a mail, in the colours of the page. Mail programs do not know custom properties, so that each theme has its rules; those that
/// drop the style show the same text.
fn style() -> String {
    let theme = |pick: fn(PaletteColour) -> u32| {
        let colour = |colour: PaletteColour| format!("#{:06x}", pick(colour));
        format!(
            "body{{background:{};color:{}}}h2{{color:{};border-bottom:1px solid {}}}code{{color:{}}}small{{color:{}}}",
            colour(palette::SHEET),
            colour(palette::INK),
            colour(palette::INK),
            colour(palette::LINE),
            colour(palette::LINK),
            colour(palette::SOFT)
        )
    };
    format!(
        "body{{font:15px/1.5 system-ui,sans-serif;max-width:45em;margin:0 auto;padding:1em;overflow-wrap:anywhere}}\
         h1{{font-size:1.3em;line-height:1.25}}h2{{font-size:1.05em;margin:1.4em 0 .4em;padding-bottom:.2em}}\
         ul{{margin:0;padding-left:1.2em}}li{{margin:.3em 0}}code{{font-family:ui-monospace,monospace;font-size:.92em}}\
         {}@media (prefers-color-scheme: dark){{{}}}",
        theme(|colour| colour.light),
        theme(|colour| colour.dark)
    )
}

fn html(message: &Message) -> String {
    let mut out = String::from("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    out.push_str("<meta name=\"color-scheme\" content=\"light dark\">");
    out.push_str(&format!("<style>{}</style></head><body>", style()));
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
