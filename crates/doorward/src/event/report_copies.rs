//! Copies of what a scheduled scan wrote, in S3: the folders of a function are gone with its process.

use doorward_aws::Stop;
use doorward_remote_file::{ObjectUrl, RemoteFiles};

use super::EventHandler;
use crate::exit::{Exit, Failure};
use crate::io::connect;
use crate::sinks::Format;

/// Copies the files of outputs below an address; the number of files. Files of an earlier scan are replaced.
pub(super) async fn copy(
    handler: &EventHandler<'_>,
    formats: &[Format],
    to: &ObjectUrl,
    stop: &Stop,
) -> Result<usize, Failure> {
    let settings = handler.settings;
    let access = connect(settings.connection(), &handler.clock, handler.emulator.as_ref(), stop).await?;
    let remote = RemoteFiles::new(&access, settings.s3.clone());
    let outputs: Vec<_> = formats.iter().filter_map(Format::path).collect();
    let copied = remote.store_outputs(&outputs, to).await;
    tracing::info!(%to, count = %remote.count(), "reports copied");
    copied.map_err(|error| Failure::new(Exit::Sink, format!("the reports were not copied: {error}")))
}
