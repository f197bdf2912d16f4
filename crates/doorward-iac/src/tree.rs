//! One tree for JSON and YAML, in which every node has its place in the file.

use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

use crate::FileError;
use crate::source_text::SourceText;

pub(crate) mod json;
pub(crate) mod yaml;

/// The maximum nesting depth. It protects the recursion over the tree; real declarations are nested less than 20 deep.
pub(crate) const MAX_DEPTH: usize = 120;

/// The maximum number of nodes in one document: a node takes many times the bytes of its text.
const MAX_NODES: usize = 2_000_000;

/// A node. The target of an alias is shared, not copied.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Its place; for an alias, the place of the alias.
    pub(crate) span: Range<usize>,
    /// A YAML tag outside YAML's core schema, without its `!`: `Ref`, `Sub`.
    pub(crate) tag: Option<String>,
    pub(crate) data: Rc<Data>,
}

/// The value of a node.
#[derive(Debug)]
pub(crate) enum Data {
    /// A string, number, boolean or null.
    Scalar {
        text: String,
        /// Whether it is quoted, and so certainly a string.
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

    /// Whether it is null: `null`, `~` or an empty value.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&*self.data, Data::Scalar { text, quoted: false } if self.tag.is_none() && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The value of a key. A key of the map itself has precedence over a merged one (`<<`). Of repeated keys the last one
    /// counts; a caller for which that matters rejects them first, by [`Node::check_unique_keys`].
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The key node and value node of a key.
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

    /// The first key that satisfies a condition, in the map itself or merged into it.
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

    /// All values of a key in the map itself, which may be repeated.
    pub(crate) fn all<'n>(&'n self, key: &'n str) -> impl Iterator<Item = &'n Self> {
        let pairs = self.as_map().unwrap_or_default().iter();
        pairs.filter(move |(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// Rejects a repeated key: tools differ on which of the two values counts.
    pub(crate) fn check_unique_keys(&self, text: &SourceText<'_>) -> Result<(), FileError> {
        self.check_unique_keys_except(text, &[])
    }

    /// Rejects a repeated key, unless it is one of those whose value does not matter.
    pub(crate) fn check_unique_keys_except(&self, text: &SourceText<'_>, free: &[&str]) -> Result<(), FileError> {
        match self.repeated(&|key| free.contains(&key)) {
            Some(key) => Err(text.error(key.span.start, duplicate_key(key.as_str().unwrap_or_default()))),
            None => Ok(()),
        }
    }

    /// Rejects repeated keys in the map and in every map below it.
    pub(crate) fn check_unique_keys_below(&self, text: &SourceText<'_>) -> Result<(), FileError> {
        self.check_unique_keys(text)?;
        match &*self.data {
            Data::Scalar { .. } => Ok(()),
            Data::Seq(nodes) => nodes.iter().try_for_each(|node| node.check_unique_keys_below(text)),
            Data::Map(pairs) => pairs.iter().try_for_each(|(_, value)| value.check_unique_keys_below(text)),
        }
    }

    /// The second occurrence of a repeated key that is not `free`, which is asked of repeated keys only: it may look at the whole map.
    pub(crate) fn repeated(&self, free: &dyn Fn(&str) -> bool) -> Option<&Self> {
        let mut keys = self.as_map()?.iter().filter_map(|(key, _)| Some((key.as_str()?, key)));
        let mut seen = BTreeSet::new();
        keys.find(|(name, _)| *name != "<<" && !seen.insert(*name) && !free(name)).map(|(_, key)| key)
    }

    /// The value at a path of keys.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text at a path of keys.
    pub(crate) fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.as_str()
    }
}

/// The error message for a repeated key.
pub(crate) fn duplicate_key(key: &str) -> String {
    format!("has the key {key:?} twice in one map, and tools differ on which of the two counts; remove one")
}

/// A document.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) root: Node,
    /// The ranges that aliases refer to: an edit there changes several places.
    pub(crate) shared: Vec<Range<usize>>,
}

impl Document {
    /// Whether no alias refers to a range, so that an edit changes one place only.
    pub(crate) fn is_own(&self, span: &Range<usize>) -> bool {
        !self.shared.iter().any(|shared| shared.start <= span.start && span.end <= shared.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A question about a name may read the whole map, so that the number of questions decides how long a large map takes.
    #[test]
    fn only_repeated_keys_are_asked_about() {
        let asked = |text: &str| {
            let source = crate::SourceFile::new("t.yaml".to_owned(), text.as_bytes().to_vec(), false).expect("is text");
            let documents = yaml::parse(&SourceText::new(&source)).expect("is YAML");
            let names = std::cell::RefCell::new(Vec::new());
            let is_free = |name: &str| {
                names.borrow_mut().push(name.to_owned());
                name == "free"
            };
            let key = documents[0].root.repeated(&is_free).map(|key| key.as_str().map(str::to_owned));
            (key.flatten(), names.into_inner())
        };
        assert_eq!(asked("a: 1\nb: 2\nc: 3\n"), (None, vec![]));
        assert_eq!(asked("a: 1\nfree: 2\nfree: 3\n"), (None, vec!["free".to_owned()]));
        let repeated = asked("free: 1\na: 2\nfree: 3\na: 4\n");
        assert_eq!(repeated, (Some("a".to_owned()), vec!["free".to_owned(), "a".to_owned()]));
    }
}
