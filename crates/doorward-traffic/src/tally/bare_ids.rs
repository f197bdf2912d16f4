//! Lines of files whose names have neither account nor Region, joined to the load balancer that they are of.
//!
//! A load balancer with one file as AWS named it and another one that was renamed would have two halves of evidence, and advice from one of
//! them would not see the clients of the other.

use std::collections::BTreeSet;

use super::{LoadBalancerKey, Tally};

impl LoadBalancerKey {
    /// Whether account and Region are known.
    const fn is_named(&self) -> bool {
        self.account.is_some() && self.region.is_some()
    }
}

impl Tally {
    /// Whether there are lines of load balancers of which only the id is known.
    pub(crate) fn has_bare_ids(&self) -> bool {
        self.bare_ids().next().is_some()
    }

    fn bare_ids(&self) -> impl Iterator<Item = &LoadBalancerKey> {
        let keys = self.load_balancers.keys().chain(self.incomplete.keys()).chain(self.problems.keys());
        keys.filter(|key| !key.is_named())
    }

    /// Joins lines of which only the id of the load balancer is known to the only load balancer with this id, among those that are known
    /// and those that files name. Where several have it, the evidence of all of them may lack these lines.
    pub(crate) fn join_bare_ids(&mut self, known: &[LoadBalancerKey]) {
        let bare: BTreeSet<LoadBalancerKey> = self.bare_ids().cloned().collect();
        if bare.is_empty() {
            return;
        }
        let keys = self.load_balancers.keys().chain(self.incomplete.keys()).chain(self.problems.keys());
        let named: BTreeSet<LoadBalancerKey> = keys.chain(known).filter(|key| key.is_named()).cloned().collect();
        for key in bare {
            let same: Vec<&LoadBalancerKey> = named.iter().filter(|named| named.id == key.id).collect();
            match same.as_slice() {
                [] => {}
                [only] => self.rename(&key, only),
                several => self.doubt(&key, several),
            }
        }
    }

    fn rename(&mut self, from: &LoadBalancerKey, to: &LoadBalancerKey) {
        if let Some(counts) = self.load_balancers.remove(from) {
            self.load_balancers.entry(to.clone()).or_default().merge(&counts);
        }
        if let Some(objects) = self.incomplete.remove(from) {
            *self.incomplete.entry(to.clone()).or_default() += objects;
        }
        if let Some(problems) = self.problems.remove(from) {
            self.problems.entry(to.clone()).or_default().merge(&problems);
        }
    }

    fn doubt(&mut self, bare: &LoadBalancerKey, several: &[&LoadBalancerKey]) {
        let lines = self.load_balancers.get(bare).map_or(0, |counts| counts.lines);
        let clause = format!(
            "{} load balancers have the id {}, and the names of files with {lines} lines of it have neither account nor Region: keep the \
             names that AWS gave",
            several.len(),
            bare.id
        );
        for key in several {
            let problems = self.problems.entry((*key).clone()).or_default();
            // Evidence is joined again when the load balancers of a scan are known.
            if !problems.samples.contains(&clause) {
                problems.add(|| clause.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::LoadBalancerTally;

    fn key(text: &str) -> LoadBalancerKey {
        text.parse().expect("a key")
    }

    #[test]
    fn bare_ids_are_joined_only_where_one_load_balancer_has_them() {
        let counted = |lines| LoadBalancerTally { lines, compliant: lines, ..LoadBalancerTally::default() };
        let (bare, here, there) =
            (key("-/-/app/web/1"), key("111122223333/eu-west-1/app/web/1"), key("111122223333/us-east-1/app/web/1"));
        let mut one = Tally::default();
        one.load_balancers.insert(bare.clone(), counted(5));
        one.load_balancers.insert(key("-/-/app/other/2"), counted(1));
        one.incomplete.insert(bare.clone(), 1);
        let mut two = one.clone();
        // A file names it, or a scan has it.
        let mut named = one.clone();
        named.load_balancers.insert(here.clone(), counted(2));
        named.join_bare_ids(&[]);
        assert_eq!((named.load_balancers[&here].lines, named.incomplete[&here]), (7, 1));
        assert!(!named.load_balancers.contains_key(&bare) && named.has_bare_ids());
        one.join_bare_ids(&[here.clone(), key("111122223333/eu-west-1/app/other/3")]);
        assert_eq!(one.load_balancers[&here].lines, 5);
        assert!(one.problems.is_empty() && one.load_balancers.contains_key(&key("-/-/app/other/2")));
        // Two have it: neither has all of its evidence.
        two.load_balancers.insert(here.clone(), counted(2));
        for _ in 0..2 {
            two.join_bare_ids(std::slice::from_ref(&there));
        }
        for key in [&here, &there] {
            assert!(!two.is_whole_for(key));
            assert_eq!(two.problems[key].count, 1);
            assert!(two.problems[key].samples[0].contains("2 load balancers have the id app/web/1, and"), "{two:?}");
        }
        assert_eq!((two.load_balancers[&here].lines, two.load_balancers[&bare].lines), (2, 5));
    }
}
