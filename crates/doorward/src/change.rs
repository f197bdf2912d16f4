//! `doorward plan`, `apply`, `rollback` and `verify-change`. Modes are changed only through a plan.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use doorward_apply::{ApplyError, ChangeRunner, check_review, check_target, make_plan, write_plan};
use doorward_assemble::{Criteria, GivenEvidence};
use doorward_aws::{Stop, Time};
use doorward_change::{
    ChangeResult, Goal, Insistence, Plan, PlanRequest, RenderedChange, SkipReason, render_plan, render_summary,
};
use doorward_core::normalize::NormalizeSettings;
use doorward_model::{Arn, counted};
use doorward_rules::exceptions::Register;

use crate::cli::{
    ApplyArguments, ChangeRunArguments, Cli, ListFormat, PlanArguments, RollbackArguments, VerifyChangeArguments,
};
use crate::exit::{Exit, Failure};
use crate::io::{answer_json, answer_text, log, notices, runtime};
use crate::plain::harmless;
use crate::scan_source::AssembledScan;
use crate::settings::Settings;
use crate::signals;
use crate::traffic;

/// Runs `doorward plan`.
pub(crate) fn run_plan(cli: &Cli, arguments: &PlanArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let ledger = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    let mut places = settings.places();
    places.keep_source(&ledger, arguments.from.as_deref(), arguments.traffic.as_deref());
    places.file("--out", &arguments.out);
    let beside = arguments.out.with_extension("md");
    if beside != arguments.out {
        places.file("--out", &beside);
    }
    places.check()?;
    check_target(&arguments.out)?;
    let found = arguments.traffic.as_deref().map(traffic::saved).transpose()?;
    let now = crate::clock::now();
    let given = GivenEvidence {
        traffic: found.as_ref().map(|found| (found, settings.traffic.advice_rules())),
        acts_at: Some((now, settings.traffic.maximum_age_days)),
        ..GivenEvidence::default()
    };
    let source = AssembledScan::with(arguments.from.as_deref(), &settings, &ledger, given)?;
    source.warn_of_age(&settings, now);
    let goal = match (arguments.to, arguments.from_advice) {
        _ if arguments.drop_invalid => Goal::DropInvalidHeaders,
        (Some(mode), _) => Goal::Mode(mode),
        (None, true) => Goal::Advice,
        (None, false) => Goal::Required,
    };
    let mut request = PlanRequest::new(goal);
    request.owners.clone_from(&arguments.owners);
    request.accounts.clone_from(&arguments.accounts);
    request.regions.clone_from(&arguments.regions);
    request.load_balancers.clone_from(&arguments.load_balancers);
    request.lower = arguments.lower;
    request.insisted = insisted(arguments);
    if let Some((flag, given, known)) = request.unmatched(&source.report) {
        return Err(Failure::unknown(flag, &given, &known));
    }
    let known = |arn: &Arn| source.report.load_balancers.iter().any(|lb| lb.arn == *arn);
    if let Some(arn) = request.load_balancers.iter().chain(request.insisted.keys()).find(|arn| !known(arn)) {
        return Err(Failure::new(Exit::Usage, format!("{arn} is not among the load balancers of the scan")));
    }
    let plan = make_plan(&source.report, &source.policy, &request, &settings.change, now);
    let outdated = plan.skipped.iter().filter(|skip| skip.reason == SkipReason::Outdated);
    if let Some(first) = outdated.clone().next().filter(|_| outdated.count() == plan.considered) {
        let problem =
            format!("no plan was written: no reading of {} is recent enough. {}", source.report.run.id, first.because);
        return Err(Failure::new(Exit::Usage, problem));
    }
    write_plan(&arguments.out, &plan)?;
    if !cli.quiet {
        answer_text(&render_plan(&plan, &arguments.out))?;
    }
    use SkipReason::{DemandUnknown, HeadersUnknown, ManagerUnknown, ModeUnknown, Outdated, OwnerUnknown};
    let unknown = |reason| {
        matches!(reason, ModeUnknown | HeadersUnknown | DemandUnknown | ManagerUnknown | Outdated | OwnerUnknown)
    };
    Ok(if plan.skipped.iter().any(|skip| unknown(skip.reason)) { Exit::Coverage } else { Exit::Clean })
}

fn insisted(arguments: &PlanArguments) -> BTreeMap<Arn, Insistence> {
    let mut insisted: BTreeMap<Arn, Insistence> = BTreeMap::new();
    for reasoned in &arguments.insist {
        insisted.entry(reasoned.arn.clone()).or_default().without_evidence = Some(reasoned.reason.clone());
    }
    for reasoned in &arguments.over_manager {
        insisted.entry(reasoned.arn.clone()).or_default().over_manager = Some(reasoned.reason.clone());
    }
    insisted
}

/// Runs `doorward apply`.
pub(crate) fn apply(cli: &Cli, arguments: &ApplyArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let path = &arguments.plan;
    let usage = |problem: String| Failure::new(Exit::Usage, format!("{}: {problem}", path.display()));
    let text = doorward_file::input::text(path).map_err(|e| usage(format!("the plan cannot be read: {e}")))?;
    let plan = Plan::read(&text).map_err(|e| usage(e.to_string()))?;
    drop(text);
    check_review(path, arguments.reviewed.as_deref(), &plan)?;
    if let Some(hash) = arguments.hash.as_ref().filter(|hash| !hash.eq_ignore_ascii_case(&plan.digest)) {
        return Err(usage(format!("its hash is {}, not {hash}; this is not the plan that was reviewed", plan.digest)));
    }
    let job = ChangeJob::new(&settings, &arguments.run, cli.quiet)?;
    let runner = job.runner();
    let watch = arguments.watch.map(|span| span.0);
    if arguments.dry_run {
        let rendered = until_stopped(settings.scan.deadline.0, async |stop| runner.dry_run(&plan, watch, stop).await)?;
        return show(&rendered, arguments.run.format);
    }
    if plan.steps.is_empty() {
        return Err(usage("the plan contains no change for `doorward apply`".to_owned()));
    }
    let question = format!("{}Change {}?", render_summary(&plan), counted(plan.steps.len(), "load balancer"));
    match (arguments.run.yes, arguments.hash.is_some() || arguments.reviewed.is_some()) {
        (true, false) => {
            let problem = "--yes requires --hash with the hash of the reviewed plan, or --reviewed with its Markdown";
            return Err(usage(problem.to_owned()));
        }
        (true, true) => {}
        (false, _) => ask(&question, plan.digest.get(..8).unwrap_or_default())?,
    }
    let rendered = until_stopped(Duration::MAX, async |stop| runner.apply(plan, watch, stop).await)?;
    show(&rendered, arguments.run.format)
}

/// Runs `doorward rollback`.
pub(crate) fn rollback(cli: &Cli, arguments: &RollbackArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let job = ChangeJob::new(&settings, &arguments.run, cli.quiet)?;
    let runner = job.runner();
    let state = runner.state(&arguments.change)?;
    if !arguments.run.yes {
        let ours = state.plan().steps.iter().filter(|s| state.step_state(&s.target.arn).may_be_ours()).count();
        let id = &state.plan().id;
        ask(&format!("Restore the previous modes of {} of {id}?", counted(ours, "load balancer")), "yes")?;
    }
    let (id, reason) = (&state.plan().id, &arguments.reason);
    let rendered = until_stopped(Duration::MAX, async |stop| runner.roll_back(id, reason, stop).await)?;
    show(&rendered, arguments.run.format)
}

/// Runs `doorward verify-change`.
pub(crate) fn verify_change(cli: &Cli, arguments: &VerifyChangeArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let own = ChangeRunArguments { yes: true, by: None, ledger: arguments.ledger.clone(), format: arguments.format };
    let job = ChangeJob::new(&settings, &own, cli.quiet)?;
    let runner = job.runner();
    let rendered = match &arguments.change {
        Some(change) => {
            let state = runner.state(change)?;
            until_stopped(settings.scan.deadline.0, async |stop| runner.verify(&state, stop).await)?
        }
        None => runner.list()?,
    };
    show(&rendered, arguments.format)
}

/// What the commands that run a plan have in common.
struct ChangeJob<'a> {
    settings: &'a Settings,
    arguments: &'a ChangeRunArguments,
    register: Register,
    normalize: NormalizeSettings,
    ledger: std::path::PathBuf,
    progress: fn(&str),
}

impl<'a> ChangeJob<'a> {
    fn new(settings: &'a Settings, arguments: &'a ChangeRunArguments, quiet: bool) -> Result<Self, Failure> {
        let ledger = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
        let register = settings.exceptions.read()?.register()?;
        let progress: fn(&str) = if quiet { |_| {} } else { |line| log(&harmless(line)) };
        Ok(Self { settings, arguments, register, normalize: settings.normalize(), ledger, progress })
    }

    fn runner(&self) -> ChangeRunner<'_> {
        let clock = crate::clock::system();
        ChangeRunner {
            by: Criteria { normalize: &self.normalize, policy: &self.settings.policy, register: &self.register },
            ledger: self.ledger.clone(),
            person: self.arguments.by.clone(),
            emulator: None,
            time: Time::new(clock.clone()),
            clock,
            progress: &self.progress,
            access: &self.settings.access,
            calls: &self.settings.calls,
            discover: self.settings.discover(),
            change: &self.settings.change,
            traffic: &self.settings.traffic,
            recorder: self.settings.ledger.recorder(),
            notices: notices(),
        }
    }
}

/// Runs a change until it ends, or a signal or the deadline stops it.
fn until_stopped(
    deadline: Duration,
    run: impl AsyncFnOnce(&Stop) -> Result<RenderedChange, ApplyError>,
) -> Result<RenderedChange, Failure> {
    runtime()?.block_on(async {
        let (stop, signal) = signals::listen(deadline);
        run(&stop).await.map_err(|error| match error {
            ApplyError::Access(_) | ApplyError::Discover(_) | ApplyError::Stopped(_) => signal.or(error.into()),
            error => error.into(),
        })
    })
}

/// Asks for confirmation on the terminal: a word has to be typed.
fn ask(question: &str, word: &str) -> Result<(), Failure> {
    let refused = |problem: &str| Failure::new(Exit::Usage, problem);
    if !std::io::stdin().is_terminal() {
        return Err(refused(
            "stdin is not a terminal; review the plan and pass --yes (for apply, also --hash or --reviewed)",
        ));
    }
    let _ = write!(std::io::stderr(), "{}\nType {word} to continue: ", harmless(question));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|e| refused(&format!("the answer cannot be read: {e}")))?;
    if line.trim() == word { Ok(()) } else { Err(refused("not confirmed; no mode was changed")) }
}

/// Prints the result, and gives its exit code.
fn show(rendered: &RenderedChange, format: ListFormat) -> Result<Exit, Failure> {
    match format {
        ListFormat::Table => answer_text(&rendered.text)?,
        ListFormat::Json => answer_json(&rendered.json)?,
    };
    Ok(match rendered.result {
        ChangeResult::Good => Exit::Clean,
        ChangeResult::Bad => Exit::Change,
        ChangeResult::Unknown => Exit::Coverage,
    })
}
