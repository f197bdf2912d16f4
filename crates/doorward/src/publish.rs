//! `doorward publish`: delivers the newest scan, or a saved one, to Security Hub; each finding once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use doorward_aws::{ClientProvider, Time};
use doorward_core::access::{Access, Emulator};
use doorward_core::{Clock, Stop};
use doorward_model::{ScanReport, Sink as _};
use doorward_sink_securityhub::{Closed, OutboxError, Outcome, Planned, Publisher, Renderer};
use serde_json::{Value, json};

use crate::cli::{Cli, ListFormat, PublishArguments};
use crate::exit::{Exit, Failure};
use crate::io::{answer, answer_json, runtime};
use crate::leased_ledger::{LeasedLedger, read_only};
use crate::plain::harmless;
use crate::scan_recorder::ScanRecorder;
use crate::scan_source::{AssembledScan, age_sentence};
use crate::settings::Settings;
use crate::signals;

mod outbox;

use outbox::LedgerOutbox;

/// Runs `doorward publish`.
pub(crate) fn run(cli: &Cli, arguments: &PublishArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let path = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    let source = AssembledScan::of(arguments.from.as_deref(), &settings, &path)?;
    let (renderer, report) = (source.renderer(&settings), source.report);
    let job = Job { settings: &settings, ledger: &path, emulator: None, clock: crate::clock::system() };
    let rendered = if arguments.dry_run {
        job.plan(renderer, &report)?
    } else if arguments.reconcile {
        runtime()?.block_on(job.reconcile(renderer, &report))?
    } else {
        runtime()?.block_on(job.publish(renderer, &report))?
    };
    match arguments.format {
        ListFormat::Table => answer(&harmless(&rendered.text))?,
        ListFormat::Json => answer_json(&rendered.json)?,
    };
    Ok(rendered.exit)
}

/// Delivers the newest recorded scan.
pub(crate) async fn recorded(settings: &Settings, ledger: &Path, clock: Clock) -> Result<Rendered, Failure> {
    let source = AssembledScan::of(None, settings, ledger)?;
    let job = Job { settings, ledger, emulator: None, clock };
    job.publish(source.renderer(settings), &source.report).await
}

/// The result of a command, rendered for people and for programs.
pub(crate) struct Rendered {
    pub(crate) text: String,
    pub(crate) json: Value,
    pub(crate) exit: Exit,
}

/// A delivery.
pub(crate) struct Job<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) ledger: &'a Path,
    pub(crate) emulator: Option<Emulator>,
    pub(crate) clock: Clock,
}

impl Job<'_> {
    /// Renders what would be sent, and why. Sends nothing, and needs no credentials.
    fn plan(&self, renderer: Renderer, report: &ScanReport) -> Result<Rendered, Failure> {
        let outbox = LedgerOutbox(LeasedLedger::reading(read_only(self.ledger)?));
        let offline = ClientProvider::offline(Time::new(self.clock.clone()));
        let publisher = Publisher::new(renderer, self.settings.publish.delivery_settings(), offline, outbox);
        let mut plans: Vec<Planned> = Vec::new();
        publisher.plan(report, |planned| plans.push(planned)).map_err(outbox_failed)?;
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut text = self.reading(report);
        for planned in &plans {
            *counts.entry(planned.why.to_string()).or_default() += 1;
            if planned.finding.is_some() {
                let _ = writeln!(text, "{}  {}  ({})", planned.security_hub, planned.id, planned.why);
            }
        }
        let sends = plans.iter().filter(|planned| planned.finding.is_some()).count();
        let _ = writeln!(text, "\n{sends} of {} findings would be sent; nothing was.", plans.len());
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
        let json =
            json!({"format": "publish-plan-v1", "observed": report.observed(), "stale": stale, "findings": lines});
        Ok(Rendered { text, json, exit: if stale > 0 { Exit::Coverage } else { Exit::Clean } })
    }

    /// When the findings were read, with a warning if that is long ago.
    fn reading(&self, report: &ScanReport) -> String {
        let period = report.observed().map(|period| format!("Read {period}.\n")).unwrap_or_default();
        let old = age_sentence(report, &self.settings.publish, (self.clock)());
        period + &old.map(|sentence| format!("Warning: {sentence}.\n")).unwrap_or_default()
    }

    /// The notice about findings that are not available because of their age.
    fn stale(&self, stale: usize) -> String {
        if stale == 0 {
            return String::new();
        }
        let most = String::from(self.settings.publish.maximum_age);
        format!(
            "{stale} findings are NOT_AVAILABLE: they were read more than {most} ago (publish.maximum_age), are dated in the future, or \
             passed before a later scan that was not published observed a failure; scan again\n"
        )
    }

    /// Delivers.
    pub(crate) async fn publish(&self, renderer: Renderer, report: &ScanReport) -> Result<Rendered, Failure> {
        let mut recorder = ScanRecorder::at(self.ledger, &self.settings.ledger, &self.clock)?;
        let (stop, signal) = signals::listen(self.settings.scan.deadline.0);
        let access = self.enter(&stop).await.map_err(|error| signal.or(error))?;
        recorder.wait_for_turn().await?;
        let held = LeasedLedger::writing(recorder, self.clock.clone())?;
        let rendered = self.deliver(renderer, report, &access, &held, &stop).await;
        held.release()?;
        rendered.map_err(|error| signal.or(error))
    }

    /// Delivers with an open ledger and an access.
    pub(crate) async fn deliver(
        &self,
        renderer: Renderer,
        report: &ScanReport,
        access: &Access,
        held: &LeasedLedger,
        stop: &Stop,
    ) -> Result<Rendered, Failure> {
        let outbox = LedgerOutbox(held.clone());
        let aws = access.provider(self.settings.publish.purpose());
        let publisher = Publisher::new(renderer, self.settings.publish.delivery_settings(), aws, outbox);
        publisher.preflight().await?;
        // A stop leaves intents without acknowledgement: the next delivery repeats exactly those.
        let outcome = tokio::select! {
            outcome = publisher.publish(report) => outcome.map_err(outbox_failed),
            gap = stop.stopped("securityhub:BatchImportFindings") => {
                Err(Failure::new(Exit::Sink, format!("stopped: {gap}; run `doorward publish` again to continue")))
            }
        };
        let outcome = outcome?;
        let mut rendered = delivered(&outcome);
        rendered.text.insert_str(0, &self.reading(report));
        rendered.text.push_str(&self.stale(outcome.stale()));
        rendered.json["observed"] = json!(report.observed());
        Ok(rendered)
    }

    /// Compares the ledger with Security Hub. Changes nothing.
    async fn reconcile(&self, renderer: Renderer, report: &ScanReport) -> Result<Rendered, Failure> {
        let outbox = LedgerOutbox(LeasedLedger::reading(read_only(self.ledger)?));
        let (stop, signal) = signals::listen(self.settings.scan.deadline.0);
        let access = self.enter(&stop).await.map_err(|error| signal.or(error))?;
        let aws = access.provider(self.settings.publish.purpose());
        let publisher = Publisher::new(renderer, self.settings.publish.delivery_settings(), aws, outbox);
        let partition = &report.run.partition;
        let audits = publisher.reconcile(partition).await.map_err(outbox_failed)?;
        let mut text = String::new();
        let (mut differences, mut closed) = (0, 0);
        for audit in &audits {
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
        let _ = writeln!(
            text,
            "{} account-Regions compared, {differences} differences; {closed} could not be read",
            audits.len()
        );
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
        let exit = if differences + closed == 0 { Exit::Clean } else { Exit::Sink };
        Ok(Rendered { text, json: json!({"format": "publish-audit-v1", "security_hubs": lines}), exit })
    }

    async fn enter(&self, stop: &Stop) -> Result<Access, Failure> {
        let (access, calls) = (self.settings.access.clone(), self.settings.calls.clone());
        let access = Access::connect(access, calls, self.clock.clone(), self.emulator.as_ref(), stop).await?;
        crate::clock::warn(access.clock_offset());
        Ok(access)
    }
}

fn outbox_failed(error: OutboxError) -> Failure {
    Failure::new(Exit::Sink, error.to_string())
}

fn obstacle(closed: &Closed) -> String {
    match closed {
        Closed::NotEnabled(_) => "Security Hub is not enabled there".to_owned(),
        Closed::Unreachable(gap) => gap.to_string(),
    }
}

/// Renders an outcome: the counts by reason, and every finding that was refused.
fn delivered(outcome: &Outcome) -> Rendered {
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
    let exit = match outcome.is_complete() && outcome.adds_up() {
        false => Exit::Sink,
        true if outcome.stale() > 0 => Exit::Coverage,
        true => Exit::Clean,
    };
    let json =
        json!({"format": "publish-v1", "receipt": receipt, "stale": outcome.stale(), "security_hubs": security_hubs});
    Rendered { text, json, exit }
}
