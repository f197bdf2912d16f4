//! Sentences at the width of a terminal: lines are broken between words, and never inside one.

use std::io::{self, Write};

/// The fewest columns of a sentence, however narrow the terminal is.
const FEWEST: usize = 20;

/// A sentence in lines; `before` columns of each are taken by what stands before it.
pub(super) fn folded(text: &str, width: usize, before: usize) -> String {
    let most = width.saturating_sub(before).max(FEWEST);
    let (mut out, mut used) = (String::with_capacity(text.len()), 0);
    for (n, word) in text.split(' ').enumerate() {
        let long = word.chars().count();
        if n > 0 && used > 0 && used + 1 + long > most {
            out.push('\n');
            used = 0;
        } else if n > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += long;
    }
    out
}

/// Writes lines, each broken at the width; what goes on is indented below its line.
pub(super) fn write_folded(
    width: usize,
    out: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    if width == usize::MAX {
        return write(out);
    }
    let mut text = Vec::new();
    write(&mut text)?;
    for line in String::from_utf8_lossy(&text).lines() {
        let indent = line.len() - line.trim_start().len();
        let folded = folded(&line[indent..], width, indent + 2);
        for (n, part) in folded.lines().enumerate() {
            writeln!(out, "{}{part}", " ".repeat(if n == 0 { indent } else { indent + 2 }))?;
        }
        if folded.is_empty() {
            writeln!(out)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        let text = "Set the mode of the load balancer to defensive, as the policy requires of every load balancer.";
        for width in [40, 60, 80] {
            let lines = folded(text, width, 10);
            assert!(lines.lines().all(|line| line.chars().count() <= width - 10), "{lines}");
            assert_eq!(lines.replace('\n', " "), text);
        }
        assert_eq!(folded(text, usize::MAX, 10), text);
        let long = "x".repeat(100);
        assert_eq!(folded(&long, 60, 10), long, "a word is never broken");
        let mut out = Vec::new();
        write_folded(40, &mut out, |out| writeln!(out, "  {text}\n\nend")).expect("writes");
        let out = String::from_utf8(out).expect("text");
        assert!(out.starts_with("  Set the mode") && out.contains("\n    ") && out.ends_with("\n\nend\n"), "{out}");
        assert!(out.lines().all(|line| line.chars().count() <= 40), "{out}");
    }
}
