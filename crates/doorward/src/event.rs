//! `doorward event`: a load balancer that was just changed is looked at at once, and nothing else.
//!
//! The event says where to look; what is there is read, by the scan's own calls. An event is no scan: it opens, changes and
//! resolves findings of the load balancer that it looked at, and concludes nothing about any other.

use std::future::Future;
use std::path::{Path, PathBuf};

use doorward_core::access::{Access, Emulator};
use doorward_core::{Clock, Stop};
use doorward_model::Verdict;
use doorward_notify::ChannelsConfig;
use doorward_rules::exceptions::Register;

use crate::cli::{Cli, EventArguments, ListFormat};
use crate::exit::{Exit, Failure};
use crate::input;
use crate::io::answer;
use crate::io::runtime;
use crate::leased_ledger::LeasedLedger;
use crate::places::Places;
use crate::plain::harmless;
use crate::publish;
use crate::scan_recorder::{self, ScanRecorder};
use crate::settings::Settings;
use crate::traffic::Found;
use crate::{notify, signals, sinks};

mod envelope;
mod lambda;
mod look;
mod metrics;
mod tell;
mod wrapping;

use envelope::{Heard, Notice};
use look::{Eye, Judged, Seen};
pub(crate) use tell::EventDocument;
use tell::{EventLine, Outcome};

/// Most bytes of an event: a CloudTrail file is far smaller.
const MOST: u64 = 256 << 20;

/// Runs `doorward event`.
pub(crate) fn run(cli: &Cli, arguments: &EventArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let traffic = arguments.traffic.as_deref().map(Found::read).transpose()?;
    let work = Work {
        settings: &settings,
        ledger: arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?,
        traffic: traffic.as_ref(),
        publish: arguments.publish || settings.event.publish,
        notify: arguments.notify || settings.event.notify,
        emulator: None,
        clock: crate::clock::system(),
    };
    if arguments.lambda {
        // What a scheduled scan writes, before the first invocation.
        let formats = settings.event.formats().map_err(|problem| Failure::new(Exit::Usage, problem))?;
        let mut places = Places::of(&settings);
        places.keep_source(&work.ledger, None, arguments.traffic.as_deref());
        formats.iter().for_each(|format| format.claim(&mut places));
        places.check()?;
        return lambda::serve(&work);
    }
    let (name, text) = read(arguments.event.as_deref())?;
    let heard = envelope::read(&text).map_err(|problem| Failure::new(Exit::Usage, format!("{name}: {problem}")))?;
    drop(text);
    let document = runtime()?.block_on(async {
        let (stop, signal) = signals::listen(settings.scan.deadline.0);
        work.take(heard, &stop).await.map_err(|failure| signal.or(failure))
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

/// The event as text, with what it is called in a complaint.
fn read(path: Option<&Path>) -> Result<(String, String), Failure> {
    let name = path.map_or_else(|| "stdin".to_owned(), |path| path.display().to_string());
    let read = match path {
        Some(path) => input::bytes(path, MOST),
        None => input::limited(std::io::stdin().lock(), MOST),
    };
    let usage = |problem: String| Failure::new(Exit::Usage, format!("{name}: {problem}"));
    let bytes = read.map_err(|e| usage(format!("the event cannot be read: {e}")))?;
    let text = String::from_utf8(bytes).map_err(|_| usage("the event is not UTF-8".to_owned()))?;
    Ok((name, text))
}

/// What is done about events, and by what.
pub(crate) struct Work<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) ledger: PathBuf,
    /// What the requests said, where a scan is told so too.
    pub(crate) traffic: Option<&'a Found>,
    pub(crate) publish: bool,
    pub(crate) notify: bool,
    pub(crate) emulator: Option<Emulator>,
    pub(crate) clock: Clock,
}

/// Takes an event in that is played: by the demo's clock, against its emulator.
pub(crate) async fn played(text: &str, work: &Work<'_>) -> Result<EventDocument, Failure> {
    let heard = envelope::read(text).map_err(|problem| Failure::new(Exit::Usage, format!("event.json: {problem}")))?;
    let (_stopper, stop) = Stop::new();
    work.take(heard, &stop).await
}

impl Work<'_> {
    /// Takes events in, one after the other, holding the ledger. Where none is about a load balancer, nobody is called.
    async fn take(&self, heard: Vec<Heard>, stop: &Stop) -> Result<EventDocument, Failure> {
        let mut lines = Vec::with_capacity(heard.len());
        if !heard.iter().any(|one| matches!(one, Heard::Change(_))) {
            lines.extend(heard.into_iter().filter_map(EventLine::of_nothing));
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
            for one in heard {
                lines.extend(match one {
                    Heard::Change(notice) => Some(self.one(*notice, &register, &access, &held, stop).await?),
                    other => EventLine::of_nothing(other),
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

    async fn one(
        &self,
        notice: Notice,
        register: &Register,
        access: &Access,
        held: &LeasedLedger,
        stop: &Stop,
    ) -> Result<EventLine, Failure> {
        let Self { settings, clock, .. } = self;
        let repeat = held.read(|ledger| ledger.knows_event(&notice.event)).map_err(written)?;
        let eye = Eye { settings, register, traffic: self.traffic, access, held, clock, stop };
        let outcome = match eye.look(&notice).await? {
            Seen::LeftOut(why) => Outcome::LeftOut(why),
            Seen::Gone => Outcome::Gone,
            Seen::Unread(gaps) => Outcome::Unread(gaps),
            Seen::Judged(judged) => {
                let Judged { scan, raw, changed } = *judged;
                let tags = &settings.ledger.count_by_tags;
                let record = |ledger: &mut doorward_ledger::Ledger, lease: &doorward_ledger::Lease| {
                    ledger.record_look(lease, scan.without_history(), &raw, tags)
                };
                let (recorded, history) = held.write(record).map_err(written)?;
                let report = scan.with_history(history);
                let published = match self.publish {
                    true => {
                        let balancers = &report.load_balancers;
                        let renderer =
                            sinks::renderer(&settings.publish, register, &settings.policy, balancers, changed);
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
                Outcome::Judged(Box::new(tell::Told { report, arn: raw.arn, recorded, published, notified }))
            }
        };
        Ok(EventLine::of(notice, repeat, outcome, &settings.report))
    }
}

/// Does something that may last longer than a lease.
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

/// Whether a verdict is worth a line of its own.
fn matters(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Fail { .. } | Verdict::Unknown { .. } | Verdict::Excepted { .. })
}
