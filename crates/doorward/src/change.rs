//! `doorward plan`, `apply`, `rollback` and `verify-change`. Modes are changed only through a plan.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};

use doorward_change::{
    ChangeResult, Goal, Insistence, Plan, PlanRequest, RenderedChange, SkipReason, Snippet, plan, render_plan,
    render_summary,
};
use doorward_model::{Arn, LoadBalancer, Mode};
use doorward_rules::Requirement;
use jiff::Timestamp;

use crate::cli::{
    ApplyArguments, ChangeRunArguments, Cli, ListFormat, PlanArguments, RollbackArguments, VerifyChangeArguments,
};
use crate::exit::{Exit, Failure};
use crate::io::answer;
use crate::io::runtime;
use crate::places::Places;
use crate::plain::harmless;
use crate::scan_source::AssembledScan;
use crate::settings::Settings;
use crate::traffic;

mod clients;
mod file;
mod journal;
mod runner;

pub(crate) use file::write;
pub(crate) use runner::ChangeRunner;

/// Runs `doorward plan`.
pub(crate) fn make_plan(cli: &Cli, arguments: &PlanArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let ledger = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    let mut places = Places::of(&settings);
    places.keep_source(&ledger, arguments.from.as_deref(), arguments.traffic.as_deref());
    places.file("--out", &arguments.out);
    let beside = arguments.out.with_extension("md");
    if beside != arguments.out {
        places.file("--out", &beside);
    }
    places.check()?;
    file::check_target(&arguments.out)?;
    let found = arguments.traffic.as_deref().map(traffic::saved).transpose()?;
    let mut source = AssembledScan::with_traffic(arguments.from.as_deref(), &settings, &ledger, found.as_ref())?;
    let now = crate::clock::now();
    source.warn_of_age(&settings, now);
    // The age of the traffic evidence was checked when the scan was made; a plan acts on it now.
    traffic::expire_all(&mut source.report.load_balancers, &settings.traffic, now);
    let goal = match (arguments.to, arguments.from_advice) {
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
    let known = |arn: &Arn| source.report.load_balancers.iter().any(|lb| lb.arn == *arn);
    if let Some(arn) = request.load_balancers.iter().chain(request.insisted.keys()).find(|arn| !known(arn)) {
        return Err(Failure::new(Exit::Usage, format!("{arn} is not among the load balancers of the scan")));
    }
    let plan = plan_for(&source, &request, &settings, now);
    let outdated = plan.skipped.iter().filter(|skip| skip.reason == SkipReason::Outdated);
    if let Some(first) = outdated.clone().next().filter(|_| outdated.count() == plan.considered) {
        let problem =
            format!("no plan was written: no reading of {} is recent enough. {}", source.report.run.id, first.because);
        return Err(Failure::new(Exit::Usage, problem));
    }
    write(&arguments.out, &plan)?;
    if !cli.quiet {
        answer(&harmless(&render_plan(&plan, &arguments.out)))?;
    }
    use SkipReason::{DemandUnknown, ManagerUnknown, ModeUnknown, Outdated};
    let unknown = |reason| matches!(reason, ModeUnknown | DemandUnknown | ManagerUnknown | Outdated);
    Ok(if plan.skipped.iter().any(|skip| unknown(skip.reason)) { Exit::Coverage } else { Exit::Clean })
}

/// Makes a plan by the policy that the scan was judged by.
pub(crate) fn plan_for(source: &AssembledScan, request: &PlanRequest, settings: &Settings, made: Timestamp) -> Plan {
    let required = |lb: &LoadBalancer| Requirement::of(lb, source.policy()).certain();
    plan(&source.report, &required, &patch, request, &settings.change.run_settings(), made)
}

/// How to set a mode in the code that manages a load balancer, as a sentence and as texts to paste. If code declares it and it has no
/// other sign of a manager, there is no text to paste: the declaration is to be changed.
fn patch(lb: &LoadBalancer, mode: Mode) -> (String, Vec<Snippet>) {
    let managed = lb.managed_by.known().is_some();
    let declared = lb.declared.as_deref().map(|declared| match declared.place() {
        Some(place) if !place.way.is_empty() => format!("It is declared at {place}. {} {mode}.", place.way),
        _ => format!("It is declared at {declared}. Set the mode to {mode} there."),
    });
    let remedy = match declared {
        Some(declared) if managed => format!("{declared} {}", doorward_rules::set_mode_instructions(lb, mode)),
        Some(declared) => return (declared, Vec::new()),
        None => doorward_rules::set_mode_instructions(lb, mode),
    };
    let snippets = doorward_sink_owners::snippets(lb, mode).into_iter().map(|snippet| Snippet {
        dialect: snippet.dialect.to_owned(),
        language: snippet.language.to_owned(),
        code: snippet.code,
    });
    (remedy, snippets.collect())
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
    file::check_review(path, arguments.reviewed.as_deref(), &plan)?;
    if let Some(hash) = arguments.hash.as_ref().filter(|hash| !hash.eq_ignore_ascii_case(&plan.digest)) {
        return Err(usage(format!("its hash is {}, not {hash}; this is not the plan that was reviewed", plan.digest)));
    }
    let runner = ChangeRunner::new(&settings, &arguments.run, cli.quiet)?;
    if arguments.dry_run {
        let rendered = runtime()?.block_on(runner.dry_run(&plan))?;
        return show(&rendered, arguments.run.format);
    }
    if plan.steps.is_empty() {
        return Err(usage("the plan contains no change for `doorward apply`".to_owned()));
    }
    let question = format!("{}Change {} load balancers?", render_summary(&plan), plan.steps.len());
    match (arguments.run.yes, arguments.hash.is_some() || arguments.reviewed.is_some()) {
        (true, false) => {
            let problem = "--yes requires --hash with the hash of the reviewed plan, or --reviewed with its Markdown";
            return Err(usage(problem.to_owned()));
        }
        (true, true) => {}
        (false, _) => ask(&question, plan.digest.get(..8).unwrap_or_default())?,
    }
    let watch = arguments.watch.map(|span| span.0);
    let rendered = runtime()?.block_on(runner.apply(plan, watch))?;
    show(&rendered, arguments.run.format)
}

/// Runs `doorward rollback`.
pub(crate) fn rollback(cli: &Cli, arguments: &RollbackArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let runner = ChangeRunner::new(&settings, &arguments.run, cli.quiet)?;
    let state = runner.state(&arguments.change)?;
    if !arguments.run.yes {
        let ours = state.plan().steps.iter().filter(|s| state.step_state(&s.target.arn).may_be_ours()).count();
        let id = &state.plan().id;
        ask(&format!("Restore the previous modes of {ours} load balancers of {id}?"), "yes")?;
    }
    let rendered = runtime()?.block_on(runner.roll_back(&state.plan().id, &arguments.reason))?;
    show(&rendered, arguments.run.format)
}

/// Runs `doorward verify-change`.
pub(crate) fn verify_change(cli: &Cli, arguments: &VerifyChangeArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let own = ChangeRunArguments { yes: true, by: None, ledger: arguments.ledger.clone(), format: arguments.format };
    let runner = ChangeRunner::new(&settings, &own, cli.quiet)?;
    let rendered = match &arguments.change {
        Some(change) => runtime()?.block_on(runner.verify(&runner.state(change)?))?,
        None => runner.list()?,
    };
    show(&rendered, arguments.format)
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
        ListFormat::Table => answer(&harmless(&rendered.text))?,
        ListFormat::Json => {
            let text = serde_json::to_string_pretty(&rendered.json);
            answer(&(text.map_err(|e| Failure::new(Exit::Internal, e.to_string()))? + "\n"))?
        }
    };
    Ok(match rendered.result {
        ChangeResult::Good => Exit::Clean,
        ChangeResult::Bad => Exit::Change,
        ChangeResult::Unknown => Exit::Coverage,
    })
}
