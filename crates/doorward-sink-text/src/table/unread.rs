//! The sections of the table for what was not read or was skipped, with the causes and their remedies.

use std::collections::BTreeMap;
use std::io::{self, Write};

use doorward_model::{CoverageStatus, Gap, GapReason, Listing, ScanReport, Verdict, harmless_lines as harmless};

use super::{Ink, listed};

/// The key that gaps with the same remedy share: reason, operation, error code, policy.
type Cause = (GapReason, String, Option<String>, Option<String>);

fn cause(gap: &Gap) -> Cause {
    (gap.reason, gap.operation.clone(), gap.code.clone(), gap.policy.clone())
}

/// The message of the first gap with a cause, for the reasons that say too little without it.
fn message<'a>(report: &'a ScanReport, wanted: &Cause) -> Option<&'a str> {
    let of_coverage = report.coverage.lines.iter().flat_map(|line| &line.gaps);
    let of_accounts = report.accounts.iter().flat_map(|account| [account.ou.gap(), account.regions.gap()]);
    let of_verdicts = report.findings.iter().flat_map(|finding| match &*finding.verdict {
        Verdict::Unknown { gaps, .. } => gaps.as_slice(),
        _ => &[],
    });
    let listing = match &report.coverage.accounts_listing {
        Listing::Unread(gap) => Some(&**gap),
        Listing::Full => None,
    };
    of_coverage
        .chain(listing)
        .chain(of_accounts.flatten().map(|gap| &**gap))
        .chain(of_verdicts.map(|gap| &**gap))
        .find(|gap| cause(gap) == *wanted)
        .filter(|gap| gap.reason.shows_message())?
        .message
        .as_deref()
}

/// Writes what was not read, grouped by cause, then what was skipped, then verdicts that are unknown although
/// everything was read.
pub(super) fn write(out: &mut dyn Write, report: &ScanReport, ink: Ink) -> io::Result<()> {
    let mut causes: BTreeMap<Cause, Vec<String>> = BTreeMap::new();
    let mut of_verdicts: BTreeMap<Cause, Vec<String>> = BTreeMap::new();
    let mut skipped: BTreeMap<(GapReason, String), Vec<String>> = BTreeMap::new();
    for line in &report.coverage.lines {
        let region = line.region.as_ref().map_or("(Regions not listed)", |region| region.as_str());
        let place = format!("{} {region}", line.account);
        if line.status == CoverageStatus::Skipped {
            let gap = line.gaps.first();
            let reason = gap.map_or(GapReason::Excluded, |gap| gap.reason);
            let why = gap.and_then(|gap| gap.message.clone()).unwrap_or_default();
            skipped.entry((reason, why)).or_default().push(place);
            continue;
        }
        for gap in &line.gaps {
            causes.entry(cause(gap)).or_default().push(place.clone());
        }
    }
    if let Listing::Unread(gap) = &report.coverage.accounts_listing {
        causes.entry(cause(gap)).or_default().push("the organization".to_owned());
    }
    for account in &report.accounts {
        if let Some(gap) = account.ou.gap() {
            causes.entry(cause(gap)).or_default().push(format!("{} (its organizational unit)", account.id));
        }
        if let Some(gap) = account.regions.gap().filter(|gap| gap.reason != GapReason::NotAsked) {
            causes.entry(cause(gap)).or_default().push(format!("{} (its list of Regions)", account.id));
        }
    }

    for finding in &report.findings {
        let Verdict::Unknown { gaps, .. } = &*finding.verdict else { continue };
        for gap in gaps {
            let cause = cause(gap);
            // Gaps in the coverage are listed already; malformed responses have a section of their own.
            let elsewhere = gap.reason == GapReason::Malformed && gap.code.is_none();
            if !elsewhere && !causes.contains_key(&cause) {
                of_verdicts.entry(cause).or_default().push(format!("{} ({})", finding.name, finding.rule));
            }
        }
    }
    for (cause, places) in of_verdicts {
        causes.insert(cause, places);
    }

    if !causes.is_empty() {
        writeln!(out, "{}", ink.heading("Not read"))?;
        for (cause, places) in &causes {
            let (reason, operation, code, policy) = cause;
            let code_text = code.as_deref();
            let code = code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
            writeln!(
                out,
                "  {} · {}{} · {}",
                ink.paint("31", reason.code()),
                harmless(operation),
                harmless(&code),
                listed(places)
            )?;
            if let Some(message) = message(report, cause) {
                writeln!(out, "           {}", harmless(message))?;
            }
            let by = policy.as_ref().map(|arn| format!(" Policy: {}.", harmless(arn))).unwrap_or_default();
            writeln!(out, "           → {}{by}", reason.remedy_for(operation, code_text))?;
        }
        writeln!(out)?;
    }
    if !skipped.is_empty() {
        writeln!(out, "{}", ink.heading("Skipped"))?;
        for ((reason, why), places) in &skipped {
            writeln!(out, "  {} · {} · {}", reason.code(), harmless(why), listed(places))?;
        }
        writeln!(out)?;
    }
    odd(out, report, ink)
}

/// Verdicts that are unknown because AWS's response was malformed, not because it was refused.
fn odd(out: &mut dyn Write, report: &ScanReport, ink: Ink) -> io::Result<()> {
    let mut odd = report
        .findings
        .iter()
        .filter_map(|finding| match &*finding.verdict {
            Verdict::Unknown { because, gaps, .. }
                if gaps.iter().all(|gap| gap.reason == GapReason::Malformed && gap.code.is_none()) =>
            {
                Some((finding, because))
            }
            _ => None,
        })
        .peekable();
    if odd.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "{}", ink.heading("Read, but the value is missing or malformed"))?;
    for (finding, because) in odd {
        let name = harmless(&finding.name);
        writeln!(out, "  {name} · {} {} · {} · {}", finding.account, finding.region, finding.rule, harmless(because))?;
    }
    writeln!(out)
}
