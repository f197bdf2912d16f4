//! Plain text: for mail, topics and the dry run.

use super::{Message, MessagePart, Parts, defanged, more};

/// The whole message; lines beyond `most` bytes are left out, and how many were is said.
pub(crate) fn render(message: &Message, most: usize) -> String {
    let foot = format!("\n{}\n", line(&message.foot));
    // Room for the foot and for saying what is missing.
    let room = most.saturating_sub(foot.len() + 200);
    let mut out = format!("{}\n\n", line(&message.title));
    for parts in &message.lead {
        out.push_str(&line(parts));
        out.push('\n');
    }
    let mut left = 0;
    for section in &message.sections {
        let heading = format!("\n{}\n", section.heading);
        let mut headed = false;
        for parts in &section.items {
            let item = format!("- {}\n", line(parts));
            let needed = item.len() + if headed { 0 } else { heading.len() };
            if left > 0 || out.len() + needed > room {
                left += 1;
                continue;
            }
            if !headed {
                out.push_str(&heading);
                headed = true;
            }
            out.push_str(&item);
        }
    }
    if left > 0 {
        out.push_str(&format!("\n{}\n", more(left)));
    }
    out.push_str(&foot);
    out
}

/// One line.
pub(crate) fn line(parts: &Parts) -> String {
    parts
        .iter()
        .map(|part| match part {
            MessagePart::Ours(text) => text.clone(),
            MessagePart::Name(text) | MessagePart::Prose(text) => defanged(text),
        })
        .collect()
}
