//! `doorward scan`: connects the stages and hands the report to the sinks.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use doorward_rules::exceptions::Register;
use futures::StreamExt as _;
use jiff::Timestamp;

use doorward_core::access::{Access, Emulator};
use doorward_core::discover::Plan;
use doorward_core::normalize::NormalizeSettings;
use doorward_core::{Clock, Stop, collect, discover, evaluate, normalize};
use doorward_model::{Account, AccountId, Cell, Inputs, Inventory, Policy, Region, Run, ScanReport};

use crate::cli::{Cli, ScanArguments};
use crate::code::Code;
use crate::exit::{Exit, Failure};
use crate::memory::{self, Memory};
use crate::output::{Around, Format, Manner, SinkSettings, Sinks};
use crate::past::Past;
use crate::places::Places;
use crate::plain::harmless;
use crate::progress::Progress;
use crate::publish;
use crate::register::{self, Texts};
use crate::saved::{Remembered, Saving};
use crate::settings::{ReportSettings, Settings};
use crate::stopping::{self, Signal};
use crate::touched::Touched;
use crate::traffic::{self, TrafficByArn, TrafficEvidence, TrafficSettings};

/// Runs `doorward scan`.
pub(crate) fn run(cli: &Cli, arguments: &ScanArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &arguments.overrides())?;
    let traffic = arguments.traffic.as_deref().map(traffic::saved).transpose()?;
    let code = Code::read(&arguments.iac)?;
    let mut places = Places::of(&settings);
    places.keep_flag("--traffic", arguments.traffic.as_deref());
    code.iter().flat_map(Code::paths).for_each(|path| places.keep("a file of --iac", path));
    let order = Order {
        places,
        settings: &settings,
        formats: &Format::or_table(&arguments.output.formats),
        save: arguments.save.as_deref(),
        traffic: traffic.as_ref(),
        code: code.as_ref(),
        resume: arguments.resume,
        quiet: cli.quiet,
        emulator: None,
        clock: crate::clock::system(),
        stop: None,
    };
    if arguments.publish && !settings.ledger.enabled {
        let problem = "--publish needs the ledger, which remembers what was delivered; ledger.enabled is false";
        return Err(Failure::new(Exit::Usage, problem));
    }
    let runtime = runtime()?;
    let scanned = runtime.block_on(execute(order, cli.colour_on_stdout()))?;
    if !arguments.publish {
        return Ok(scanned.exit);
    }
    let (text, exit) = if scanned.recorded {
        let told = runtime.block_on(publish::recorded(&settings, &settings.ledger.path()?, crate::clock::system()))?;
        (told.text, scanned.exit.and(told.exit))
    } else {
        ("nothing is delivered to Security Hub: the scan was stopped before its end\n".to_owned(), scanned.exit)
    };
    let _ = write!(std::io::stderr(), "{}", crate::plain::harmless(&text));
    Ok(exit)
}

/// The one runtime of a command.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Exit::Internal, format!("the asynchronous runtime could not be started: {e}")))
}

/// What to scan, how, and where to.
pub(crate) struct Order<'a> {
    /// What no output may replace.
    pub(crate) places: Places,
    pub(crate) settings: &'a Settings,
    pub(crate) formats: &'a [Format],
    pub(crate) save: Option<&'a Path>,
    /// What the requests said, where that is known already.
    pub(crate) traffic: Option<&'a TrafficEvidence>,
    /// Where load balancers are declared, where files were given.
    pub(crate) code: Option<&'a Code>,
    /// Go on with the scan that was interrupted.
    pub(crate) resume: bool,
    /// No progress, no notices, no closing line.
    pub(crate) quiet: bool,
    pub(crate) emulator: Option<Emulator>,
    pub(crate) clock: Clock,
    /// What stops it; without it, signals and the settings' deadline do.
    pub(crate) stop: Option<Stop>,
}

/// How a scan ended.
pub(crate) struct Scanned {
    /// Its exit code.
    pub(crate) exit: Exit,
    /// Whether the ledger has it. One that was stopped is not recorded: the newest in the ledger is an older one then.
    pub(crate) recorded: bool,
}

/// Scans, judges, writes.
pub(crate) async fn execute(mut order: Order<'_>, colour: bool) -> Result<Scanned, Failure> {
    let settings = order.settings;
    let places = std::mem::take(&mut order.places);
    let sinks = Sinks::prepare(order.formats, &settings.sinks(), order.save, places)?;
    let texts = settings.exceptions.read()?;
    let register = texts.register()?;
    register::nothing_to_ask(&register, &settings.policy)?;
    let mut memory = Memory::open(&settings.ledger, &order.clock)?;
    let (inventory, stopped) = look(&order, memory.as_mut()).await?;
    let saving = order.save.map(|path| Saving::begin(path, &inventory, settings, &texts, stopped)).transpose();
    let rules = Judging { normalize: &settings.normalize(), policy: &settings.policy, register: &register };
    let touched = memory.as_ref().map_or_else(|| Ok(Touched::default()), Memory::touched)?;
    let said = order.traffic.map_or(Said::Nothing, |found| Said::Found(found, &settings.traffic));
    let mut report = judge(inventory, &rules, said, touched)?;
    locate(&mut report, order.code);
    let too_wide = register::notices(&register, &report, order.quiet);
    let kept = memory.is_some() && !report.run.interrupted;
    let (past, recorded) = match memory.map_or_else(|| Ok(Past::default()), |memory| memory.record(&mut report)) {
        Ok(past) => (past, Ok(())),
        Err(failure) => (Past::default(), Err(failure)),
    };
    let saved = saving.and_then(|saving| saving.map_or(Ok(()), |saving| saving.finish(&report, &past)));
    let around = Around {
        policy: &settings.policy,
        register: &register,
        past: &past,
        sinks: &settings.sinks(),
        settings: &settings.text,
        build: order.emulator.as_ref().map(|_| "the demo"),
    };
    let manner = Manner { colour, quiet: order.quiet };
    let judged = || too_wide.unwrap_or_else(|| Code::exit(order.code, Exit::of(&report, &settings.report)));
    let exit = stopped.unwrap_or_else(judged);
    let told = sinks.emit(&report, &around, exit, manner);
    // A scan that could not be saved or recorded is still reported; the failure comes last.
    saved.and(recorded).and(told).map(|()| Scanned { exit, recorded: kept })
}

/// A scan that was read back, with what it is judged by.
pub(crate) struct Again<'a> {
    pub(crate) inventory: Inventory,
    /// What its requests said.
    pub(crate) said: Said<'a>,
    /// Where load balancers are declared, where files were given.
    pub(crate) code: Option<&'a Code>,
    pub(crate) normalize: &'a NormalizeSettings,
    pub(crate) policy: &'a Policy,
    pub(crate) exceptions: &'a Texts,
    pub(crate) report: &'a ReportSettings,
    pub(crate) sinks: &'a SinkSettings,
    /// All settings, as text for evidence.
    pub(crate) settings: &'a str,
    /// What the ledger knew of its findings back then.
    pub(crate) remembered: Remembered,
    /// The signal that stopped the scan back then.
    pub(crate) stopped: Option<Exit>,
}

/// Judges and writes a scan that was read back.
pub(crate) fn render(cli: &Cli, mut again: Again<'_>, formats: &[Format], places: Places) -> Result<Exit, Failure> {
    let sinks = Sinks::prepare(&Format::or_table(formats), again.sinks, None, places)?;
    let register = again.exceptions.register()?;
    let rules = Judging { normalize: again.normalize, policy: again.policy, register: &register };
    let touched = again.remembered.touched();
    let mut report = judge(again.inventory, &rules, again.said, touched)?;
    let past = again.remembered.restore(&mut report);
    locate(&mut report, again.code);
    let too_wide = register::notices(&register, &report, cli.quiet);
    let manner = Manner { colour: cli.colour_on_stdout(), quiet: cli.quiet };
    let around = Around {
        policy: again.policy,
        register: &register,
        past: &past,
        sinks: again.sinks,
        settings: again.settings,
        build: None,
    };
    let judged = || too_wide.unwrap_or_else(|| Code::exit(again.code, Exit::of(&report, again.report)));
    let exit = again.stopped.unwrap_or_else(judged);
    sinks.emit(&report, &around, exit, manner)?;
    Ok(exit)
}

/// Says of each load balancer where it is declared, as far as the files that were given say.
fn locate(report: &mut ScanReport, code: Option<&Code>) {
    let Some(code) = code else { return };
    let mut declared = code.trace(&report.load_balancers);
    for lb in &mut report.load_balancers {
        lb.declared = declared.remove(&lb.arn);
    }
}

/// What is known of the requests.
pub(crate) enum Said<'a> {
    /// Nobody looked.
    Nothing,
    /// What was found, still to be weighed.
    Found(&'a TrafficEvidence, &'a TrafficSettings),
    /// As it was weighed when the scan was saved.
    Saved(TrafficByArn),
}

/// What a scan is judged by.
pub(crate) struct Judging<'a> {
    pub(crate) normalize: &'a NormalizeSettings,
    pub(crate) policy: &'a Policy,
    pub(crate) register: &'a Register,
}

/// Judges by the rules with their exceptions as they stood when the scan began: a saved scan says the same for ever. What is
/// known of the traffic, and what Doorward did to the modes, is joined first, as it stood then.
///
/// Fails where nothing would be asked: that is not a clean result.
pub(crate) fn judge(
    inventory: Inventory,
    by: &Judging<'_>,
    said: Said<'_>,
    mut touched: Touched,
) -> Result<ScanReport, Failure> {
    let at = inventory.run.started;
    // Where one load balancer of all was read, a rule is asked if a scan would ask it.
    let only = inventory.run.only.is_some();
    let changed = only && !touched.changes.is_empty();
    let mut scan = normalize(inventory, by.normalize);
    let mut said = match said {
        Said::Nothing => TrafficByArn::new(),
        Said::Found(found, settings) => traffic::of(found, &scan.load_balancers, settings, at),
        Said::Saved(said) => said,
    };
    for lb in &mut scan.load_balancers {
        lb.traffic = said.remove(&lb.arn);
        touched.join(lb);
    }
    let rules = register::rules(by.register, &scan.load_balancers, changed, at);
    let rules: Vec<_> = rules.iter().map(|rule| &**rule).collect();
    register::any_asked(&rules, by.policy)?;
    let mut report = evaluate(scan, &rules, by.policy);
    // Who looks at one alone has not looked for the others.
    if !only {
        report.changes_unfound = touched.changes;
    }
    Ok(report)
}

/// Judges what was kept of an earlier scan with what that scan was judged with: its traffic as it was weighed then, what was done
/// to modes, who set them, where they are declared.
pub(crate) fn judge_kept(inventory: Inventory, by: &Judging<'_>, inputs: Inputs) -> Result<ScanReport, Failure> {
    let Inputs { traffic, changes, edits, mut declared } = inputs;
    let mut report = judge(inventory, by, Said::Saved(traffic), Touched { changes, edits })?;
    for lb in &mut report.load_balancers {
        lb.declared = declared.remove(&lb.arn);
    }
    Ok(report)
}

/// Looks at the organization. The exit code is that of the signal that kept it from looking at everything, if one did.
async fn look(order: &Order<'_>, mut memory: Option<&mut Memory>) -> Result<(Inventory, Option<Exit>), Failure> {
    let settings = order.settings;
    let given = order.stop.clone().map(|stop| (stop, Signal::default()));
    let (stop, signal) = given.unwrap_or_else(|| stopping::listen(settings.scan.deadline.0));
    let started = (order.clock)();
    let (access, calls, clock) = (settings.access.clone(), settings.calls.clone(), order.clock.clone());
    let access = Access::connect(access, calls, clock, order.emulator.as_ref(), &stop);
    let access = access.await.map_err(|error| signal.or(error.into()))?;
    crate::clock::warn(access.clock_offset());

    let progress = Progress::start("accounts entered", order.quiet);
    let known = memory.as_deref().map_or_else(|| Ok(Vec::new()), Memory::known)?;
    let plan = discover(&access, &settings.discover(), &known, &stop, &|done, all| progress.at(done, all)).await;
    progress.finish();
    let plan = plan.map_err(|error| signal.or(error.into()))?;
    if !order.quiet {
        departed(&plan);
    }
    unmatched_units(settings, &plan.accounts);

    let mut run = run_of(&access, started);
    let mut cells: Vec<Cell> = Vec::new();
    if let Some(memory) = memory.as_deref_mut() {
        memory.wait_for_turn().await?;
        if let Some(before) = memory.begin(&run, &plan, settings, order.resume)? {
            (run, cells) = (before.run, before.cells);
        }
    }
    let Plan { organization, accounts, accounts_listing, mut targets, settled, departed: _ } = plan;
    let known: BTreeSet<(AccountId, Option<Region>)> =
        cells.iter().map(|c| (c.account.clone(), c.region.clone())).collect();
    targets.retain(|target| !known.contains(&(target.place.account.clone(), Some(target.place.region.clone()))));
    cells.extend(settled.into_iter().filter(|cell| !known.contains(&(cell.account.clone(), cell.region.clone()))));

    let progress = Progress::start("account-Regions read", order.quiet);
    let all = targets.len();
    cells.reserve(all);
    {
        let mut stream = std::pin::pin!(collect(&access, settings.collect, targets, &stop));
        let mut renewal = tokio::time::interval(memory::RENEWAL);
        let mut done = 0;
        loop {
            let cell = tokio::select! {
                cell = stream.next() => cell,
                _ = renewal.tick() => {
                    memory.as_deref_mut().map_or(Ok(()), Memory::renew)?;
                    continue;
                }
            };
            let Some(cell) = cell else { break };
            // What a stop kept from being read is no reading: a resume has to read it.
            if !stop.left_out(&cell) {
                memory.as_deref_mut().map_or(Ok(()), |memory| memory.keep(&cell))?;
            }
            cells.push(cell);
            done += 1;
            progress.at(done, all);
        }
    }
    progress.finish();
    tracing::info!(requests = access.requests(), "requests sent");
    cells.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
    memory.as_deref().map_or(Ok(()), |memory| memory.refresh(&mut cells, run.started))?;

    // A stop that came after the last answer stopped nothing.
    run.interrupted = cells.iter().any(|cell| stop.left_out(cell));
    run.finished = (order.clock)();
    let interrupted = run.interrupted;
    let inventory = Inventory { run, organization, accounts, accounts_listing, cells };
    // Anything amiss here is a fault of ours, not a finding.
    inventory.check().map_err(|problem| Failure::new(Exit::Internal, problem))?;
    memory.map_or(Ok(()), |memory| memory.collected(&inventory))?;
    Ok((inventory, signal.exit().filter(|_| interrupted)))
}

/// A run that begins now.
pub(crate) fn run_of(access: &Access, started: Timestamp) -> Run {
    Run {
        // To the microsecond: scans that begin together are still two.
        id: format!("{}-{}", started.strftime("%Y%m%dT%H%M%S.%6fZ"), access.account()),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        finished: started,
        caller: access.identity().clone(),
        account: access.account().clone(),
        partition: access.partition().to_owned(),
        home_region: access.home_region().clone(),
        clock_offset: access.clock_offset(),
        interrupted: false,
        only: None,
    }
}

/// Names the accounts that left the organization: what was found in them stays as it was, because nothing looks there any more.
fn departed(plan: &Plan) {
    for account in &plan.departed {
        let name = account.name.known().map(|name| format!(" ({})", harmless(name))).unwrap_or_default();
        let _ = writeln!(
            std::io::stderr(),
            "notice: account {}{name} was in the organization at the last scan and has left it: \
             organizations:DescribeAccount does not find it. It is not scanned, and its findings in the ledger stay as they are.",
            account.id
        );
    }
}

/// A unit that holds no account is most often a misspelt one, and a rule or exclude that silently does nothing.
pub(crate) fn unmatched_units(settings: &Settings, accounts: &[Account]) {
    if accounts.iter().any(|account| account.ou.known().is_none()) {
        return;
    }
    for (key, scope) in settings.unit_scopes() {
        if !accounts.iter().any(|account| account.ou.known().is_some_and(|ou| ou.is_within(scope))) {
            let _ = writeln!(std::io::stderr(), "warning: {key}: no account of the organization is within {scope:?}");
        }
    }
}
