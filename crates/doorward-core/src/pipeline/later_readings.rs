//! Later readings of single load balancers: events cause them, and they replace what a scan read earlier.

use doorward_model::{Evidence, Kind, RawLoadBalancer, RegionInventory};
use jiff::Timestamp;

/// Replaces the readings of load balancers by later readings of the same ones, and adds load balancers that were created after an
/// account-Region was listed, or that an incomplete list may lack.
/// Without this, a scan that was resumed, or one that is reported later, would undo what events have shown since.
pub fn apply_later_readings(cells: &mut [RegionInventory], readings: Vec<RawLoadBalancer>) {
    let at = |raw: &RawLoadBalancer| raw.evidence.as_ref().map(|evidence: &Evidence| evidence.at);
    for reading in readings {
        let here = |cell: &&mut RegionInventory| {
            cell.account.as_str() == reading.arn.account()
                && cell.region.as_ref().is_some_and(|region| region.as_str() == reading.arn.region())
        };
        let Some(cell) = cells.iter_mut().find(here) else { continue };
        let is_later = |than: Option<Timestamp>| at(&reading).is_some_and(|at| than.is_none_or(|than| than < at));
        let listing = if reading.kind == Kind::Classic { &cell.classic_listing } else { &cell.listing };
        // What a full list lacks did not exist then.
        let may_exist = !cell.gone.contains(&reading.arn) && (is_later(cell.read_at) || !listing.is_full());
        let read_at = cell.read_at;
        match cell.load_balancers.iter_mut().find(|raw| raw.arn == reading.arn) {
            // Where the attributes could not be read there is no time: the scan tried after it began with the account-Region.
            Some(raw) if is_later(at(raw).max(read_at.filter(|_| raw.evidence.is_none()))) => *raw = reading,
            None if may_exist => {
                cell.load_balancers.push(reading);
                cell.load_balancers.sort_by(|a, b| a.arn.cmp(&b.arn));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use doorward_model::{AccountId, Arn, Gap, GapReason, Listing, Observed, Region};

    use super::*;

    /// A load balancer whose attributes were read at a second, or not.
    fn raw(name: &str, second: Option<i64>) -> RawLoadBalancer {
        let arn =
            format!("arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/{name}/50dc6c495c0c9188");
        let evidence = second.map(|second| Evidence {
            operation: "elasticloadbalancing:DescribeLoadBalancerAttributes".into(),
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
            target_groups: Observed::Absent,
            reached_through: Observed::Absent,
            vpc_origins: Observed::Absent,
            api_integrations: Observed::Absent,
        }
    }

    #[test]
    fn the_later_reading_counts() {
        let account = AccountId::new("111122223333").expect("an account");
        let gap = Gap::new(GapReason::NotAsked, "elasticloadbalancing:DescribeLoadBalancers");
        let mut cell = RegionInventory::failed(account.clone(), Region::new("eu-west-1").ok(), gap.clone());
        cell.load_balancers = vec![raw("a", Some(10)), raw("b", Some(10)), raw("c", Some(10)), raw("d", None)];
        let mut cells = vec![RegionInventory::failed(account, None, gap), cell];
        let readings =
            vec![raw("a", Some(20)), raw("b", Some(5)), raw("c", None), raw("d", Some(1)), raw("aa", Some(7))];
        apply_later_readings(&mut cells, readings);
        let second = |raw: &RawLoadBalancer| raw.evidence.as_ref().map(|evidence| evidence.at.as_second());
        let times: Vec<_> = cells[1].load_balancers.iter().map(|raw| (raw.name.as_str(), second(raw))).collect();
        assert_eq!(times, [("a", Some(20)), ("aa", Some(7)), ("b", Some(10)), ("c", Some(10)), ("d", Some(1))]);
        assert!(cells[0].load_balancers.is_empty());
    }

    /// A scan that listed everything at second 100, with `a` whose attributes it could not read, and `g` that was deleted meanwhile.
    fn listed() -> RegionInventory {
        let account = AccountId::new("111122223333").expect("an account");
        let gap = Gap::new(GapReason::NotAsked, "elasticloadbalancing:DescribeLoadBalancers");
        let mut cell = RegionInventory::failed(account, Region::new("eu-west-1").ok(), gap);
        (cell.listing, cell.classic_listing) = (Listing::Full, Listing::Full);
        cell.read_at = jiff::Timestamp::from_second(100).ok();
        cell.load_balancers = vec![raw("a", None)];
        cell.gone = vec![raw("g", None).arn];
        cell
    }

    #[test]
    fn a_load_balancer_that_the_later_list_lacks_is_not_put_back() {
        for (second, read) in [(90, vec!["a"]), (110, vec!["a", "b"])] {
            let mut cells = vec![listed()];
            apply_later_readings(&mut cells, vec![raw("b", Some(second)), raw("g", Some(second))]);
            let names: Vec<_> = cells[0].load_balancers.iter().map(|raw| raw.name.as_str()).collect();
            assert_eq!(names, read, "{second}");
        }
        // A list that was cut short may lack it.
        let mut cell = listed();
        let gap = Gap::new(GapReason::Throttled, "elasticloadbalancing:DescribeLoadBalancers");
        cell.listing = Listing::Unread(std::sync::Arc::new(gap));
        let mut cells = vec![cell];
        apply_later_readings(&mut cells, vec![raw("b", Some(90)), raw("c", None)]);
        assert_eq!(cells[0].load_balancers.len(), 3);
    }

    #[test]
    fn an_older_reading_does_not_hide_that_a_scan_could_not_read() {
        for (second, is_taken) in [(90, false), (110, true)] {
            let mut cells = vec![listed()];
            apply_later_readings(&mut cells, vec![raw("a", Some(second))]);
            assert_eq!(cells[0].load_balancers[0].evidence.is_some(), is_taken, "{second}");
        }
    }
}
