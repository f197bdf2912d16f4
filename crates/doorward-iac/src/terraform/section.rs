//! Configuration, in HCL or JSON, as blocks and arguments with their places.

use std::ops::Range;

use super::number::Number;
use super::syntax::{self, Expression, RawArgument, RawBlock, RawBody};
use crate::FileError;
use crate::source_text::SourceText;
use crate::tree::{Data, Node, duplicate_key, json};

/// The maximum size of a configuration file in bytes: parsed, it takes many times as much memory.
const MAX_BYTES: usize = 32 << 20;

/// An argument of a block: its name, its expression and the place of the expression.
pub(super) type Argument = RawArgument;

/// A block.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) labels: Vec<String>,
    /// From its name to its last label.
    pub(super) head: Range<usize>,
    /// The range after `head` up to the closing brace; `None` in JSON, where nothing is inserted.
    pub(super) inside: Option<Range<usize>>,
    pub(super) arguments: Vec<Argument>,
    pub(super) sections: Vec<Section>,
    /// Whether it stands for a file that cannot be read.
    pub(super) is_unreadable: bool,
}

impl Section {
    /// The contents of a file that cannot be read.
    pub(super) fn of_unreadable() -> Self {
        Self { is_unreadable: true, ..Self::new("", Vec::new(), 0..0, None) }
    }

    fn new(name: &str, labels: Vec<String>, head: Range<usize>, inside: Option<Range<usize>>) -> Self {
        let (arguments, sections) = (Vec::new(), Vec::new());
        Self { name: name.to_owned(), labels, head, inside, arguments, sections, is_unreadable: false }
    }

    /// The argument of a name. Of repeated ones the last counts.
    pub(super) fn argument(&self, name: &str) -> Option<&Argument> {
        self.arguments.iter().rev().find(|argument| argument.name == name)
    }

    /// The first block of a name.
    pub(super) fn section(&self, name: &str) -> Option<&Self> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// Whether a `dynamic` block generates blocks of a name.
    pub(super) fn is_dynamic(&self, name: &str) -> bool {
        self.sections
            .iter()
            .any(|section| section.name == "dynamic" && section.labels.first().is_some_and(|l| l == name))
    }
}

/// Parses a file of configuration, or of values for variables, as one section without a name.
pub(super) fn parse(text: &SourceText<'_>) -> Result<Section, FileError> {
    parse_as(text, text.path.ends_with(".tfvars.json"))
}

/// Parses a file of values for variables, whatever its name.
pub(super) fn parse_values(text: &SourceText<'_>) -> Result<Section, FileError> {
    parse_as(text, true)
}

fn parse_as(text: &SourceText<'_>, is_values: bool) -> Result<Section, FileError> {
    let mut top = Section::new("", Vec::new(), 0..0, None);
    if text.text.len() > MAX_BYTES {
        return Err(text.error(0, format!("is configuration of more than {} MiB, the maximum", MAX_BYTES >> 20)));
    }
    if text.path.ends_with(".json") {
        let document = json::parse(text)?;
        let pairs = document.root.as_map().ok_or_else(|| text.error(0, "is not configuration: no JSON object"))?;
        if is_values {
            for (key, value) in pairs {
                top.arguments.push(argument(text, key, value)?);
            }
        } else {
            for (key, value) in pairs {
                let name = key.as_str().unwrap_or_default();
                let labels = match name {
                    "resource" | "data" | "ephemeral" => 2,
                    "module" | "variable" | "provider" | "output" | "check" => 1,
                    _ => 0,
                };
                blocks(text, name, labels, (&key.span, &[]), value, &mut top.sections)?;
            }
        }
        // Terraform accepts several blocks of a name and refuses a repeated argument.
        document
            .root
            .as_map()
            .unwrap_or_default()
            .iter()
            .try_for_each(|(_, value)| reject_repeated_arguments(text, value))?;
        return Ok(top);
    }
    let body = syntax::parse_body(text.text).map_err(|error| syntax_error(text, 0, &error))?;
    add_body(body, &mut top);
    Ok(top)
}

fn syntax_error(text: &SourceText<'_>, start: usize, error: &syntax::SyntaxError) -> FileError {
    text.error(start + error.at, format!("is not HCL: {}", error.message))
}

/// Adds the arguments and blocks of an HCL body.
fn add_body(body: RawBody, into: &mut Section) {
    into.arguments.extend(body.arguments);
    into.sections.extend(body.blocks.into_iter().map(of_block));
}

fn of_block(block: RawBlock) -> Section {
    let inside = Some(block.head.end..block.end);
    let mut section = Section::new(&block.name, block.labels, block.head, inside);
    add_body(block.body, &mut section);
    section
}

/// Rejects a repeated argument. Names of blocks and their labels may be repeated.
fn reject_repeated_arguments(text: &SourceText<'_>, node: &Node) -> Result<(), FileError> {
    match &*node.data {
        Data::Scalar { .. } => Ok(()),
        Data::Seq(nodes) => nodes.iter().try_for_each(|node| reject_repeated_arguments(text, node)),
        Data::Map(pairs) => {
            let is_argument = |node: &Node| !matches!(&*node.data, Data::Map(_));
            let mut seen = std::collections::BTreeSet::new();
            for (key, value) in pairs {
                let name = key.as_str().unwrap_or_default();
                if !seen.insert(name)
                    && name != "//"
                    && pairs.iter().any(|(k, v)| k.as_str() == Some(name) && is_argument(v))
                {
                    return Err(text.error(key.span.start, duplicate_key(name)));
                }
                reject_repeated_arguments(text, value)?;
            }
            Ok(())
        }
    }
}

/// Adds the blocks of a value in JSON: maps by label, or lists of them. `at` is the place of their name, with the labels that
/// are known so far.
fn blocks(
    text: &SourceText<'_>,
    name: &str,
    labels: usize,
    at: (&Range<usize>, &[String]),
    value: &Node,
    into: &mut Vec<Section>,
) -> Result<(), FileError> {
    let (place, own) = at;
    for node in value.as_seq().unwrap_or(std::slice::from_ref(value)) {
        let Some(pairs) = node.as_map() else { continue };
        if labels > 0 {
            for (key, value) in pairs {
                let own: Vec<String> = own.iter().cloned().chain(key.as_str().map(str::to_owned)).collect();
                blocks(text, name, labels - 1, (&key.span, &own), value, into)?;
            }
            continue;
        }
        let mut section = Section::new(name, own.to_vec(), place.clone(), None);
        for (key, value) in pairs {
            let inner = key.as_str().unwrap_or_default();
            let is_block = BLOCKS.contains(&inner) && !matches!(&*value.data, Data::Scalar { .. });
            if is_block {
                blocks(text, inner, 0, (&key.span, &[]), value, &mut section.sections)?;
            } else if inner == "dynamic" {
                blocks(text, inner, 1, (&key.span, &[]), value, &mut section.sections)?;
            } else {
                section.arguments.push(argument(text, key, value)?);
            }
        }
        into.push(section);
    }
    Ok(())
}

/// The names that are blocks in JSON, which has no syntax for them.
const BLOCKS: [&str; 6] = ["lifecycle", "access_logs", "listener", "default_tags", "validation", "content"];

/// An argument in JSON.
fn argument(text: &SourceText<'_>, key: &Node, value: &Node) -> Result<Argument, FileError> {
    let name = key.as_str().unwrap_or_default().to_owned();
    Ok(Argument { name, value: expression(text, value)?, span: value.span.clone() })
}

fn expression(text: &SourceText<'_>, node: &Node) -> Result<Expression, FileError> {
    Ok(match &*node.data {
        Data::Scalar { text: scalar, quoted: true } => {
            // The place within a string with escapes is not that within its text.
            syntax::parse_template(scalar)
                .map_err(|error| syntax_error(text, node.span.start, &syntax::SyntaxError { at: 0, ..error }))?
        }
        Data::Scalar { text, .. } => match text.as_str() {
            "null" => Expression::Null,
            "true" => Expression::Bool(true),
            "false" => Expression::Bool(false),
            number => Expression::Number(Number::parse(number)),
        },
        Data::Seq(nodes) => {
            Expression::Tuple(nodes.iter().map(|node| expression(text, node)).collect::<Result<_, _>>()?)
        }
        Data::Map(pairs) => {
            let item = |(key, value): &(Node, Node)| Ok((expression(text, key)?, expression(text, value)?));
            Expression::Object(pairs.iter().map(item).collect::<Result<_, FileError>>()?)
        }
    })
}
