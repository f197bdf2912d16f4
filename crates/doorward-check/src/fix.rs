//! `--fix`: writes the required mode into the files where that is safe, and keeps a change only if it reads back as intended.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use doorward_iac::{ModeEdit, SourceFile};
use doorward_model::{GapReason, Mode, Observed, Verdict};

use crate::checker::MODE_RULE;
use crate::gather::STDIN;
use crate::{CheckError, CheckReport, Checker, Gathered, JudgedDeclaration};

/// Replaces the content of a file atomically and keeps its permissions.
pub type WriteFile<'a> = &'a dyn Fn(&Path, &[u8]) -> io::Result<()>;

/// One edit with the declaration that it is made for.
struct PlannedEdit {
    edit: ModeEdit,
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
    let mut planned = Vec::new();
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
        if gathered.has_stdin && file == STDIN {
            reject("standard input cannot be changed");
            continue;
        }
        if Path::new(&file).is_symlink() {
            reject("it is a link; fix the file that it leads to");
            continue;
        }
        let before = gathered.sources[at].clone();
        // A name that is not UTF-8 is printed with replacements, so that writing to it would create another file.
        if generator(&before).is_none() && !Path::new(&file).is_file() {
            reject("it is not found under this name, which is not UTF-8; rename it");
            continue;
        }
        if let Some(generator) = generator(&before) {
            reject(&format!("{generator} generates it and would overwrite the change; change its source"));
            continue;
        }
        planned.push(PlannedFile { at, before, edits });
    }
    let mut fixer = Fixer { checker, report: &report, gathered, write, log, last: None };
    fixer.fix(&planned)?;
    Ok(fixer.last.unwrap_or(report))
}

/// The edits of one file.
struct PlannedFile {
    /// The index of the file among the sources.
    at: usize,
    before: SourceFile,
    edits: Vec<PlannedEdit>,
}

/// Writes edits and keeps those that read back as intended.
struct Fixer<'f, 'c> {
    checker: &'f Checker<'c>,
    /// The report before the first edit.
    report: &'f CheckReport,
    gathered: &'f mut Gathered,
    write: WriteFile<'f>,
    log: &'f mut dyn FnMut(&str),
    /// The report after the last edit that was kept.
    last: Option<CheckReport>,
}

impl Fixer<'_, '_> {
    /// Writes the edits of all files and checks once. If some do not read back as intended, halves of the files are tried
    /// on their own, so that a check of everything is repeated only to find the file that does not.
    fn fix(&mut self, files: &[PlannedFile]) -> Result<(), CheckError> {
        if files.is_empty() {
            return Ok(());
        }
        for PlannedFile { at, before, edits } in files {
            let text = Arc::from(apply(&before.text, edits));
            self.set(*at, SourceFile { text, ..before.clone() })?;
        }
        // The change is written before it is verified, because modules of Terraform are read from disk.
        let after = self.checker.check(self.gathered);
        let reads_back = after.judged.len() == self.report.judged.len()
            && after.errors.len() <= self.report.errors.len()
            && after.unread.len() <= self.report.unread.len()
            && files.iter().flat_map(|file| &file.edits).all(|edit| is_applied(&after, edit));
        if reads_back {
            for PlannedFile { before, edits, .. } in files {
                for edit in edits {
                    (self.log)(&format!("fixed: {}:{}: {}: {}", before.path, edit.line, edit.address, edit.mode));
                }
            }
            self.last = Some(after);
            return Ok(());
        }
        for PlannedFile { at, before, .. } in files {
            self.set(*at, before.clone())?;
        }
        if let [PlannedFile { before, .. }] = files {
            let why = "the change did not read back as intended and was reverted";
            (self.log)(&format!("not fixed: {}: {why}", before.path));
            return Ok(());
        }
        let (first, second) = files.split_at(files.len() / 2);
        self.fix(first)?;
        self.fix(second)
    }

    fn set(&mut self, at: usize, source: SourceFile) -> Result<(), CheckError> {
        let written = (self.write)(Path::new(&source.path), &source.bytes());
        written.map_err(|error| CheckError::Write { path: source.path.clone(), source: error })?;
        self.gathered.sources[at] = source;
        Ok(())
    }
}

/// Folders that a program writes, with the program.
const GENERATED_FOLDERS: [(&str, &str); 5] = [
    (crate::gather::rendered_charts::RENDERED, "Helm"),
    ("cdk.out", "The AWS CDK"),
    ("cdktf.out", "CDK for Terraform"),
    (".aws-sam", "SAM"),
    (".serverless", "Serverless"),
];

/// The program that generated a file; `None` if none is recognised.
fn generator(source: &SourceFile) -> Option<&'static str> {
    let folder =
        source.path.split(['/', '\\']).find_map(|part| GENERATED_FOLDERS.iter().find(|(name, _)| *name == part));
    if let Some((_, program)) = folder {
        return Some(*program);
    }
    // The CDK records the path of each construct, and its own version, in the template.
    let marks = ["aws:cdk:path", "AWS::CDK::Metadata"];
    marks.iter().any(|mark| source.text.contains(mark)).then_some("The AWS CDK")
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
