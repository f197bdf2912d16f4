//! YAML with places: the library's events put together into documents.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use super::{DEEPEST, Data, Document, Node};
use crate::Problem;
use crate::text::Text;

/// The most that all aliases of a file may stand for, in nodes: a few lines of aliases of aliases would be more than any
/// memory holds if each was followed.
const LARGEST: usize = 1_000_000;

/// Reads every document of a file.
pub(crate) fn parse(text: &Text<'_>) -> Result<Vec<Document>, Problem> {
    let bytes = Bytes::of(text.text);
    let mut documents = Vec::new();
    let mut builder = Builder::default();
    for step in Parser::new_from_str(text.text) {
        let (event, span) =
            step.map_err(|error| text.problem(bytes.at(error.marker()), format!("is not YAML: {}", error.info())))?;
        let at = bytes.span(&span);
        match event {
            Event::DocumentStart(_) => builder = Builder::default(),
            Event::DocumentEnd => documents.extend(builder.finish()),
            event => builder.take(event, at.clone()).map_err(|problem| text.problem(at.start, problem))?,
        }
    }
    Ok(documents)
}

/// The byte of every character; nothing where each is one byte.
struct Bytes(Option<Vec<usize>>, usize);

impl Bytes {
    fn of(text: &str) -> Self {
        let table = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        Self(table, text.len())
    }

    fn at(&self, marker: &Marker) -> usize {
        match &self.0 {
            Some(table) => table.get(marker.index()).copied().unwrap_or(self.1),
            None => marker.index().min(self.1),
        }
    }

    fn span(&self, span: &Span) -> Range<usize> {
        let start = self.at(&span.start);
        start..self.at(&span.end).max(start)
    }
}

/// A collection that is still open.
struct Open {
    start: usize,
    tag: Option<String>,
    anchor: usize,
    children: Vec<Node>,
    is_map: bool,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    /// What each anchor stands for, and how many nodes that is.
    anchors: BTreeMap<usize, (Node, usize)>,
    sizes: Vec<usize>,
    size: usize,
    shared: Vec<Range<usize>>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Range<usize>) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = style != ScalarStyle::Plain || tag.as_deref().is_some_and(|tag| is_core(tag, "str"));
                let data = Data::Scalar { text: text.into_owned(), quoted };
                let node = Node { span, tag: foreign(tag.as_deref()), data: Rc::new(data) };
                self.put(node, anchor, 1)
            }
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err("refers to an anchor that is still open".to_owned());
                };
                self.shared.push(node.span.clone());
                self.put(Node { span, ..node }, 0, size)
            }
            Event::SequenceStart(anchor, tag) => self.begin(span.start, foreign(tag.as_deref()), anchor, false),
            Event::MappingStart(anchor, tag) => self.begin(span.start, foreign(tag.as_deref()), anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn begin(&mut self, start: usize, tag: Option<String>, anchor: usize, is_map: bool) -> Result<(), String> {
        if self.open.len() >= DEEPEST {
            return Err(format!("is nested deeper than {DEEPEST} levels"));
        }
        self.sizes.push(self.size);
        self.open.push(Open { start, tag, anchor, children: Vec::new(), is_map });
        Ok(())
    }

    fn end(&mut self, closing: Range<usize>) -> Result<(), String> {
        let Some(Open { start, tag, anchor, children, is_map }) = self.open.pop() else {
            return Err("ends what was never begun".to_owned());
        };
        let before = self.sizes.pop().unwrap_or_default();
        // Nothing closes a block: it ends with its last child.
        let end = match children.last() {
            Some(child) if closing.is_empty() => child.span.end,
            _ => closing.end,
        };
        let data = if is_map {
            let mut pairs = Vec::with_capacity(children.len() / 2);
            let mut children = children.into_iter();
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                pairs.push((key, value));
            }
            Data::Map(pairs)
        } else {
            Data::Seq(children)
        };
        let size = 1 + self.size - before;
        self.put(Node { span: start..end.max(start), tag, data: Rc::new(data) }, anchor, size)?;
        // The children were counted one by one.
        self.size -= size - 1;
        Ok(())
    }

    fn put(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), String> {
        self.size += size;
        if self.size > LARGEST {
            return Err(format!("has aliases that stand for more than {LARGEST} nodes"));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }

    fn finish(&mut self) -> Option<Document> {
        let root = self.root.take()?;
        Some(Document { root, shared: std::mem::take(&mut self.shared) })
    }
}

fn is_core(tag: &Tag, suffix: &str) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == suffix
}

/// A tag that means something to a dialect.
fn foreign(tag: Option<&Tag>) -> Option<String> {
    let tag = tag.filter(|tag| !tag.is_yaml_core_schema())?;
    (!tag.suffix.is_empty()).then(|| tag.suffix.clone())
}
