//! Configuration, in HCL or JSON, as blocks and arguments with their places.

use std::ops::Range;

use hcl::Expression;
use hcl::edit::Span as _;
use hcl::edit::structure::{Block, Body};
use hcl::expr::TemplateExpr;

use crate::FileError;
use crate::source_text::SourceText;
use crate::tree::{Data, Node, duplicate_key, json};

/// The maximum size of a configuration file in bytes: parsed, it takes many times as much memory.
const MAX_BYTES: usize = 32 << 20;

/// An argument of a block.
#[derive(Debug)]
pub(super) struct Argument {
    pub(super) name: String,
    pub(super) value: Expression,
    /// The place of the value.
    pub(super) span: Range<usize>,
}

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
}

impl Section {
    fn new(name: &str, labels: Vec<String>, head: Range<usize>, inside: Option<Range<usize>>) -> Self {
        Self { name: name.to_owned(), labels, head, inside, arguments: Vec::new(), sections: Vec::new() }
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
    let mut top = Section::new("", Vec::new(), 0..0, None);
    if text.text.len() > MAX_BYTES {
        return Err(text.error(0, format!("is configuration of more than {} MiB, the maximum", MAX_BYTES >> 20)));
    }
    if text.path.ends_with(".json") {
        let document = json::parse(text)?;
        let pairs = document.root.as_map().ok_or_else(|| text.error(0, "is not configuration: no JSON object"))?;
        if text.path.ends_with(".tfvars.json") {
            top.arguments.extend(pairs.iter().map(|(key, value)| argument(key, value)));
        } else {
            for (key, value) in pairs {
                let name = key.as_str().unwrap_or_default();
                let labels = match name {
                    "resource" | "data" | "ephemeral" => 2,
                    "module" | "variable" | "provider" | "output" | "check" => 1,
                    _ => 0,
                };
                blocks(name, labels, &key.span, value, &[], &mut top.sections);
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
    let body = hcl::edit::parser::parse_body(text.text).map_err(|error| {
        let at = error.location();
        let at = text.offset(at.line(), at.column());
        text.error(at, format!("is not HCL: {}", error.message().replace('\n', "; ")))
    })?;
    add_body(&body, &mut top);
    Ok(top)
}

/// Adds the arguments and blocks of an HCL body.
fn add_body(body: &Body, into: &mut Section) {
    for structure in body {
        if let Some(attribute) = structure.as_attribute() {
            into.arguments.push(Argument {
                name: attribute.key.as_str().to_owned(),
                span: attribute.value.span().unwrap_or(0..0),
                value: attribute.value.clone().into(),
            });
        } else if let Some(block) = structure.as_block() {
            into.sections.push(of_block(block));
        }
    }
}

fn of_block(block: &Block) -> Section {
    let start = block.ident.span().map_or(0, |span| span.start);
    let last = block.labels.last().and_then(hcl::edit::Span::span).or_else(|| block.ident.span());
    let end = last.map_or(start, |span| span.end);
    let labels = block.labels.iter().map(|label| label.as_str().to_owned()).collect();
    let inside = block.span().map(|span| end..span.end);
    let mut section = Section::new(block.ident.as_str(), labels, start..end, inside);
    add_body(&block.body, &mut section);
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

/// Adds the blocks of a value in JSON: maps by label, or lists of them.
fn blocks(name: &str, labels: usize, at: &Range<usize>, value: &Node, own: &[String], into: &mut Vec<Section>) {
    for node in value.as_seq().unwrap_or(std::slice::from_ref(value)) {
        let Some(pairs) = node.as_map() else { continue };
        if labels == 0 {
            let mut section = Section::new(name, own.to_vec(), at.clone(), None);
            for (key, value) in pairs {
                let inner = key.as_str().unwrap_or_default();
                let is_block = ["lifecycle", "access_logs", "listener", "default_tags"].contains(&inner);
                if is_block && !matches!(&*value.data, Data::Scalar { .. }) {
                    blocks(inner, 0, &key.span, value, &[], &mut section.sections);
                } else if inner == "dynamic" {
                    blocks(inner, 1, &key.span, value, &[], &mut section.sections);
                } else {
                    section.arguments.push(argument(key, value));
                }
            }
            into.push(section);
        } else {
            for (key, value) in pairs {
                let mut own = own.to_vec();
                own.push(key.as_str().unwrap_or_default().to_owned());
                blocks(name, labels - 1, &key.span, value, &own, into);
            }
        }
    }
}

/// An argument in JSON.
fn argument(key: &Node, value: &Node) -> Argument {
    Argument { name: key.as_str().unwrap_or_default().to_owned(), value: expression(value), span: value.span.clone() }
}

fn expression(node: &Node) -> Expression {
    match &*node.data {
        Data::Scalar { text, quoted: true } if text.contains("${") || text.contains("%{") => {
            Expression::from(TemplateExpr::from(text.as_str()))
        }
        Data::Scalar { text, quoted: true } => Expression::String(text.clone()),
        Data::Scalar { text, .. } => match text.as_str() {
            "null" => Expression::Null,
            "true" => Expression::Bool(true),
            "false" => Expression::Bool(false),
            number => number.parse::<f64>().ok().map_or(Expression::Null, Expression::from),
        },
        Data::Seq(nodes) => Expression::Array(nodes.iter().map(expression).collect()),
        Data::Map(pairs) => Expression::Object(
            pairs
                .iter()
                .map(|(key, value)| {
                    let key = Expression::String(key.as_str().unwrap_or_default().to_owned());
                    (hcl::ObjectKey::Expression(key), expression(value))
                })
                .collect(),
        ),
    }
}
