//! Edits of JSON and YAML files that leave every other byte unchanged.

use crate::ModeEdit;
use crate::source_text::SourceText;
use crate::tree::{Data, Document, Node};

/// Sets an attribute in a list of attributes: replaces its value, or inserts it as the first entry.
pub(crate) fn set_in_list(
    text: &SourceText<'_>,
    document: &Document,
    list: &Node,
    names: (&str, &str),
    key: &str,
) -> Result<ModeEdit, String> {
    // The last of several entries with one key determines its value.
    let entry = list.as_seq().unwrap_or_default().iter().rev().find(|entry| entry.text_at(&[names.0]) == Some(key));
    match entry.and_then(|entry| entry.get(names.1)) {
        Some(value) if value.as_str().is_some() => replace_scalar(text, document, value),
        Some(_) => Err("the value is a reference; change what it refers to".to_owned()),
        None => insert_into_list(text, document, list, names, key),
    }
}

/// Replaces a literal scalar and keeps its quotes.
pub(crate) fn replace_scalar(text: &SourceText<'_>, document: &Document, node: &Node) -> Result<ModeEdit, String> {
    check_not_shared(document, node)?;
    let raw = &text.text[node.span.clone()];
    let quote = match (&*node.data, raw.chars().next()) {
        _ if node.tag.is_some() || raw.contains('\n') => return Err("the value is not a plain literal".to_owned()),
        (Data::Scalar { .. }, Some(quote @ ('"' | '\''))) if raw.len() > 1 && raw.ends_with(quote) => quote.to_string(),
        (Data::Scalar { quoted: false, .. }, _) => String::new(),
        _ => return Err("the value is not a plain literal".to_owned()),
    };
    let path = text.path.to_owned();
    Ok(ModeEdit { file: path, span: node.span.clone(), before: quote.clone(), after: quote })
}

/// Inserts an attribute as the first entry of a list. `names` are the names of key and value.
fn insert_into_list(
    text: &SourceText<'_>,
    document: &Document,
    list: &Node,
    names: (&str, &str),
    key: &str,
) -> Result<ModeEdit, String> {
    check_not_shared(document, list)?;
    let entries = list.as_seq().filter(|_| list.tag.is_none()).ok_or("the attributes are not a literal list")?;
    let (name, value) = names;
    if text.text[list.span.clone()].starts_with('[') {
        let before = format!("{{ \"{name}\": \"{key}\", \"{value}\": \"");
        return Ok(flow(text, list.span.start, entries.first(), before, "\" }".to_owned()));
    }
    let first = entries.first().ok_or("the list of attributes is empty")?;
    let start = text.line_start(first.span.start);
    let lead = &text.text[start..first.span.start];
    let Some(indent) = lead.strip_suffix("- ").filter(|indent| indent.chars().all(|c| c == ' ')) else {
        return Err("the list of attributes does not begin on a line of its own".to_owned());
    };
    let end = text.newline;
    let before = format!("{indent}- {name}: {key}{end}{indent}  {value}: ");
    Ok(ModeEdit { file: text.path.to_owned(), span: start..start, before, after: end.to_owned() })
}

/// Inserts a property as the first entry of a map. `block` are its lines in YAML up to the mode, indented by two spaces per
/// level. `in_flow` is the text before and after the mode in JSON.
pub(crate) fn insert_into_map(
    text: &SourceText<'_>,
    document: &Document,
    map: &Node,
    block: &[&str],
    in_flow: (&str, &str),
) -> Result<ModeEdit, String> {
    check_not_shared(document, map)?;
    let pairs =
        map.as_map().filter(|_| map.tag.is_none()).ok_or("the map that it belongs into is not a literal map")?;
    if text.text[map.span.clone()].starts_with('{') {
        let first = pairs.first().map(|(key, _)| key);
        return Ok(flow(text, map.span.start, first, in_flow.0.to_owned(), in_flow.1.to_owned()));
    }
    let (first, _) = pairs.first().ok_or("the map that it belongs into is empty")?;
    let start = text.line_start(first.span.start);
    let indent = &text.text[start..first.span.start];
    if !indent.chars().all(|c| c == ' ') {
        return Err("the map that it belongs into does not begin on a line of its own".to_owned());
    }
    let end = text.newline;
    let lines: Vec<String> = block.iter().map(|line| format!("{indent}{line}")).collect();
    Ok(ModeEdit { file: text.path.to_owned(), span: start..start, before: lines.join(end), after: end.to_owned() })
}

/// Inserts after an opening bracket, with the spacing of the first entry.
fn flow(text: &SourceText<'_>, open: usize, first: Option<&Node>, before: String, mut after: String) -> ModeEdit {
    let at = first.map_or(open + 1, |first| first.span.start);
    if first.is_some() {
        let space = &text.text[open + 1..at];
        let space = if space.trim().is_empty() && !space.is_empty() { space } else { " " };
        after.push(',');
        after.push_str(space);
    }
    ModeEdit { file: text.path.to_owned(), span: at..at, before, after }
}

fn check_not_shared(document: &Document, node: &Node) -> Result<(), String> {
    if document.is_own(&node.span) {
        return Ok(());
    }
    Err("the value is shared by an anchor, so that an edit would change other places".to_owned())
}
