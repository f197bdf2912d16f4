//! The arguments of `doorward plugin`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use doorward_explain::help_examples::{NEW_EXAMPLES, TEST_EXAMPLES};

/// `doorward plugin`.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Create a plugin that fulfils the contract, in a new folder with its name
    New(NewArguments),
    /// Test whether a program fulfils the plugin contract. Exit code 3 if it does not
    Test(TestArguments),
}

/// Arguments of `doorward plugin new`.
#[derive(Debug, Args)]
#[command(after_help = NEW_EXAMPLES)]
pub(crate) struct NewArguments {
    /// The name of the plugin and of the folder
    pub(crate) name: String,
    /// The language
    #[arg(long, value_enum, default_value = "python")]
    pub(crate) language: PluginLanguage,
    /// The folder in which the new folder is created
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) out: PathBuf,
}

/// The language of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PluginLanguage {
    /// Python 3, with its standard library only
    Python,
    /// Rust, with serde_json
    Rust,
    /// A POSIX shell and jq
    Sh,
}

/// Arguments of `doorward plugin test`.
#[derive(Debug, Args)]
#[command(after_help = TEST_EXAMPLES)]
pub(crate) struct TestArguments {
    /// The path of a program, or the name of a plugin in the settings
    pub(crate) plugin: String,
    /// The configuration of the plugin, a JSON object in a file [default: that of the settings, or an empty one]
    #[arg(long, value_name = "FILE")]
    pub(crate) configuration: Option<PathBuf>,
    /// An environment variable that the plugin may see; repeatable
    #[arg(long, value_name = "NAME")]
    pub(crate) pass_env: Vec<String>,
    /// Also write the verdicts to this file, as JUnit
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}
