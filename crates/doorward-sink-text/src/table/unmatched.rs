//! What the settings name and the scan did not find.

use std::io::{self, Write};

use doorward_model::{ScanReport, harmless_lines as harmless};

use super::Ink;

/// Writes the values, those that the scan was asked to read first.
pub(super) fn write(out: &mut dyn Write, report: &ScanReport, ink: Ink) -> io::Result<()> {
    let unmatched = &report.run.unmatched;
    if unmatched.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", ink.heading("Named in the settings and not found"))?;
    for one in unmatched.iter().filter(|one| one.asked).chain(unmatched.iter().filter(|one| !one.asked)) {
        let consequence = if one.asked { ": asked for and not read, so coverage is not complete" } else { "" };
        writeln!(out, "  {}{consequence}", harmless(&one.to_string()).replace('\n', " "))?;
    }
    writeln!(out)
}
