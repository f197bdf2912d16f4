//! The folder of Parquet files.

use std::path::Path;

use doorward_model::Sink;
use doorward_sink_parquet::ParquetSink;

use super::SinkInputs;
use crate::exit::Failure;

/// Makes the sink.
pub(super) fn make<'a>(folder: &Path, inputs: SinkInputs<'a>) -> Result<Box<dyn Sink + 'a>, Failure> {
    Ok(Box::new(ParquetSink { folder: folder.to_owned(), policy: inputs.policy }))
}
