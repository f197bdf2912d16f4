//! What the settings name and the scan did not find, and tags that contradict each other about an owner.

use std::io::{self, Write};

use doorward_model::{ScanReport, harmless_lines as harmless};

use super::Ink;

/// The number of contradictions that are listed; the others are counted.
const CONFLICTS: usize = 10;

/// Writes the values, those that the scan was asked to read first.
pub(super) fn write(out: &mut dyn Write, report: &ScanReport, ink: Ink) -> io::Result<()> {
    let unmatched = &report.run.unmatched;
    if unmatched.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", ink.heading("Named in the settings and not found"))?;
    for one in unmatched.iter().filter(|one| one.asked).chain(unmatched.iter().filter(|one| !one.asked)) {
        let consequence = if one.asked { ": requested and not read, so coverage is not complete" } else { "" };
        writeln!(out, "  {}{consequence}", harmless(&one.to_string()).replace('\n', " "))?;
    }
    writeln!(out)
}

/// Writes the load balancers that have one owner key in several spellings, with different values.
pub(super) fn write_conflicts(out: &mut dyn Write, report: &ScanReport, ink: Ink) -> io::Result<()> {
    let owned = report.load_balancers.iter().filter_map(|lb| Some((lb, lb.owner.known()?)));
    let conflicts: Vec<_> = owned.filter(|(_, owner)| !owner.conflicting.is_empty()).collect();
    if conflicts.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", ink.heading("Owner tags that contradict each other"))?;
    for (lb, owner) in conflicts.iter().take(CONFLICTS) {
        let line =
            format!("{} · {} {} · {} counts, by {}", lb.name, lb.account, lb.region, owner.name, owner.source_text());
        writeln!(out, "  {}", harmless(&line).replace('\n', " "))?;
    }
    if conflicts.len() > CONFLICTS {
        writeln!(out, "  and {} more; json-v1 lists all", conflicts.len() - CONFLICTS)?;
    }
    writeln!(out)
}
