//! The format `text`: each finding with its source line, then what is the same for many declarations, then counts.

use std::io::{self, Write};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, Title};
use doorward_iac::SourceRange;
use doorward_model::{Severity, Verdict, harmless};

use super::{RenderInput, TextOptions, help};
use crate::JudgedDeclaration;

mod closing;
mod folding;

use folding::{folded, write_folded};

/// The number of characters of a line that are shown. A plan is one line of many megabytes.
const EXCERPT: usize = 140;
/// How far, in bytes, the line is searched for its start and end. Enough for `EXCERPT` characters of four bytes.
const REACH: usize = 2_048;

/// The number of parts that were not read up to which each is shown with its source line.
const SHOWN_PARTS: usize = 3;

/// Writes the text.
pub(super) fn write(input: &RenderInput<'_>, options: TextOptions, out: &mut dyn Write) -> io::Result<()> {
    let renderer = if options.colour { Renderer::styled() } else { Renderer::plain() };
    let width = options.width.unwrap_or(usize::MAX);
    let renderer = renderer.term_width(width.min(EXCERPT));
    for judged in &input.report.judged {
        for (meta, verdict) in &judged.verdicts {
            let shown = match verdict {
                _ if input.report.accepted.contains(&judged.id(meta.id)) => options.verbose,
                Verdict::Fail { severity: Severity::Informational, .. } | Verdict::NotAsked { .. } => options.verbose,
                Verdict::Unknown { .. } => options.verbose || closing::left_open(verdict).is_none(),
                Verdict::Fail { .. } => true,
                Verdict::Excepted { .. } | Verdict::Pass { .. } | Verdict::NotApplicable { .. } => false,
            };
            if shown {
                writeln!(out, "{}\n", renderer.render(&[group(input, judged, (meta.id, verdict), width)]))?;
            }
        }
    }
    let is_new = |unread: &&doorward_iac::UnreadPart| {
        options.verbose || !input.report.accepted.contains(&crate::Baseline::part(unread))
    };
    let unread: Vec<_> = input.report.unread.iter().filter(is_new).collect();
    if options.verbose || unread.len() <= SHOWN_PARTS {
        for unread in unread {
            let title = Level::WARNING.with_name("not read").primary_title(clean(&unread.address));
            let because = folded(&clean(&unread.because), width, MESSAGE);
            let group = excerpt(title.id("not-read"), input, &unread.place).element(Level::HELP.message(because));
            writeln!(out, "{}\n", renderer.render(&[group]))?;
        }
    } else {
        write_folded(width, out, |out| closing::parts(&unread, out))?;
    }
    write_folded(width, out, |out| closing::write(input, options, out))
}

/// Columns before the sentence of a note or a help: the number of the line, ` = help: `.
const MESSAGE: usize = 16;

/// Columns before the sentence of a title besides its rule: `not asked[]: `.
const TITLE: usize = 13;

fn group<'a>(
    input: &RenderInput<'_>,
    judged: &JudgedDeclaration,
    (rule, verdict): (&'a str, &Verdict),
    width: usize,
) -> Group<'a> {
    let declared = &judged.declared;
    let level = match verdict {
        Verdict::Fail { severity, .. } => match (*severity).into() {
            super::Level::Error => Level::ERROR,
            super::Level::Warning => Level::WARNING,
            super::Level::Note => Level::NOTE,
        },
        Verdict::Unknown { .. } => Level::WARNING.with_name("unknown"),
        Verdict::NotAsked { .. } => Level::NOTE.with_name("not asked"),
        Verdict::Pass { .. } | Verdict::Excepted { .. } | Verdict::NotApplicable { .. } => Level::NOTE,
    };
    let title = clean(&format!("{}: {}", declared.address, verdict.because()));
    let title = level.primary_title(folded(&title, width, TITLE + rule.len())).id(rule);
    let mut group = excerpt(title, input, &declared.place);
    // The note of a declaration is about its mode.
    if let Some(note) = declared.note.as_ref().filter(|_| rule.starts_with("desync-mode")) {
        group = group.element(Level::NOTE.message(folded(&clean(note), width, MESSAGE)));
    }
    if let Some(help) = help(verdict) {
        group = group.element(Level::HELP.message(folded(&clean(help), width, MESSAGE)));
    }
    group
}

/// The source line of a place, shortened around the place.
fn excerpt<'a>(title: Title<'a>, input: &RenderInput<'_>, place: &SourceRange) -> Group<'a> {
    let path = clean(&place.file);
    let origin = Origin::path(path.clone()).line(place.line).char_column(place.column);
    let Some(source) = input.sources.get(place.file.as_str()) else {
        return title.element(origin);
    };
    let text = &*source.text;
    // Only the surroundings are searched: the whole line may have many megabytes.
    let start = place.span.start.min(text.len());
    let far = text.floor_char_boundary(start.saturating_sub(REACH));
    let head = &text[far..start];
    let before = head.rfind('\n').map_or(head, |at| &head[at + 1..]);
    let whole = before.len() < head.len() || far == 0;
    let end = text.floor_char_boundary(start.saturating_add(REACH).min(text.len()));
    let rest = text[start..end].lines().next().unwrap_or_default();
    let (marked, after) = rest.split_at(rest.floor_char_boundary(place.span.end.saturating_sub(start)));
    let kept = last(before, EXCERPT / 2);
    let marked = first(marked, EXCERPT / 2);
    let shown = format!("{}{}{}", visible(kept), visible(marked), visible(first(after, EXCERPT / 2)));
    let at = visible(kept).len();
    let span = at..at + visible(marked).len();
    let snippet = Snippet::source(shown).line_start(place.line).annotation(AnnotationKind::Primary.span(span));
    // The columns of a shortened line are not those of the file, so that the file's are given separately.
    if whole && kept.len() == before.len() {
        title.element(snippet.path(path))
    } else {
        title.element(origin).element(snippet)
    }
}

/// At most the last `most` characters of a text.
fn last(text: &str, most: usize) -> &str {
    text.char_indices().rev().nth(most.saturating_sub(1)).map_or(text, |(at, _)| &text[at..])
}

/// At most the first `most` characters of a text.
fn first(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(at, _)| &text[..at])
}

/// SourceFile text without control characters, replaced one for one so that columns stay.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => c,
            c if matches!(harmless(c.encode_utf8(&mut [0; 4])), std::borrow::Cow::Owned(_)) => '\u{fffd}',
            c => c,
        })
        .collect()
}

fn clean(text: &str) -> String {
    harmless(text).into_owned()
}
