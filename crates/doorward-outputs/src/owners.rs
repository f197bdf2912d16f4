//! The folder of summaries, one per owner.

use std::path::Path;

use doorward_model::Sink;
use doorward_sink_owners::OwnersSink;

use crate::OutputError;
use crate::SinkInputs;

/// Makes the sink.
pub(crate) fn make<'a>(folder: &Path, inputs: SinkInputs<'a>) -> Result<Box<dyn Sink + 'a>, OutputError> {
    let settings = inputs.settings;
    Ok(Box::new(OwnersSink {
        folder: folder.to_owned(),
        settings: &settings.owners,
        policy: inputs.policy,
        code_link: settings.declarations.code_link(),
    }))
}
