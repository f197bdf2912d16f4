//! `doorward notify`: sends each owner a digest through the channels in the settings, once each.

use std::fmt::Write as _;
use std::path::Path;

use doorward_aws::Time;
use doorward_core::access::Access;
use doorward_core::{Clock, Stop};
use doorward_model::{RuleMeta, ScanReport};
use doorward_notify::{
    ChannelSettings, ChannelsConfig, DeliveryStoreError, Dispatcher, Environment, Fate, Outcome, Planned, Untold, plan,
};
use serde_json::{Value, json};

use crate::cli::{Cli, ListFormat, NotifyArguments};
use crate::exit::{Exit, Failure};
use crate::io::answer;
use crate::io::runtime;
use crate::leased_ledger::{self, LeasedLedger};
use crate::plain::harmless;
use crate::scan_recorder::ScanRecorder;
use crate::scan_source::AssembledScan;
use crate::settings::Settings;
use crate::signals;

mod delivery_store;

use delivery_store::LedgerDeliveryStore;

/// Runs `doorward notify`.
pub(crate) fn run(cli: &Cli, arguments: &NotifyArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let directory =
        ChannelsConfig::new(settings.notify.clone()).map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
    let path = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    let source = AssembledScan::of(arguments.from.as_deref(), &settings, &path)?;
    source.warn_of_age(&settings, crate::clock::now());
    let report = source.report;
    let (text, json, exit) = if arguments.dry_run {
        let rules: Vec<RuleMeta> = doorward_rules::catalogue().iter().map(|meta| **meta).collect();
        let memory = LedgerDeliveryStore(LeasedLedger::reading(leased_ledger::read_only(&path)?));
        let (planned, untold) = plan(&report, &rules, &directory, &memory).map_err(unremembered)?;
        render_dry_run(&planned, &untold)
    } else {
        let outcome = runtime()?.block_on(send(&settings, directory, &path, &report))?;
        render(&outcome)
    };
    match arguments.format {
        ListFormat::Table => answer(&harmless(&text))?,
        ListFormat::Json => {
            let text = serde_json::to_string_pretty(&json).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
            answer(&(text + "\n"))?
        }
    };
    Ok(exit)
}

/// The variables that may hold secrets of channels, and name proxies and certificates; with the profile that the settings name.
pub(crate) fn environment(settings: &Settings) -> Environment {
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Environment::new(variables).with_aws_profile(settings.access.profile.as_deref())
}

/// Sends the digests of a report, with a lease and an access of its own.
pub(crate) async fn send(
    settings: &Settings,
    directory: ChannelsConfig,
    ledger: &Path,
    report: &ScanReport,
) -> Result<Outcome, Failure> {
    let clock: Clock = crate::clock::system();
    let (stop, signal) = signals::listen(settings.scan.deadline.0);
    let access = if needs_aws(settings) {
        let connect = Access::connect(settings.access.clone(), settings.calls.clone(), clock.clone(), None, &stop);
        Some(connect.await.map_err(|error| signal.or(error.into()))?)
    } else {
        None
    };
    let mut memory = ScanRecorder::at(ledger, &settings.ledger, &clock)?;
    memory.wait_for_turn().await?;
    let held = LeasedLedger::writing(memory, clock.clone())?;
    let outcome = deliver(directory, &environment(settings), report, access.as_ref(), &held, &clock, &stop).await;
    held.release()?;
    outcome.map_err(|error| signal.or(error))
}

/// Whether a channel needs AWS.
fn needs_aws(settings: &Settings) -> bool {
    settings.notify.channels.values().any(|channel| matches!(channel, ChannelSettings::Sns { .. }))
}

/// Sends the digests of a report, with the access and the lease of the caller.
pub(crate) async fn deliver(
    directory: ChannelsConfig,
    environment: &Environment,
    report: &ScanReport,
    access: Option<&Access>,
    held: &LeasedLedger,
    clock: &Clock,
    stop: &Stop,
) -> Result<Outcome, Failure> {
    let rules: Vec<RuleMeta> = doorward_rules::catalogue().iter().map(|meta| **meta).collect();
    let (store, aws) = (LedgerDeliveryStore(held.clone()), access.map(Access::base_provider));
    let courier = Dispatcher::new(directory, environment, store, aws, Time::new(clock.clone()))
        .map_err(|error| Failure::new(Exit::Preflight, error.to_string()))?;
    tokio::select! {
        outcome = courier.deliver(report, &rules) => Ok(outcome),
        // The next run sends a digest without an acknowledgement again, marked as a possible duplicate.
        gap = stop.stopped("notify") => {
            Err(Failure::new(Exit::Sink, format!("stopped: {gap}; run `doorward notify` again to continue")))
        }
    }
}

fn unremembered(error: DeliveryStoreError) -> Failure {
    Failure::new(Exit::Sink, error.to_string())
}

fn render_without_recipient(text: &mut String, untold: &[Untold]) {
    for line in untold {
        let _ = writeln!(text, "{} findings have no recipient: {}", line.findings, line.reason());
    }
}

fn render_dry_run(planned: &[Planned], untold: &[Untold]) -> (String, Value, Exit) {
    let mut text = String::new();
    for plan in planned {
        let head = format!("{} at {} ({})", plan.audience.label(), plan.channel, plan.kind);
        match &plan.text {
            Some(body) => {
                let _ = writeln!(text, "== {head}\n{}\n", body.trim_end());
            }
            None => {
                let _ = writeln!(text, "== {head}: nothing changed and nothing is due\n");
            }
        }
        if let Some(failure) = &plan.failure {
            let _ = writeln!(text, "   {} earlier attempts failed: {failure}\n", plan.attempts);
        }
    }
    render_without_recipient(&mut text, untold);
    let sends = planned.iter().filter(|plan| plan.digest.is_some()).count();
    let _ = writeln!(text, "{sends} digests would be sent; none was sent.");
    let lines: Vec<Value> = planned
        .iter()
        .map(|plan| {
            json!({
                "audience": plan.audience.label(), "channel": plan.channel, "kind": plan.kind, "digest": plan.digest,
                "payload": plan.payload, "attempts": plan.attempts, "failure": plan.failure,
            })
        })
        .collect();
    (text, json!({"format": "notify-plan-v1", "digests": lines, "untold": untold}), Exit::Clean)
}

/// The result of each digest: as text, as JSON, and as an exit code.
pub(crate) fn render(outcome: &Outcome) -> (String, Value, Exit) {
    let mut text = String::new();
    for line in &outcome.lines {
        let fate = match &line.fate {
            Fate::Delivered { may_repeat: false } => "sent".to_owned(),
            Fate::Delivered { may_repeat: true } => "sent (possible duplicate)".to_owned(),
            Fate::Unchanged => "nothing new".to_owned(),
            Fate::Failed { unclear, reason } => {
                format!("FAILED{}: {reason}", if *unclear { " (it may have arrived)" } else { "" })
            }
        };
        let _ = writeln!(text, "{} at {} ({}): {fate}", line.audience.label(), line.channel, line.kind);
    }
    render_without_recipient(&mut text, &outcome.untold);
    let receipt = outcome.receipt();
    let exit = if outcome.is_complete() && receipt.adds_up() { Exit::Clean } else { Exit::Sink };
    (text, json!({"format": "notify-v1", "receipt": receipt, "outcome": outcome}), exit)
}
