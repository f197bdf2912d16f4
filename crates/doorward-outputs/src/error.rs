//! Why an output cannot be made.

use doorward_model::SinkError;

/// An output that cannot be made. The message is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The arguments or settings are wrong.
    #[error("{0}")]
    Usage(String),
    /// A prerequisite of the output is missing: a program, a secret, a channel.
    #[error("{0}")]
    Preflight(String),
    /// An error of this program.
    #[error("{0}")]
    Internal(String),
    /// A sink failed.
    #[error(transparent)]
    Sink(#[from] SinkError),
}
