//! Changes to JSON and YAML files that leave every other byte as it is.

use crate::Edit;
use crate::text::Text;
use crate::tree::{Data, Document, Node};

/// Replaces a scalar that is written out, with its quotes as they are.
pub(crate) fn replace(text: &Text<'_>, document: &Document, node: &Node) -> Result<Edit, String> {
    own(document, node)?;
    let raw = &text.text[node.span.clone()];
    let quote = match (&*node.data, raw.chars().next()) {
        _ if node.tag.is_some() || raw.contains('\n') => return Err("the value is not simply written out".to_owned()),
        (Data::Scalar { .. }, Some(quote @ ('"' | '\''))) if raw.len() > 1 && raw.ends_with(quote) => quote.to_string(),
        (Data::Scalar { quoted: false, .. }, _) => String::new(),
        _ => return Err("the value is not simply written out".to_owned()),
    };
    let path = text.path.to_owned();
    Ok(Edit { file: path, span: node.span.clone(), before: quote.clone(), after: quote })
}

/// Puts an attribute at the head of a list of attributes.
pub(crate) fn into_list(
    text: &Text<'_>,
    document: &Document,
    list: &Node,
    names: (&str, &str),
    key: &str,
) -> Result<Edit, String> {
    own(document, list)?;
    let entries =
        list.as_seq().filter(|_| list.tag.is_none()).ok_or("the attributes are not a list that is written out")?;
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
    let end = newline(text);
    let before = format!("{indent}- {name}: {key}{end}{indent}  {value}: ");
    Ok(Edit { file: text.path.to_owned(), span: start..start, before, after: end.to_owned() })
}

/// Puts a property at the head of a map: `block` are its lines in YAML (indented by two more spaces for each level, up to
/// the mode), `flow` the same in JSON with what follows the mode.
pub(crate) fn into_map(
    text: &Text<'_>,
    document: &Document,
    map: &Node,
    block: &[&str],
    in_flow: (&str, &str),
) -> Result<Edit, String> {
    own(document, map)?;
    let pairs = map.as_map().filter(|_| map.tag.is_none()).ok_or("what it belongs into is not written out")?;
    if text.text[map.span.clone()].starts_with('{') {
        let first = pairs.first().map(|(key, _)| key);
        return Ok(flow(text, map.span.start, first, in_flow.0.to_owned(), in_flow.1.to_owned()));
    }
    let (first, _) = pairs.first().ok_or("what it belongs into is empty")?;
    let start = text.line_start(first.span.start);
    let indent = &text.text[start..first.span.start];
    if !indent.chars().all(|c| c == ' ') {
        return Err("what it belongs into does not begin on a line of its own".to_owned());
    }
    let end = newline(text);
    let lines: Vec<String> = block.iter().map(|line| format!("{indent}{line}")).collect();
    Ok(Edit { file: text.path.to_owned(), span: start..start, before: lines.join(end), after: end.to_owned() })
}

/// Inserts behind an opening bracket, spaced as the first entry is.
fn flow(text: &Text<'_>, open: usize, first: Option<&Node>, before: String, mut after: String) -> Edit {
    let at = first.map_or(open + 1, |first| first.span.start);
    if first.is_some() {
        let space = &text.text[open + 1..at];
        let space = if space.trim().is_empty() && !space.is_empty() { space } else { " " };
        after.push(',');
        after.push_str(space);
    }
    Edit { file: text.path.to_owned(), span: at..at, before, after }
}

fn own(document: &Document, node: &Node) -> Result<(), String> {
    if document.is_own(&node.span) {
        return Ok(());
    }
    Err("the value is shared by an anchor, so that a change would reach other places".to_owned())
}

/// How the file breaks its lines.
pub(crate) fn newline(text: &Text<'_>) -> &'static str {
    text.newline
}
