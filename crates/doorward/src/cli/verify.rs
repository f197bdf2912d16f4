//! The arguments of `doorward verify`.

use std::path::PathBuf;

use clap::Args;

use super::ListFormat;
use doorward_explain::help_examples::VERIFY_EXAMPLES;

/// The packs, and the keys or hashes that prove them.
#[derive(Debug, Args)]
#[command(after_help = VERIFY_EXAMPLES)]
pub(crate) struct VerifyArguments {
    /// A pack, or a folder of packs that follow each other
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The public key that packs must be signed with: PEM, or 64 hexadecimal digits
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The SHA-256 of the newest pack's manifest.json, as kept elsewhere
    #[arg(long, value_name = "SHA256")]
    pub(crate) head: Option<String>,
    /// The SHA-256 of the manifest.json of the pack before the first one here
    #[arg(long, value_name = "SHA256")]
    pub(crate) previous: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub(crate) format: ListFormat,
}
