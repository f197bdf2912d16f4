//! The section of the table for what earlier scans observed and this one did not: a scan that observes less is no progress.

use std::collections::BTreeMap;
use std::io::{self, Write};

use doorward_model::{Bounds, Mode, ScanReport, Severity, UnseenFinding, WhyUnseen, share};

use super::{Ink, listed};

/// Writes the section; nothing where everything known was observed, or where no ledger was read.
pub(super) fn write(out: &mut dyn Write, report: &ScanReport, ink: Ink) -> io::Result<()> {
    let Some(unseen) = report.unseen.as_ref().filter(|unseen| !unseen.is_empty()) else { return Ok(()) };
    writeln!(out, "{}", ink.heading("Known, and not seen now"))?;
    let failing = report.tally.failures.iter().filter(|(severity, _)| **severity > Severity::Informational);
    let failing: usize = failing.map(|(_, count)| count).sum();
    let excepted = match unseen.excepted() {
        0 => String::new(),
        n => format!("; {n} under an exception not seen now"),
    };
    writeln!(out, "  {failing} seen failing and {} not seen now{excepted}", unseen.open())?;
    let mut whys: BTreeMap<WhyUnseen, Vec<&UnseenFinding>> = BTreeMap::new();
    for finding in &unseen.findings {
        whys.entry(finding.because).or_default().push(finding);
    }
    for (why, findings) in whys {
        let why = match why {
            WhyUnseen::LoadBalancerNotSeen => "the load balancer was not seen",
            WhyUnseen::Unreadable => "what the answer rests on could not be read",
            WhyUnseen::NotAsked => "the rule was not asked, or without the evidence it needs",
        };
        let oldest = findings.iter().map(|finding| finding.last_seen).min();
        let oldest = oldest.map(|at| format!(", last seen since {}", at.strftime("%Y-%m-%d"))).unwrap_or_default();
        let mut names: Vec<&str> = findings.iter().map(|finding| finding.name.as_str()).collect();
        names.dedup();
        writeln!(out, "  {} · {why}{oldest} · {}", findings.len(), listed(&names))?;
    }
    let (seen, lost) = (report.load_balancers.len(), unseen.load_balancers.len());
    if lost > 0 {
        writeln!(out, "  {} of the known load balancers were seen", share(seen, seen + lost))?;
        let tally = &report.tally;
        let count = |mode| tally.modes.get(&mode).copied().unwrap_or(0);
        let part = count(Mode::Defensive) + count(Mode::Strictest);
        let known = Bounds::new(part, tally.mode_unknown, tally.mode_population(), unseen.mode_population());
        writeln!(out, "  defensive or strictest, with those not seen counted both ways: {known}")?;
    }
    if unseen.account_regions > 0 {
        writeln!(out, "  {} account-Regions that an earlier scan read were not read", unseen.account_regions)?;
    }
    if unseen.never_read > 0 {
        writeln!(out, "  {} account-Regions were never read: what is there is not known", unseen.never_read)?;
    }
    writeln!(out)
}
