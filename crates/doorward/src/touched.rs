//! Who touched modes, as the ledger knows it: what Doorward did by its journal, and what events say that others did; and what was
//! seen then.

use std::collections::BTreeMap;

use doorward_ledger::Ledger;
use doorward_model::{AppliedChange, Arn, Edit, Evidence, LoadBalancer, RawLoadBalancer, RegionInventory};

use crate::change;
use crate::exit::Failure;
use crate::memory::failed;

/// What Doorward did to the modes, by load balancer; the oldest change of each first.
pub(crate) type Changes = BTreeMap<Arn, Vec<AppliedChange>>;

/// Who left load balancers in the mode they were last seen in.
pub(crate) type Edits = BTreeMap<Arn, Edit>;

/// Both.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    pub(crate) changes: Changes,
    pub(crate) edits: Edits,
}

impl Touched {
    /// All that a ledger knows.
    pub(crate) fn of(ledger: &Ledger) -> Result<Self, Failure> {
        Ok(Self { changes: change::changes(ledger)?, edits: ledger.edits().map_err(failed)? })
    }

    /// Joins to a load balancer what is known of it. Who left it in another mode than it is in now did not leave it in this one.
    pub(crate) fn join(&mut self, lb: &mut LoadBalancer) {
        lb.changes = self.changes.remove(&lb.arn).unwrap_or_default();
        lb.edited = self.edits.remove(&lb.arn).filter(|edit| lb.mode.known() == Some(&edit.left));
    }
}

/// Puts later looks at single load balancers, which events asked for, in the place of what a scan saw earlier. A scan that was
/// resumed, or is told of later, would otherwise take back what is known since.
pub(crate) fn refresh(cells: &mut [RegionInventory], looks: Vec<RawLoadBalancer>) {
    let at = |raw: &RawLoadBalancer| raw.evidence.as_ref().map(|evidence: &Evidence| evidence.at);
    for look in looks {
        let here = |cell: &&mut RegionInventory| {
            cell.account.as_str() == look.arn.account()
                && cell.region.as_ref().is_some_and(|region| region.as_str() == look.arn.region())
        };
        let Some(cell) = cells.iter_mut().find(here) else { continue };
        match cell.load_balancers.iter_mut().find(|raw| raw.arn == look.arn) {
            // What nobody could read is not later than what somebody did.
            Some(raw) if at(raw) < at(&look) => *raw = look,
            Some(_) => {}
            None => {
                cell.load_balancers.push(look);
                cell.load_balancers.sort_by(|a, b| a.arn.cmp(&b.arn));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use doorward_model::{AccountId, Gap, GapReason, Kind, Observed, Region};

    use super::*;

    /// A load balancer whose attributes were read at a second, or not.
    fn raw(name: &str, second: Option<i64>) -> RawLoadBalancer {
        let arn =
            format!("arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/{name}/50dc6c495c0c9188");
        let evidence = second.map(|second| Evidence {
            operation: "elasticloadbalancing:DescribeLoadBalancerAttributes".to_owned(),
            at: jiff::Timestamp::from_second(second).expect("a time"),
            request_id: None,
        });
        RawLoadBalancer {
            arn: Arn::new(&arn).expect("an ARN"),
            name: name.to_owned(),
            kind: Kind::Application,
            scheme: None,
            vpc: None,
            dns_name: None,
            created: None,
            state: None,
            security_groups: Vec::new(),
            zones: Vec::new(),
            attributes: Observed::Absent,
            evidence,
            tags: Observed::Absent,
            listeners: Observed::Absent,
            vended_logs: Observed::Absent,
        }
    }

    #[test]
    fn the_later_reading_counts() {
        let account = AccountId::new("111122223333").expect("an account");
        let gap = Gap::new(GapReason::NotAsked, "elasticloadbalancing:DescribeLoadBalancers");
        let mut cell = RegionInventory::failed(account.clone(), Region::new("eu-west-1").ok(), gap.clone());
        cell.load_balancers = vec![raw("a", Some(10)), raw("b", Some(10)), raw("c", Some(10)), raw("d", None)];
        let mut cells = vec![RegionInventory::failed(account, None, gap), cell];
        let looks = vec![raw("a", Some(20)), raw("b", Some(5)), raw("c", None), raw("d", Some(1)), raw("aa", Some(7))];
        refresh(&mut cells, looks);
        let second = |raw: &RawLoadBalancer| raw.evidence.as_ref().map(|evidence| evidence.at.as_second());
        let told: Vec<_> = cells[1].load_balancers.iter().map(|raw| (raw.name.as_str(), second(raw))).collect();
        assert_eq!(told, [("a", Some(20)), ("aa", Some(7)), ("b", Some(10)), ("c", Some(10)), ("d", Some(1))]);
        assert!(cells[0].load_balancers.is_empty());
    }
}
