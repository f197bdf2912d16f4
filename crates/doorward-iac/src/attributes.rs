//! Load balancer attributes as lists of keys and values, the way AWS's own API has them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use doorward_model::{Gap, GapReason, Observed};

use crate::draft::gap;
use crate::text::Text;
use crate::tree::Node;

/// A list of keys and values as far as it can be read.
#[derive(Default)]
pub(crate) struct Attributes {
    /// What is named, by AWS's keys.
    pub(crate) named: BTreeMap<String, Observed<String>>,
    /// Where each value stands.
    pub(crate) spans: BTreeMap<String, Range<usize>>,
    /// Why there may be more.
    pub(crate) rest: Option<Arc<Gap>>,
}

impl Attributes {
    /// Names a value. A key that is named twice has no value that can be relied on.
    pub(crate) fn name(&mut self, text: &Text<'_>, key: &str, value: Observed<String>, span: Range<usize>) {
        let twice = match self.named.get(key) {
            Some(before) => *before != value,
            None => false,
        };
        let value = if twice {
            let message = format!("{key} is named more than once, with different values");
            Observed::Unread(gap(text, GapReason::Malformed, span.clone(), message))
        } else {
            value
        };
        self.named.insert(key.to_owned(), value);
        // It is looked at where it is named first.
        self.spans.entry(key.to_owned()).or_insert(span);
    }

    /// Reads a list of maps, each with a key and a value under the given names. `read` gives the value of a node, and says
    /// what is not written out.
    pub(crate) fn of_list(
        text: &Text<'_>,
        list: &Node,
        names: (&str, &str),
        read: &dyn Fn(&Node) -> Observed<String>,
    ) -> Self {
        let mut attributes = Self::default();
        let Some(entries) = list.as_seq().filter(|_| list.tag.is_none()) else {
            let reason = if list.as_str().is_some() { GapReason::Malformed } else { GapReason::Unresolved };
            attributes.rest =
                Some(gap(text, reason, list.span.clone(), "the attributes are not a list that is written out"));
            return attributes;
        };
        for entry in entries {
            let unsure = |message: &str| gap(text, GapReason::Unresolved, entry.span.clone(), message);
            // A list entry that stands for nothing, such as a reference to AWS::NoValue.
            let is_function = entry.tag.is_some();
            if (is_function || entry.get(names.0).is_none()) && !entry.is_null() {
                match read(entry) {
                    Observed::Absent => continue,
                    Observed::Unread(gap) if is_function => {
                        attributes.rest = Some(gap);
                        continue;
                    }
                    Observed::Unread(_) | Observed::Known(_) => {}
                }
            }
            // A function beside key and value may put others in their place.
            if entry.get(names.0).is_some() && entry.key(&|key| key.starts_with("Fn::")).is_some() {
                attributes.rest = Some(unsure("a function beside the attribute may replace it"));
                if let Some(Observed::Known(key)) = entry.get(names.0).map(read) {
                    let value = Observed::Unread(unsure("a function beside the attribute may replace its value"));
                    attributes.name(text, &key, value, entry.span.clone());
                }
                continue;
            }
            let key = entry.get(names.0).map_or(Observed::Absent, read);
            match key {
                Observed::Known(key) => {
                    let (value, span) = match entry.get(names.1) {
                        Some(value) => (read(value), value.span.clone()),
                        None => (Observed::Unread(unsure("the attribute has no value")), entry.span.clone()),
                    };
                    attributes.name(text, &key, value, span);
                }
                Observed::Absent if entry.as_map().is_some() => {
                    attributes.rest = Some(unsure("an attribute has no key that is written out"));
                }
                Observed::Absent => attributes.rest = Some(unsure("an attribute is not written out")),
                Observed::Unread(gap) => attributes.rest = Some(gap),
            }
        }
        attributes
    }

    /// Adds what was named before and no longer is: a load balancer keeps it. The answer names the last such key.
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
