//! `doorward verify` checks that evidence packs are unmodified. Offline, with the folder and what was kept elsewhere. The folder alone
//! proves nothing: anyone with write access can replace all of it, consistently.

use std::fmt::Write as _;
use std::path::Path;

use doorward_sink_evidence::{Expect, PublicKey, Verification, nothing_to_verify, verify};
use serde_json::json;

use crate::cli::{ListFormat, VerifyArguments};
use crate::exit::{Exit, Failure};
use crate::io::answer;
use crate::plain::harmless;

/// Runs `doorward verify`.
pub(crate) fn run(arguments: &VerifyArguments) -> Result<Exit, Failure> {
    let expect = Expect {
        key: arguments.key.as_deref().map(key).transpose()?,
        head: arguments.head.as_deref().map(|text| hash("--head", text)).transpose()?,
        previous: arguments.previous.as_deref().map(|text| hash("--previous", text)).transpose()?,
    };
    if let Some(reason) = nothing_to_verify(&arguments.dir) {
        return Err(Failure::new(Exit::Usage, format!("{}: {reason}", arguments.dir.display())));
    }
    let verification = verify(&arguments.dir, &expect);
    answer(&match arguments.format {
        ListFormat::Table => table(&arguments.dir, &verification),
        ListFormat::Json => document(&verification)?,
    })?;
    Ok(match (verification.is_sound(), verification.is_proven()) {
        (_, true) => Exit::Clean,
        (true, false) => Exit::Coverage,
        (false, false) => Exit::Findings,
    })
}

fn key(path: &Path) -> Result<PublicKey, Failure> {
    let usage = |problem: String| Failure::new(Exit::Usage, format!("--key {}: {problem}", path.display()));
    let text = crate::input::text(path).map_err(|e| usage(format!("cannot be read: {e}")))?;
    PublicKey::parse(&text).map_err(|e| usage(e.to_string()))
}

fn hash(flag: &str, text: &str) -> Result<String, Failure> {
    let is_hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let wrong = || Failure::new(Exit::Usage, format!("{flag} {text:?}: a SHA-256 has 64 hexadecimal digits"));
    is_hash.then(|| text.to_owned()).ok_or_else(wrong)
}

fn table(dir: &Path, verification: &Verification) -> String {
    let Verification { packs, files, faults, notes, .. } = verification;
    let mut text = String::new();
    for pack in packs {
        let _ = writeln!(
            text,
            "pack {} · run {} · ended {} · manifest {}",
            pack.sequence, pack.run, pack.finished, pack.manifest_sha256
        );
    }
    for fault in faults {
        let _ = writeln!(text, "FAULT {fault}");
    }
    for note in notes {
        let _ = writeln!(text, "note: {note}");
    }
    let (dir, count) = (dir.display(), packs.len());
    let _ = match faults.len() {
        0 if verification.is_proven() => writeln!(text, "{dir}: as written: {count} pack(s), {files} files"),
        0 => writeln!(
            text,
            "{dir}: consistent with itself, not proven: {count} pack(s), {files} files. Anyone with write access can replace all of it. \
             Give --key FILE, the public key that signed it, or --head SHA256, the hash of the newest manifest that was kept elsewhere."
        ),
        count => writeln!(text, "{dir}: NOT as written: {count} fault(s)"),
    };
    harmless(&text).into_owned()
}

fn document(verification: &Verification) -> Result<String, Failure> {
    let faults: Vec<_> =
        verification.faults.iter().map(|fault| json!({ "file": fault.file(), "problem": fault.to_string() })).collect();
    let document = json!({
        "format": "doorward-verification-v1",
        "sound": verification.is_sound(),
        "proven": verification.is_proven(),
        "compared_with": { "key": verification.proof.key, "head": verification.proof.head },
        "packs": verification.packs,
        "files": verification.files,
        "faults": faults,
        "notes": verification.notes,
    });
    let text = serde_json::to_string_pretty(&document).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
    Ok(text + "\n")
}
