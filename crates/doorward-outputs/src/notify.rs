//! Digests to owners, leadership and FinOps.

use doorward_aws::{Access, Time};
use doorward_model::{Policy, Sink};
use doorward_notify::{ChannelSettings, ChannelsConfig, Dispatcher, LedgerDeliveryStore, NotifySink, Settings};

use crate::DeliveryInputs;
use crate::OutputError;

/// Makes the sink that sends digests. Reads the secrets of the channels.
pub(crate) fn deliver<'a>(inputs: &DeliveryInputs<'a>) -> Result<Box<dyn Sink + 'a>, OutputError> {
    let channels = channels(inputs.notify, inputs.policy, inputs.cost_centre_tags)?;
    let (store, aws) = (LedgerDeliveryStore(inputs.held.clone()), inputs.access.map(Access::base_provider));
    let dispatcher = Dispatcher::new(channels, inputs.environment, store, aws, Time::new(inputs.clock.clone()));
    let dispatcher = dispatcher.map_err(|error| OutputError::Preflight(error.to_string()))?;
    Ok(Box::new(NotifySink::new(dispatcher, doorward_rules::definitions())))
}

/// The channels: of owners, of audiences above them, and of risk profiles.
///
/// # Errors
/// The setting that cannot be used.
pub fn channels(
    settings: &Settings,
    policy: &Policy,
    cost_centre_tags: &[String],
) -> Result<ChannelsConfig, OutputError> {
    let channels = ChannelsConfig::new(settings.clone()).and_then(|channels| channels.with_profiles(&policy.profiles));
    let channels = channels.map_err(|e| OutputError::Usage(e.to_string()))?;
    Ok(channels.with_cost_centre_tags(cost_centre_tags.to_vec()))
}

/// Whether a channel is a topic of SNS; the others need no access to AWS.
pub(crate) fn calls_aws(settings: &Settings) -> bool {
    settings.channels.values().any(|channel| matches!(channel, ChannelSettings::Sns { .. }))
}
