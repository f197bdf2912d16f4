//! The result of a run of notifications: one line per audience and channel.

use doorward_model::{Receipt, Skipped, counted};
use serde::Serialize;

use crate::audience::Audience;

/// The sink's name in receipts.
pub const NAME: &str = "notify";

/// The result of one digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "kebab-case")]
pub enum DigestFate {
    /// It arrived, and that is remembered.
    Delivered {
        /// Whether an earlier attempt at it may have arrived as well.
        may_repeat: bool,
    },
    /// Nothing changed and nothing fell due since the last digest.
    Unchanged,
    /// It did not arrive, or its arrival is unknown. The next run tries again.
    Failed {
        /// Whether it may have arrived all the same.
        unclear: bool,
        /// The cause and the next step.
        reason: String,
    },
}

/// One audience at one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutcomeLine {
    /// The audience.
    pub audience: Audience,
    /// The channel's name in the settings.
    pub channel: String,
    /// The channel's kind.
    pub kind: &'static str,
    /// The digest's id; none where there was nothing to send, or that is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Runs that tried since something last arrived there, this one included.
    pub attempts: u32,
    /// Its result.
    #[serde(flatten)]
    pub fate: DigestFate,
}

/// What an audience without a channel is not sent: it has no recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Untold {
    /// The audience.
    pub audience: Audience,
    /// The number of verdicts, passing ones included.
    pub findings: usize,
    /// Load balancers.
    pub load_balancers: usize,
    /// Open findings: they fail for more than information, without an exception.
    pub open_findings: usize,
    /// Of how many owners.
    pub owners: usize,
}

impl Untold {
    /// `3 load balancers with 5 open findings have no recipient`.
    pub(crate) fn sentence(load_balancers: usize, open_findings: usize) -> String {
        let verb = if load_balancers == 1 { "has" } else { "have" };
        format!(
            "{} with {} {verb} no recipient",
            counted(load_balancers, "load balancer"),
            counted(open_findings, "open finding")
        )
    }

    /// The cause and the next step.
    pub fn reason(&self) -> String {
        match &self.audience {
            Audience::Owner(name) => format!("{name:?} has no channel; add one in notify.owners"),
            Audience::Unlisted => "the owner is not in notify.owners, and notify.fallback is empty".to_owned(),
            Audience::Unowned => "the owner is not known, and notify.unowned is empty".to_owned(),
            Audience::Profile(name) => format!("the risk profile {name:?} names no channel"),
            Audience::Organization | Audience::Finops => "the audience has no channel".to_owned(),
        }
    }
}

/// The results of all digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotifyOutcome {
    /// Every audience at every channel of its own, ordered.
    pub lines: Vec<OutcomeLine>,
    /// Audiences with findings and without a channel.
    pub untold: Vec<Untold>,
    /// Verdicts of the report by audience, those without a channel included.
    #[serde(skip)]
    pub(crate) findings: Vec<(Audience, usize)>,
}

impl NotifyOutcome {
    /// Lines that failed.
    pub fn failures(&self) -> impl Iterator<Item = &OutcomeLine> {
        self.lines.iter().filter(|line| matches!(line.fate, DigestFate::Failed { .. }))
    }

    /// Whether every digest has arrived.
    pub fn is_complete(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The receipt: a verdict counts as written where its audience received a digest at a channel, and no channel failed.
    pub fn receipt(&self) -> Receipt {
        let (mut written, mut unchanged, mut failed, mut unlisted) = (0, 0, 0, Vec::new());
        for (audience, findings) in &self.findings {
            let mut own = self.lines.iter().filter(|line| line.audience == *audience).peekable();
            if own.peek().is_none() {
                unlisted.extend(
                    self.untold
                        .iter()
                        .find(|untold| untold.audience == *audience)
                        .map(Untold::reason)
                        .map(|reason| Skipped { reason, count: *findings }),
                );
                continue;
            }
            let (mut some_failed, mut some_delivered) = (false, false);
            for line in own {
                some_failed |= matches!(line.fate, DigestFate::Failed { .. });
                some_delivered |= matches!(line.fate, DigestFate::Delivered { .. });
            }
            *match (some_failed, some_delivered) {
                (true, _) => &mut failed,
                (false, true) => &mut written,
                (false, false) => &mut unchanged,
            } += findings;
        }
        let mut skipped = vec![
            Skipped { reason: "nothing changed since the last digest".to_owned(), count: unchanged },
            Skipped { reason: "a channel failed; the next run tries again".to_owned(), count: failed },
        ];
        skipped.extend(unlisted);
        skipped.retain(|skipped| skipped.count > 0);
        let channels: std::collections::BTreeSet<&str> = self.lines.iter().map(|line| line.channel.as_str()).collect();
        Receipt {
            sink: NAME.to_owned(),
            destination: channels.into_iter().collect::<Vec<_>>().join(", "),
            findings_in: self.findings.iter().map(|(_, findings)| findings).sum(),
            written,
            skipped,
            statement: None,
        }
    }
}
