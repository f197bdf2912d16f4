//! Later readings of single load balancers: events cause them, and they replace what a scan read earlier.

use doorward_model::{Evidence, RawLoadBalancer, RegionInventory};

/// Replaces the readings of load balancers by later readings of the same ones, and adds load balancers that a cell does not hold.
/// Without this, a scan that was resumed, or one that is reported later, would undo what events have shown since.
pub fn apply_later_readings(cells: &mut [RegionInventory], readings: Vec<RawLoadBalancer>) {
    let at = |raw: &RawLoadBalancer| raw.evidence.as_ref().map(|evidence: &Evidence| evidence.at);
    for reading in readings {
        let here = |cell: &&mut RegionInventory| {
            cell.account.as_str() == reading.arn.account()
                && cell.region.as_ref().is_some_and(|region| region.as_str() == reading.arn.region())
        };
        let Some(cell) = cells.iter_mut().find(here) else { continue };
        match cell.load_balancers.iter_mut().find(|raw| raw.arn == reading.arn) {
            // A reading without attributes has no time: it is not later than one with attributes.
            Some(raw) if at(raw) < at(&reading) => *raw = reading,
            Some(_) => {}
            None => {
                cell.load_balancers.push(reading);
                cell.load_balancers.sort_by(|a, b| a.arn.cmp(&b.arn));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use doorward_model::{AccountId, Arn, Gap, GapReason, Kind, Observed, Region};

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
}
