//! What a verification found: as text for people and as JSON.

use std::fmt::Write as _;
use std::path::Path;

use doorward_model::counted;
use serde_json::{Value, json};

use super::Verification;

/// What a verification found, as text for people. Text from the pack is in it as it was read: the caller escapes control characters.
pub fn verification_text(dir: &Path, verification: &Verification) -> String {
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
    let (dir, of) = (dir.display(), format!("{}, {}", counted(packs.len(), "pack"), counted(*files, "file")));
    let _ = match faults.len() {
        0 if verification.is_proven() => writeln!(text, "{dir}: as written: {of}"),
        0 => writeln!(
            text,
            "{dir}: consistent with itself, not proven: {of}. Anyone with write access can replace all of it. \
             Pass --key FILE, the public key that signed it, or --head SHA256, the hash of the newest manifest that \
             was kept outside the folder."
        ),
        count => writeln!(text, "{dir}: NOT as written: {}", counted(count, "fault")),
    };
    text
}

/// What a verification found, as `doorward-verification-v1`.
pub fn verification_document(verification: &Verification) -> Value {
    let faults: Vec<_> =
        verification.faults.iter().map(|fault| json!({ "file": fault.file(), "problem": fault.to_string() })).collect();
    json!({
        "format": "doorward-verification-v1",
        "sound": verification.is_sound(),
        "proven": verification.is_proven(),
        "compared_with": { "key": verification.proof.key, "head": verification.proof.head },
        "packs": verification.packs,
        "files": verification.files,
        "faults": faults,
        "notes": verification.notes,
    })
}
