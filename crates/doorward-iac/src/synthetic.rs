//! Nodes that are composed from several places: manifests within strings, merged values, resources of another dialect.
//!
//! A place is a range of one file. A composed node has the range of the text that it comes from, or of the string or
//! argument around it.

use std::ops::Range;
use std::rc::Rc;

use crate::source_text::{SourceFile, SourceText};
use crate::tree::{Data, Document, Node, yaml};

/// A string.
pub(crate) fn scalar(text: impl Into<String>, span: Range<usize>) -> Node {
    Node { span, tag: None, data: Rc::new(Data::Scalar { text: text.into(), quoted: true }) }
}

/// A list.
pub(crate) fn list(nodes: Vec<Node>, span: Range<usize>) -> Node {
    Node { span, tag: None, data: Rc::new(Data::Seq(nodes)) }
}

/// A map.
pub(crate) fn map<K: Into<String>>(pairs: impl IntoIterator<Item = (K, Node)>, span: Range<usize>) -> Node {
    let pairs = pairs.into_iter().map(|(key, value)| (scalar(key, value.span.clone()), value)).collect();
    Node { span, tag: None, data: Rc::new(Data::Map(pairs)) }
}

/// A document of its own.
pub(crate) fn document(root: Node) -> Document {
    Document { root, shared: Vec::new() }
}

/// The same node, with every place replaced.
pub(crate) fn respan(node: &Node, span: &Range<usize>) -> Node {
    let data = match &*node.data {
        Data::Scalar { text, quoted } => Data::Scalar { text: text.clone(), quoted: *quoted },
        Data::Seq(nodes) => Data::Seq(nodes.iter().map(|node| respan(node, span)).collect()),
        Data::Map(pairs) => {
            Data::Map(pairs.iter().map(|(key, value)| (respan(key, span), respan(value, span))).collect())
        }
    };
    Node { span: span.clone(), tag: node.tag.clone(), data: Rc::new(data) }
}

/// The documents of a string in YAML, all at the place of the string; `None` if it is not YAML.
pub(crate) fn parse_yaml(text: &str, span: &Range<usize>) -> Option<Vec<Node>> {
    let source = SourceFile::new("", text.as_bytes().to_vec(), false).ok()?;
    let documents = yaml::parse(&SourceText::new(&source)).ok()?;
    Some(documents.iter().map(|document| respan(&document.root, span)).collect())
}

/// One map over another, as Helm merges values: maps by key, anything else is replaced.
pub(crate) fn merge(base: &Node, over: &Node) -> Node {
    let (Some(below), Some(above)) = (base.as_map(), over.as_map()) else { return over.clone() };
    let mut pairs: Vec<(Node, Node)> = below.to_vec();
    for (key, value) in above {
        match pairs.iter_mut().find(|(known, _)| known.as_str() == key.as_str()) {
            Some((_, known)) => *known = merge(known, value),
            None => pairs.push((key.clone(), value.clone())),
        }
    }
    Node { span: over.span.clone(), tag: None, data: Rc::new(Data::Map(pairs)) }
}

/// The values that `--set NAME=VALUE` of Helm sets: dots separate keys, a backslash keeps a dot, `[0]` is an index.
pub(crate) fn at_path(name: &str, value: Node) -> Node {
    let mut keys = vec![String::new()];
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        match (character, keys.last_mut()) {
            ('\\', Some(last)) => last.extend(characters.next()),
            ('.', _) => keys.push(String::new()),
            (character, Some(last)) => last.push(character),
            (_, None) => {}
        }
    }
    keys.into_iter().rev().fold(value, |value, key| {
        let span = value.span.clone();
        map([(key, value)], span)
    })
}
