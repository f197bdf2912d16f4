//! `--fix`: writes the required mode into the files where that is safe, and keeps a change only if it reads back as intended.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use doorward_iac::{Edit, SourceFile};
use doorward_model::{GapReason, Mode, Observed, Verdict};

use crate::checker::MODE_RULE;
use crate::{CheckError, CheckReport, Checker, Gathered, JudgedDeclaration};

/// Replaces the content of a file atomically and keeps its permissions.
pub type WriteFile<'a> = &'a dyn Fn(&Path, &[u8]) -> io::Result<()>;

/// One edit with the declaration that it is made for.
struct PlannedEdit {
    edit: Edit,
    mode: Mode,
    address: String,
    line: usize,
}

/// Writes the required modes and checks again. Returns the report of the files as they are afterwards. Each fixed
/// declaration, and each that could not be fixed with the reason, is a line for `log`.
///
/// # Errors
///
/// A file that cannot be written.
pub fn fix(
    checker: &Checker<'_>,
    report: CheckReport,
    gathered: &mut Gathered,
    write: WriteFile<'_>,
    log: &mut dyn FnMut(&str),
) -> Result<CheckReport, CheckError> {
    let mut files: BTreeMap<String, Vec<PlannedEdit>> = BTreeMap::new();
    for judged in &report.judged {
        match plan(judged) {
            None => {}
            Some(Err(why)) => {
                log(&format!("not fixed: {}: {}: {why}", judged.declared.place, judged.declared.address));
            }
            Some(Ok(edit)) => files.entry(edit.edit.file.clone()).or_default().push(edit),
        }
    }
    let write = |source: &SourceFile| {
        let written = write(Path::new(&source.path), &source.bytes());
        written.map_err(|error| CheckError::Write { path: source.path.clone(), source: error })
    };
    let mut changed = false;
    for (file, mut edits) in files {
        let mut reject = |why: &str| log(&format!("not fixed: {file}: {why}"));
        edits.sort_by_key(|edit| (edit.edit.span.start, edit.edit.span.end));
        if let Some(pair) = edits.windows(2).find(|pair| conflict(&pair[0], &pair[1])) {
            reject(&format!("{} and {} require different modes in the same place", pair[0].address, pair[1].address));
            continue;
        }
        edits.dedup_by(|a, b| a.edit == b.edit);
        let Some(at) = gathered.sources.iter().position(|source| source.path == file) else {
            reject("it is not among the checked files");
            continue;
        };
        if Path::new(&file).is_symlink() {
            reject("it is a link; fix the file that it leads to");
            continue;
        }
        let before = gathered.sources[at].clone();
        gathered.sources[at] = SourceFile { text: Arc::from(apply(&before.text, &edits)), ..before.clone() };
        // The change is written before it is verified, because modules of Terraform are read from disk.
        write(&gathered.sources[at])?;
        let after = checker.check(gathered);
        let reads_back = after.judged.len() == report.judged.len()
            && after.errors.len() <= report.errors.len()
            && edits.iter().all(|edit| is_applied(&after, edit));
        if reads_back {
            changed = true;
            for edit in &edits {
                log(&format!("fixed: {file}:{}: {}: {}", edit.line, edit.address, edit.mode));
            }
        } else {
            write(&before)?;
            gathered.sources[at] = before;
            reject("the change did not read back as intended and was reverted");
        }
    }
    Ok(if changed { checker.check(gathered) } else { report })
}

/// The edit that a declaration needs: it fails, or sets no mode at all. `None` where it needs none; an error where it
/// needs one that cannot be made.
fn plan(judged: &JudgedDeclaration) -> Option<Result<PlannedEdit, String>> {
    let declared = &judged.declared;
    let (_, verdict) = judged.verdicts.iter().find(|(meta, _)| meta.id == MODE_RULE)?;
    let lb = declared.load_balancer()?;
    let is_unset = matches!(&lb.mode, Observed::Unread(gap) if gap.reason == GapReason::KeepsLiveValue);
    match verdict {
        Verdict::Fail { .. } => {}
        Verdict::Unknown { .. } if is_unset => {}
        _ => return None,
    }
    let Some(mode) = judged.required else {
        return Some(Err("the required mode depends on values that are unknown".to_owned()));
    };
    let (address, line) = (declared.address.clone(), declared.place.line);
    Some(declared.fix.clone().map(|edit| PlannedEdit { edit, mode, address, line }))
}

/// Whether two edits, ordered by place, cannot both be made. Several declarations may share one edit with one mode.
fn conflict(a: &PlannedEdit, b: &PlannedEdit) -> bool {
    let is_same = a.edit == b.edit && a.mode == b.mode;
    !is_same && (a.edit.span.end > b.edit.span.start || a.edit.span == b.edit.span)
}

/// The text with all edits, which are ordered by place and do not overlap.
fn apply(text: &str, edits: &[PlannedEdit]) -> String {
    let mut out = String::with_capacity(text.len() + 64 * edits.len());
    let mut at = 0;
    for PlannedEdit { edit, mode, .. } in edits {
        out.push_str(&text[at..edit.span.start]);
        out.push_str(&edit.before);
        out.push_str(mode.as_str());
        out.push_str(&edit.after);
        at = edit.span.end;
    }
    out.push_str(&text[at..]);
    out
}

/// Whether the declaration now has the mode, set in the file of the edit.
fn is_applied(report: &CheckReport, edit: &PlannedEdit) -> bool {
    report.judged.iter().any(|judged| {
        let declared = &judged.declared;
        declared.address == edit.address
            && declared.place.file == edit.edit.file
            && declared.load_balancer().is_some_and(|lb| lb.mode == Observed::Known(edit.mode))
    })
}
