//! The edit of a declaration as whole lines, for people to read and apply.

use std::collections::BTreeMap;

use doorward_model::ModePatch;

use crate::source_text::SourceText;
use crate::{Declared, SourceFile};

/// The parsed files by path.
pub(super) type Texts<'a> = BTreeMap<&'a str, SourceText<'a>>;

/// Indexes every file once, because that reads the whole file.
pub(super) fn texts(sources: &[SourceFile]) -> Texts<'_> {
    sources.iter().map(|source| (source.path.as_str(), SourceText::new(source))).collect()
}

/// The maximum length of a shown line in bytes. A template on one line would otherwise be copied as a whole, with any secrets
/// in it.
const MAX_LINE: usize = 240;

/// The lines that the edit replaces and their replacement, or the reason why there is none.
pub(super) fn of(declared: &Declared, texts: &Texts<'_>) -> Result<ModePatch, String> {
    let edit = declared.fix.as_ref().map_err(Clone::clone)?;
    let text = texts.get(edit.file.as_str());
    let text = text.ok_or_else(|| format!("{} is not among the parsed files", edit.file))?;
    let (start, end) = (edit.span.start, edit.span.end);
    let begin = text.line_start(start);
    let rest = text.text.get(end..).ok_or("the edit is outside the file")?;
    // An insertion before a line does not change that line.
    let insertion = start == end && begin == start && edit.after.ends_with('\n');
    // The search for the end of the line is limited: a file may be one line of many megabytes.
    let line_end = rest.bytes().take(MAX_LINE + 1).position(|byte| byte == b'\n');
    let stop = match line_end {
        _ if insertion => end,
        // The carriage return of a line's end is not part of the line.
        Some(at) => end + rest[..at].trim_end_matches('\r').len(),
        None if rest.len() <= MAX_LINE => end + rest.len(),
        None => return Err(too_long()),
    };
    if start.saturating_sub(begin) > MAX_LINE {
        return Err(too_long());
    }
    let whole = text.text.get(begin..stop).ok_or("the edit is outside the file")?;
    let (head, tail) = (text.text.get(begin..start), text.text.get(end..stop));
    let (Some(head), Some(tail)) = (head, tail) else { return Err("the edit is outside the file".to_owned()) };
    let patch = ModePatch {
        file: edit.file.clone(),
        line: text.place(begin..begin).line,
        old: whole.lines().map(str::to_owned).collect(),
        before: format!("{head}{}", edit.before),
        after: format!("{}{tail}", edit.after),
    };
    if whole.lines().chain(patch.before.lines()).chain(patch.after.lines()).any(|line| line.len() > MAX_LINE) {
        return Err(too_long());
    }
    Ok(patch)
}

fn too_long() -> String {
    "the line is too long to show".to_owned()
}
