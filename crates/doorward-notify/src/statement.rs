//! The sink of notifications, and what it reports: as text for people and as JSON.

use std::fmt::Write as _;

use doorward_model::{
    DeliveryResult, DeliveryStatement, Receipt, RuleMeta, ScanReport, Sink, SinkContext, SinkFuture, counted,
};
use serde_json::{Value, json};

use crate::audience::Audience;
use crate::compose::NoDigest;
use crate::delivery_store::DeliveryStore;
use crate::digest_delivery::{Dispatcher, PlannedDigest};
use crate::outcome::{DigestFate, NAME, NotifyOutcome, Untold};

/// Sends the digests of a report.
pub struct NotifySink<M> {
    dispatcher: Dispatcher<M>,
    rules: Vec<RuleMeta>,
}

impl<M: DeliveryStore> NotifySink<M> {
    /// A sink with the documentation of every rule, which digests quote.
    pub fn new(dispatcher: Dispatcher<M>, rules: Vec<RuleMeta>) -> Self {
        Self { dispatcher, rules }
    }
}

impl<M: DeliveryStore> Sink for NotifySink<M> {
    fn name(&self) -> &str {
        NAME
    }

    /// The secrets were read when the dispatcher was made; channels are not asked before there is a digest for them.
    fn preflight(&self) -> SinkFuture<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn emit<'a>(&'a self, report: &'a ScanReport, context: SinkContext<'a>) -> SinkFuture<'a, Receipt> {
        Box::pin(async move {
            let outcome = self.dispatcher.deliver(report, &self.rules, context.history).await;
            Ok(Receipt { statement: Some(statement(&outcome)), ..outcome.receipt() })
        })
    }
}

fn render_without_recipient(text: &mut String, untold: &[Untold]) {
    for line in untold {
        let what = Untold::sentence(line.load_balancers, line.open_findings);
        let _ = writeln!(text, "{what}: {}", line.reason());
    }
}

/// What would be sent. Text from outside is in it as it was received: the caller escapes control characters.
pub fn plan_statement(planned: &[PlannedDigest], untold: &[Untold]) -> DeliveryStatement {
    let mut text = String::new();
    for plan in planned {
        let head = format!("{} at {} ({})", plan.audience.label(), plan.channel, plan.kind);
        match &plan.text {
            Some(body) => {
                let _ = writeln!(text, "== {head}\n{}\n", body.trim_end());
            }
            None => {
                let why = plan.no_digest.map_or("nothing to send", NoDigest::sentence);
                let _ = writeln!(text, "== {head}: {why}\n");
            }
        }
        if let Some(failure) = &plan.failure {
            let _ = writeln!(text, "   earlier attempts that failed: {}; the last error: {failure}\n", plan.attempts);
        }
    }
    render_without_recipient(&mut text, untold);
    let sends = planned.iter().filter(|plan| plan.digest.is_some()).count();
    let summary = format!("{} would be sent; nothing was sent.", counted(sends, "digest"));
    let _ = writeln!(text, "{summary}");
    let lines: Vec<Value> = planned
        .iter()
        .map(|plan| {
            json!({
                "audience": plan.audience.label(), "channel": plan.channel, "kind": plan.kind, "digest": plan.digest,
                "payload": plan.payload, "attempts": plan.attempts, "failure": plan.failure, "no_digest": plan.no_digest,
            })
        })
        .collect();
    let document = json!({"format": "notify-plan-v1", "digests": lines, "untold": untold});
    DeliveryStatement { result: DeliveryResult::Complete, text, summary, document }
}

/// The result of each digest.
fn statement(outcome: &NotifyOutcome) -> DeliveryStatement {
    let mut text = String::new();
    for line in &outcome.lines {
        let fate = match &line.fate {
            DigestFate::Delivered { may_repeat: false } => "sent".to_owned(),
            DigestFate::Delivered { may_repeat: true } => "sent (possible duplicate)".to_owned(),
            DigestFate::Unchanged => "nothing new".to_owned(),
            DigestFate::Failed { unclear, reason } => {
                format!("FAILED{}: {reason}", if *unclear { " (it may have arrived)" } else { "" })
            }
        };
        let _ = writeln!(text, "{} at {} ({}): {fate}", line.audience.label(), line.channel, line.kind);
    }
    render_without_recipient(&mut text, &outcome.untold);
    let receipt = outcome.receipt();
    let arrived = outcome.is_complete() && receipt.adds_up();
    let result = if arrived { DeliveryResult::Complete } else { DeliveryResult::Incomplete };
    let document = json!({"format": "notify-v1", "receipt": receipt, "outcome": outcome});
    DeliveryStatement { result, text, summary: summary(outcome), document }
}

/// The digests that were sent, or should have been.
fn summary(outcome: &NotifyOutcome) -> String {
    let worth = outcome.lines.iter().filter(|line| !matches!(line.fate, DigestFate::Unchanged));
    let sent: Vec<String> = worth
        .map(|line| {
            let fate = match &line.fate {
                DigestFate::Failed { reason, .. } => format!("FAILED: {reason}"),
                _ => "sent".to_owned(),
            };
            format!("{} at {}: {fate}", line.audience.label(), line.channel)
        })
        .collect();
    // What a risk profile has is of an owner as well.
    let silent = outcome.untold.iter().filter(|line| !matches!(line.audience, Audience::Profile(_)));
    let (load_balancers, open) =
        silent.fold((0, 0), |(lbs, open), line| (lbs + line.load_balancers, open + line.open_findings));
    let mut text = format!("Owners: {}", if sent.is_empty() { "nothing new".to_owned() } else { sent.join("; ") });
    if load_balancers > 0 {
        let what = Untold::sentence(load_balancers, open);
        let _ = write!(text, "; {what}, because no channel is configured");
    }
    text
}
