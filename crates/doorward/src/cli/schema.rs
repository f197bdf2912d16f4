//! The argument of `doorward schema`.

use clap::ValueEnum;

/// The schema to print.
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
    /// The output `doctor-v1` of `doorward doctor`.
    DoctorV1,
    /// The output `history-v1` of `doorward history`.
    HistoryV1,
    /// The output `history-diff-v1` of `doorward history diff`.
    HistoryDiffV1,
    /// The output `exceptions-v1` of `doorward exceptions list`.
    ExceptionsV1,
    /// The output `traffic-v1` of `doorward traffic`.
    TrafficV1,
    /// The output `advice-v1` of `doorward advise`.
    AdviceV1,
    /// A plan of `doorward plan`.
    ChangePlanV2,
    /// The outputs of `doorward publish`.
    PublishV1,
    /// The outputs of `doorward notify`.
    NotifyV1,
    /// A digest, as a channel of the kind `exec` receives it.
    DigestV1,
    /// What a plugin answers to `describe`.
    PluginDescriptionV1,
    /// What a plugin answers to `preflight`.
    PluginPreflightV1,
    /// The first line that a plugin reads for `emit`.
    PluginHeaderV1,
    /// What a plugin answers to `emit`.
    PluginReceiptV1,
}
