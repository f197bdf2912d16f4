//! Bodies: arguments and blocks, one a line.

use std::collections::BTreeSet;
use std::ops::Range;

use super::cursor::Cursor;
use super::{Expression, RawArgument, SyntaxError, literal_text, precedence};

/// The content of a file or block.
#[derive(Debug, Default)]
pub(in super::super) struct RawBody {
    pub(in super::super) arguments: Vec<RawArgument>,
    pub(in super::super) blocks: Vec<RawBlock>,
}

/// A block.
#[derive(Debug)]
pub(in super::super) struct RawBlock {
    pub(in super::super) name: String,
    pub(in super::super) labels: Vec<String>,
    /// From its name to its last label.
    pub(in super::super) head: Range<usize>,
    /// The offset behind its closing brace.
    pub(in super::super) end: usize,
    pub(in super::super) body: RawBody,
}

/// Parses a file.
pub(in super::super) fn parse_body(text: &str) -> Result<RawBody, SyntaxError> {
    body(&mut Cursor::new(text), false)
}

/// Parses items up to the end of the file, or up to the closing brace of a block.
fn body(cursor: &mut Cursor<'_>, in_block: bool) -> Result<RawBody, SyntaxError> {
    let mut content = RawBody::default();
    let mut names = BTreeSet::new();
    loop {
        cursor.skip_lines();
        if cursor.rest().is_empty() {
            return if in_block { Err(cursor.unexpected("`}`")) } else { Ok(content) };
        }
        if in_block && cursor.take("}") {
            return Ok(content);
        }
        item(cursor, &mut content, &mut names)?;
        cursor.skip_space();
        if in_block && cursor.take("}") {
            return Ok(content);
        }
        if !cursor.is_line_end() && !cursor.starts("}") {
            return Err(cursor.unexpected("the end of the line"));
        }
        if cursor.starts("}") && !in_block {
            return Err(cursor.unexpected("an argument or block"));
        }
    }
}

/// Parses one argument or block. `names` are those of the arguments before it.
fn item<'t>(cursor: &mut Cursor<'t>, content: &mut RawBody, names: &mut BTreeSet<&'t str>) -> Result<(), SyntaxError> {
    let start = cursor.at;
    let quoted = cursor.starts("\"");
    // Terraform accepts a quoted name for the values of variables in old files only; HCL refuses it everywhere.
    let Some(name) = cursor.name().filter(|_| !quoted) else {
        return Err(cursor.unexpected("the name of an argument or block"));
    };
    cursor.skip_space();
    if cursor.starts("=") && !cursor.starts("==") {
        cursor.at += 1;
        cursor.skip_space();
        let from = cursor.at;
        let value = cursor.nested(true, precedence::expression)?;
        if !names.insert(name) {
            return Err(SyntaxError { at: start, message: format!("the argument {name} is set twice") });
        }
        let to = cursor.at;
        content.arguments.push(RawArgument { name: name.to_owned(), value, span: from..to });
        return Ok(());
    }
    let mut labels = Vec::new();
    let mut end = start + name.len();
    loop {
        cursor.skip_space();
        if cursor.take("{") {
            break;
        }
        let label = if cursor.starts("\"") {
            match literal_text::quoted(cursor)? {
                Expression::Text(label) => label,
                _ => return Err(cursor.error("the label of a block contains an interpolation")),
            }
        } else {
            match cursor.name() {
                Some(label) => label.to_owned(),
                None => return Err(cursor.unexpected("`=`, a label or `{`")),
            }
        };
        labels.push(label);
        end = cursor.at;
    }
    let body = cursor.nested(true, |cursor| body(cursor, true))?;
    content.blocks.push(RawBlock { name: name.to_owned(), labels, head: start..end, end: cursor.at, body });
    Ok(())
}
