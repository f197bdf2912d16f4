//! Digests to owners, leadership and FinOps.

use doorward_aws::{Access, Time};
use doorward_model::{Policy, Sink};
use doorward_notify::{
    ChannelSettings, ChannelsConfig, Dispatcher, Environment, LedgerDeliveryStore, NotifySink, Settings,
};

use super::DeliveryInputs;
use crate::exit::{Exit, Failure};

/// Makes the sink that sends digests. Reads the secrets of the channels.
pub(super) fn deliver<'a>(inputs: &DeliveryInputs<'a>) -> Result<Box<dyn Sink + 'a>, Failure> {
    let channels = channels(inputs.notify, inputs.policy, inputs.cost_centre_tags)?;
    let (store, aws) = (LedgerDeliveryStore(inputs.held.clone()), inputs.access.map(Access::base_provider));
    let dispatcher =
        Dispatcher::new(channels, &environment(inputs.profile), store, aws, Time::new(inputs.clock.clone()));
    let dispatcher = dispatcher.map_err(|error| Failure::new(Exit::Preflight, error.to_string()))?;
    Ok(Box::new(NotifySink::new(dispatcher, doorward_rules::definitions())))
}

/// The channels: of owners, of audiences above them, and of risk profiles.
pub(crate) fn channels(
    settings: &Settings,
    policy: &Policy,
    cost_centre_tags: &[String],
) -> Result<ChannelsConfig, Failure> {
    let channels = ChannelsConfig::new(settings.clone()).and_then(|channels| channels.with_profiles(&policy.profiles));
    let channels = channels.map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
    Ok(channels.with_cost_centre_tags(cost_centre_tags.to_vec()))
}

/// Whether a channel is a topic of SNS; the others need no access to AWS.
pub(super) fn calls_aws(settings: &Settings) -> bool {
    settings.channels.values().any(|channel| matches!(channel, ChannelSettings::Sns { .. }))
}

/// The variables that may hold secrets of channels, and name proxies and certificates; with the profile that the settings name.
fn environment(profile: Option<&str>) -> Environment {
    // What is not UTF-8 is refused where it is used, instead of being left out.
    let text = |bytes: std::ffi::OsString| bytes.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    Environment::new(variables).with_aws_profile(profile)
}
