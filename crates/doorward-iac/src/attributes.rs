//! Lists of load balancer attributes with keys and values, as in the AWS API.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use doorward_model::{Gap, GapReason, Observed};

use crate::builder::gap;
use crate::source_text::SourceText;
use crate::tree::Node;

/// Attributes, as far as the files determine them.
#[derive(Default)]
pub(crate) struct Attributes {
    /// The attributes that are set, by AWS's keys.
    pub(crate) named: BTreeMap<String, Observed<String>>,
    /// The byte range of each value.
    pub(crate) spans: BTreeMap<String, Range<usize>>,
    /// The reason why there may be further attributes.
    pub(crate) incomplete: Option<Arc<Gap>>,
}

impl Attributes {
    /// Sets a value. A key that is set twice with different values is unread: tools differ on which one counts.
    pub(crate) fn set(&mut self, text: &SourceText<'_>, key: &str, value: Observed<String>, span: Range<usize>) {
        let differs = match self.named.get(key) {
            Some(before) => *before != value,
            None => false,
        };
        let value = if differs {
            let message = format!("{key} is set more than once, with different values");
            Observed::Unread(gap(text, GapReason::Malformed, span.clone(), message))
        } else {
            value
        };
        self.named.insert(key.to_owned(), value);
        // The place of a repeated key is its first.
        self.spans.entry(key.to_owned()).or_insert(span);
    }

    /// Parses a list of maps, each with a key and a value under the given `names`. `read` returns the value of a node.
    pub(crate) fn of_list(
        text: &SourceText<'_>,
        list: &Node,
        names: (&str, &str),
        read: &dyn Fn(&Node) -> Observed<String>,
    ) -> Self {
        let mut attributes = Self::default();
        let Some(entries) = list.as_seq().filter(|_| list.tag.is_none()) else {
            let reason = if list.as_str().is_some() { GapReason::Malformed } else { GapReason::Unresolved };
            attributes.incomplete = Some(gap(text, reason, list.span.clone(), "the attributes are not a literal list"));
            return attributes;
        };
        for entry in entries {
            let unresolved = |message: &str| gap(text, GapReason::Unresolved, entry.span.clone(), message);
            // An entry may evaluate to nothing, such as a reference to AWS::NoValue.
            let is_function = entry.tag.is_some();
            if (is_function || entry.get(names.0).is_none()) && !entry.is_null() {
                match read(entry) {
                    Observed::Absent => continue,
                    Observed::Unread(gap) if is_function => {
                        attributes.incomplete = Some(gap);
                        continue;
                    }
                    Observed::Unread(_) | Observed::Known(_) => {}
                }
            }
            // A function beside key and value may replace them.
            if entry.get(names.0).is_some() && entry.key(&|key| key.starts_with("Fn::")).is_some() {
                attributes.incomplete = Some(unresolved("a function beside the attribute may replace it"));
                if let Some(Observed::Known(key)) = entry.get(names.0).map(read) {
                    let value = Observed::Unread(unresolved("a function beside the attribute may replace its value"));
                    attributes.set(text, &key, value, entry.span.clone());
                }
                continue;
            }
            let key = entry.get(names.0).map_or(Observed::Absent, read);
            match key {
                Observed::Known(key) => {
                    let (value, span) = match entry.get(names.1) {
                        Some(value) => (read(value), value.span.clone()),
                        None => (Observed::Unread(unresolved("the attribute has no value")), entry.span.clone()),
                    };
                    attributes.set(text, &key, value, span);
                }
                Observed::Absent if entry.as_map().is_some() => {
                    attributes.incomplete = Some(unresolved("an attribute has no literal key"));
                }
                Observed::Absent => attributes.incomplete = Some(unresolved("an attribute is not a literal")),
                Observed::Unread(gap) => attributes.incomplete = Some(gap),
            }
        }
        attributes
    }

    /// Adds attributes that were set before and no longer are: the load balancer keeps their values. Returns the last such
    /// key.
    pub(crate) fn keep(&mut self, before: Self) -> Option<String> {
        let mut kept = None;
        for (key, value) in before.named {
            if let std::collections::btree_map::Entry::Vacant(vacant) = self.named.entry(key) {
                kept = Some(vacant.key().clone());
                vacant.insert(value);
            }
        }
        kept
    }
}
