//! The failures that an exception permits.

use std::collections::BTreeMap;
use std::io::{self, Write};

use doorward_model::{ScanReport, Verdict, harmless_lines as harmless};

use super::{Ink, listed};

/// Failures under an exception: listed, but apart from the others.
pub(super) fn write(out: &mut dyn Write, report: &ScanReport, ink: Ink) -> io::Result<()> {
    let mut allowed: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
    for finding in &report.findings {
        if let Verdict::Excepted { exception, expires, .. } = &*finding.verdict {
            allowed.entry((expires, exception, &finding.rule)).or_default().push(&finding.name);
        }
    }
    if allowed.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", ink.heading("Excepted"))?;
    for ((expires, exception, rule), names) in &allowed {
        let names = listed(names);
        writeln!(out, "  until {} · {} · {rule} · {names}", harmless(expires), harmless(exception))?;
    }
    writeln!(out)
}
