//! The argument of `doorward schema`.

use clap::ValueEnum;

/// Which schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaKind {
    /// The settings file.
    Config,
    /// A file of the exception register.
    Exceptions,
    /// The output `json-v1`.
    JsonV1,
    /// A line of the output `ndjson-v1`.
    NdjsonV1,
    /// A saved scan.
    Saved,
    /// The output `json-v1` of `doorward check`.
    CheckJsonV1,
    /// The output `event-v1` of `doorward event`.
    EventV1,
    /// What a plugin answers to `describe`.
    PluginDescriptionV1,
    /// What a plugin answers to `preflight`.
    PluginPreflightV1,
    /// The first line that a plugin reads for `emit`.
    PluginHeaderV1,
    /// What a plugin answers to `emit`.
    PluginReceiptV1,
}
