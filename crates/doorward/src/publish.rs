//! `doorward publish`: the newest scan, or a saved one, to Security Hub; each finding there once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use doorward_core::access::{Access, Emulator};
use doorward_core::{Clock, Stop};
use doorward_model::{LoadBalancer, Policy, ScanReport};
use doorward_rules::exceptions::Register;
use doorward_sink_securityhub::{
    Approval, Closed, Delivery, ExceptedAs, OutboxError, Outcome, Planned, Publisher, Renderer, Time,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::answer;
use crate::cli::{Cli, ListFormat, PublishArguments};
use crate::exit::{Exit, Failure};
use crate::held::Held;
use crate::memory;
use crate::plain::harmless;
use crate::scan::runtime;
use crate::settings::Settings;
use crate::{register, stopping};

mod doors;
mod outbox;
mod settings;
mod source;

pub(crate) use doors::Sessions;
use outbox::LedgerOutbox;
pub(crate) use settings::PublishSettings;
pub(crate) use source::Source;

/// Runs `doorward publish`.
pub(crate) fn run(cli: &Cli, arguments: &PublishArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let path = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    let source = Source::of(arguments.from.as_deref(), &settings, &path)?;
    let (renderer, report) = (source.renderer(&settings), source.report);
    let job = Job { settings: &settings, ledger: &path, emulator: None, clock: crate::clock::system() };
    let told = if arguments.dry_run {
        job.plan(renderer, &report)?
    } else if arguments.reconcile {
        runtime()?.block_on(job.reconcile(renderer, &report))?
    } else {
        runtime()?.block_on(job.publish(renderer, &report))?
    };
    match arguments.format {
        ListFormat::Table => answer(&harmless(&told.text))?,
        ListFormat::Json => {
            let text = serde_json::to_string_pretty(&told.json);
            answer(&(text.map_err(|e| Failure::new(Exit::Internal, e.to_string()))? + "\n"))?
        }
    };
    Ok(told.exit)
}

/// Delivers the newest recorded scan.
pub(crate) async fn recorded(settings: &Settings, ledger: &Path, clock: Clock) -> Result<Told, Failure> {
    let source = Source::of(None, settings, ledger)?;
    let job = Job { settings, ledger, emulator: None, clock };
    job.publish(source.renderer(settings), &source.report).await
}

/// What is said at the end.
pub(crate) struct Told {
    pub(crate) text: String,
    pub(crate) json: Value,
    pub(crate) exit: Exit,
}

/// What findings look like, by the settings, the register, and the rules that were asked of these load balancers: what another rule said in an
/// earlier scan is left as it is. `changed` is as in [`register::rules`].
pub(crate) fn renderer(
    settings: &PublishSettings,
    register: &Register,
    policy: &Policy,
    load_balancers: &[LoadBalancer],
    changed: bool,
) -> Renderer {
    let delivery = settings.central().map_or(Delivery::Member, Delivery::Central);
    let excepted = if settings.excepted_as_warning { ExceptedAs::Warning } else { ExceptedAs::Failed };
    let entries = register.entries(Timestamp::UNIX_EPOCH);
    let approvals: BTreeMap<String, Approval> = entries
        .into_iter()
        .map(|entry| {
            let exception = entry.exception;
            let approval = Approval { approver: exception.approver.clone(), reason: exception.reason.clone() };
            (exception.id.clone(), approval)
        })
        .collect();
    let asked = register::rules(register, load_balancers, changed, Timestamp::UNIX_EPOCH);
    let asked =
        |id: &str| asked.iter().any(|rule| rule.meta().id == id) && !policy.disabled.iter().any(|off| off == id);
    let rules: Vec<_> = doorward_rules::catalogue().iter().copied().filter(|meta| asked(meta.id)).collect();
    Renderer::new(delivery, excepted, &rules, approvals)
}

/// A delivery to be made.
pub(crate) struct Job<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) ledger: &'a Path,
    pub(crate) emulator: Option<Emulator>,
    pub(crate) clock: Clock,
}

impl Job<'_> {
    /// Says what would be sent, and why. Sends nothing, and needs no credentials.
    fn plan(&self, renderer: Renderer, report: &ScanReport) -> Result<Told, Failure> {
        let outbox = LedgerOutbox(Held::reading(memory::read_only(self.ledger)?));
        let time = Time::new(self.clock.clone());
        let publisher = Publisher::new(renderer, self.settings.publish.sink(), doors::Nowhere, outbox, time);
        let mut plans: Vec<Planned> = Vec::new();
        publisher.plan(report, |planned| plans.push(planned)).map_err(outbox_failed)?;
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut text = self.reading(report);
        for planned in &plans {
            *counts.entry(planned.why.to_string()).or_default() += 1;
            if planned.finding.is_some() {
                let _ = writeln!(text, "{}  {}  ({})", planned.hub, planned.id, planned.why);
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
                    "hub": p.hub.to_string(), "id": p.id, "why": p.why.to_string(), "finding": p.finding, "stale": p.stale,
                })
            })
            .collect();
        let json =
            json!({"format": "publish-plan-v1", "observed": report.observed(), "stale": stale, "findings": lines});
        Ok(Told { text, json, exit: if stale > 0 { Exit::Coverage } else { Exit::Clean } })
    }

    /// When what is delivered was read, and what is wrong with that.
    fn reading(&self, report: &ScanReport) -> String {
        let period = report.observed().map(|period| format!("Read {period}.\n")).unwrap_or_default();
        let old = age_sentence(report, &self.settings.publish, (self.clock)());
        period + &old.map(|sentence| format!("Warning: {sentence}.\n")).unwrap_or_default()
    }

    /// What is said of findings that are not available because of their age.
    fn stale(&self, stale: usize) -> String {
        if stale == 0 {
            return String::new();
        }
        let most = String::from(self.settings.publish.maximum_age);
        format!(
            "{stale} findings are NOT_AVAILABLE: what is known of them was read more than {most} ago (publish.maximum_age), is dated in \
             the future, or passed before a later scan that was not published observed a failure; scan again\n"
        )
    }

    /// Delivers.
    pub(crate) async fn publish(&self, renderer: Renderer, report: &ScanReport) -> Result<Told, Failure> {
        let mut memory = memory::Memory::at(self.ledger, &self.settings.ledger, &self.clock)?;
        let (stop, signal) = stopping::listen(self.settings.scan.deadline.0);
        let access = self.enter(&stop).await.map_err(|error| signal.or(error))?;
        memory.wait_for_turn().await?;
        let held = Held::writing(memory, self.clock.clone())?;
        let told = self.deliver(renderer, report, &access, &held, &stop).await;
        held.release()?;
        told.map_err(|error| signal.or(error))
    }

    /// Delivers by an access and a ledger that are there already.
    pub(crate) async fn deliver(
        &self,
        renderer: Renderer,
        report: &ScanReport,
        access: &Access,
        held: &Held,
        stop: &Stop,
    ) -> Result<Told, Failure> {
        let outbox = LedgerOutbox(held.clone());
        let doors = Sessions::new(access, self.settings.publish.purpose());
        let publisher =
            Publisher::new(renderer, self.settings.publish.sink(), doors, outbox, Time::new(self.clock.clone()));
        // A stop leaves intents without acknowledgement; the next delivery repeats exactly those.
        let outcome = tokio::select! {
            outcome = publisher.publish(report) => outcome.map_err(outbox_failed),
            gap = stop.stopped("securityhub:BatchImportFindings") => {
                Err(Failure::new(Exit::Sink, format!("stopped: {gap}; publish again to go on")))
            }
        };
        let outcome = outcome?;
        let mut told = delivered(&outcome);
        told.text.insert_str(0, &self.reading(report));
        told.text.push_str(&self.stale(outcome.stale()));
        told.json["observed"] = json!(report.observed());
        Ok(told)
    }

    /// Compares the ledger with what the hubs hold. Changes nothing.
    async fn reconcile(&self, renderer: Renderer, report: &ScanReport) -> Result<Told, Failure> {
        let outbox = LedgerOutbox(Held::reading(memory::read_only(self.ledger)?));
        let (stop, signal) = stopping::listen(self.settings.scan.deadline.0);
        let access = self.enter(&stop).await.map_err(|error| signal.or(error))?;
        let doors = Sessions::new(&access, self.settings.publish.purpose());
        let time = Time::new(self.clock.clone());
        let publisher = Publisher::new(renderer, self.settings.publish.sink(), doors, outbox, time);
        let partition = &report.run.partition;
        let audits = publisher.reconcile(partition).await.map_err(outbox_failed)?;
        let mut text = String::new();
        let (mut differences, mut closed) = (0, 0);
        for audit in &audits {
            let _ = writeln!(text, "{}: {} remembered, {} there", audit.hub, audit.remembered, audit.found);
            if let Some(why) = &audit.closed {
                closed += 1;
                let _ = writeln!(text, "  unknown: {}", obstacle(why));
            }
            for (id, difference) in &audit.differences {
                differences += 1;
                let _ = writeln!(text, "  {id}: {difference}");
            }
        }
        let _ = writeln!(text, "{} hubs compared, {differences} differences; {closed} could not be read", audits.len());
        let lines: Vec<Value> = audits
            .iter()
            .map(|audit| {
                let differences: Vec<Value> =
                    audit.differences.iter().map(|(id, d)| json!({"id": id, "difference": d.to_string()})).collect();
                json!({
                    "hub": audit.hub.to_string(), "remembered": audit.remembered, "found": audit.found,
                    "closed": audit.closed.as_ref().map(obstacle), "differences": differences,
                })
            })
            .collect();
        let exit = if differences + closed == 0 { Exit::Clean } else { Exit::Sink };
        Ok(Told { text, json: json!({"format": "publish-audit-v1", "hubs": lines}), exit })
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

/// What is wrong with when a report was read; none where all of it is current.
fn age_sentence(report: &ScanReport, settings: &PublishSettings, now: Timestamp) -> Option<String> {
    let period = report.observed()?;
    if crate::clock::is_ahead(period.to, now) {
        return Some(format!("it was read {period}, in the future of this machine's clock"));
    }
    let most = SignedDuration::try_from(settings.maximum_age.0).unwrap_or(SignedDuration::MAX);
    let days = now.duration_since(period.from).as_hours() / 24;
    (now.duration_since(period.from) > most).then(|| {
        format!("what it says is up to {days} days old: it was read {period}; scan again for what is true today")
    })
}

/// The outcome in words: what was sent and why, every hub that took less than all, everything that was refused.
fn delivered(outcome: &Outcome) -> Told {
    let receipt = outcome.receipt();
    let mut text = format!(
        "{} findings to {} hubs: {} accepted, {} not sent\n",
        receipt.findings_in,
        outcome.hubs.len(),
        receipt.written,
        receipt.findings_in - receipt.written
    );
    for skipped in &receipt.skipped {
        let _ = writeln!(text, "  {:>6}  {}", skipped.count, skipped.reason);
    }
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for line in &outcome.hubs {
        for (why, count) in line.sent.iter().chain(&line.left) {
            *sent.entry(why.to_string()).or_default() += count;
        }
    }
    if !sent.is_empty() {
        text.push_str("By reason, those that are only remembered included\n");
    }
    for (why, count) in &sent {
        let _ = writeln!(text, "  {count:>6}  {why}");
    }
    if outcome.ahead() > 0 {
        let _ = writeln!(
            text,
            "{} findings in Security Hub were dated in the future, by a machine whose clock was ahead; each update is dated after that",
            outcome.ahead()
        );
    }
    for (hub, refused) in outcome.refused() {
        let _ = writeln!(text, "refused by {hub}: {}: {}: {}", refused.id, refused.code, refused.message);
    }
    let hubs: Vec<Value> = outcome
        .hubs
        .iter()
        .map(|line| {
            json!({
                "hub": line.hub.to_string(), "findings": line.findings_in, "accepted": line.accepted,
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
    let json = json!({"format": "publish-v1", "receipt": receipt, "stale": outcome.stale(), "hubs": hubs});
    Told { text, json, exit }
}
