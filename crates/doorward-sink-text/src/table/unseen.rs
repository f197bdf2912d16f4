//! The section of the table for what earlier scans observed and this one did not: a scan that observes less is no progress.

use std::collections::BTreeMap;
use std::io::{self, Write};

use doorward_model::{ScanReport, UnseenFinding, WhyUnseen, share};

use super::{Ink, listed};

/// Writes the section; nothing where everything known was observed, or where no ledger was read.
pub(super) fn write(out: &mut dyn Write, report: &ScanReport, ink: Ink) -> io::Result<()> {
    let Some(unseen) = report.unseen.as_ref().filter(|unseen| !unseen.is_empty()) else { return Ok(()) };
    writeln!(out, "{}", ink.heading("Known, not seen now"))?;
    let failing = report.tally.open_findings();
    let excepted = match unseen.excepted() {
        0 => String::new(),
        n => format!("; {n} under an exception not seen now"),
    };
    if !unseen.findings.is_empty() {
        writeln!(out, "  {failing} seen failing and {} not seen now{excepted}", unseen.open())?;
    }
    let mut whys: BTreeMap<WhyUnseen, Vec<&UnseenFinding>> = BTreeMap::new();
    for finding in &unseen.findings {
        whys.entry(finding.because).or_default().push(finding);
    }
    for (why, findings) in whys {
        let why = why.sentence();
        let oldest = findings.iter().map(|finding| finding.last_seen).min();
        let oldest = oldest.map(|at| format!(", last seen since {}", at.strftime("%Y-%m-%d"))).unwrap_or_default();
        let mut names: Vec<&str> = findings.iter().map(|finding| finding.name.as_str()).collect();
        names.dedup();
        writeln!(out, "  {} · {why}{oldest} · {}", findings.len(), listed(&names))?;
    }
    let (seen, lost) = (report.load_balancers.len(), unseen.load_balancers.len());
    if lost > 0 {
        writeln!(out, "  {} of the known load balancers were seen", share(seen, seen + lost))?;
        let known = report.protected_bounds();
        writeln!(out, "  defensive or strictest, with those not seen counted both ways: {known}")?;
    }
    if unseen.account_regions > 0 {
        writeln!(out, "  account-Regions that an earlier scan read and this one did not: {}", unseen.account_regions)?;
    }
    if unseen.never_read > 0 {
        writeln!(
            out,
            "  account-Regions that were never read, so that their load balancers are not known: {}",
            unseen.never_read
        )?;
    }
    writeln!(out)
}
