//! The channels with their secrets: each sends one digest once and returns the result.

use std::time::Duration;

use doorward_aws::{ClientProvider, Time};

use crate::audience_notice::AudienceNotice;
use crate::channels_config::{ChannelsConfig, Route, SettingsError};
use crate::render;
use crate::secret::Environment;

mod exec;
mod smtp;
pub(crate) mod sns;
mod webhook;

/// A try that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SendFailure {
    /// Whether it may have arrived all the same.
    pub(crate) unclear: bool,
    /// Whether another try may fare better, and after which pause if the other side named one.
    pub(crate) again: Again,
    /// Whether other digests would fare the same at this channel.
    pub(crate) of_channel: bool,
    /// The cause and the next step, without any secret.
    pub(crate) reason: String,
}

/// Whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    Never,
    Soon,
    After(Duration),
}

impl SendFailure {
    /// Certainly not taken, and never will be.
    fn refused(reason: impl Into<String>) -> Self {
        Self { unclear: false, again: Again::Never, of_channel: false, reason: reason.into() }
    }

    /// Certainly not taken; the channel may be able to later.
    fn lost(reason: impl Into<String>) -> Self {
        Self { unclear: false, again: Again::Soon, of_channel: true, reason: reason.into() }
    }

    /// Unknown.
    fn unclear(reason: impl Into<String>) -> Self {
        Self { unclear: true, again: Again::Soon, of_channel: true, reason: reason.into() }
    }

    /// The same for every digest at this channel.
    fn of_channel(mut self) -> Self {
        self.of_channel = true;
        self
    }
}

/// The payload for a channel, as a document without any secret or address.
pub(crate) fn payload(route: &Route, notice: &AudienceNotice) -> serde_json::Value {
    let message = notice.message();
    match route {
        Route::Slack(_) => render::slack::render(&message),
        Route::Teams(_) => render::teams::render(&message),
        Route::Mail(_) => {
            let render::mail::Mail { subject, text, html } = render::mail::render(&message);
            serde_json::json!({"subject": subject, "text": text, "html": html})
        }
        Route::Sns(_) => {
            let (subject, message) = render::sns::render(&notice.headline(), &message);
            serde_json::json!({"subject": subject, "message": message})
        }
        Route::Exec { .. } => serde_json::json!(notice),
    }
}

/// A channel that can be sent to.
pub(crate) enum Sender {
    Slack(webhook::Hook),
    Teams(webhook::Hook),
    Mail(Box<smtp::Mailer>),
    Sns(sns::TopicPublisher),
    Exec(exec::ExecCommand),
}

impl Sender {
    /// Reads the secrets of every channel. The error names the setting.
    pub(crate) fn unlock_all(
        directory: &ChannelsConfig,
        environment: &Environment,
    ) -> Result<std::collections::BTreeMap<String, Self>, SettingsError> {
        let mut senders = std::collections::BTreeMap::new();
        let mut http = None;
        for (name, channel) in &directory.channels {
            let setting = |field: &str| format!("notify.channels.{name}.{field}");
            let timeout = channel.timeout;
            let sender = match &channel.route {
                Route::Slack(place) | Route::Teams(place) => {
                    let client = match &http {
                        Some(client) => webhook::WebhookClient::clone(client),
                        None => http.insert(webhook::WebhookClient::new(environment)?).clone(),
                    };
                    let url = place.read(&setting("url_file"), environment)?;
                    let answer = webhook::Confirmation::of(&channel.route);
                    let hook = webhook::Hook::new(client, &setting("url_file"), &url, answer, timeout)?;
                    if matches!(channel.route, Route::Slack(_)) { Self::Slack(hook) } else { Self::Teams(hook) }
                }
                Route::Mail(to) => {
                    let post = directory.post.as_ref().ok_or_else(|| {
                        SettingsError::new("notify.smtp", format!("is missing; channel {name} requires it"))
                    })?;
                    Self::Mail(Box::new(smtp::Mailer::new(post, to, environment, timeout)?))
                }
                Route::Sns(topic) => Self::Sns(sns::TopicPublisher { topic: topic.clone(), timeout }),
                Route::Exec { command, pass_env } => {
                    Self::Exec(exec::ExecCommand::new(&setting("pass_env"), command, pass_env, environment, timeout)?)
                }
            };
            senders.insert(name.clone(), sender);
        }
        Ok(senders)
    }

    /// Sends one digest, one try.
    pub(crate) async fn send(
        &self,
        notice: &AudienceNotice,
        aws: Option<&ClientProvider>,
        time: &Time,
    ) -> Result<(), SendFailure> {
        let message = || notice.message();
        match self {
            Self::Slack(hook) => hook.post(&render::slack::render(&message()), time).await,
            Self::Teams(hook) => hook.post(&render::teams::render(&message()), time).await,
            Self::Mail(mailer) => mailer.send(notice.id(), &render::mail::render(&message()), time).await,
            Self::Sns(publisher) => {
                publisher.send(notice, &render::sns::render(&notice.headline(), &message()), aws).await
            }
            Self::Exec(command) => command.run(notice).await,
        }
    }

    /// The pause between two digests: chat services take about one message a second.
    pub(crate) fn min_interval(&self) -> Duration {
        match self {
            Self::Slack(_) | Self::Teams(_) => Duration::from_secs(1),
            Self::Mail(_) | Self::Sns(_) | Self::Exec(_) => Duration::ZERO,
        }
    }
}
