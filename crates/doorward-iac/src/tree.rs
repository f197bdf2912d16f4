//! JSON and YAML as one tree in which every node knows where it stands.

use std::ops::Range;
use std::rc::Rc;

pub(crate) mod json;
pub(crate) mod yaml;

/// The deepest nesting that is followed; nothing anybody deploys comes near.
pub(crate) const DEEPEST: usize = 120;

/// A node. What an alias stands for is shared, not copied.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Where it stands; of an alias, where the alias does.
    pub(crate) span: Range<usize>,
    /// A YAML tag that is not of YAML's own schema, without its `!`: `Ref`, `Fn::Sub`'s `Sub`.
    pub(crate) tag: Option<String>,
    pub(crate) data: Rc<Data>,
}

/// What a node holds.
#[derive(Debug)]
pub(crate) enum Data {
    /// A text, number, truth value or nothing.
    Scalar {
        text: String,
        /// Whether it is a text for certain, by its quotes.
        quoted: bool,
    },
    /// A list.
    Seq(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<(Node, Node)>),
}

impl Node {
    pub(crate) fn as_map(&self) -> Option<&[(Node, Node)]> {
        match &*self.data {
            Data::Map(pairs) => Some(pairs),
            _ => None,
        }
    }

    pub(crate) fn as_seq(&self) -> Option<&[Node]> {
        match &*self.data {
            Data::Seq(nodes) => Some(nodes),
            _ => None,
        }
    }

    /// The text of a scalar without a tag.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match (&*self.data, &self.tag) {
            (Data::Scalar { text, .. }, None) => Some(text),
            _ => None,
        }
    }

    /// Whether it is nothing: `null`, `~` or an empty value.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&*self.data, Data::Scalar { text, quoted: false } if self.tag.is_none() && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The value under a key. A key of the map itself beats one that is merged into it (`<<`); of two same keys the
    /// last counts, as it does where the file is deployed.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The key and value under a key.
    pub(crate) fn entry(&self, key: &str) -> Option<(&Self, &Self)> {
        self.entry_within(key, 8)
    }

    fn entry_within(&self, key: &str, merges: usize) -> Option<(&Self, &Self)> {
        let pairs = self.as_map()?;
        if let Some((key, value)) = pairs.iter().rev().find(|(name, _)| name.as_str() == Some(key)) {
            return Some((key, value));
        }
        let merges = merges.checked_sub(1)?;
        let merged = pairs.iter().filter(|(name, _)| name.as_str() == Some("<<")).map(|(_, value)| value);
        let mut sources = merged.flat_map(|value| value.as_seq().unwrap_or(std::slice::from_ref(value)));
        sources.find_map(|source| source.entry_within(key, merges))
    }

    /// The value along a path of keys.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text along a path of keys.
    pub(crate) fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.as_str()
    }
}

/// A document, and the parts of it that stand for others too.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) root: Node,
    /// Stretches that an alias elsewhere refers to: a change there is a change in several places.
    pub(crate) shared: Vec<Range<usize>>,
}

impl Document {
    /// Whether a stretch is written once and meant once.
    pub(crate) fn is_own(&self, span: &Range<usize>) -> bool {
        !self.shared.iter().any(|shared| shared.start <= span.start && span.end <= shared.end)
    }
}
