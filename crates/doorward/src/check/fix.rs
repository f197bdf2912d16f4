//! `--fix`: the required mode is written where that is safe, and what was written is read again before it is kept.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use doorward_iac::{Edit, Options, Source};
use doorward_model::{GapReason, Mode, Observed, Verdict, harmless};

use super::gather::Gathered;
use super::judge::{Checked, Judge, Judged, MODE_RULE};
use crate::exit::Failure;
use crate::files::{Readers, write_file};

/// A change that is wanted, and for whom.
struct Wanted {
    edit: Edit,
    mode: Mode,
    address: String,
    line: usize,
}

/// Writes what can be written and checks again. What cannot is told and left to people.
pub(super) fn apply(
    judge: &Judge<'_>,
    checked: Checked,
    gathered: &mut Gathered,
    options: &Options,
    quiet: bool,
) -> Result<Checked, Failure> {
    let say = |line: String| {
        if !quiet {
            let _ = writeln!(std::io::stderr(), "{}", harmless(&line));
        }
    };
    let mut files: BTreeMap<String, Vec<Wanted>> = BTreeMap::new();
    for judged in &checked.judged {
        match wanted(judged) {
            None => {}
            Some(Err(why)) => say(format!("not fixed: {}: {}: {why}", judged.declared.place, judged.declared.address)),
            Some(Ok(wanted)) => files.entry(wanted.edit.file.clone()).or_default().push(wanted),
        }
    }
    let mut changed = false;
    for (file, mut edits) in files {
        edits.sort_by_key(|wanted| (wanted.edit.span.start, wanted.edit.span.end));
        if let Some(pair) = edits.windows(2).find(|pair| overlap(&pair[0], &pair[1])) {
            say(format!(
                "not fixed: {file}: {} and {} want different modes in one place",
                pair[0].address, pair[1].address
            ));
            continue;
        }
        edits.dedup_by(|a, b| a.edit == b.edit);
        let Some(at) = gathered.sources.iter().position(|source| source.path == file) else {
            say(format!("not fixed: {file}: it is not among the checked files"));
            continue;
        };
        if Path::new(&file).is_symlink() {
            say(format!("not fixed: {file}: it is a link; fix the file that it leads to"));
            continue;
        }
        let before = gathered.sources[at].clone();
        gathered.sources[at] = Source { text: Arc::from(spliced(&before.text, &edits)), ..before.clone() };
        // Terraform's other files are read from the disk, so that a file must be there to be seen as it will be.
        write(&gathered.sources[at])?;
        let after = judge.check(gathered, options);
        let holds = after.judged.len() == checked.judged.len()
            && after.problems.len() <= checked.problems.len()
            && edits.iter().all(|wanted| is_in(&after, wanted));
        if holds {
            changed = true;
            for wanted in &edits {
                say(format!("fixed: {file}:{}: {}: {}", wanted.line, wanted.address, wanted.mode));
            }
        } else {
            write(&before)?;
            gathered.sources[at] = before;
            say(format!("not fixed: {file}: the change did not read back as it was meant, so that it was taken back"));
        }
    }
    Ok(if changed { judge.check(gathered, options) } else { checked })
}

/// The change that a declaration needs: it fails, or names no mode at all.
fn wanted(judged: &Judged) -> Option<Result<Wanted, String>> {
    let declared = &judged.declared;
    let (_, verdict) = judged.verdicts.iter().find(|(meta, _)| meta.id == MODE_RULE)?;
    let lb = declared.load_balancer()?;
    let unset = matches!(&lb.mode, Observed::Unread(gap) if gap.reason == GapReason::KeepsLiveValue);
    match verdict {
        Verdict::Fail { .. } => {}
        Verdict::Unknown { .. } if unset => {}
        _ => return None,
    }
    let Some(mode) = judged.required else {
        return Some(Err("which mode is required depends on what is not known".to_owned()));
    };
    let (address, line) = (declared.address.clone(), declared.place.line);
    Some(declared.fix.clone().map(|edit| Wanted { edit, mode, address, line }))
}

fn overlap(a: &Wanted, b: &Wanted) -> bool {
    let same = a.edit == b.edit && a.mode == b.mode;
    !same && (a.edit.span.end > b.edit.span.start || a.edit.span == b.edit.span)
}

fn spliced(text: &str, edits: &[Wanted]) -> String {
    let mut out = String::with_capacity(text.len() + 64 * edits.len());
    let mut at = 0;
    for Wanted { edit, mode, .. } in edits {
        out.push_str(&text[at..edit.span.start]);
        out.push_str(&edit.before);
        out.push_str(mode.as_str());
        out.push_str(&edit.after);
        at = edit.span.end;
    }
    out.push_str(&text[at..]);
    out
}

/// Whether the declaration is in the mode that was written, by the file that it was written into.
fn is_in(checked: &Checked, wanted: &Wanted) -> bool {
    checked.judged.iter().any(|judged| {
        let declared = &judged.declared;
        declared.address == wanted.address
            && declared.place.file == wanted.edit.file
            && declared.load_balancer().is_some_and(|lb| lb.mode == Observed::Known(wanted.mode))
    })
}

/// Writes a file whole, with the permissions that it has.
fn write(source: &Source) -> Result<(), Failure> {
    let path = Path::new(&source.path);
    let permissions = path.metadata().map(|metadata| metadata.permissions());
    let done = write_file(path, Readers::Umask, |out| out.write_all(&source.bytes()));
    done.map_err(|e| Failure::writing(&source.path, &e))?;
    if let Ok(permissions) = permissions {
        let _ = std::fs::set_permissions(path, permissions);
    }
    Ok(())
}
