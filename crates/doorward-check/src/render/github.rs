//! The format `github`: annotations as workflow commands, one line each.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use std::io::{self, Write};

use doorward_model::{Severity, Verdict, harmless};

use super::{RenderInput, help};

/// Writes the commands: an error for a failure at or above the threshold, a warning for other failures and for unknown
/// verdicts, a notice for informational failures.
pub(super) fn write(input: &RenderInput<'_>, out: &mut dyn Write) -> io::Result<()> {
    for error in &input.report.errors {
        let place = (error.file.as_str(), error.line, error.column, None);
        command(out, "error", place, "cannot be checked", &error.message)?;
    }
    for judged in &input.report.judged {
        let place = &judged.declared.place;
        let end = (place.end_line == place.line).then_some(place.end_column);
        let at = (place.file.as_str(), place.line, place.column, end);
        for (meta, verdict) in &judged.verdicts {
            if input.report.accepted.contains(&judged.id(meta.id)) {
                continue;
            }
            let level = match verdict {
                Verdict::Fail { severity, .. } if input.thresholds.fail_on.covers(*severity) => "error",
                Verdict::Fail { severity: Severity::Informational, .. } => "notice",
                Verdict::Fail { .. } | Verdict::Unknown { .. } => "warning",
                Verdict::Excepted { .. }
                | Verdict::Pass { .. }
                | Verdict::NotApplicable { .. }
                | Verdict::NotAsked { .. } => continue,
            };
            let unknown = if matches!(verdict, Verdict::Unknown { .. }) { "unknown: " } else { "" };
            let message = format!(
                "{unknown}{}: {} {}",
                judged.declared.address,
                verdict.because(),
                help(verdict).unwrap_or_default()
            );
            command(out, level, at, meta.id, message.trim_end())?;
        }
    }
    let is_new = |unread: &&doorward_iac::UnreadPart| !input.report.accepted.contains(&crate::Baseline::part(unread));
    for unread in input.report.unread.iter().filter(is_new) {
        let at = (unread.place.file.as_str(), unread.place.line, unread.place.column, None);
        command(out, "warning", at, "not read", &format!("{}: {}", unread.address, unread.because))?;
    }
    Ok(())
}

type At<'a> = (&'a str, usize, usize, Option<usize>);

fn command(
    out: &mut dyn Write,
    level: &str,
    (file, line, column, end): At<'_>,
    title: &str,
    message: &str,
) -> io::Result<()> {
    write!(out, "::{level} file={},line={line},col={column}", property(file))?;
    if let Some(end) = end {
        write!(out, ",endColumn={end}")?;
    }
    writeln!(out, ",title={}::{}", property(title), data(message))
}

/// Escapes a message, so that it neither ends the line nor starts another command.
fn data(text: &str) -> String {
    harmless(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
