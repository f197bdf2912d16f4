//! What a delivery, a dry run and a comparison report: as text for people and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use doorward_model::{DeliveryResult, DeliveryStatement, Finding, ScanReport, VerdictKind};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::age::age_sentence;
use crate::deliver::Closed;
use crate::outbox::{Outbox, OutboxError};
use crate::outcome::PublishOutcome;
use crate::publish::{PlannedFinding, Publisher};
use crate::reconcile::Audit;

impl<O: Outbox> Publisher<O> {
    /// The findings that would be sent, and why. Sends nothing and needs no credentials.
    ///
    /// # Errors
    /// When the outbox cannot be read.
    pub fn dry_run(&self, report: &ScanReport) -> Result<DeliveryStatement, OutboxError> {
        let mut plans: Vec<PlannedFinding> = Vec::new();
        self.plan(report, |planned| plans.push(planned))?;
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut text = self.reading(report);
        for planned in &plans {
            *counts.entry(planned.why.to_string()).or_default() += 1;
            if planned.finding.is_some() {
                let _ = writeln!(text, "{}  {}  ({})", planned.security_hub, planned.id, planned.why);
            }
        }
        let sends = plans.iter().filter(|planned| planned.finding.is_some()).count();
        let summary = format!("{sends} of {} findings would be sent; nothing was sent.", plans.len());
        let _ = writeln!(text, "\n{summary}");
        for (why, count) in &counts {
            let _ = writeln!(text, "  {count:>6}  {why}");
        }
        let stale = plans.iter().filter(|planned| planned.stale).count();
        text.push_str(&self.stale(stale));
        let lines: Vec<Value> = plans
            .iter()
            .map(|p| {
                json!({
                    "security_hub": p.security_hub.to_string(), "id": p.id, "why": p.why.to_string(), "finding": p.finding, "stale": p.stale,
                })
            })
            .collect();
        let document = json!({
            "format": "publish-plan-v1", "observed": report.observed(), "unseen": not_seen_json(report), "stale": stale, "findings": lines,
        });
        let result = if stale > 0 { DeliveryResult::Stale } else { DeliveryResult::Complete };
        Ok(DeliveryStatement { result, text, summary, document })
    }

    /// The findings that were sent: the counts by reason, and every finding that was refused.
    pub(crate) fn statement(&self, report: &ScanReport, outcome: &PublishOutcome) -> DeliveryStatement {
        let result = match outcome.is_complete() && outcome.adds_up() {
            false => DeliveryResult::Incomplete,
            true if outcome.stale() > 0 => DeliveryResult::Stale,
            true => DeliveryResult::Complete,
        };
        let text = self.reading(report) + &outcome_text(outcome) + &self.stale(outcome.stale());
        let summary = match result {
            DeliveryResult::Complete => {
                let of_rules = |finding: &&Finding| {
                    !matches!(finding.verdict.kind(), VerdictKind::NotApplicable | VerdictKind::NotAsked)
                };
                let all = report.findings.iter().filter(of_rules).count();
                format!("{} of {all} findings sent, the others are unchanged", outcome.accepted())
            }
            DeliveryResult::Stale | DeliveryResult::Incomplete => text.trim_end().replace('\n', "\n    "),
        };
        let mut document = outcome_json(outcome);
        document["observed"] = json!(report.observed());
        document["unseen"] = not_seen_json(report);
        DeliveryStatement { result, text, summary: format!("Security Hub: {summary}"), document }
    }

    /// When the findings were read, with a warning if that is long ago.
    fn reading(&self, report: &ScanReport) -> String {
        let (aws, _, settings) = self.parts();
        let period = report.observed().map(|period| format!("Read {period}.\n")).unwrap_or_default();
        let old = age_sentence(report, settings.maximum_age, aws.time().now());
        period + &old.map(|sentence| format!("Warning: {sentence}.\n")).unwrap_or_default() + &not_seen(report)
    }

    /// The notice about findings that are not available because of their age.
    fn stale(&self, stale: usize) -> String {
        if stale == 0 {
            return String::new();
        }
        let most: SignedDuration = self.parts().2.maximum_age;
        format!(
            "{stale} findings are NOT_AVAILABLE: they were read more than {most:#} ago (publish.maximum_age), are dated in the future, or \
             passed before a later scan that was not published observed a failure; scan again\n"
        )
    }
}

/// Load balancers and findings that earlier scans saw and this one did not: nothing is sent for them, so nothing is
/// closed.
fn not_seen(report: &ScanReport) -> String {
    let Some(unseen) = report.unseen.as_ref().filter(|unseen| !unseen.is_empty()) else { return String::new() };
    format!(
        "Known, not seen now: {} load balancers, {} findings that failed when last seen, {} under an exception. \
         Their findings in Security Hub stay as they are; none is archived or resolved.\n",
        unseen.load_balancers.len(),
        unseen.open(),
        unseen.excepted()
    )
}

/// The same for programs; null where no ledger was read.
fn not_seen_json(report: &ScanReport) -> Value {
    report.unseen.as_ref().map_or(Value::Null, |unseen| {
        json!({
            "load_balancers": unseen.load_balancers.len(), "open": unseen.open(), "excepted": unseen.excepted(),
            "account_regions": unseen.account_regions, "never_read": unseen.never_read,
        })
    })
}

/// The differences between the outbox and Security Hub.
pub fn audit_statement(audits: &[Audit]) -> DeliveryStatement {
    let mut text = String::new();
    let (mut differences, mut closed) = (0, 0);
    for audit in audits {
        let _ = writeln!(
            text,
            "{}: {} in the ledger, {} in Security Hub",
            audit.security_hub, audit.remembered, audit.found
        );
        if let Some(why) = &audit.closed {
            closed += 1;
            let _ = writeln!(text, "  unknown: {}", obstacle(why));
        }
        for (id, difference) in &audit.differences {
            differences += 1;
            let _ = writeln!(text, "  {id}: {difference}");
        }
    }
    let summary =
        format!("{} account-Regions compared, {differences} differences; {closed} could not be read", audits.len());
    let _ = writeln!(text, "{summary}");
    let lines: Vec<Value> = audits
        .iter()
        .map(|audit| {
            let differences: Vec<Value> =
                audit.differences.iter().map(|(id, d)| json!({"id": id, "difference": d.to_string()})).collect();
            json!({
                "security_hub": audit.security_hub.to_string(), "remembered": audit.remembered, "found": audit.found,
                "closed": audit.closed.as_ref().map(obstacle), "differences": differences,
            })
        })
        .collect();
    let result = if differences + closed == 0 { DeliveryResult::Complete } else { DeliveryResult::Incomplete };
    DeliveryStatement { result, text, summary, document: json!({"format": "publish-audit-v1", "security_hubs": lines}) }
}

fn obstacle(closed: &Closed) -> String {
    match closed {
        Closed::NotEnabled(_) => "Security Hub is not enabled there".to_owned(),
        Closed::Unreachable(gap) => gap.to_string(),
    }
}

fn outcome_text(outcome: &PublishOutcome) -> String {
    let receipt = outcome.receipt();
    let mut text = format!(
        "{} findings to Security Hub in {} account-Regions: {} accepted, {} not sent\n",
        receipt.findings_in,
        outcome.security_hubs.len(),
        receipt.written,
        receipt.findings_in - receipt.written
    );
    for skipped in &receipt.skipped {
        let _ = writeln!(text, "  {:>6}  {}", skipped.count, skipped.reason);
    }
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for line in &outcome.security_hubs {
        for (why, count) in line.sent.iter().chain(&line.left) {
            *sent.entry(why.to_string()).or_default() += count;
        }
    }
    if !sent.is_empty() {
        text.push_str("By reason, including findings of earlier scans\n");
    }
    for (why, count) in &sent {
        let _ = writeln!(text, "  {count:>6}  {why}");
    }
    if outcome.ahead() > 0 {
        let _ = writeln!(
            text,
            "{} findings in Security Hub were dated in the future, by a machine whose clock was ahead; their updates are dated later",
            outcome.ahead()
        );
    }
    for (security_hub, refused) in outcome.refused() {
        let _ = writeln!(text, "refused by {security_hub}: {}: {}: {}", refused.id, refused.code, refused.message);
    }
    text
}

fn outcome_json(outcome: &PublishOutcome) -> Value {
    let security_hubs: Vec<Value> = outcome
        .security_hubs
        .iter()
        .map(|line| {
            json!({
                "security_hub": line.security_hub.to_string(), "findings": line.findings_in, "accepted": line.accepted,
                "unchanged": line.unchanged, "unsent": line.unsent, "stale": line.stale, "dated_in_the_future": line.ahead, "closed": line.closed.as_ref().map(obstacle),
                "refused": line.refused.iter().map(|r| json!({"id": r.id, "code": r.code, "message": r.message})).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({"format": "publish-v1", "receipt": outcome.receipt(), "stale": outcome.stale(), "security_hubs": security_hubs})
}
