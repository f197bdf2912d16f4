//! The first lines of the page: the verdict, what qualifies it, and how it compares with the last scan.

use doorward_model::{KeyFigures, ScanReport, Severity, Unseen, UnseenFinding, share};
use serde::Serialize;

use super::Card;
use crate::PageContext;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// How the newest scan compares with the one before.
#[derive(Serialize)]
pub(super) struct ComparedScan {
    /// `better`, `worse`, `mixed`, `same`, or `none` where nothing can be compared.
    trend: &'static str,
    /// In words and numbers.
    words: String,
}

/// The one sentence to remember.
pub(super) fn headline(figures: &KeyFigures, context: &PageContext) -> String {
    if context.is_partial {
        return "A part of the findings. Which load balancers are weaker than the policy requires, only the whole report shows.".to_owned();
    }
    let KeyFigures { weaker, weaker_excepted, undetermined, judged, judged_unseen, .. } = *figures;
    if judged == 0 {
        let found = if context.filter.is_some() { "is selected" } else { "was found" };
        return format!("No load balancer {found} whose mode could be judged.");
    }
    let seen = if judged_unseen == 0 { "" } else { " that were seen" };
    let weak = match weaker {
        0 => format!("None of the {judged} load balancers{seen} is known to be weaker than the policy requires"),
        1 => format!("1 of {judged} load balancers{seen} is weaker than the policy requires"),
        n => format!("{n} of {judged} load balancers{seen} are weaker than the policy requires"),
    };
    let more = [
        (weaker_excepted > 0).then(|| format!("{weaker_excepted} more by exception")),
        (undetermined > 0).then(|| format!("{undetermined} could not be judged")),
    ];
    let more: Vec<String> = more.into_iter().flatten().collect();
    if more.is_empty() { format!("{weak}.") } else { format!("{weak}; {}.", more.join(", ")) }
}

/// What the headline leaves out because it was not seen. None where everything known was seen.
pub(super) fn unseen(report: &ScanReport, figures: &KeyFigures) -> Option<String> {
    let unseen = report.unseen.as_ref().filter(|unseen| !unseen.is_empty())?;
    let lost = match unseen.load_balancers.len() {
        0 => String::new(),
        n => {
            let range = figures.weaker_bounds();
            let range = range.basis_points().map_or_else(String::new, |_| {
                format!(" Counted both ways, between {} and {} of {} are weaker.", range.least, range.most, range.of)
            });
            format!("{n} known load balancers were not seen now.{range} ")
        }
    };
    let excepted = match unseen.excepted() {
        0 => String::new(),
        n => format!("; {n} more under an exception were not seen either"),
    };
    let open = unseen.open();
    if unseen.load_balancers.is_empty() && unseen.findings.is_empty() {
        // Only account-Regions were missed; the qualifier says which part of the whole that is.
        return None;
    }
    Some(format!("{lost}Of all findings, {} were seen failing and {open} not seen now{excepted}.", figures.open))
}

/// What the verdict rests on.
pub(super) fn qualifier(report: &ScanReport) -> String {
    let counts = report.coverage.counts;
    let lacking = match (counts.partial, counts.failed) {
        (0, 0) => String::new(),
        (partial, failed) => format!(" {partial} more were read in part, {failed} not at all."),
    };
    let complete = share(counts.complete, counts.in_scope());
    format!("{complete} of the account-Regions in scope were read completely.{lacking}")
}

/// How open findings and weaker load balancers changed since the scan before, as far as is known at both.
pub(super) fn compared(context: &PageContext, figures: &KeyFigures) -> ComparedScan {
    let none = |words: &str| ComparedScan { trend: "none", words: words.to_owned() };
    if context.filter.is_some() {
        return none("A part of a report is not compared with earlier scans.");
    }
    let Some(before) = &context.before else {
        return none("No earlier scan is recorded, so there is nothing to compare with.");
    };
    let day = before.at.strftime("%Y-%m-%d");
    let was = context.trend.iter().find(|point| point.run == before.run);
    let Some((was, open_before)) = was.and_then(|point| Some((point, point.failing_known()?))) else {
        return none(&format!("The scan of {day} read nothing, so there is nothing to compare with."));
    };
    let (open, weaker) = (figures.open_known(), figures.weaker_known());
    let weaker_before = figures.weaker_known_before(&before.changes);
    let (trend, word) = match (open.cmp(&open_before), weaker.cmp(&weaker_before)) {
        (std::cmp::Ordering::Equal, std::cmp::Ordering::Equal) => ("same", "As in"),
        (open, weaker) if open.is_le() && weaker.is_le() => ("better", "Better than"),
        (open, weaker) if open.is_ge() && weaker.is_ge() => ("worse", "Worse than"),
        _ => ("mixed", "Better and worse than"),
    };
    let from_to = |before: usize, now: usize| match before == now {
        true => format!("{now}, as before"),
        false => format!("{before} to {now}"),
    };
    let (worse, better): (Vec<_>, Vec<_>) = (before.changes.iter())
        .filter(|change| change.kind.is_worse() || change.kind.is_better())
        .partition(|change| change.kind.is_worse());
    let lacking = was.unseen.as_ref().is_some_and(|unseen| unseen.load_balancers + unseen.failing > 0)
        || figures.load_balancers_unseen + figures.open_unseen > 0;
    let lacking =
        if lacking { " The two scans did not see the same; what was not seen counts as it was last seen." } else { "" };
    ComparedScan {
        trend,
        words: format!(
            "{word} the scan of {day}: weaker load balancers {}, open findings {}; {} opened, {} ended.{lacking}",
            from_to(weaker_before, weaker),
            from_to(open_before, open),
            worse.len(),
            better.len()
        ),
    }
}

/// The figures that stand by themselves.
pub(super) fn cards(report: &ScanReport, context: &PageContext, figures: &KeyFigures) -> Vec<Card> {
    let of = |part| share(part, figures.judged);
    let more = match figures.weaker_unseen {
        0 => String::new(),
        n => format!(" of those seen; {n} more when last seen, not seen now"),
    };
    let open = match figures.open_unseen {
        0 => format!("{} more are informational", figures.informational),
        n => format!("{} seen, {n} not seen now; {} more are informational", figures.open, figures.informational),
    };
    let may_press = |finding: &&UnseenFinding| {
        !finding.excepted && finding.severity.is_none_or(|severity| severity >= Severity::High)
    };
    let pressing_unseen = match report.unseen.as_ref().map_or(0, |all| all.findings.iter().filter(may_press).count()) {
        0 => String::new(),
        n => format!(" that were seen; {n} more when last seen, not seen now"),
    };
    let card = |label, figure: String, of: String, alarming| Card { label, figure, of, alarming };
    let mut cards = Vec::new();
    if !context.is_partial {
        let is_alarming = figures.weaker > 0 || !more.is_empty();
        let weaker = format!("{}{more}", of(figures.weaker));
        cards.push(card("Weaker than required", figures.weaker.to_string(), weaker, is_alarming));
        let excepted = (figures.weaker_excepted.to_string(), of(figures.weaker_excepted));
        cards.push(card("Weaker by exception", excepted.0, excepted.1, false));
    }
    cards.extend([
        if report.coverage.counts.complete == 0 && report.load_balancers.is_empty() && figures.open_unseen == 0 {
            // Nothing was read: that is not zero.
            card("Open findings", "unknown".to_owned(), "nothing was read".to_owned(), true)
        } else {
            card("Open findings", figures.open_known().to_string(), open, false)
        },
        card(
            "Critical or high failures",
            figures.pressing.to_string(),
            format!("of {} failures of every rule{pressing_unseen}", figures.open),
            figures.pressing > 0 || !pressing_unseen.is_empty(),
        ),
        card(
            "Unknown verdicts",
            figures.unknown.to_string(),
            share(figures.unknown, report.findings.len()),
            figures.unknown > 0,
        ),
    ]);
    cards.extend(policy_cards(report, figures, context.is_partial));
    if let Some(remediation) = &context.remediation {
        let mean = remediation.mean_seconds.and_then(|seconds| i32::try_from(seconds).ok());
        let fixed = match remediation.remediated {
            1 => "of 1 finding that was fixed".to_owned(),
            n => format!("of {n} findings that were fixed"),
        };
        cards.push(match mean {
            Some(seconds) => {
                card("Mean time to remediate", format!("{:.1} days", f64::from(seconds) / DAY), fixed, false)
            }
            None => card("Mean time to remediate", "none yet".to_owned(), "no finding was fixed yet".to_owned(), false),
        });
        if let Some(since) = remediation.oldest_open {
            let days = report.run.finished.duration_since(since).as_hours() / 24;
            let since = format!("since {}", since.strftime("%Y-%m-%d"));
            cards.push(card("Oldest open finding", format!("{days} days"), since, false));
        }
    }
    cards
}

/// The figures of deadlines and of the policy, where the report has them. What was not seen stands beside each: hiding it improves none.
fn policy_cards(report: &ScanReport, figures: &KeyFigures, is_partial: bool) -> Vec<Card> {
    let not_seen = report.unseen.as_ref().map_or(0, Unseen::mode_population);
    let of_seen = match not_seen {
        0 => String::new(),
        n => format!(" of those seen; {n} more were not seen now"),
    };
    let more_unknown = |count: usize| match count {
        0 => String::new(),
        n => format!("; for {n} more this is not known"),
    };
    let mut cards = Vec::new();
    if let Some(deadlines) = report.tally.deadlines {
        let overdue = share(deadlines.overdue, deadlines.known());
        let open_unseen = match figures.open_unseen {
            0 => String::new(),
            n => format!("; {n} more were open when last seen, not seen now, and may be overdue"),
        };
        cards.push(Card {
            label: "Overdue",
            figure: deadlines.overdue.to_string(),
            of: format!("{overdue} of the failures with a deadline{}{open_unseen}", more_unknown(deadlines.unknown)),
            alarming: deadlines.overdue + figures.open_unseen > 0,
        });
    }
    if let Some(policy) = report.tally.policy.as_ref().filter(|policy| policy.of > 0 && !is_partial) {
        let met = share(policy.at_or_above_required, policy.of);
        cards.push(Card {
            label: "At or above the required mode",
            figure: policy.at_or_above_required.to_string(),
            of: format!("{met}{}{of_seen}", more_unknown(policy.at_or_above_required_unknown)),
            alarming: false,
        });
        cards.push(Card {
            label: "Decided only by the default",
            figure: policy.by_default.to_string(),
            of: format!("{}{}{of_seen}", share(policy.by_default, policy.of), more_unknown(policy.by_default_unknown)),
            alarming: false,
        });
    }
    cards
}
