//! `doorward event`: re-scans the load balancer that an event names, and no other.
//!
//! The event names the load balancer; its state is then read by the scan's own calls. An event is not a scan: it opens, changes and
//! resolves findings of the load balancer that was read, and concludes nothing about any other.

use std::future::Future;
use std::path::{Path, PathBuf};

use doorward_core::access::{Access, Emulator};
use doorward_core::event::{ModeChangeEvent, ParsedEvent, parse_text};
use doorward_core::{Clock, Stop};
use doorward_model::Verdict;
use doorward_notify::ChannelsConfig;
use doorward_rules::exceptions::Register;

use crate::cli::{Cli, EventArguments, ListFormat};
use crate::exit::{Exit, Failure};
use crate::io::answer;
use crate::io::runtime;
use crate::leased_ledger::LeasedLedger;
use crate::places::Places;
use crate::plain::harmless;
use crate::publish;
use crate::scan_recorder::{self, ScanRecorder};
use crate::settings::Settings;
use crate::traffic::{self, TrafficEvidence};
use crate::{notify, signals, sinks};
use doorward_file::input;

mod invocation_metrics;
mod lambda;
mod render;
mod rescan;

pub(crate) use render::EventDocument;
use render::{EventLine, EventOutcome, JudgedOutcome};
use rescan::{EventContext, JudgedLoadBalancer, Rescanned};

/// Most bytes of an event; a CloudTrail file is far smaller.
const MOST: u64 = 256 << 20;

/// Runs `doorward event`.
pub(crate) fn run(cli: &Cli, arguments: &EventArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let traffic = arguments.traffic.as_deref().map(traffic::saved).transpose()?;
    let handler = EventHandler {
        settings: &settings,
        ledger: arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?,
        traffic: traffic.as_ref(),
        publish: arguments.publish || settings.event.publish,
        notify: arguments.notify || settings.event.notify,
        emulator: None,
        clock: crate::clock::system(),
    };
    if arguments.lambda {
        // The outputs of scheduled scans are checked once, before the first invocation.
        let formats = settings.event.formats().map_err(|problem| Failure::new(Exit::Usage, problem))?;
        let mut places = Places::of(&settings);
        places.keep_source(&handler.ledger, None, arguments.traffic.as_deref());
        formats.iter().for_each(|format| format.claim(&mut places));
        places.check()?;
        return lambda::serve(&handler);
    }
    let (name, text) = read(arguments.event.as_deref())?;
    let events = parse_text(&text).map_err(|e| Failure::new(Exit::Usage, format!("{name}: {e}")))?;
    drop(text);
    let document = runtime()?.block_on(async {
        let (stop, signal) = signals::listen(settings.scan.deadline.0);
        handler.handle(events, &stop).await.map_err(|failure| signal.or(failure))
    })?;
    match arguments.format {
        ListFormat::Table => answer(&harmless(&document.text()))?,
        ListFormat::Json => {
            let text = serde_json::to_string_pretty(&document);
            answer(&(text.map_err(|e| Failure::new(Exit::Internal, e.to_string()))? + "\n"))?
        }
    };
    Ok(document.exit())
}

/// The event as text, with its name in error messages.
fn read(path: Option<&Path>) -> Result<(String, String), Failure> {
    let name = path.map_or_else(|| "stdin".to_owned(), |path| path.display().to_string());
    let read = match path {
        Some(path) => input::bytes(path, MOST),
        None => input::limited(std::io::stdin().lock(), MOST),
    };
    let usage = |problem: String| Failure::new(Exit::Usage, format!("{name}: {problem}"));
    let text = read.and_then(input::decoded).map_err(|e| usage(format!("the event cannot be read: {e}")))?;
    Ok((name, text))
}

/// Handles events: the settings, and what to do after a load balancer was read.
pub(crate) struct EventHandler<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) ledger: PathBuf,
    /// Traffic evidence to join, as a scan joins it.
    pub(crate) traffic: Option<&'a TrafficEvidence>,
    pub(crate) publish: bool,
    pub(crate) notify: bool,
    pub(crate) emulator: Option<Emulator>,
    pub(crate) clock: Clock,
}

/// Handles an event of the demo: by the demo's clock, against its emulator.
pub(crate) async fn handle_demo(text: &str, handler: &EventHandler<'_>) -> Result<EventDocument, Failure> {
    let events = parse_text(text).map_err(|e| Failure::new(Exit::Usage, format!("event.json: {e}")))?;
    let (_stopper, stop) = Stop::new();
    handler.handle(events, &stop).await
}

impl EventHandler<'_> {
    /// Handles events one after the other, with the lease of the ledger. If none is about a load balancer, AWS is not called.
    async fn handle(&self, events: Vec<ParsedEvent>, stop: &Stop) -> Result<EventDocument, Failure> {
        let mut lines = Vec::with_capacity(events.len());
        if !events.iter().any(|event| matches!(event, ParsedEvent::Change(_))) {
            lines.extend(events.into_iter().filter_map(EventLine::ignored));
            return Ok(EventDocument::new(lines));
        }
        let register = self.settings.exceptions.read()?.register()?;
        let (access, calls) = (self.settings.access.clone(), self.settings.calls.clone());
        let access = Access::connect(access, calls, self.clock.clone(), self.emulator.as_ref(), stop).await?;
        let mut memory = ScanRecorder::at(&self.ledger, &self.settings.ledger, &self.clock)?;
        tokio::select! {
            turn = memory.wait_for_turn() => turn?,
            gap = stop.stopped("event") => {
                return Err(Failure::new(Exit::Coverage, format!("stopped while another process held the ledger: {gap}")));
            }
        }
        let held = LeasedLedger::writing(memory, self.clock.clone())?;
        let all = async {
            for event in events {
                lines.extend(match event {
                    ParsedEvent::Change(change) => Some(self.rescan(*change, &register, &access, &held, stop).await?),
                    other => EventLine::ignored(other),
                });
            }
            Ok::<(), Failure>(())
        };
        let done = keeping(&held, all).await;
        let released = held.release();
        done??;
        released?;
        Ok(EventDocument::new(lines))
    }

    /// Reads the load balancer of a call again, records it, and publishes and notifies if that is wanted.
    async fn rescan(
        &self,
        event: ModeChangeEvent,
        register: &Register,
        access: &Access,
        held: &LeasedLedger,
        stop: &Stop,
    ) -> Result<EventLine, Failure> {
        let Self { settings, clock, .. } = self;
        let repeat = held.read(|ledger| ledger.knows_event(&event.event)).map_err(written)?;
        let context = EventContext { settings, register, traffic: self.traffic, access, held, clock, stop };
        let outcome = match context.rescan(&event).await? {
            Rescanned::OutOfScope(why) => EventOutcome::OutOfScope(why),
            Rescanned::Gone => EventOutcome::Gone,
            Rescanned::Unread(gaps) => EventOutcome::Unread(gaps),
            Rescanned::Judged(judged) => {
                let JudgedLoadBalancer { scan, raw, changed } = *judged;
                let tags = &settings.ledger.count_by_tags;
                let record = |ledger: &mut doorward_ledger::Ledger, lease: &doorward_ledger::Lease| {
                    ledger.record_look(lease, scan.without_history(), &raw, tags)
                };
                let (recorded, history) = held.write(record).map_err(written)?;
                let report = scan.with_history(history);
                let published = match self.publish {
                    true => {
                        let load_balancers = &report.load_balancers;
                        let renderer =
                            sinks::renderer(&settings.publish, register, &settings.policy, load_balancers, changed);
                        let job = publish::Job { settings, ledger: &self.ledger, emulator: None, clock: clock.clone() };
                        Some(job.deliver(renderer, &report, access, held, stop).await?)
                    }
                    false => None,
                };
                let notified = match self.notify {
                    true => {
                        let directory = ChannelsConfig::new(settings.notify.clone());
                        let directory = directory.map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
                        Some(notify::deliver(directory, &report, Some(access), held, clock, stop).await?)
                    }
                    false => None,
                };
                EventOutcome::Judged(Box::new(JudgedOutcome { report, arn: raw.arn, recorded, published, notified }))
            }
        };
        Ok(EventLine::of(event, repeat, outcome, &settings.report))
    }
}

/// Runs work that may last longer than a lease, and renews the lease meanwhile.
async fn keeping<T>(held: &LeasedLedger, work: impl Future<Output = T>) -> Result<T, Failure> {
    let mut work = std::pin::pin!(work);
    let mut renewal = tokio::time::interval(scan_recorder::RENEWAL);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            _ = renewal.tick() => held.renew()?,
        }
    }
}

fn written(problem: String) -> Failure {
    Failure::new(Exit::Sink, problem)
}

/// Whether a verdict has a line of its own.
fn matters(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Fail { .. } | Verdict::Unknown { .. } | Verdict::Excepted { .. })
}
