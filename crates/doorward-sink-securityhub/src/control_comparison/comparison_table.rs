//! A comparison with Security Hub's own controls, as text for people.

use std::fmt::Write as _;

use doorward_model::{Mode, ScanReport, counted};

use super::{Blind, Comparison, ComparisonLine, Standing, UnseenSide};

/// Load balancers that are named for each cause.
const NAMED: usize = 12;

/// A heading of the table, and what stands under it.
type Group = (&'static str, fn(&Standing) -> bool);

/// The groups of the table, in order.
const GROUPS: [Group; 7] = [
    ("contradict the scan", |s| matches!(s, Standing::Contradicts)),
    ("Security Hub does not see", |s| matches!(s, Standing::Blind(_))),
    ("unknown", |s| matches!(s, Standing::Unknown(_))),
    ("fail, suppressed in Security Hub", |s| matches!(s, Standing::Suppressed)),
    ("pass, but policy requires more than the control", |s| matches!(s, Standing::AsksLess)),
    ("fail, but policy requires less than the control", |s| matches!(s, Standing::AsksMore)),
    ("agree", |s| matches!(s, Standing::Agrees)),
];

/// A comparison as a table for people: how many load balancers are in each group, then those that do not agree, by cause.
pub fn comparison_table(report: &ScanReport, comparison: &Comparison) -> String {
    let mut text = format!(
        "Security Hub's ELB.12 and ELB.14 compared with the {} application and classic load balancers of scan {}\n\n",
        comparison.lines.len(),
        report.run.id
    );
    let of = |fits: fn(&Standing) -> bool| comparison.lines.iter().filter(move |line| fits(&line.standing));
    for (what, fits) in GROUPS {
        let _ = writeln!(text, "{:>7}  {what}", of(fits).count());
    }
    let gone = comparison.strays.iter().filter(|stray| stray.gone).count();
    let answered = comparison.answered;
    let _ = writeln!(
        text,
        "{gone:>7}  of Security Hub's load balancers no longer exist, in {answered} account-Regions that were read"
    );
    let unseen = comparison.strays.len() - gone;
    let _ = writeln!(
        text,
        "{unseen:>7}  of Security Hub's load balancers are in account-Regions that the scan did \
         not list completely"
    );
    for (what, fits) in GROUPS {
        if what == "agree" || of(fits).next().is_none() {
            continue;
        }
        let _ = writeln!(text, "\n{}", what.to_uppercase());
        by_cause(&mut text, of(fits));
    }
    if !comparison.strays.is_empty() {
        let _ = writeln!(text, "\nNOT AMONG THE LOAD BALANCERS OF THE SCAN");
        for stray in &comparison.strays {
            let where_to = if stray.gone { "gone" } else { "unknown: the scan did not list all load balancers there" };
            let _ = writeln!(text, "  {} · {} {} · {where_to}", stray.resource, stray.control, stray.status);
        }
    }
    text
}

/// Load balancers by what is known of them: one line for each cause, then the load balancers that it is about.
fn by_cause<'l>(text: &mut String, lines: impl Iterator<Item = &'l ComparisonLine>) {
    let mut causes: Vec<(String, Vec<&ComparisonLine>)> = Vec::new();
    for line in lines {
        let cause = why(line);
        match causes.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, lines)) => lines.push(line),
            None => causes.push((cause, vec![line])),
        }
    }
    for (cause, lines) in causes {
        let _ = writeln!(text, "  {}: {cause}", counted(lines.len(), "load balancer"));
        for line in lines.iter().take(NAMED) {
            let _ = writeln!(text, "    {} · {} {}", line.name, line.account, line.region);
        }
        if let more @ 1.. = lines.len().saturating_sub(NAMED) {
            let _ = writeln!(text, "    and {more} more, all in --compare-securityhub=json");
        }
    }
}

/// What is known of one load balancer, in one line.
fn why(line: &ComparisonLine) -> String {
    let mode = line.mode.map_or("unknown", Mode::as_str);
    let says: Vec<String> = line.says.iter().map(|says| format!("{} since {}", says.status, says.updated_at)).collect();
    let says = format!("{} {}", line.control, says.join(", "));
    match &line.standing {
        Standing::Blind(blind) => format!("mode {mode}; {}", cause(blind, line.control)),
        Standing::Unknown(UnseenSide::Ours(gap)) => format!("{says}; the scan could not read the mode: {gap}"),
        Standing::Unknown(UnseenSide::Theirs(gap)) => format!("mode {mode}; Security Hub could not be read: {gap}"),
        _ => format!("mode {mode}; {says}"),
    }
}

fn cause(blind: &Blind, control: &str) -> String {
    match blind {
        Blind::NoConfigRule => "AWS Config has no such rule in this Region".to_owned(),
        Blind::ConfigRuleUnknown => "AWS Config may have no such rule in this Region, or the control is off".to_owned(),
        Blind::NotEnabled => "Security Hub is not enabled there".to_owned(),
        Blind::NotRecorded => {
            "Config.1 fails there: AWS Config is probably off, or does not record load balancers".to_owned()
        }
        Blind::NotEvaluated(reasons) if reasons.is_empty() => format!("{control} was not evaluated, without a reason"),
        Blind::NotEvaluated(reasons) => format!("{control} was not evaluated: {}", reasons.join(", ")),
        Blind::Overlooked => format!("other load balancers there have a finding of {control}, but this one has none"),
        Blind::ControlOff => {
            format!(
                "no load balancer there has a finding of {control}: the control is disabled, or its findings do not \
                 reach the Security Hub that was read"
            )
        }
    }
}
