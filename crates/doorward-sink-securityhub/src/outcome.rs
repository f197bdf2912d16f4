//! The result of publishing: counts, refused findings, and a line per Security Hub.

use std::collections::BTreeMap;

use doorward_model::{AccountRegion, Receipt, Skipped};

use crate::decide::Omitted;
use crate::deliver::Closed;
use crate::outbox::OutboxError;
use crate::plan::Why;

/// A finding that Security Hub did not take, although its Security Hub is open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// The finding's id.
    pub id: String,
    /// Why it was sent.
    pub why: Why,
    /// AWS's error code, or ours: `NotStored`, `TooLarge`, `Malformed`.
    pub code: String,
    /// AWS's message, or ours.
    pub message: String,
}

/// One Security Hub. `findings_in = accepted + unchanged + outdated + omitted + refused + unsent`, each of these over the
/// findings of the report; what is only remembered is counted apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityHubLine {
    /// The Security Hub.
    pub security_hub: AccountRegion,
    /// Why it took nothing more, where it did not: its line of coverage.
    pub closed: Option<Closed>,
    /// Why nothing of it could be decided, where the outbox could not be read.
    pub unread: Option<String>,
    /// Findings of the report that belong here.
    pub findings_in: usize,
    /// Accepted by Security Hub, and remembered as such.
    pub accepted: usize,
    /// There already, saying the same.
    pub unchanged: usize,
    /// There already, from a later scan.
    pub outdated: usize,
    /// Those that make no finding in Security Hub.
    pub omitted: BTreeMap<Omitted, usize>,
    /// Sent in vain or not at all, because the Security Hub is closed or nothing could be decided.
    pub unsent: usize,
    /// Refused, of the report and of what is only remembered, ordered by id.
    pub refused: Vec<Refused>,
    /// How many of `refused` are of the report.
    pub refused_of_report: usize,
    /// Accepted, by why they were sent; the remembered ones included.
    pub sent: BTreeMap<Why, usize>,
    /// Remembered only, and left as they are.
    pub left: BTreeMap<Why, usize>,
    /// Remembered only, to be archived or kept alive, and not accepted because the Security Hub is closed.
    pub remembered_unsent: usize,
    /// Findings, remembered ones included, of which what is known is too old to say how they stand: they are not available.
    pub stale: usize,
    /// Records that the Security Hub dates in the future: a machine whose clock was ahead wrote them.
    pub ahead: usize,
}

impl SecurityHubLine {
    pub(crate) fn new(security_hub: AccountRegion, findings_in: usize) -> Self {
        Self {
            security_hub,
            closed: None,
            unread: None,
            findings_in,
            accepted: 0,
            unchanged: 0,
            outdated: 0,
            omitted: BTreeMap::new(),
            unsent: 0,
            refused: Vec::new(),
            refused_of_report: 0,
            sent: BTreeMap::new(),
            left: BTreeMap::new(),
            remembered_unsent: 0,
            stale: 0,
            ahead: 0,
        }
    }

    pub(crate) fn omit(&mut self, omitted: Omitted) {
        *self.omitted.entry(omitted).or_default() += 1;
    }

    pub(crate) fn accept(&mut self, why: Why, of_report: bool) {
        self.accepted += usize::from(of_report);
        *self.sent.entry(why).or_default() += 1;
    }

    pub(crate) fn leave(&mut self, why: Why, of_report: bool) {
        match (of_report, why) {
            (true, Why::Outdated) => self.outdated += 1,
            (true, _) => self.unchanged += 1,
            (false, why) => *self.left.entry(why).or_default() += 1,
        }
    }

    pub(crate) fn refuse(&mut self, refused: Refused, of_report: bool) {
        self.refused_of_report += usize::from(of_report);
        self.refused.push(refused);
    }

    pub(crate) fn unsent(&mut self, of_report: bool) {
        if of_report {
            self.unsent += 1;
        } else {
            self.remembered_unsent += 1;
        }
    }

    /// Nothing could be decided about the whole Security Hub.
    pub(crate) fn unread(&mut self, error: &OutboxError) {
        self.unread = Some(error.to_string());
        self.unsent = self.findings_in;
    }

    /// Nothing could be decided about something that is only remembered.
    pub(crate) fn undecided(&mut self, error: &OutboxError) {
        self.unread.get_or_insert_with(|| error.to_string());
        self.remembered_unsent += 1;
    }

    /// Whether every finding of the report is in exactly one count.
    pub fn adds_up(&self) -> bool {
        let omitted: usize = self.omitted.values().sum();
        self.findings_in
            == self.accepted + self.unchanged + self.outdated + omitted + self.unsent + self.refused_of_report
    }

    /// Whether everything that was to be sent was accepted.
    pub fn is_complete(&self) -> bool {
        self.refused.is_empty() && self.unsent == 0 && self.remembered_unsent == 0
    }

    /// Why findings of an otherwise sound report were not sent.
    fn obstacle(&self) -> String {
        match (&self.closed, &self.unread) {
            (Some(Closed::NotEnabled(_)), _) => format!("Security Hub is not enabled in {}", self.security_hub),
            (Some(Closed::Unreachable(gap)), _) => format!("{} could not be reached: {gap}", self.security_hub),
            (None, Some(problem)) => format!("{}: {problem}", self.security_hub),
            (None, None) => format!("{} was not reached", self.security_hub),
        }
    }
}

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishOutcome {
    /// Findings of the report.
    pub findings_in: usize,
    /// One line per Security Hub that is concerned, in order.
    pub security_hubs: Vec<SecurityHubLine>,
}

impl PublishOutcome {
    pub(crate) fn of(findings_in: usize, mut security_hubs: Vec<SecurityHubLine>) -> Self {
        security_hubs.sort_by(|a, b| a.security_hub.cmp(&b.security_hub));
        for line in &mut security_hubs {
            line.refused.sort();
        }
        Self { findings_in, security_hubs }
    }

    /// Findings of the report that Security Hub accepted.
    pub fn accepted(&self) -> usize {
        self.security_hubs.iter().map(|line| line.accepted).sum()
    }

    /// Findings accepted for a reason, those that are only remembered included.
    pub fn sent(&self, why: Why) -> usize {
        self.security_hubs.iter().filter_map(|line| line.sent.get(&why)).sum()
    }

    /// Findings of which what is known is too old to say how they stand; if there are any, the exit code is 4.
    pub fn stale(&self) -> usize {
        self.security_hubs.iter().map(|line| line.stale).sum()
    }

    /// Records that Security Hub dates in the future.
    pub fn ahead(&self) -> usize {
        self.security_hubs.iter().map(|line| line.ahead).sum()
    }

    /// Whether everything that was to be sent was accepted; if not, the exit code is 7.
    pub fn is_complete(&self) -> bool {
        self.security_hubs.iter().all(SecurityHubLine::is_complete)
    }

    /// Whether every finding of the report is in exactly one count.
    pub fn adds_up(&self) -> bool {
        self.security_hubs.iter().all(SecurityHubLine::adds_up)
            && self.findings_in == self.security_hubs.iter().map(|line| line.findings_in).sum::<usize>()
    }

    /// Everything that was refused.
    pub fn refused(&self) -> impl Iterator<Item = (&AccountRegion, &Refused)> {
        self.security_hubs.iter().flat_map(|line| line.refused.iter().map(|refused| (&line.security_hub, refused)))
    }

    /// The delivery as every sink accounts for itself: what is not written is skipped for a reason.
    pub fn receipt(&self) -> Receipt {
        let mut skipped: BTreeMap<String, usize> = BTreeMap::new();
        let mut skip = |reason: String, count: usize| {
            if count > 0 {
                *skipped.entry(reason).or_default() += count;
            }
        };
        for line in &self.security_hubs {
            skip(Why::Unchanged.to_string(), line.unchanged);
            skip(Why::Outdated.to_string(), line.outdated);
            for (omitted, count) in &line.omitted {
                skip(omitted.reason().to_owned(), *count);
            }
            skip("refused by Security Hub".to_owned(), line.refused_of_report);
            skip(line.obstacle(), line.unsent);
        }
        Receipt {
            sink: "securityhub".to_owned(),
            destination: format!("{} Security Hubs", self.security_hubs.len()),
            findings_in: self.findings_in,
            written: self.accepted(),
            skipped: skipped.into_iter().map(|(reason, count)| Skipped { reason, count }).collect(),
            statement: None,
        }
    }
}
