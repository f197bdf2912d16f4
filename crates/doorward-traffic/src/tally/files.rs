//! Which log files a load balancer wrote: by five-minute interval and by node, from their keys alone.
//!
//! A file without lines shows that a node was running and logged no request; a missing file shows nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::object::{INTERVAL, LogObject};
use crate::window::Hour;

/// The log files of one load balancer that were read to their ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogFiles {
    /// By hour of UTC, one bit for each of its twelve five-minute intervals of which there is a file; the lowest for the first.
    pub intervals: BTreeMap<Hour, u16>,
    /// By address of the node that wrote them.
    pub nodes: BTreeMap<String, NodeFiles>,
}

/// The files of one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeFiles {
    /// How many.
    pub files: u64,
    /// When the first interval ends.
    pub first: Timestamp,
    /// When the last interval ends.
    pub last: Timestamp,
    /// How many of each day.
    pub days: BTreeMap<Date, u64>,
}

impl NodeFiles {
    /// Whether there is a day without files between two days with files.
    pub(crate) fn has_pause(&self) -> bool {
        let following = |pair: (&Date, &Date)| pair.0.tomorrow().is_ok_and(|next| next == *pair.1);
        !self.days.keys().zip(self.days.keys().skip(1)).all(following)
    }
}

impl LogFiles {
    /// Adds a file.
    pub(crate) fn add(&mut self, object: &LogObject) {
        let start = object.end.saturating_sub(INTERVAL).unwrap_or(Timestamp::MIN);
        let hour = Hour::of(start);
        let minutes = start.duration_since(hour.start()).as_mins().clamp(0, 59);
        *self.intervals.entry(hour).or_default() |= 1 << (minutes / INTERVAL.as_mins());
        let days = BTreeMap::from([(hour.day(), 1)]);
        let node = NodeFiles { files: 1, first: object.end, last: object.end, days };
        self.node(&object.node, &node);
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &Self) {
        for (hour, bits) in &other.intervals {
            *self.intervals.entry(*hour).or_default() |= bits;
        }
        for (address, node) in &other.nodes {
            self.node(address, node);
        }
    }

    fn node(&mut self, address: &str, more: &NodeFiles) {
        match self.nodes.get_mut(address) {
            Some(node) => {
                node.files += more.files;
                node.first = node.first.min(more.first);
                node.last = node.last.max(more.last);
                more.days.iter().for_each(|(day, files)| *node.days.entry(*day).or_default() += files);
            }
            None => {
                self.nodes.insert(address.to_owned(), more.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Key;

    #[test]
    fn intervals_and_nodes_come_from_keys() {
        let mut files = LogFiles::default();
        for (end, node) in
            [("T0700Z", "10.0.0.1"), ("T0705Z", "10.0.0.1"), ("T0705Z", "10.0.0.2"), ("T0800Z", "10.0.0.1")]
        {
            let name = format!(
                "111122223333_elasticloadbalancing_eu-west-1_app.web.50dc6c495c0c9188_20260923{end}_{node}_x.log.gz"
            );
            let Key::AccessLog(object) = Key::read(&name) else { panic!("{name}") };
            files.add(&object);
        }
        // A file belongs to the interval that ends with the time in its name.
        let hours: Vec<(String, u16)> = files.intervals.iter().map(|(hour, bits)| (hour.to_string(), *bits)).collect();
        assert_eq!(hours, [("2026-09-23T06Z".to_owned(), 1 << 11), ("2026-09-23T07Z".to_owned(), 1 | 1 << 11)]);
        assert_eq!((files.nodes["10.0.0.1"].files, files.nodes["10.0.0.2"].files), (3, 1));
        let mut twice = files.clone();
        twice.merge(&files);
        assert_eq!((twice.intervals, twice.nodes["10.0.0.1"].files), (files.intervals, 6));
    }
}
