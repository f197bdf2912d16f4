//! A tally in the words of the corpus: one line for each count, so that two ways of counting can be compared as text.

use doorward_traffic::Tally;

use crate::corpus::Truth;

/// What was counted.
pub(crate) fn counted(tally: &Tally) -> Truth {
    let mut truth = Truth::new();
    for (key, balancer) in &tally.balancers {
        let mut add = |what: &str, name: &str, count: u64| {
            if count > 0 {
                *truth.entry(format!("{what}\t{key}\t{name}")).or_default() += count;
            }
        };
        add("lines", "", balancer.lines);
        add("class", "compliant", balancer.compliant);
        add("class", "absent", balancer.absent);
        add("class", "rejected", balancer.rejected);
        add("unparsed", "", balancer.unparsed.count);
        for (cause, answered) in &balancer.causes {
            let name = format!("{} {}", cause.tier.as_str(), cause.reason);
            add("class", &format!("{name} served"), answered.served);
            add("class", &format!("{name} refused"), answered.refused);
            add("class", &format!("{name} by balancer"), answered.by_balancer);
            add("class", &format!("{name} blocked"), answered.blocked);
        }
        balancer.hours.iter().for_each(|(hour, tally)| add("hour", &hour.to_string(), tally.lines()));
        balancer.statuses.iter().for_each(|(status, count)| add("status", status, *count));
        balancer.protocols.iter().for_each(|(protocol, count)| add("protocol", protocol, *count));
        balancer.target_groups.iter().for_each(|(group, count)| add("target group", group, *count));
    }
    truth
}
