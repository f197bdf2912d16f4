//! Writes a pack into a temporary folder, which is renamed when it is complete.

use std::fs;
use std::path::Path;

use doorward_file::{Readers, create_private_folder, folder_of, write_file};
use doorward_model::{Receipt, SinkError};

use crate::error::{EvidenceError, SINK};
use crate::folder_lock::UNFINISHED;
use crate::manifest::{FORMAT, FileEntry, Link, MANIFEST, Manifest, SIGNATURE, SUMS, SheetEntry};
use crate::pack_files::{FolderEntry, Print, below};
use crate::sheets::{self, SheetContext, results};
use crate::workbook::Book;
use crate::{Attachment, Pack, readme};

/// The workbook.
pub(crate) const WORKBOOK: &str = "evidence.xlsx";
/// The scan, verbatim.
pub(crate) const SCAN: &str = "scan.json";
/// The folder of the CSV files.
pub(crate) const CSV: &str = "csv";
/// The file for the assessor.
pub(crate) const README: &str = "README.md";

/// The result of writing a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenPack {
    /// Findings in, findings out.
    pub receipt: Receipt,
    /// The hash by which the next pack refers to this one. A copy outside the folder reveals a replaced pack.
    pub link: Link,
}

/// Writes a pack into a folder that does not exist yet or is empty: evidence is not overwritten. The folder appears when
/// it is whole, or not at all. The same pack gives the same bytes.
///
/// # Errors
///
/// One sentence that names the file or sheet: the folder holds something, a place cannot be written, a limit is too low,
/// the pack before ended later than this one.
pub fn write(dir: &Path, pack: &Pack<'_>) -> Result<WrittenPack, SinkError> {
    Ok(into_place(dir, pack)?)
}

fn into_place(dir: &Path, pack: &Pack<'_>) -> Result<WrittenPack, EvidenceError> {
    check(dir, pack)?;
    let parent = folder_of(dir);
    create_private_folder(parent).map_err(EvidenceError::io(parent))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED.0).suffix(UNFINISHED.1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o700));
    }
    let draft = builder.tempdir_in(parent).map_err(EvidenceError::io(parent))?;
    let (link, written) = fill(draft.path(), pack)?;
    if dir.exists() {
        fs::remove_dir(dir).map_err(EvidenceError::io(dir))?;
    }
    fs::rename(draft.path(), dir).map_err(EvidenceError::io(dir))?;
    // It lies elsewhere by now; there is nothing left to remove.
    let _ = draft.keep();
    let receipt = Receipt {
        sink: SINK.to_owned(),
        destination: dir.display().to_string(),
        findings_in: pack.report.findings.len(),
        written,
        skipped: Vec::new(),
        statement: None,
    };
    Ok(WrittenPack { receipt, link })
}

fn check(dir: &Path, pack: &Pack<'_>) -> Result<(), EvidenceError> {
    let said = |problem: String| Err(EvidenceError::Other(problem));
    if pack.limits.rows < 2 || pack.limits.cell < 256 {
        return said("a sheet needs at least 2 rows, and a cell 256 characters".to_owned());
    }
    if let Some(link) = pack.context.previous.as_ref().filter(|link| link.finished >= pack.report.run.finished) {
        let (before, now) = (link.finished, pack.report.run.finished);
        return said(format!(
            "the run of the previous pack ({}) ended at {before}, after this one, which ended at {now}; a chain is \
             written in the order of its runs",
            link.run
        ));
    }
    let mut entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(EvidenceError::io(dir)(error)),
    };
    if entries.next().is_none() {
        return Ok(());
    }
    said(format!("{} is not empty, and evidence is never overwritten; name another folder", dir.display()))
}

/// Writes every file; returns the link and how many findings are on the sheet Results.
fn fill(folder: &Path, pack: &Pack<'_>) -> Result<(Link, usize), EvidenceError> {
    let cx = SheetContext::new(pack);
    let mut book = Book::new(&cx, folder)?;
    let mut entries: Vec<SheetEntry> = Vec::new();
    let (mut written, mut empty) = (0, Vec::new());
    for sheet in sheets::all(&cx) {
        let title = sheet.title;
        empty.push((sheet.rows == 0).then(|| sheet.empty.clone()));
        let entry = book.add(sheet)?;
        if title == results::TITLE {
            written = entry.rows;
        }
        entries.push(entry);
    }
    book.save(&folder.join(WORKBOOK))?;
    let scan = folder.join(SCAN);
    match pack.scan {
        Attachment::Bytes(bytes) => save(&scan, bytes)?,
        Attachment::Writer(write) => write_file(&scan, Readers::Owner, write).map_err(EvidenceError::io(&scan))?,
    }
    save(&folder.join(README), readme::text(&cx, entries.iter().zip(&empty)).as_bytes())?;

    let mut files = Vec::new();
    let all = below(folder)?.into_iter();
    for name in all.filter_map(|(name, entry)| matches!(entry, FolderEntry::File(_)).then_some(name)) {
        let print = Print::of(&folder.join(&name))?;
        files.push(FileEntry { name, print });
    }
    let (report, context) = (pack.report, pack.context);
    let mut manifest = Manifest {
        format: FORMAT.to_owned(),
        run: report.run.id.clone(),
        started: report.run.started,
        finished: report.run.finished,
        caller: report.run.caller.to_string(),
        tool_version: report.run.tool_version.clone(),
        build: context.build.clone(),
        sequence: context.previous.as_ref().map_or(1, |link| link.sequence + 1),
        previous: context.previous.clone(),
        sheets: entries,
        files,
        chain: String::new(),
        signed_by: pack.key.map(|key| key.public().to_string()),
    };
    manifest.chain = manifest.chained();
    let bytes = manifest.bytes().map_err(|error| EvidenceError::Other(format!("{MANIFEST}: {error}")))?;
    save(&folder.join(MANIFEST), &bytes)?;
    let signature = pack.key.map(|key| key.sign(&bytes));
    if let Some(signature) = &signature {
        save(&folder.join(SIGNATURE), signature)?;
    }
    save(&folder.join(SUMS), manifest.sums(&bytes, signature.as_deref()).as_bytes())?;
    Ok((manifest.link(&bytes), written))
}

fn save(path: &Path, bytes: &[u8]) -> Result<(), EvidenceError> {
    write_file(path, Readers::Owner, |out| out.write_all(bytes)).map_err(EvidenceError::io(path))
}
