//! The hash of what a finding says, without when it was observed: two findings with the same hash mean the same to a reader.

use doorward_model::{Finding, Verdict};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// The members of a finding that its reader acts on.
#[derive(Serialize)]
struct Content<'a> {
    id: &'a str,
    name: &'a str,
    owner: &'a str,
    #[serde(flatten)]
    verdict: &'a Verdict,
    first_seen: Option<jiff::Timestamp>,
    resolved: Option<jiff::Timestamp>,
    reopened: Option<u32>,
}

/// 32 hexadecimal digits: the start of the SHA-256 of the finding's content.
pub(crate) fn content_hash(finding: &Finding) -> String {
    let history = finding.history.as_ref();
    let content = Content {
        id: &finding.id,
        name: &finding.name,
        owner: &finding.owner,
        verdict: &finding.verdict,
        first_seen: history.map(|history| history.first_seen),
        resolved: history.and_then(|history| history.resolved),
        reopened: history.map(|history| history.reopened),
    };
    // A value of these types is always JSON; were it not, the hash would be that of nothing.
    shortened(Sha256::new_with_prefix(serde_json::to_vec(&content).unwrap_or_default()))
}

/// The id of a delivery: the same for the same plugin, destination and findings of a run.
pub(crate) fn delivery_id(plugin: &str, destination: &str, run: &str, hashes: &[String]) -> String {
    let mut hash = Sha256::new();
    for part in [plugin, destination, run].into_iter().chain(hashes.iter().map(String::as_str)) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    shortened(hash)
}

/// The SHA-256 of a program in hexadecimal digits.
pub(crate) fn file_hash(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn shortened(hash: Sha256) -> String {
    let mut text = hexadecimal(&hash.finalize());
    text.truncate(32);
    text
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |four: u8| DIGITS.get(usize::from(four)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
