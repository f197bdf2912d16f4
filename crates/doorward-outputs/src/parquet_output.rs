//! The folder of Parquet files.

use std::path::Path;

use doorward_model::Sink;
use doorward_sink_parquet::ParquetSink;

use crate::{OutputError, SinkInputs};

/// Makes the sink.
pub(crate) fn make<'a>(folder: &Path, inputs: SinkInputs<'a>) -> Result<Box<dyn Sink + 'a>, OutputError> {
    Ok(Box::new(ParquetSink { folder: folder.to_owned(), policy: inputs.policy }))
}
