//! GitHub annotations: workflow commands, one line each.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use std::io::{self, Write};

use doorward_model::{Severity, Verdict, harmless};

use super::Told;

/// Writes the commands. A failure that breaks the check is an error, another one a warning, and what is not known a warning too.
pub(super) fn write(told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    for problem in &told.checked.problems {
        let place = (problem.file.as_str(), problem.line, problem.column, None);
        command(out, "error", place, "cannot be checked", &problem.problem)?;
    }
    for judged in &told.checked.judged {
        let place = &judged.declared.place;
        let end = (place.end_line == place.line).then_some(place.end_column);
        let at = (place.file.as_str(), place.line, place.column, end);
        for (meta, verdict) in &judged.verdicts {
            let (level, help) = match verdict {
                Verdict::Fail { severity, remedy, .. } if told.report.fail_on.covers(*severity) => {
                    ("error", remedy.as_str())
                }
                Verdict::Fail { severity: Severity::Informational, remedy, .. } => ("notice", remedy.as_str()),
                Verdict::Fail { remedy, .. } => ("warning", remedy.as_str()),
                Verdict::Unknown { gaps, .. } => ("warning", gaps.first().map_or("", |gap| gap.reason.remedy())),
                Verdict::Excepted { .. }
                | Verdict::Pass { .. }
                | Verdict::NotApplicable { .. }
                | Verdict::NotAsked { .. } => continue,
            };
            let unknown = if matches!(verdict, Verdict::Unknown { .. }) { "unknown: " } else { "" };
            let message = format!("{unknown}{}: {} {help}", judged.declared.address, verdict.because());
            command(out, level, at, meta.id, message.trim_end())?;
        }
    }
    for unread in &told.checked.unread {
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

/// Text in a message. It must not end the line or begin a command of its own.
fn data(text: &str) -> String {
    harmless(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text in a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
