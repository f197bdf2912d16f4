//! A check for people: each finding with its line underlined, then the counts.

use std::io::{self, Write};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use doorward_iac::Place;
use doorward_model::{Severity, Verdict, VerdictKind, harmless};

use super::Told;
use super::judge::Judged;

/// The most characters of a line that are shown; a plan is one line of many megabytes.
const WIDEST: usize = 140;
/// How many bytes around a place are looked at.
const FAR: usize = 2_048;

/// Writes the text. Failures that are merely informational are counted, and shown when asked for more.
pub(super) fn write(told: &Told<'_>, colour: bool, more: bool, out: &mut dyn Write) -> io::Result<()> {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    for judged in &told.checked.judged {
        for (meta, verdict) in &judged.verdicts {
            let shown = match verdict {
                Verdict::Fail { severity: Severity::Informational, .. } | Verdict::NotAsked { .. } => more,
                Verdict::Fail { .. } | Verdict::Unknown { .. } => true,
                Verdict::Excepted { .. } | Verdict::Pass { .. } | Verdict::NotApplicable { .. } => false,
            };
            if shown {
                writeln!(out, "{}\n", renderer.render(&[group(told, judged, meta.id, verdict)]))?;
            }
        }
    }
    for unread in &told.checked.unread {
        let title = Level::WARNING.with_name("not read").primary_title(clean(&unread.address));
        let group =
            excerpt(title.id("not-read"), told, &unread.place).element(Level::HELP.message(clean(&unread.because)));
        writeln!(out, "{}\n", renderer.render(&[group]))?;
    }
    summary(told, out)
}

fn group<'a>(told: &Told<'_>, judged: &Judged, rule: &'a str, verdict: &Verdict) -> Group<'a> {
    let declared = &judged.declared;
    let (level, help) = match verdict {
        Verdict::Fail { severity, remedy, .. } => {
            let level = match severity {
                Severity::Critical | Severity::High | Severity::Medium => Level::ERROR,
                Severity::Low => Level::WARNING,
                Severity::Informational => Level::NOTE,
            };
            (level, Some(remedy.as_str()))
        }
        Verdict::Unknown { gaps, .. } => {
            (Level::WARNING.with_name("unknown"), gaps.first().map(|gap| gap.reason.remedy()))
        }
        Verdict::NotAsked { remedy, .. } => (Level::NOTE.with_name("not asked"), Some(remedy.as_str())),
        _ => (Level::NOTE, None),
    };
    let title = level.primary_title(clean(&format!("{}: {}", declared.address, verdict.because()))).id(rule);
    let mut group = excerpt(title, told, &declared.place);
    if let Some(note) = &declared.note {
        group = group.element(Level::NOTE.message(clean(note)));
    }
    if let Some(help) = help {
        group = group.element(Level::HELP.message(clean(help)));
    }
    group
}

/// The line of a place, cut to what is around it.
fn excerpt<'a>(title: annotate_snippets::Title<'a>, told: &Told<'_>, place: &Place) -> Group<'a> {
    let path = clean(&place.file);
    let origin = Origin::path(path.clone()).line(place.line).char_column(place.column);
    let Some(source) = told.sources.get(place.file.as_str()) else {
        return title.element(origin);
    };
    let text = &*source.text;
    // What is far away on the line is not shown, and not looked for.
    let start = place.span.start.min(text.len());
    let far = text.floor_char_boundary(start.saturating_sub(FAR));
    let head = &text[far..start];
    let before = head.rfind('\n').map_or(head, |at| &head[at + 1..]);
    let whole = before.len() < head.len() || far == 0;
    let end = text.floor_char_boundary(start.saturating_add(FAR).min(text.len()));
    let rest = text[start..end].lines().next().unwrap_or_default();
    let (marked, after) = rest.split_at(rest.floor_char_boundary(place.span.end.saturating_sub(start)));
    let kept = last(before, WIDEST / 2);
    let marked = first(marked, WIDEST / 2);
    let shown = format!("{}{}{}", visible(kept), visible(marked), visible(first(after, WIDEST / 2)));
    let at = visible(kept).len();
    let span = at..at + visible(marked).len();
    let snippet = Snippet::source(shown).line_start(place.line).annotation(AnnotationKind::Primary.span(span));
    // A line that is cut has other columns than the file.
    if whole && kept.len() == before.len() {
        title.element(snippet.path(path))
    } else {
        title.element(origin).element(snippet)
    }
}

/// The last characters of a text.
fn last(text: &str, most: usize) -> &str {
    text.char_indices().rev().nth(most.saturating_sub(1)).map_or(text, |(at, _)| &text[at..])
}

/// The first characters of a text.
fn first(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(at, _)| &text[..at])
}

/// Source text in which nothing steers a terminal, character by character so that columns stay.
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

fn summary(told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    let checked = told.checked;
    let count = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let bodies = checked.judged.iter().filter(|judged| judged.declared.load_balancer().is_some()).count();
    writeln!(out, "{} in {}", count(bodies, "load balancer"), count(checked.files.len(), "file"))?;
    for (rule, counts) in checked.tally() {
        let of = |kind: &VerdictKind| counts.get(kind).map(|n| format!("{n} {kind}"));
        let parts: Vec<String> = VerdictKind::ALL.iter().filter_map(of).collect();
        writeln!(out, "  {rule:<28} {}", parts.join(", "))?;
    }
    for judged in &checked.judged {
        for (_, verdict) in &judged.verdicts {
            if let Verdict::Excepted { exception, expires, .. } = verdict {
                let address = clean(&judged.declared.address);
                writeln!(out, "  excepted until {expires}: {exception}, {address}")?;
            }
        }
    }
    if !checked.unread.is_empty() {
        writeln!(out, "  not read: {}", count(checked.unread.len(), "part"))?;
    }
    if !checked.problems.is_empty() {
        writeln!(out, "  {} could not be read; see the messages", count(checked.problems.len(), "file"))?;
    }
    Ok(())
}
