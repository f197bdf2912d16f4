//! Delivers the digest of every audience at each of its channels. The intent is stored before sending and the arrival after it.

use std::collections::BTreeMap;
use std::time::Duration;

use doorward_aws::{ClientProvider, Time};
use doorward_model::{HistoryContext, RuleMeta, ScanReport};
use futures::StreamExt;

use crate::audience::Audience;
use crate::audience_notice::AudienceNotice;
use crate::channel;
use crate::channel::{Again, SendFailure, Sender};
use crate::channels_config::{ChannelsConfig, SettingsError};
use crate::compose::{Composed, Composer, NoDigest};
use crate::delivery_store::{DeliveryStore, DeliveryStoreError, DigestState, StoredDigest};
use crate::outcome::{DigestFate, NotifyOutcome, OutcomeLine, Untold};
use crate::render;
use crate::secret::Environment;

/// The longest pause that a channel may ask for; beyond it the next run tries again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The longest pause of our own between tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// The result of a dry run for one audience at one channel.
#[derive(Debug)]
pub struct PlannedDigest {
    /// The audience.
    pub audience: Audience,
    /// The channel's name.
    pub channel: String,
    /// The channel's kind.
    pub kind: &'static str,
    /// The digest that would be sent; none where there is nothing to send.
    pub digest: Option<AudienceNotice>,
    /// Why there is nothing to send; none where there is a digest.
    pub no_digest: Option<NoDigest>,
    /// The same in plain text that steers no terminal.
    pub text: Option<String>,
    /// The document that the channel would be sent: a webhook's body, subject and texts of a mail or a topic's message, the
    /// JSON on a command's stdin.
    pub payload: Option<serde_json::Value>,
    /// Runs that tried since something last arrived there.
    pub attempts: u32,
    /// Why the last of them failed.
    pub failure: Option<String>,
}

/// Plans what a delivery would send, and lists what has failed so far. Reads no secret, sends and stores nothing.
///
/// # Errors
/// When the memory cannot be read.
pub fn plan(
    report: &ScanReport,
    rules: &[RuleMeta],
    history: &HistoryContext,
    directory: &ChannelsConfig,
    memory: &impl DeliveryStore,
) -> Result<(Vec<PlannedDigest>, Vec<Untold>), DeliveryStoreError> {
    let composer = Composer::new(report, rules, history, directory);
    let mut planned = Vec::new();
    for (audience, channels) in directory.lines() {
        for name in channels {
            let remembered = memory.recall(&audience.key(), name)?;
            let composed = compose(&composer, audience, name, &remembered)?;
            let no_digest = composed.as_ref().err().copied();
            let composed = composed.ok();
            let text = composed.as_ref().map(|composed| render::text::render(&composed.notice.message(), usize::MAX));
            let route = directory.channels.get(name).map(|channel| &channel.route);
            let payload =
                composed.as_ref().zip(route).map(|(composed, route)| channel::payload(route, &composed.notice));
            planned.push(PlannedDigest {
                audience: audience.clone(),
                channel: name.clone(),
                kind: kind(directory, name),
                digest: composed.map(|composed| composed.notice),
                no_digest,
                text,
                payload,
                attempts: remembered.attempts,
                failure: remembered.failure,
            });
        }
    }
    Ok((planned, untold(&composer, directory)))
}

/// Delivers digests.
pub struct Dispatcher<M> {
    directory: ChannelsConfig,
    senders: BTreeMap<String, Sender>,
    memory: M,
    /// None where no channel is a topic.
    aws: Option<ClientProvider>,
    time: Time,
}

impl<M: DeliveryStore> Dispatcher<M> {
    /// A courier with everything it needs; reads the secrets.
    ///
    /// # Errors
    /// The setting whose secret is missing or not what it must be.
    pub fn new(
        directory: ChannelsConfig,
        environment: &Environment,
        memory: M,
        aws: Option<ClientProvider>,
        time: Time,
    ) -> Result<Self, SettingsError> {
        let senders = Sender::unlock_all(&directory, environment)?;
        Ok(Self { directory, senders, memory, aws, time })
    }

    /// Sends every audience what changed or fell due. What fails is in the outcome and is tried again by the next call.
    pub async fn deliver(&self, report: &ScanReport, rules: &[RuleMeta], history: &HistoryContext) -> NotifyOutcome {
        let composer = Composer::new(report, rules, history, &self.directory);
        let mut rounds: BTreeMap<&str, Vec<&Audience>> = BTreeMap::new();
        for (audience, channels) in self.directory.lines() {
            for channel in channels {
                rounds.entry(channel).or_default().push(audience);
            }
        }
        let rounds: Vec<_> =
            rounds.into_iter().map(|(channel, audiences)| self.round(&composer, channel, audiences)).collect();
        let outcomes = futures::stream::iter(rounds).buffer_unordered(self.directory.settings.concurrency);
        let mut lines: Vec<OutcomeLine> = outcomes.collect::<Vec<_>>().await.into_iter().flatten().collect();
        lines.sort_by(|a, b| (&a.audience, &a.channel).cmp(&(&b.audience, &b.channel)));
        // A finding counts once: with its owner.
        let of_owners = composer.shares().iter().filter(|(audience, _)| !matches!(audience, Audience::Profile(_)));
        let findings = of_owners.map(|(audience, share)| (audience.clone(), share.findings())).collect();
        NotifyOutcome { lines, untold: untold(&composer, &self.directory), findings }
    }

    /// One channel: its digests one after another, until it turns out to be closed.
    async fn round(&self, composer: &Composer<'_>, channel: &str, audiences: Vec<&Audience>) -> Vec<OutcomeLine> {
        let Some(sender) = self.senders.get(channel) else { return Vec::new() };
        let mut lines = Vec::new();
        let mut closed: Option<String> = None;
        let mut sent = false;
        for audience in audiences {
            let line = |digest: Option<String>, attempts, fate| OutcomeLine {
                audience: audience.clone(),
                channel: channel.to_owned(),
                kind: kind(&self.directory, channel),
                digest,
                attempts,
                fate,
            };
            let failed = |reason: String| DigestFate::Failed { unclear: false, reason };
            let recalled = self.memory.recall(&audience.key(), channel).and_then(|remembered| {
                let composed = compose(composer, audience, channel, &remembered)?;
                Ok((remembered, composed))
            });
            lines.push(match (recalled, &closed) {
                (Err(error), _) => line(None, 0, failed(error.to_string())),
                (Ok((remembered, Err(_))), _) => line(None, remembered.attempts, DigestFate::Unchanged),
                (Ok((remembered, Ok(composed))), Some(reason)) => {
                    let reason = format!("not tried, because the channel failed before: {reason}");
                    line(Some(composed.notice.id().to_owned()), remembered.attempts, failed(reason))
                }
                (Ok((remembered, Ok(composed))), None) => {
                    if std::mem::replace(&mut sent, true) {
                        self.time.pause(sender.min_interval()).await;
                    }
                    let (id, attempts) = (composed.notice.id().to_owned(), remembered.attempts.saturating_add(1));
                    let (fate, ends) = self.send_digest(sender, channel, composed, remembered).await;
                    if let (true, DigestFate::Failed { reason, .. }) = (ends, &fate) {
                        closed = Some(reason.clone());
                    }
                    line(Some(id), attempts, fate)
                }
            });
        }
        lines
    }

    /// One digest at one channel. Also says whether the channel is closed to others.
    async fn send_digest(
        &self,
        sender: &Sender,
        channel: &str,
        composed: Composed,
        remembered: DigestState,
    ) -> (DigestFate, bool) {
        let Composed { mut notice, state } = composed;
        let key = notice.audience().key();
        let failed = |unclear, reason: String| DigestFate::Failed { unclear, reason };
        let intent = StoredDigest { id: notice.id().to_owned(), state, at: self.time.now() };
        if let Err(error) = self.memory.intend(&key, channel, &intent) {
            return (failed(false, error.to_string()), false);
        }
        match self.tries(sender, &mut notice).await {
            Ok(()) => match self.memory.acknowledge(&key, channel, notice.id(), self.time.now()) {
                Ok(()) => (DigestFate::Delivered { may_repeat: notice.may_repeat() }, false),
                Err(error) => (failed(true, format!("the digest arrived, but {error}")), false),
            },
            Err(failure) => {
                let open = if failure.unclear { Some(&intent) } else { remembered.open.as_ref() };
                let reason = match self.memory.fail(&key, channel, open, &failure.reason) {
                    Ok(()) => failure.reason,
                    Err(error) => format!("{}; {error}", failure.reason),
                };
                tracing::debug!(channel, reason, "digest failed");
                (failed(failure.unclear, reason), failure.of_channel)
            }
        }
    }

    /// As many tries as the settings allow. A try that may have arrived makes the next one a possible repeat.
    async fn tries(&self, sender: &Sender, notice: &mut AudienceNotice) -> Result<(), SendFailure> {
        let mut unclear = false;
        let mut tries = 0;
        loop {
            let failure = match sender.send(notice, self.aws.as_ref(), &self.time).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            tries += 1;
            unclear |= failure.unclear;
            if failure.unclear {
                notice.repeats();
            }
            let wait = match failure.again {
                Again::Soon => jitter(tries),
                Again::After(wait) if wait <= LONGEST_WAIT => wait + jitter(1),
                Again::After(_) | Again::Never => return Err(SendFailure { unclear, ..failure }),
            };
            if tries >= self.directory.settings.tries {
                return Err(SendFailure { unclear, ..failure });
            }
            self.time.pause(wait).await;
        }
    }
}

/// Composes, with what is remembered and cannot be read as an error of the memory.
fn compose(
    composer: &Composer<'_>,
    audience: &Audience,
    channel: &str,
    remembered: &DigestState,
) -> Result<Result<Composed, NoDigest>, DeliveryStoreError> {
    composer.compose(audience, channel, remembered).map_err(|error| DeliveryStoreError {
        verb: "read",
        problem: format!("the stored delivery state of {} at {channel} is invalid ({error})", audience.key()),
    })
}

/// Audiences with findings that have no channel.
fn untold(composer: &Composer<'_>, directory: &ChannelsConfig) -> Vec<Untold> {
    let silent = directory.lines().filter(|(_, channels)| channels.is_empty());
    silent
        .filter_map(|(audience, _)| {
            let share = composer.shares().get(audience).filter(|share| share.findings() > 0)?;
            Some(Untold {
                audience: audience.clone(),
                findings: share.findings(),
                load_balancers: share.load_balancers(),
                open_findings: share.open_findings(),
                owners: share.owners(),
            })
        })
        .collect()
}

fn kind(directory: &ChannelsConfig, channel: &str) -> &'static str {
    directory.channels.get(channel).map_or("", |channel| channel.route.kind())
}

/// Full jitter: anything between nothing and a bound that doubles.
fn jitter(tries: u32) -> Duration {
    Duration::from_millis(500).saturating_mul(1 << tries.min(10)).min(LONGEST_PAUSE).mul_f64(fastrand::f64())
}
