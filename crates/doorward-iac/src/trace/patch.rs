//! The change of a declaration as whole lines, as people read and apply it.

use std::collections::BTreeMap;

use doorward_model::ModePatch;

use crate::text::Text;
use crate::{Declared, Source};

/// The files that were read, by path.
pub(super) type Texts<'a> = BTreeMap<&'a str, Text<'a>>;

/// Every file once: finding its lines takes as long as reading it.
pub(super) fn texts(sources: &[Source]) -> Texts<'_> {
    sources.iter().map(|source| (source.path.as_str(), Text::new(source))).collect()
}

/// The longest line that is shown, in bytes. A template on one line would otherwise be copied whole, with whatever it holds.
const WIDEST: usize = 240;

/// The lines that the offered change replaces, and what comes in their place; or why there are none.
pub(super) fn of(declared: &Declared, texts: &Texts<'_>) -> Result<ModePatch, String> {
    let edit = declared.fix.as_ref().map_err(Clone::clone)?;
    let text = texts.get(edit.file.as_str());
    let text = text.ok_or_else(|| format!("{} is not among the files that were given", edit.file))?;
    let (start, end) = (edit.span.start, edit.span.end);
    let begin = text.line_start(start);
    let rest = text.text.get(end..).ok_or("the change lies outside the file")?;
    // What is put in before a line leaves that line alone.
    let insertion = start == end && begin == start && edit.after.ends_with('\n');
    // A file may be one line of many megabytes.
    let near = rest.bytes().take(WIDEST + 1).position(|byte| byte == b'\n');
    let stop = match near {
        _ if insertion => end,
        Some(near) => end + near,
        None if rest.len() <= WIDEST => end + rest.len(),
        None => return Err(too_long()),
    };
    if start.saturating_sub(begin) > WIDEST {
        return Err(too_long());
    }
    let whole = text.text.get(begin..stop).ok_or("the change lies outside the file")?;
    let (head, tail) = (text.text.get(begin..start), text.text.get(end..stop));
    let (Some(head), Some(tail)) = (head, tail) else { return Err("the change lies outside the file".to_owned()) };
    let patch = ModePatch {
        file: edit.file.clone(),
        line: text.place(begin..begin).line,
        old: whole.lines().map(str::to_owned).collect(),
        before: format!("{head}{}", edit.before),
        after: format!("{}{tail}", edit.after),
    };
    if whole.lines().chain(patch.before.lines()).chain(patch.after.lines()).any(|line| line.len() > WIDEST) {
        return Err(too_long());
    }
    Ok(patch)
}

fn too_long() -> String {
    "its line is too long to be shown".to_owned()
}
