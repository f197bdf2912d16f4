//! The first lines of the page: the verdict, what qualifies it, and how it compares with the last scan.

use doorward_model::{KeyFigures, ScanReport, Unseen, counted, share};
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
    let KeyFigures { weaker, weaker_excepted, undetermined, judged, judged_unseen, .. } = *figures;
    if judged == 0 {
        let found = if context.filter.is_some() { "The filter selects" } else { "The scan found" };
        return format!("{found} no load balancer whose mode could be judged.");
    }
    let seen = if judged_unseen == 0 { "" } else { " that were seen" };
    let all = counted(judged, "load balancer");
    let weak = match weaker {
        0 => format!("None of {all}{seen} is known to be weaker than the policy requires"),
        1 => format!("1 of {all}{seen} is weaker than the policy requires"),
        n => format!("{n} of {all}{seen} are weaker than the policy requires"),
    };
    let more = [
        (weaker_excepted > 0).then(|| format!("{weaker_excepted} more under an exception")),
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
            format!("Known load balancers that were not seen now: {n}.{range} ")
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
        return none("A filtered report is not compared with earlier scans.");
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
    let lacking = match lacking {
        true => {
            " At least one of the two scans did not see everything that is known; what was not seen counts in its last known state."
        }
        false => "",
    };
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
    let card = |label, figure: String, of: String, alarming| Card { label, figure, of, alarming };
    let pressing = match figures.pressing_unseen {
        0 => format!("of {} over all rules", counted(figures.open_known(), "failure")),
        n => {
            let all = counted(figures.open_known(), "failure");
            format!("{} seen, {n} not seen now; of {all} over all rules", figures.pressing)
        }
    };
    // Where nothing was read, no count is a zero; what is known from earlier scans still counts.
    let nothing = report.read_nothing();
    let known = |label, known: usize, of: String, alarming| match known {
        0 if nothing => card(label, "unknown".to_owned(), "nothing was read".to_owned(), true),
        _ => card(label, known.to_string(), of, alarming),
    };
    let weaker = match (figures.weaker_unseen, nothing) {
        (n @ 1.., true) => {
            let lost = format!("nothing was read; {n} when last seen");
            card("Weaker than required", "unknown".to_owned(), lost, true)
        }
        _ => known(
            "Weaker than required",
            figures.weaker,
            format!("{}{more}", of(figures.weaker)),
            figures.weaker > 0 || !more.is_empty(),
        ),
    };
    let mut cards = vec![
        weaker,
        known("Weaker by exception", figures.weaker_excepted, of(figures.weaker_excepted), false),
        known("Open findings", figures.open_known(), open, false),
        known("Critical or high failures", figures.pressing_known(), pressing, figures.pressing_known() > 0),
        known("Unknown verdicts", figures.unknown, share(figures.unknown, report.findings.len()), figures.unknown > 0),
    ];
    cards.extend(policy_cards(report, figures));
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
            cards.push(card("Oldest open finding", counted(days, "day"), since, false));
        }
    }
    cards
}

/// The figures of deadlines and of the policy, where the report has them. What was not seen stands beside each: hiding it improves none.
fn policy_cards(report: &ScanReport, figures: &KeyFigures) -> Vec<Card> {
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
    if let Some(deadlines) = report.tally.deadlines.filter(|_| !report.read_nothing()) {
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
    if let Some(policy) = report.tally.policy.as_ref().filter(|policy| policy.of > 0) {
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
