//! A tally in the words of the corpus: one line for each count, so that two ways of counting can be compared as text.

use doorward_traffic::Tally;

use crate::corpus::Truth;

/// What was counted.
pub(crate) fn counted(tally: &Tally) -> Truth {
    let mut truth = Truth::new();
    for (key, load_balancer) in &tally.load_balancers {
        let mut add = |what: &str, name: &str, count: u64| {
            if count > 0 {
                *truth.entry(format!("{what}\t{key}\t{name}")).or_default() += count;
            }
        };
        add("lines", "", load_balancer.lines);
        add("class", "compliant", load_balancer.compliant);
        add("class", "absent", load_balancer.absent);
        add("class", "rejected", load_balancer.rejected);
        add("unparsed", "", load_balancer.unparsed.count);
        for (cause, answered) in &load_balancer.causes {
            let name = format!("{} {}", cause.tier.as_str(), cause.reason);
            add("class", &format!("{name} served"), answered.served);
            add("class", &format!("{name} refused"), answered.refused + answered.failed);
            let by_load_balancer =
                answered.by_load_balancer + answered.answered + answered.logins + answered.unanswered;
            add("class", &format!("{name} by load balancer"), by_load_balancer);
            add("class", &format!("{name} blocked"), answered.blocked);
        }
        load_balancer.hours.iter().for_each(|(hour, tally)| add("hour", &hour.to_string(), tally.lines()));
        load_balancer.statuses.iter().for_each(|(status, count)| add("status", status, *count));
        load_balancer.protocols.iter().for_each(|(protocol, count)| add("protocol", protocol, *count));
        load_balancer.target_groups.iter().for_each(|(group, count)| add("target group", group, *count));
    }
    truth
}
