//! The posture in words: what leadership and FinOps read, in the order of their sections.

use doorward_model::{CostRow, PostureCosts, PostureSummary, counted};

use super::{MessagePart, MessageSection, NAME, Parts, SENTENCE, clip, ours};
use crate::posture_digest::PostureDigest;
use crate::render::Message;
use crate::settings::DigestSection;

/// A digest in words.
pub(crate) fn message(digest: &PostureDigest) -> Message {
    let posture = &digest.posture;
    let own = digest.headline();
    let title =
        vec![ours(own.strip_suffix(&posture.subject).unwrap_or(&own)), MessagePart::Name(clip(&posture.subject, NAME))];
    let mut lead = Vec::new();
    if digest.may_repeat {
        lead.push(vec![ours("This may be a duplicate: an earlier attempt to send it may have arrived.")]);
    }
    lead.push(vec![ours(format!("Scan of {}: {}.", posture.at, posture.coverage))]);
    if let Some(warning) = &posture.warning {
        lead.push(vec![ours(warning.clone())]);
    }
    // Without any reading there are no figures: an empty section would read as a good result.
    let shown = digest.sections.iter().filter(|_| posture.read);
    let sections = shown.map(|wanted| section(*wanted, posture)).filter(|section| !section.items.is_empty()).collect();
    let mut foot = vec![
        ours(format!("Doorward {}, scan ", digest.scan.tool_version)),
        MessagePart::Name(clip(&digest.scan.run, NAME)),
        ours(format!(". Period {}. Digest {}.", digest.period, digest.id.get(..12).unwrap_or(&digest.id))),
    ];
    foot.extend(digest.link.as_ref().map(|link| ours(format!(" Full report: {link}"))));
    Message { title, lead, sections, foot }
}

fn section(section: DigestSection, posture: &PostureSummary) -> MessageSection {
    let (heading, items) = match section {
        DigestSection::Figures => ("Key figures", figures(posture)),
        DigestSection::Trend => ("Trend", trend(posture)),
        DigestSection::Owners => ("Owners with the highest risk", owners(posture)),
        DigestSection::Exceptions => ("Exceptions that end within 30 days", exceptions(posture)),
        DigestSection::Idle => ("Idle load balancers", idle(posture)),
        DigestSection::Costs => ("Money", costs(posture.costs.as_ref())),
        DigestSection::Changes => ("What changed", changes(posture)),
    };
    MessageSection { heading: heading.to_owned(), items }
}

fn name(text: &str) -> MessagePart {
    MessagePart::Name(clip(text, NAME))
}

fn more(count: usize, thing: &str) -> Option<Parts> {
    (count > 0).then(|| vec![ours(format!("and {}", counted(count, &format!("more {thing}"))))])
}

fn figures(posture: &PostureSummary) -> Vec<Parts> {
    posture.figures.iter().map(|one| vec![ours(format!("{}: {}, {}", one.label, one.figure, one.of))]).collect()
}

fn trend(posture: &PostureSummary) -> Vec<Parts> {
    let line = |scan: &doorward_model::PosturePoint| {
        vec![ours(format!(
            "{}: coverage {}, strictest or defensive {}, at or above the required mode {}, open findings {}",
            scan.at, scan.coverage, scan.protected, scan.required, scan.failing
        ))]
    };
    posture.trend.iter().map(line).collect()
}

fn owners(posture: &PostureSummary) -> Vec<Parts> {
    let line = |row: &doorward_model::OwnerRisk| {
        let unseen = if row.unseen > 0 { format!(", {} not seen now", row.unseen) } else { String::new() };
        let counts = format!(
            ": {} overdue, {} critical, {} high, {} medium, {} in monitor{unseen}",
            row.overdue, row.critical, row.high, row.medium, row.monitor
        ) + &match row.unseen {
            0 => String::new(),
            n => format!("; {n} of these not seen now"),
        };
        vec![name(&row.owner), ours(counts)]
    };
    let mut items: Vec<Parts> = posture.owners.iter().map(line).collect();
    if items.is_empty() {
        items.push(vec![ours("Nothing that was read fails.")]);
    }
    items.extend(more(posture.more_owners, "owner"));
    items
}

fn exceptions(posture: &PostureSummary) -> Vec<Parts> {
    let line = |row: &doorward_model::EndingException| {
        vec![
            name(&row.id),
            ours(" ("),
            name(&row.rule),
            ours(format!(") until {}, {}", clip(&row.ends, NAME), counted(row.findings, "finding"))),
        ]
    };
    let mut items: Vec<Parts> = posture.exceptions.iter().map(line).collect();
    if items.is_empty() {
        items.push(vec![ours("None, as far as it was read.")]);
    }
    items.extend(more(posture.more_exceptions, "exception"));
    if posture.reviews > 0 {
        items.push(vec![ours(format!("{} due for review", counted(posture.reviews, "finding")))]);
    }
    items
}

fn idle(posture: &PostureSummary) -> Vec<Parts> {
    let Some(idle) = &posture.idle else {
        return vec![vec![ours("Unknown: no daily metrics were collected.")]];
    };
    let line = |one: &doorward_model::IdleLoadBalancer| {
        vec![
            name(&one.name),
            ours(" in "),
            name(&one.place),
            ours(", owner "),
            name(&one.owner),
            MessagePart::Prose(clip(&format!(": {}", one.cost), SENTENCE)),
        ]
    };
    let mut items: Vec<Parts> = idle.iter().map(line).collect();
    if items.is_empty() {
        items.push(vec![ours("None of those whose metrics were read completely.")]);
    }
    items.extend(more(posture.more_idle, "idle load balancer"));
    if posture.idle_unknown > 0 {
        items.push(vec![ours(format!("Not known: {}", counted(posture.idle_unknown, "load balancer")))]);
    }
    items
}

fn costs(costs: Option<&PostureCosts>) -> Vec<Parts> {
    let Some(costs) = costs else { return vec![vec![ours("Unknown: no price of any load balancer is known.")]] };
    let prose = |text: &str| MessagePart::Prose(clip(text, SENTENCE));
    let mut items = vec![
        vec![ours("Idle: "), prose(&costs.idle)],
        vec![ours("Weaker than required: "), prose(&costs.at_risk)],
        vec![ours("All: "), prose(&costs.total)],
        vec![ours("Amounts "), prose(&costs.basis)],
    ];
    let line = |kind: &str, row: &CostRow| {
        vec![
            ours(format!("{kind} ")),
            name(&row.group),
            ours(": idle "),
            prose(&row.idle),
            ours(", weaker than required "),
            prose(&row.at_risk),
            ours(", all "),
            prose(&row.total),
        ]
    };
    items.extend(costs.owners.iter().map(|row| line("Owner", row)));
    items.extend(more(costs.more_owners, "owner"));
    items.extend(costs.cost_centres.iter().map(|row| line("Cost centre", row)));
    items.extend(more(costs.more_cost_centres, "cost centre"));
    items
}

fn changes(posture: &PostureSummary) -> Vec<Parts> {
    let Some(changes) = &posture.changes else {
        return vec![vec![ours("There is no earlier scan to compare with.")]];
    };
    let kinds: Vec<String> = changes.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let kinds = if kinds.is_empty() { "no change, as far as it was read".to_owned() } else { kinds.join(", ") };
    vec![vec![ours(format!("Since {}: {kinds}", posture.since))]]
}
