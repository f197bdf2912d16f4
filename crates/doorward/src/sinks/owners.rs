//! The folder of summaries, one per owner.

use std::path::Path;

use doorward_model::Sink;
use doorward_sink_owners::OwnersSink;

use super::SinkInputs;
use crate::exit::Failure;

/// Makes the sink.
pub(super) fn make<'a>(folder: &Path, inputs: SinkInputs<'a>) -> Result<Box<dyn Sink + 'a>, Failure> {
    Ok(Box::new(OwnersSink { folder: folder.to_owned(), settings: &inputs.settings.owners, policy: inputs.policy }))
}
