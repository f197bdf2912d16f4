//! Coverage, the first section of the page.

use std::collections::BTreeMap;

use doorward_model::{CoverageStatus, Gap, Listing, ScanReport, percent, share};
use serde::Serialize;

use super::Bar;

/// How many account-Regions a group of gaps names; the rest is counted.
const NAMED: usize = 8;

/// The section.
#[derive(Serialize)]
pub(super) struct CoverageView {
    figure: String,
    of: String,
    bar: Bar,
    sum: String,
    /// How much of what is known was not seen; absent where all of it was.
    known: Option<String>,
    complete: bool,
    /// Set where the list of accounts itself did not arrive in full.
    accounts_unlisted: Option<String>,
    /// Entries of the settings that the scan did not find.
    unmatched: Vec<String>,
    /// Lines that stand for Regions that could not be listed.
    unlisted_regions: usize,
    holes: Vec<Hole>,
    /// What could not be read about accounts.
    accounts: Vec<Hole>,
    skipped: Vec<Hole>,
}

/// One reason for not having looked, wherever it was met.
#[derive(Serialize)]
struct Hole {
    reason: &'static str,
    meaning: &'static str,
    operation: String,
    detail: String,
    fix: String,
    count: usize,
    places: String,
}

/// Reads it off the report.
pub(super) fn of(report: &ScanReport) -> CoverageView {
    let coverage = &report.coverage;
    let counts = coverage.counts;
    let in_scope = counts.in_scope();
    let parts = [("complete", counts.complete), ("partial", counts.partial), ("failed", counts.failed)];
    CoverageView {
        figure: percent(counts.complete, in_scope).unwrap_or_else(|| "none in scope".to_owned()),
        of: format!("{} of {in_scope}", counts.complete),
        bar: Bar::of("Account-Regions in scope", &parts, in_scope),
        sum: format!(
            "{} complete + {} partial + {} failed = {in_scope} in scope; {} skipped; {} in all, of {} accounts",
            counts.complete,
            counts.partial,
            counts.failed,
            counts.skipped,
            counts.all,
            report.accounts.len()
        ),
        known: known(report),
        complete: report.is_whole(),
        unmatched: report.run.unmatched.iter().map(ToString::to_string).collect(),
        accounts_unlisted: match &coverage.accounts_listing {
            Listing::Full => None,
            Listing::Unread(gap) => Some(gap.to_string()),
        },
        unlisted_regions: coverage.lines.iter().filter(|line| line.region.is_none()).count(),
        holes: holes(report, |status| matches!(status, CoverageStatus::Partial | CoverageStatus::Failed)),
        accounts: grouped(report.account_gaps().map(|(account, what, gap)| (gap, format!("{} {what}", account.id)))),
        skipped: holes(report, |status| status == CoverageStatus::Skipped),
    }
}

/// The gaps of the lines that are wanted.
fn holes(report: &ScanReport, wanted: impl Fn(CoverageStatus) -> bool) -> Vec<Hole> {
    let lines = report.coverage.lines.iter().filter(|line| wanted(line.status));
    grouped(lines.flat_map(|line| {
        let place = match &line.region {
            Some(region) => format!("{} {region}", line.account),
            None => format!("{} (Regions not listed)", line.account),
        };
        line.gaps.iter().map(move |gap| (gap, place.clone()))
    }))
}

/// Gaps with their places, those with the same fix together, the commonest first.
fn grouped<'a>(gaps: impl Iterator<Item = (&'a Gap, String)>) -> Vec<Hole> {
    type Key<'a> = (&'static str, &'a str, Option<&'a str>, Option<&'a str>, Option<&'a str>);
    let mut groups: BTreeMap<Key<'_>, (&Gap, Vec<String>)> = BTreeMap::new();
    for (gap, place) in gaps {
        let said = if gap.action.is_none() && gap.policy.is_none() { gap.message.as_deref() } else { None };
        let key = (gap.reason.code(), gap.operation.as_str(), gap.code.as_deref(), gap.policy.as_deref(), said);
        groups.entry(key).or_insert_with(|| (gap, Vec::new())).1.push(place);
    }
    let mut holes: Vec<Hole> = groups.into_values().map(|(gap, places)| hole(gap, &places)).collect();
    holes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (a.reason, &a.operation).cmp(&(b.reason, &b.operation))));
    holes
}

/// Coverage by load balancers: a few account-Regions may hold most of them.
fn known(report: &ScanReport) -> Option<String> {
    let unseen = report.unseen.as_ref()?;
    let seen = report.load_balancers.len();
    let of = share(seen, seen + unseen.load_balancers.len());
    let never = match unseen.never_read {
        0 => String::new(),
        n => format!(" Account-Regions that no scan ever read: {n}; it is not known what they contain."),
    };
    let again = match unseen.account_regions {
        0 => String::new(),
        n => format!(" Account-Regions that an earlier scan read and this one did not: {n}."),
    };
    let lacking = !unseen.load_balancers.is_empty() || !never.is_empty() || !again.is_empty();
    lacking.then(|| format!("{of} of the known load balancers were seen.{again}{never}"))
}

fn hole(gap: &Gap, places: &[String]) -> Hole {
    let said = [gap.code.as_ref(), gap.policy.as_ref(), gap.message.as_ref()];
    let said: Vec<&str> = said.into_iter().flatten().map(String::as_str).collect();
    let named: Vec<&str> = places.iter().take(NAMED).map(String::as_str).collect();
    let more = match places.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more, all in --format json-v1"),
    };
    Hole {
        reason: gap.reason.code(),
        meaning: gap.reason.meaning(),
        operation: gap.operation.clone(),
        detail: said.join("; "),
        fix: match &gap.action {
            Some(action) => format!("{} The action is {action}.", gap.remedy()),
            None => gap.remedy().to_owned(),
        },
        count: places.len(),
        places: format!("{}{more}", named.join(", ")),
    }
}
