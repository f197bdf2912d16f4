//! `doorward event`: re-scans the load balancer that an event names, and no other.
//!
//! The event names the load balancer; its state is then read by the scan's own calls. An event is not a scan: it opens, changes and
//! resolves findings of the load balancer that was read, and concludes nothing about any other.

use std::future::Future;
use std::path::{Path, PathBuf};

use doorward_assemble::{Criteria, RENEWAL};
use doorward_aws::access::Emulator;
use doorward_aws::{Access, Clock, Stop};
use doorward_event::{
    EventDocument, EventLine, EventOutcome, JudgedLoadBalancer, JudgedOutcome, ModeChangeEvent, ParsedEvent,
    RescanContext, Rescanned, parse_text,
};
use doorward_ledger::LeasedLedger;
use doorward_rules::exceptions::Register;

use crate::cli::{Cli, EventArguments, ListFormat};
use crate::delivery::emit;
use crate::exit::{Exit, Failure};
use crate::io::{answer_json, answer_text, connect, runtime};
use crate::scan::settings_id;
use crate::settings::Settings;
use crate::signals;
use crate::traffic::{self, TrafficEvidence};
use doorward_file::input;
use doorward_model::HistoryContext;
use doorward_outputs::{DeliveryInputs, NOTIFY, SECURITY_HUB};

mod lambda;
mod report_copies;
mod task;

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
        let mut places = settings.places();
        places.keep_source(&handler.ledger, None, arguments.traffic.as_deref());
        formats.iter().for_each(|format| format.claim(&mut places));
        let copies = settings.event.copy_to.iter().flat_map(|to| formats.iter().map(move |format| (to, format)));
        copies.for_each(|(to, format)| format.claim_copy(to, &mut places));
        places.check()?;
        return lambda::serve(&handler);
    }
    let (name, text) = read(arguments.event.as_deref())?;
    let events = parse_text(&text).map_err(|e| Failure::new(Exit::Usage, format!("{name}: {e}")))?;
    drop(text);
    let (document, exit) = runtime()?.block_on(async {
        let (stop, signal) = signals::listen(settings.scan.deadline.0);
        handler.handle(events, &stop).await.map_err(|failure| signal.or(failure))
    })?;
    match arguments.format {
        ListFormat::Table => answer_text(&document.text())?,
        ListFormat::Json => answer_json(&document)?,
    };
    Ok(exit)
}

/// The event as text, with its name in error messages.
fn read(path: Option<&Path>) -> Result<(String, String), Failure> {
    let path = path.unwrap_or(Path::new("-"));
    let name = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
    let text = input::bytes_or_stdin(path, MOST).and_then(input::decoded);
    let text = text.map_err(|e| Failure::new(Exit::Usage, format!("{name}: the event cannot be read: {e}")))?;
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
    Ok(handler.handle(events, &stop).await?.0)
}

impl EventHandler<'_> {
    /// Handles events one after the other, with the lease of the ledger. If none is about a load balancer, AWS is not called.
    async fn handle(&self, events: Vec<ParsedEvent>, stop: &Stop) -> Result<(EventDocument, Exit), Failure> {
        let mut lines = Vec::with_capacity(events.len());
        for group in self.handle_each(vec![events], stop).await? {
            lines.extend(group?);
        }
        Ok(concluded(lines))
    }

    /// Handles groups of events under one lease, so that a group that fails leaves the others as they are. An error of the whole means
    /// that no group is known to be handled.
    async fn handle_each(
        &self,
        groups: Vec<Vec<ParsedEvent>>,
        stop: &Stop,
    ) -> Result<Vec<Result<Vec<EventLine>, Failure>>, Failure> {
        if !groups.iter().flatten().any(|event| matches!(event, ParsedEvent::Change(_))) {
            let ignored = |group: Vec<ParsedEvent>| Ok(group.into_iter().filter_map(EventLine::ignored).collect());
            return Ok(groups.into_iter().map(ignored).collect());
        }
        let register = self.settings.exceptions.read()?.register()?;
        let access = connect(self.settings.connection(), &self.clock, self.emulator.as_ref(), stop).await?;
        let recorder = self.settings.ledger.open(&self.ledger, &self.clock)?;
        let held = tokio::select! {
            held = recorder.into_leased() => held?,
            gap = stop.stopped("event") => {
                return Err(Failure::new(Exit::Coverage, format!("stopped while another process held the ledger: {gap}")));
            }
        };
        let mut handled = Vec::with_capacity(groups.len());
        let all = async {
            for group in groups {
                handled.push(self.handle_group(group, &register, &access, &held, stop).await);
            }
        };
        let done = keeping(&held, all).await;
        let released = held.release();
        done?;
        released?;
        Ok(handled)
    }

    async fn handle_group(
        &self,
        events: Vec<ParsedEvent>,
        register: &Register,
        access: &Access,
        held: &LeasedLedger,
        stop: &Stop,
    ) -> Result<Vec<EventLine>, Failure> {
        let mut lines = Vec::with_capacity(events.len());
        for event in events {
            lines.extend(match event {
                ParsedEvent::Change(change) => Some(self.rescan(*change, register, access, held, stop).await?),
                other => EventLine::ignored(other),
            });
        }
        Ok(lines)
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
        let repeat = held.read(|ledger| ledger.knows_event(&event.event))?;
        let (discover, normalize) = (settings.discover(), settings.normalize());
        let context = RescanContext {
            discover: &discover,
            collect: settings.collect,
            settings_id: &settings_id(settings),
            by: Criteria { normalize: &normalize, policy: &settings.policy, register },
            traffic: self.traffic.map(|found| (found, settings.traffic.advice_rules())),
            access,
            held,
            clock,
            stop,
        };
        let outcome = match context.rescan(&event).await? {
            Rescanned::OutOfScope(why) => EventOutcome::OutOfScope(why),
            Rescanned::Gone => EventOutcome::Gone,
            Rescanned::Unread(gaps) => EventOutcome::Unread(gaps),
            Rescanned::Judged(judged) => {
                let JudgedLoadBalancer { scan, raw, changed } = *judged;
                let tags = &settings.ledger.recorder().dimensions();
                let record = |ledger: &mut doorward_ledger::Ledger, lease: &doorward_ledger::Lease| {
                    ledger.record_look(lease, scan.without_history(), &raw, tags)
                };
                let (recorded, history) = held.write(record)?;
                let report = scan.with_history(history);
                let environment = crate::io::environment(settings.access.profile.as_deref());
                // One load balancer has no trend.
                let earlier = HistoryContext::default();
                let inputs = DeliveryInputs {
                    environment: &environment,
                    publish: &settings.publish,
                    notify: &settings.notify,
                    register,
                    frameworks: &settings.controls.frameworks,
                    policy: &settings.policy,
                    cost_centre_tags: &settings.owners.cost_centre_tags,
                    load_balancers: &report.load_balancers,
                    changes_elsewhere: changed,
                    access: Some(access),
                    held,
                    clock,
                };
                let published = match self.publish {
                    true => Some(emit(SECURITY_HUB, &inputs, (&report, &earlier), stop).await?),
                    false => None,
                };
                let notified = match self.notify {
                    true => Some(emit(NOTIFY, &inputs, (&report, &earlier), stop).await?),
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
    let mut renewal = tokio::time::interval(RENEWAL);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            _ = renewal.tick() => held.renew()?,
        }
    }
}

/// The document of all events, and the exit code that follows from their results.
fn concluded(lines: Vec<EventLine>) -> (EventDocument, Exit) {
    let mut exit = Exit::Clean;
    let document = EventDocument::new(lines, |result| {
        exit = result.into();
        exit.code()
    });
    (document, exit)
}
