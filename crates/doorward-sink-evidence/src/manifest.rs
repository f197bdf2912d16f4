//! The manifest: the content of a pack, and the pack before it.

use std::fmt::Write as _;

use doorward_model::sha256_hex;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::pack_files::Print;

/// The version of the format.
pub(crate) const FORMAT: &str = "doorward-evidence-v1";
/// The manifest itself.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The signature over the manifest: 64 bytes, as OpenSSL reads them.
pub(crate) const SIGNATURE: &str = "manifest.sig";
/// The same hashes for standard tools.
pub(crate) const SUMS: &str = "SHA256SUMS";

/// A pack, as the next one refers to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The run it is evidence of.
    pub run: String,
    /// When that run ended, UTC.
    pub finished: Timestamp,
    /// Its place in the chain, from 1.
    pub sequence: u64,
    /// The SHA-256 of its manifest.json. Kept elsewhere, it proves that the pack was not replaced.
    pub manifest_sha256: String,
    /// Its chain hash.
    pub chain: String,
}

/// The content of a pack. There is exactly one way to write it, so any difference is a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) format: String,
    pub(crate) run: String,
    pub(crate) started: Timestamp,
    pub(crate) finished: Timestamp,
    pub(crate) caller: String,
    pub(crate) tool_version: String,
    pub(crate) build: String,
    pub(crate) sequence: u64,
    pub(crate) previous: Option<Link>,
    /// Every sheet, in the order of the workbook.
    pub(crate) sheets: Vec<SheetEntry>,
    /// Every file but the manifest, its signature and the sums, by name.
    pub(crate) files: Vec<FileEntry>,
    /// The SHA-256 over the chain hash before, the run and every file.
    pub(crate) chain: String,
    /// The public key, where the pack is signed.
    pub(crate) signed_by: Option<String>,
}

/// A sheet of the workbook and its CSV file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SheetEntry {
    /// The tabs; several where it was split.
    pub(crate) tabs: Vec<String>,
    /// The row with the names of the columns, from 1.
    pub(crate) header_row: u32,
    /// The CSV file.
    pub(crate) csv: String,
    /// Its rows, the header not counted.
    pub(crate) rows: usize,
    /// Its columns.
    pub(crate) columns: usize,
}

/// A file of the pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    /// Its path from the folder, with `/`.
    pub(crate) name: String,
    /// Its content.
    #[serde(flatten)]
    pub(crate) print: Print,
}

impl Manifest {
    /// The bytes of manifest.json.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The chain hash that follows from everything else.
    pub(crate) fn chained(&self) -> String {
        let before = self.previous.as_ref().map_or("", |link| link.chain.as_str());
        let mut text = format!("{FORMAT}\n{before}\n{}\n{}\n", self.sequence, self.run);
        for file in &self.files {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{}  {}", file.print.sha256, file.name);
        }
        sha256_hex(text.as_bytes())
    }

    /// The text of SHA256SUMS.
    pub(crate) fn sums(&self, manifest: &[u8], signature: Option<&[u8]>) -> String {
        let own = [(MANIFEST, Some(manifest)), (SIGNATURE, signature)];
        let own = own.iter().filter_map(|(name, bytes)| Some((*name, sha256_hex((*bytes)?))));
        let files = self.files.iter().map(|file| (file.name.as_str(), file.print.sha256.clone()));
        let mut lines: Vec<String> = files.chain(own).map(|(name, hash)| format!("{hash}  {name}\n")).collect();
        lines.sort_unstable_by(|a, b| a.get(64..).cmp(&b.get(64..)));
        lines.concat()
    }

    /// How the next pack refers to this one, given the bytes of manifest.json.
    pub(crate) fn link(&self, bytes: &[u8]) -> Link {
        Link {
            run: self.run.clone(),
            finished: self.finished,
            sequence: self.sequence,
            manifest_sha256: sha256_hex(bytes),
            chain: self.chain.clone(),
        }
    }
}
