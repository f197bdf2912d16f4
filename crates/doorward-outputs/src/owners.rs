//! The folder of summaries, one per owner.

use std::path::Path;

use doorward_model::Sink;
use doorward_sink_owners::OwnersSink;

use crate::OutputError;
use crate::SinkInputs;

/// Makes the sink.
pub(crate) fn make<'a>(folder: &Path, inputs: SinkInputs<'a>) -> Result<Box<dyn Sink + 'a>, OutputError> {
    Ok(Box::new(OwnersSink { folder: folder.to_owned(), settings: &inputs.settings.owners, policy: inputs.policy }))
}
