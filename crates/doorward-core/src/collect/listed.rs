//! Whether a list of load balancers is complete and belongs to this account-Region.
//!
//! Only a full list is evidence that a load balancer was deleted. So one entry that cannot belong to this account-Region, or two
//! entries of one load balancer with different contents make the list unread; the valid entries are kept.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use doorward_aws::Operation;
use doorward_model::{Arn, Gap, GapReason, Kind, Listing, RawLoadBalancer};

use super::CollectContext;

/// Why an entry of a list is not a usable load balancer of this account-Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// It has no usable ARN or name, or contradicts itself.
    Unusable(String),
    /// It belongs to another account, Region or partition.
    Foreign(String),
}

/// One entry of a list.
pub(super) type Read = Result<RawLoadBalancer, Fault>;

/// The entries of one page. Pages may overlap when load balancers are created or deleted between two calls; within one page each
/// must occur once.
pub(super) fn page(entries: impl Iterator<Item = Read>) -> Vec<Read> {
    let mut named = std::collections::BTreeSet::new();
    let once = |read: Read| match read {
        Ok(raw) if !named.insert(raw.arn.clone()) => Err(Fault::Unusable(format!("{} twice on one page", raw.arn))),
        read => read,
    };
    entries.map(once).collect()
}

/// The valid part of a list.
pub(super) struct ListedLoadBalancers {
    /// The load balancers of this account-Region, each once, ordered by ARN.
    pub(super) found: Vec<RawLoadBalancer>,
    pub(super) listing: Listing,
    /// Set if the responses belong to another account or Region: then no other response to this session is trusted.
    pub(super) foreign: Option<Arc<Gap>>,
}

/// Combines the entries of all pages. `gap` is why further pages are missing.
pub(super) fn together(operation: Operation, entries: Vec<Read>, gap: Option<Gap>) -> ListedLoadBalancers {
    let malformed = |what: &str| {
        Arc::new(Gap::new(GapReason::Malformed, operation.action()).with_message(format!("the list contains {what}")))
    };
    let mut found: BTreeMap<Arn, RawLoadBalancer> = BTreeMap::new();
    let (mut problem, mut foreign) = (None, None);
    for entry in entries {
        match entry {
            Ok(raw) => match found.entry(raw.arn.clone()) {
                Entry::Vacant(place) => {
                    place.insert(raw);
                }
                Entry::Occupied(mut known) if !is_same(known.get(), &raw) => {
                    problem.get_or_insert_with(|| malformed(&format!("{} twice, with different contents", raw.arn)));
                    // Which entry is right is unknown, so no rule can judge it.
                    known.get_mut().kind = Kind::Unrecognized;
                }
                Entry::Occupied(_) => {}
            },
            Err(Fault::Unusable(what)) => {
                problem.get_or_insert_with(|| malformed(&what));
            }
            Err(Fault::Foreign(what)) => {
                foreign.get_or_insert_with(|| malformed(&what));
            }
        }
    }
    let listing = match gap.map(Arc::new).or(foreign.clone()).or(problem) {
        Some(gap) => Listing::Unread(gap),
        None => Listing::Full,
    };
    ListedLoadBalancers { found: found.into_values().collect(), listing, foreign }
}

/// Why the operation `about` is unread for a load balancer that a list contains and that does not exist by another call.
/// `entries` and `gap` are the result of listing it again. None if it was deleted.
pub(super) fn again(about: Operation, arn: &Arn, entries: Vec<Read>, gap: Option<Gap>) -> Option<Gap> {
    let listed = entries.iter().flatten().any(|raw| raw.arn == *arn);
    match gap {
        Some(gap) if is_missing(&gap) => None,
        Some(gap) => Some(gap),
        None if listed => Some(Gap::new(GapReason::Malformed, about.action()).with_message(format!(
            "the responses contradict each other: the load balancer is listed, but {} exist",
            match about {
                Operation::DescribeTags | Operation::DescribeClassicTags => "its tags do not",
                Operation::DescribeListeners => "its listeners do not",
                _ => "its attributes do not",
            }
        ))),
        None => Some(
            Gap::new(GapReason::Malformed, Operation::DescribeLoadBalancers.action())
                .with_message("the response is about another load balancer than the requested one"),
        ),
    }
}

/// Whether the load balancer does not exist. The older API has two error codes for it.
pub(super) fn is_missing(gap: &Gap) -> bool {
    gap.code.as_deref().is_some_and(|code| code.starts_with("LoadBalancerNotFound") || code == "AccessPointNotFound")
}

/// Whether two entries describe the same load balancer. Values that may change between two pages are not compared.
fn is_same(one: &RawLoadBalancer, other: &RawLoadBalancer) -> bool {
    let lasting = |raw: &RawLoadBalancer| {
        (raw.kind, raw.name.clone(), raw.scheme.clone(), raw.vpc.clone(), raw.dns_name.clone(), raw.created)
    };
    lasting(one) == lasting(other)
}

impl CollectContext<'_> {
    /// Checks that an ARN is the ARN of a load balancer of this account-Region.
    pub(super) fn check(&self, arn: &Arn) -> Result<(), Fault> {
        let place = &self.target.place;
        let here = arn.account() == place.account.as_str()
            && arn.region() == place.region.as_str()
            && arn.partition() == self.access.partition();
        if !here {
            return Err(Fault::Foreign(format!("{arn}, of another account, Region or partition")));
        }
        if !arn.as_str().contains(":elasticloadbalancing:") || !arn.resource().starts_with("loadbalancer/") {
            return Err(Fault::Unusable(format!("{arn}, which is not the ARN of a load balancer")));
        }
        Ok(())
    }
}

/// The kind by both the type and the ARN of a load balancer; unrecognized if they contradict each other.
pub(super) fn kind(arn: &Arn, typed: Kind) -> Kind {
    let named = match arn.resource().split('/').collect::<Vec<_>>()[..] {
        ["loadbalancer", "app", _, _] => Kind::Application,
        ["loadbalancer", "net", _, _] => Kind::Network,
        ["loadbalancer", "gwy", _, _] => Kind::Gateway,
        _ => Kind::Unrecognized,
    };
    if named == typed { typed } else { Kind::Unrecognized }
}

#[cfg(test)]
mod tests {
    use doorward_model::Observed;

    use super::*;

    fn raw(id: &str, kind: Kind) -> RawLoadBalancer {
        let arn = format!("arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/web/{id}");
        RawLoadBalancer {
            arn: Arn::new(&arn).expect("an ARN"),
            name: "web".into(),
            kind,
            scheme: None,
            vpc: None,
            dns_name: None,
            created: None,
            state: None,
            security_groups: Vec::new(),
            zones: Vec::new(),
            attributes: Observed::Absent,
            evidence: None,
            tags: Observed::Absent,
            listeners: Observed::Absent,
            vended_logs: Observed::Absent,
            target_groups: Observed::Absent,
            reached_through: Observed::Absent,
            vpc_origins: Observed::Absent,
            api_integrations: Observed::Absent,
        }
    }

    fn read(pages: Vec<Vec<Read>>, gap: Option<Gap>) -> ListedLoadBalancers {
        let entries = pages.into_iter().flat_map(|entries| page(entries.into_iter())).collect();
        together(Operation::DescribeLoadBalancers, entries, gap)
    }

    #[test]
    fn only_a_list_without_a_fault_is_full() {
        let app = |id: &str| Ok(raw(id, Kind::Application));
        let unusable = || Err(Fault::Unusable("a load balancer without a usable ARN".into()));
        let foreign = || Err(Fault::Foreign("arn:x, of another account, Region or partition".into()));
        for (what, pages, full, found, is_foreign) in [
            ("nothing", vec![vec![]], true, 0, false),
            ("two pages that overlap", vec![vec![app("1"), app("2")], vec![app("2"), app("3")]], true, 3, false),
            ("the same twice on one page", vec![vec![app("1"), app("1")]], false, 1, false),
            ("an entry without an ARN", vec![vec![app("1"), unusable()]], false, 1, false),
            ("an entry of another account", vec![vec![foreign(), app("1")]], false, 1, true),
            ("two kinds of one", vec![vec![app("1")], vec![Ok(raw("1", Kind::Network))]], false, 1, false),
        ] {
            let listed = read(pages, None);
            assert_eq!(listed.listing.is_full(), full, "{what}");
            assert_eq!((listed.found.len(), listed.foreign.is_some()), (found, is_foreign), "{what}");
        }
        let listed = read(vec![vec![app("1")], vec![Ok(raw("1", Kind::Network))]], None);
        assert_eq!(listed.found[0].kind, Kind::Unrecognized);
    }

    #[test]
    fn kinds_must_agree() {
        let arn = |resource: &str| {
            Arn::new(&format!("arn:aws:elasticloadbalancing:eu-west-1:111122223333:{resource}")).expect("an ARN")
        };
        for (resource, typed, kind_of_both) in [
            ("loadbalancer/app/a/1", Kind::Application, Kind::Application),
            ("loadbalancer/net/a/1", Kind::Network, Kind::Network),
            ("loadbalancer/gwy/a/1", Kind::Gateway, Kind::Gateway),
            ("loadbalancer/app/a/1", Kind::Network, Kind::Unrecognized),
            ("loadbalancer/net/a/1", Kind::Application, Kind::Unrecognized),
            ("loadbalancer/app/a/1", Kind::Unrecognized, Kind::Unrecognized),
            ("loadbalancer/a", Kind::Network, Kind::Unrecognized),
            ("loadbalancer/new/a/1", Kind::Network, Kind::Unrecognized),
        ] {
            assert_eq!(kind(&arn(resource), typed), kind_of_both, "{resource} {typed}");
        }
    }
}
