//! JSON and YAML as one tree in which every node knows where it stands.

use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

use crate::Problem;
use crate::text::Text;

pub(crate) mod json;
pub(crate) mod yaml;

/// The deepest nesting that is followed; nothing anybody deploys comes near.
pub(crate) const DEEPEST: usize = 120;

/// The most nodes of one document: each takes many times the bytes that it is written with.
const LARGEST: usize = 2_000_000;

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

    /// The value under a key. A key of the map itself beats one that is merged into it (`<<`). Of two same keys the last is
    /// taken; a reader that relies on it refuses such maps first, by [`Node::once`].
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
        self.merged().find_map(|source| source.entry_within(key, merges))
    }

    /// The first key, of the map itself or merged into it, that a condition holds for.
    pub(crate) fn key(&self, wanted: &dyn Fn(&str) -> bool) -> Option<&Self> {
        self.key_within(wanted, 8)
    }

    fn key_within(&self, wanted: &dyn Fn(&str) -> bool, merges: usize) -> Option<&Self> {
        let pairs = self.as_map()?;
        if let Some((key, _)) = pairs.iter().find(|(name, _)| name.as_str().is_some_and(wanted)) {
            return Some(key);
        }
        let merges = merges.checked_sub(1)?;
        self.merged().find_map(|source| source.key_within(wanted, merges))
    }

    /// The maps that are merged into this one (`<<`).
    pub(crate) fn merged(&self) -> impl Iterator<Item = &Self> {
        self.all("<<").flat_map(|value| value.as_seq().unwrap_or(std::slice::from_ref(value)))
    }

    /// Every value that the map itself has under a key.
    pub(crate) fn all<'n>(&'n self, key: &'n str) -> impl Iterator<Item = &'n Self> {
        let pairs = self.as_map().unwrap_or_default().iter();
        pairs.filter(move |(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// Complains about a key that the map has twice: tools differ on which of the two counts.
    pub(crate) fn once(&self, text: &Text<'_>) -> Result<(), Problem> {
        match self.repeated() {
            Some(key) => Err(text.problem(key.span.start, twice(key.as_str().unwrap_or_default()))),
            None => Ok(()),
        }
    }

    /// The same for the map and every map below it.
    pub(crate) fn once_within(&self, text: &Text<'_>) -> Result<(), Problem> {
        self.once(text)?;
        match &*self.data {
            Data::Scalar { .. } => Ok(()),
            Data::Seq(nodes) => nodes.iter().try_for_each(|node| node.once_within(text)),
            Data::Map(pairs) => pairs.iter().try_for_each(|(_, value)| value.once_within(text)),
        }
    }

    /// The second of two same keys.
    fn repeated(&self) -> Option<&Self> {
        let mut keys = self.as_map()?.iter().filter_map(|(key, _)| Some((key.as_str()?, key)));
        let mut seen = BTreeSet::new();
        keys.find(|(name, _)| *name != "<<" && !seen.insert(*name)).map(|(_, key)| key)
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

/// What is said of a key that stands twice in one map.
pub(crate) fn twice(key: &str) -> String {
    format!("has the key {key:?} twice in one map, and tools differ on which of the two counts; remove one")
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
