//! YAML with places: documents built from the events of the YAML library.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use super::{Data, Document, MAX_DEPTH, MAX_NODES, Node};
use crate::FileError;
use crate::source_text::SourceText;

/// The number of characters between two recorded byte offsets. The library reports places in characters; a conversion then
/// counts at most one block.
const BLOCK: usize = 256;

/// The maximum number of line breaks that are read as spaces in one file.
const MAX_JOINED: usize = 64;

/// Parses all documents of a file.
///
/// Within brackets, YAML 1.2 asks for more indentation than before them. The libraries behind CloudFormation and kubectl do not,
/// so that a closing bracket often stands as far left as its key. Such a line is read as part of the line before it.
pub(crate) fn parse(text: &SourceText<'_>) -> Result<Vec<Document>, FileError> {
    let mut joined: Option<String> = None;
    for _ in 0..MAX_JOINED {
        match parse_strictly(text, joined.as_deref().unwrap_or(text.text)) {
            Err(error) if error.message.ends_with("invalid indentation") => {
                let at = text.offset(error.line, error.column);
                let so_far = joined.unwrap_or_else(|| text.text.to_owned());
                match join_line(&so_far, at) {
                    Some(next) => joined = Some(next),
                    None => return Err(error),
                }
            }
            other => return other,
        }
    }
    parse_strictly(text, joined.as_deref().unwrap_or(text.text))
}

/// Replaces the line break before the line of a closing bracket by spaces of the same length, unless a comment would swallow
/// the line.
fn join_line(text: &str, at: usize) -> Option<String> {
    let bracket = text.get(at..)?.chars().next()?;
    let before = text.get(..at)?.trim_end_matches([' ', '\t']);
    let end = before.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line).len())?;
    let line = text.get(..end)?.rsplit('\n').next()?;
    if !matches!(bracket, ']' | '}') || line.contains('#') {
        return None;
    }
    Some(format!("{}{}{}", &text[..end], " ".repeat(at - end), &text[at..]))
}

/// Parses a text, which has the same places as that of the file.
fn parse_strictly(text: &SourceText<'_>, content: &str) -> Result<Vec<Document>, FileError> {
    let bytes = ByteOffsets::of(content);
    let mut documents = Vec::new();
    let mut builder = Builder::default();
    for step in Parser::new_from_str(content) {
        let (event, span) =
            step.map_err(|error| text.error(bytes.at(error.marker()), format!("is not YAML: {}", error.info())))?;
        let at = without_comment(content, &event, bytes.span(&span));
        match event {
            Event::DocumentStart(_) => builder = Builder::default(),
            Event::DocumentEnd => documents.extend(builder.finish()),
            event => builder.take(event, at.clone()).map_err(|message| text.error(at.start, message))?,
        }
    }
    Ok(documents)
}

/// The place of a quoted scalar up to its closing quote: the parser's ends behind a comment that follows.
fn without_comment(content: &str, event: &Event<'_>, at: Range<usize>) -> Range<usize> {
    let Event::Scalar(_, style, ..) = event else { return at };
    let quote = match style {
        ScalarStyle::SingleQuoted => '\'',
        ScalarStyle::DoubleQuoted => '"',
        _ => return at,
    };
    let raw = content.get(at.clone()).unwrap_or_default();
    let mut characters = raw.char_indices().skip_while(|(_, c)| *c != quote).skip(1).peekable();
    while let Some((offset, c)) = characters.next() {
        // Two single quotes stand for one.
        let escapes = match quote {
            '"' => c == '\\',
            _ => c == quote && characters.peek().is_some_and(|(_, next)| *next == quote),
        };
        if escapes {
            let _ = characters.next();
        } else if c == quote {
            return at.start..at.start + offset + 1;
        }
    }
    at
}

/// Converts character indices to byte offsets.
struct ByteOffsets<'a> {
    text: &'a str,
    /// The byte offset of every block; `None` if the text is ASCII.
    blocks: Option<Vec<usize>>,
}

impl<'a> ByteOffsets<'a> {
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

/// A collection whose end has not been reached.
struct Open {
    start: usize,
    tag: Option<String>,
    anchor: usize,
    children: Vec<Node>,
    is_map: bool,
    /// The depth of the deepest child.
    depth: usize,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    /// The node of each anchor with its number of nodes and its depth.
    anchors: BTreeMap<usize, (Node, usize, usize)>,
    /// The number of nodes before each open collection.
    sizes: Vec<usize>,
    /// The number of nodes so far, where an alias counts as the nodes of its target.
    size: usize,
    shared: Vec<Range<usize>>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Range<usize>) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = style != ScalarStyle::Plain || tag.as_deref().is_some_and(|tag| is_core(tag, "str"));
                let data = Data::Scalar { text: text.into_owned(), quoted };
                let node = Node { span, tag: custom_tag(tag.as_deref()), data: Rc::new(data) };
                self.put(node, anchor, 1, 0)
            }
            Event::Alias(anchor) => {
                let Some((node, size, depth)) = self.anchors.get(&anchor).cloned() else {
                    return Err("refers to an anchor that is still open".to_owned());
                };
                self.shared.push(node.span.clone());
                self.put(Node { span, ..node }, 0, size, depth)
            }
            Event::SequenceStart(anchor, tag) => self.begin(span.start, custom_tag(tag.as_deref()), anchor, false),
            Event::MappingStart(anchor, tag) => self.begin(span.start, custom_tag(tag.as_deref()), anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn begin(&mut self, start: usize, tag: Option<String>, anchor: usize, is_map: bool) -> Result<(), String> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep());
        }
        self.sizes.push(self.size);
        self.open.push(Open { start, tag, anchor, children: Vec::new(), is_map, depth: 0 });
        Ok(())
    }

    fn end(&mut self, closing: Range<usize>) -> Result<(), String> {
        let Some(Open { start, tag, anchor, children, is_map, depth }) = self.open.pop() else {
            return Err("ends a collection that was not begun".to_owned());
        };
        let before = self.sizes.pop().unwrap_or_default();
        // A block collection has no closing token: it ends with its last child.
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
        // `put` counted the collection with its children, which had been counted one by one.
        self.size -= size - 1;
        Ok(())
    }

    fn put(&mut self, node: Node, anchor: usize, size: usize, depth: usize) -> Result<(), String> {
        // The target of an alias counts as if it were written in place of the alias.
        if self.open.len() + depth > MAX_DEPTH {
            return Err(too_deep());
        }
        self.size += size;
        if self.size > MAX_NODES {
            return Err(format!("contains more than {MAX_NODES} values, including those of its aliases"));
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
    format!("is nested deeper than {MAX_DEPTH} levels")
}

fn is_core(tag: &Tag, suffix: &str) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == suffix
}

/// A tag outside YAML's core schema, which may have a meaning in a dialect.
fn custom_tag(tag: Option<&Tag>) -> Option<String> {
    let is_core = |tag: &Tag| tag.is_yaml_core_schema() || tag.suffix.starts_with("tag:yaml.org,2002:");
    let tag = tag.filter(|tag| !is_core(tag))?;
    (!tag.suffix.is_empty()).then(|| tag.suffix.clone())
}
