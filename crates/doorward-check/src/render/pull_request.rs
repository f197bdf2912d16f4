//! The format `markdown`: a summary for a pull request, with a table of the findings.

use std::io::{self, Write};

use doorward_model::{Verdict, VerdictKind, markdown};

use super::{RenderInput, count, help};

/// The number of rows that are shown of a table: a comment on a pull request has at most 65,536 characters.
const ROWS: usize = 50;

/// Writes the summary.
pub(super) fn write(input: &RenderInput<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = input.report;
    let load_balancers = report.judged.iter().filter(|judged| judged.declared.load_balancer().is_some()).count();
    let mut counts = std::collections::BTreeMap::new();
    let mut rows = Vec::new();
    let mut accepted = 0_usize;
    for judged in &report.judged {
        for (meta, verdict) in &judged.verdicts {
            *counts.entry(verdict.kind()).or_insert(0_usize) += 1;
            let word = match verdict {
                Verdict::Fail { severity, .. } if input.thresholds.fail_on.covers(*severity) => "**fail**",
                Verdict::Unknown { .. } => "unknown",
                _ => continue,
            };
            if report.accepted.contains(&judged.id(meta.id)) {
                accepted += 1;
                continue;
            }
            let declared = &judged.declared;
            rows.push((
                matches!(verdict, Verdict::Unknown { .. }),
                format!(
                    "| {word} | {} | {}:{} | {} | {} {} |",
                    markdown(&declared.address),
                    markdown(&declared.place.file),
                    declared.place.line,
                    meta.id,
                    markdown(verdict.because()),
                    markdown(help(verdict).unwrap_or_default()),
                ),
            ));
        }
    }
    // Failures come first.
    rows.sort_by_key(|(is_unknown, _)| *is_unknown);
    let title = match input.exit_code {
        0 => "no new failure",
        3 => "failed",
        4 => "not everything could be decided",
        5 => "failed, and not everything could be decided",
        _ => "a file could not be read",
    };
    writeln!(out, "### Desync mitigation modes: {title}\n")?;
    let kinds: Vec<String> =
        VerdictKind::ALL.iter().filter_map(|kind| counts.get(kind).map(|n| format!("{n} {kind}"))).collect();
    let verdicts = if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") };
    let (load_balancers, files) = (count(load_balancers, "load balancer"), count(report.files.len(), "file"));
    writeln!(out, "{load_balancers} in {files}; verdicts: {verdicts}.")?;
    if !rows.is_empty() {
        writeln!(out, "\n| verdict | load balancer | place | rule | reason and remedy |\n|---|---|---|---|---|")?;
    }
    for (_, row) in rows.iter().take(ROWS) {
        writeln!(out, "{row}")?;
    }
    if rows.len() > ROWS {
        writeln!(out, "\nand {} more.", rows.len() - ROWS)?;
    }
    if !report.unread.is_empty() || !report.errors.is_empty() {
        writeln!(out, "\nNot read:\n")?;
    }
    let errors = report.errors.iter().map(|e| (e.file.as_str(), e.line, e.file.as_str(), e.message.as_str()));
    let unread = report.unread.iter();
    let unread = unread.map(|u| (u.place.file.as_str(), u.place.line, u.address.as_str(), u.because.as_str()));
    for (file, line, address, because) in errors.chain(unread).take(ROWS) {
        writeln!(out, "- {}:{line}: {}: {}", markdown(file), markdown(address), markdown(because))?;
    }
    if accepted > 0 {
        writeln!(out, "\nAccepted by the baseline: {accepted}.")?;
    }
    if !report.unexamined.is_empty() {
        let parts = count(report.unexamined.len(), "part");
        writeln!(out, "\nNot examined, without a sign of a load balancer: {parts} (modules, templates or files).")?;
    }
    Ok(())
}
