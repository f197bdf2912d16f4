//! Configuration in either of its syntaxes as blocks and arguments that know where they stand.

use std::ops::Range;

use hcl::Expression;
use hcl::edit::Span as _;
use hcl::edit::structure::{Block, Body};
use hcl::expr::TemplateExpr;

use crate::Problem;
use crate::text::Text;
use crate::tree::{Data, Node, json, twice};

/// The largest file of configuration, in bytes: taken apart, it is many times as large.
const LARGEST: usize = 32 << 20;

/// An argument of a block.
#[derive(Debug)]
pub(super) struct Argument {
    pub(super) name: String,
    pub(super) value: Expression,
    /// Where the value stands.
    pub(super) span: Range<usize>,
}

/// A block.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) labels: Vec<String>,
    /// From its name to its last label.
    pub(super) head: Range<usize>,
    /// What is between its braces; none in JSON, where nothing is inserted.
    pub(super) inside: Option<Range<usize>>,
    pub(super) arguments: Vec<Argument>,
    pub(super) sections: Vec<Section>,
}

impl Section {
    /// The argument of a name.
    pub(super) fn argument(&self, name: &str) -> Option<&Argument> {
        self.arguments.iter().rev().find(|argument| argument.name == name)
    }

    /// The first block of a name.
    pub(super) fn section(&self, name: &str) -> Option<&Self> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// Whether blocks of a name are made by a loop.
    pub(super) fn loops(&self, name: &str) -> bool {
        self.sections
            .iter()
            .any(|section| section.name == "dynamic" && section.labels.first().is_some_and(|l| l == name))
    }
}

/// Reads a file of configuration, or of values for variables: one section without a name.
pub(super) fn parse(text: &Text<'_>) -> Result<Section, Problem> {
    let mut top = Section {
        name: String::new(),
        labels: Vec::new(),
        head: 0..0,
        inside: None,
        arguments: Vec::new(),
        sections: Vec::new(),
    };
    if text.text.len() > LARGEST {
        return Err(
            text.problem(0, format!("is configuration of more than {} MiB, the most that is read", LARGEST >> 20))
        );
    }
    if text.path.ends_with(".json") {
        let document = json::parse(text)?;
        let pairs = document.root.as_map().ok_or_else(|| text.problem(0, "is not configuration: no JSON object"))?;
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
        // Terraform takes several blocks of a name, and refuses an argument that is there twice.
        document.root.as_map().unwrap_or_default().iter().try_for_each(|(_, value)| once(text, value))?;
        return Ok(top);
    }
    let body = hcl::edit::parser::parse_body(text.text).map_err(|error| {
        let at = error.location();
        let at = text.offset(at.line(), at.column());
        text.problem(at, format!("is not HCL: {}", error.message().replace('\n', "; ")))
    })?;
    native(&body, &mut top);
    Ok(top)
}

fn native(body: &Body, into: &mut Section) {
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
    let mut section = Section {
        name: block.ident.as_str().to_owned(),
        labels: block.labels.iter().map(|label| label.as_str().to_owned()).collect(),
        head: start..end,
        inside: block.span().map(|span| end..span.end),
        arguments: Vec::new(),
        sections: Vec::new(),
    };
    native(&block.body, &mut section);
    section
}

/// Complains about an argument that is there twice. Names of blocks and their labels may be.
fn once(text: &Text<'_>, node: &Node) -> Result<(), Problem> {
    match &*node.data {
        Data::Scalar { .. } => Ok(()),
        Data::Seq(nodes) => nodes.iter().try_for_each(|node| once(text, node)),
        Data::Map(pairs) => {
            let is_argument = |node: &Node| !matches!(&*node.data, Data::Map(_));
            let mut seen = std::collections::BTreeSet::new();
            for (key, value) in pairs {
                let name = key.as_str().unwrap_or_default();
                if !seen.insert(name)
                    && name != "//"
                    && pairs.iter().any(|(k, v)| k.as_str() == Some(name) && is_argument(v))
                {
                    return Err(text.problem(key.span.start, twice(name)));
                }
                once(text, value)?;
            }
            Ok(())
        }
    }
}

/// Blocks in JSON: maps by label, and lists of them.
fn blocks(name: &str, labels: usize, at: &Range<usize>, value: &Node, own: &[String], into: &mut Vec<Section>) {
    for node in value.as_seq().unwrap_or(std::slice::from_ref(value)) {
        let Some(pairs) = node.as_map() else { continue };
        if labels == 0 {
            let mut section = Section {
                name: name.to_owned(),
                labels: own.to_vec(),
                head: at.clone(),
                inside: None,
                arguments: Vec::new(),
                sections: Vec::new(),
            };
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
