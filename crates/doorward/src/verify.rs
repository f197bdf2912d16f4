//! `doorward verify` checks that evidence packs are unmodified. Offline, with the folder and what was kept elsewhere. The folder alone
//! proves nothing: anyone with write access can replace all of it, consistently.

use std::path::Path;

use doorward_sink_evidence::{Expect, PublicKey, nothing_to_verify, verification_document, verification_text, verify};

use crate::cli::{ListFormat, VerifyArguments};
use crate::exit::{Exit, Failure};
use crate::io::{answer_json, answer_text};

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
    match arguments.format {
        ListFormat::Table => answer_text(&verification_text(&arguments.dir, &verification))?,
        ListFormat::Json => answer_json(&verification_document(&verification))?,
    };
    Ok(match (verification.is_sound(), verification.is_proven()) {
        (_, true) => Exit::Clean,
        (true, false) => Exit::Coverage,
        (false, false) => Exit::Findings,
    })
}

fn key(path: &Path) -> Result<PublicKey, Failure> {
    let usage = |problem: String| Failure::new(Exit::Usage, format!("--key {}: {problem}", path.display()));
    let text = doorward_file::input::text(path).map_err(|e| usage(format!("cannot be read: {e}")))?;
    PublicKey::parse(&text).map_err(|e| usage(e.to_string()))
}

fn hash(flag: &str, text: &str) -> Result<String, Failure> {
    let is_hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let wrong = || Failure::new(Exit::Usage, format!("{flag} {text:?}: a SHA-256 has 64 hexadecimal digits"));
    is_hash.then(|| text.to_owned()).ok_or_else(wrong)
}
