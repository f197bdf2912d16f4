//! The change of a declaration as whole lines, as people read and apply it.

use doorward_model::ModePatch;

use crate::text::Text;
use crate::{Declared, Source};

/// The longest line that is shown, in bytes. A template on one line would otherwise be copied whole, with whatever it holds.
const WIDEST: usize = 240;

/// The lines that the offered change replaces, and what comes in their place; or why there are none.
pub(super) fn of(declared: &Declared, sources: &[Source]) -> Result<ModePatch, String> {
    let edit = declared.fix.as_ref().map_err(Clone::clone)?;
    let source = sources.iter().find(|source| source.path == edit.file);
    let source = source.ok_or_else(|| format!("{} is not among the files that were given", edit.file))?;
    let text = Text::new(source);
    let (start, end) = (edit.span.start, edit.span.end);
    let begin = text.line_start(start);
    let rest = text.text.get(end..).ok_or("the change lies outside the file")?;
    // What is put in before a line leaves that line alone.
    let insertion = start == end && begin == start && edit.after.ends_with('\n');
    let stop = if insertion { end } else { end + rest.find('\n').unwrap_or(rest.len()) };
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
        return Err("its line is too long to be shown".to_owned());
    }
    Ok(patch)
}
