//! The files of a plan: JSON, and beside it Markdown for review, which is bound to the JSON.

use std::path::Path;

use doorward_change::{Plan, is_markdown, markdown};
use doorward_file::{Readers, write_file};

use crate::ApplyError;

/// Writes the plan as JSON, and beside it as Markdown.
///
/// # Errors
/// As [`check_target`], and when a file cannot be written.
pub fn write_plan(path: &Path, plan: &Plan) -> Result<(), ApplyError> {
    check_target(path)?;
    let failed = |path: &Path, source| ApplyError::Write { path: path.display().to_string(), source };
    let text = plan.text()?;
    write_file(path, Readers::Owner, |out| out.write_all(text.as_bytes())).map_err(|e| failed(path, e))?;
    let (beside, text) = (path.with_extension("md"), markdown(plan));
    write_file(&beside, Readers::Owner, |out| out.write_all(text.as_bytes())).map_err(|e| failed(&beside, e))
}

/// Refuses a path at which the JSON would be overwritten by the Markdown, or another file would be replaced.
///
/// # Errors
/// [`ApplyError::File`] with the problem and what to do about it.
pub fn check_target(path: &Path) -> Result<(), ApplyError> {
    let usage = |path: &Path, problem: &str| ApplyError::File(format!("--out {}: {problem}", path.display()));
    if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("md")) {
        let json = path.with_extension("json");
        let problem = format!(
            "the plan is a JSON file; use --out {}, and its Markdown is written beside it, to {}",
            json.display(),
            path.display()
        );
        return Err(usage(path, &problem));
    }
    let beside = path.with_extension("md");
    /// A file, a check whether a plan may replace it, and the problem if not.
    type Place<'a> = (&'a Path, fn(&str) -> bool, &'static str);
    let ours: [Place<'_>; 2] = [
        (path, Plan::is_one, "the file exists and is not a plan; choose another path, or remove the file"),
        (
            &beside,
            is_markdown,
            "the Markdown of the plan would be written here, but the file exists and is not the Markdown of a plan; choose another --out, or remove the file",
        ),
    ];
    for (place, is_ours, problem) in ours {
        let Ok(metadata) = place.metadata() else { continue };
        let text = if metadata.is_file() { doorward_file::input::text(place).ok() } else { None };
        if !text.is_some_and(|text| is_ours(&text)) {
            return Err(usage(place, problem));
        }
    }
    Ok(())
}

/// Refuses a plan that is not the reviewed one: the Markdown given with `--reviewed`, and the one beside the plan, if there is one.
///
/// # Errors
/// [`ApplyError::File`] with the difference.
pub fn check_review(path: &Path, reviewed: Option<&Path>, plan: &Plan) -> Result<(), ApplyError> {
    let usage = |path: &Path, problem: String| ApplyError::File(format!("{}: {problem}", path.display()));
    let check = |place: &Path, text: &str| {
        // Some review tools convert line ends.
        if text.replace("\r\n", "\n") == markdown(plan) {
            return Ok(());
        }
        let named = text.lines().next().and_then(|line| line.strip_prefix("# Change plan "));
        Err(usage(
            place,
            match named {
                Some(id) if id != plan.id => {
                    format!("it is the Markdown of plan {id}, but {} is plan {}", path.display(), plan.id)
                }
                _ => format!(
                    "it is not the Markdown of {}: it was edited, or another version wrote it; make a new plan and \
                     review it",
                    plan.id
                ),
            },
        ))
    };
    if let Some(place) = reviewed {
        let text = doorward_file::input::text(place);
        check(place, &text.map_err(|e| usage(place, format!("the reviewed text cannot be read: {e}")))?)?;
    }
    let beside = path.with_extension("md");
    match doorward_file::input::text(&beside) {
        Ok(text) if beside != path && is_markdown(&text) => check(&beside, &text),
        _ => Ok(()),
    }
}
