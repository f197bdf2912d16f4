//! YAML with places: the library's events put together into documents.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use super::{DEEPEST, Data, Document, LARGEST, Node};
use crate::Problem;
use crate::text::Text;

/// How many characters are counted from the nearest one whose byte is remembered.
const BLOCK: usize = 256;

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

/// The byte of every so many characters; nothing where each character is one byte.
struct Bytes<'a> {
    text: &'a str,
    blocks: Option<Vec<usize>>,
}

impl<'a> Bytes<'a> {
    fn of(text: &'a str) -> Self {
        let blocks = (!text.is_ascii()).then(|| text.char_indices().step_by(BLOCK).map(|(at, _)| at).collect());
        Self { text, blocks }
    }

    fn at(&self, marker: &Marker) -> usize {
        let (index, end) = (marker.index(), self.text.len());
        let Some(blocks) = &self.blocks else { return index.min(end) };
        let Some(start) = blocks.get(index / BLOCK) else { return end };
        let rest = self.text.get(*start..).unwrap_or_default();
        rest.char_indices().nth(index % BLOCK).map_or(end, |(at, _)| start + at)
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
    /// How deep the deepest child is nested in itself.
    depth: usize,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    /// What each anchor stands for, how many nodes that is, and how deep they are nested.
    anchors: BTreeMap<usize, (Node, usize, usize)>,
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
                self.put(node, anchor, 1, 0)
            }
            Event::Alias(anchor) => {
                let Some((node, size, depth)) = self.anchors.get(&anchor).cloned() else {
                    return Err("refers to an anchor that is still open".to_owned());
                };
                self.shared.push(node.span.clone());
                self.put(Node { span, ..node }, 0, size, depth)
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
            return Err(too_deep());
        }
        self.sizes.push(self.size);
        self.open.push(Open { start, tag, anchor, children: Vec::new(), is_map, depth: 0 });
        Ok(())
    }

    fn end(&mut self, closing: Range<usize>) -> Result<(), String> {
        let Some(Open { start, tag, anchor, children, is_map, depth }) = self.open.pop() else {
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
        self.put(Node { span: start..end.max(start), tag, data: Rc::new(data) }, anchor, size, depth + 1)?;
        // The children were counted one by one.
        self.size -= size - 1;
        Ok(())
    }

    fn put(&mut self, node: Node, anchor: usize, size: usize, depth: usize) -> Result<(), String> {
        // What an alias stands for is nested as deep as if it was written out.
        if self.open.len() + depth > DEEPEST {
            return Err(too_deep());
        }
        self.size += size;
        if self.size > LARGEST {
            return Err(format!("holds more than {LARGEST} values, those counted that its aliases stand for"));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size, depth));
        }
        match self.open.last_mut() {
            Some(open) => {
                open.depth = open.depth.max(depth);
                open.children.push(node);
            }
            None => self.root = Some(node),
        }
        Ok(())
    }

    fn finish(&mut self) -> Option<Document> {
        let root = self.root.take()?;
        Some(Document { root, shared: std::mem::take(&mut self.shared) })
    }
}

fn too_deep() -> String {
    format!("is nested deeper than {DEEPEST} levels")
}

fn is_core(tag: &Tag, suffix: &str) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == suffix
}

/// A tag that means something to a dialect.
fn foreign(tag: Option<&Tag>) -> Option<String> {
    let tag = tag.filter(|tag| !tag.is_yaml_core_schema())?;
    (!tag.suffix.is_empty()).then(|| tag.suffix.clone())
}
