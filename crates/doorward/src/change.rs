//! `doorward plan`, `apply`, `rollback` and `verify-change`: modes are changed by plan, and by nothing else.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};

use doorward_change::{Goal, Insistence, Plan, PlanOrder, SkipReason, Snippet, plan};
use doorward_model::{Arn, LoadBalancer, Mode};
use doorward_rules::Requirement;
use jiff::Timestamp;

use crate::cli::{
    ApplyArguments, Cli, HandArguments, ListFormat, PlanArguments, RollbackArguments, VerifyChangeArguments,
};
use crate::exit::{Exit, Failure};
use crate::io::answer;
use crate::io::runtime;
use crate::places::Places;
use crate::plain::harmless;
use crate::scan_source::AssembledScan;
use crate::settings::Settings;
use crate::traffic::{self, Found};

mod doors;
mod file;
mod hand;
mod journal;
mod tell;

pub(crate) use file::write;
pub(crate) use hand::Hand;
pub(crate) use tell::summary;

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
    file::may_take(&arguments.out)?;
    let found = arguments.traffic.as_deref().map(Found::read).transpose()?;
    let mut source = AssembledScan::with_traffic(arguments.from.as_deref(), &settings, &ledger, found.as_ref())?;
    let now = crate::clock::now();
    source.warn_of_age(&settings, now);
    // The traffic was weighed when the scan was made; a plan acts on it now.
    traffic::expire_all(&mut source.report.load_balancers, &settings.traffic, now);
    let goal = match (arguments.to, arguments.from_advice) {
        (Some(mode), _) => Goal::Mode(mode),
        (None, true) => Goal::Advice,
        (None, false) => Goal::Required,
    };
    let mut order = PlanOrder::new(goal);
    order.owners.clone_from(&arguments.owners);
    order.accounts.clone_from(&arguments.accounts);
    order.regions.clone_from(&arguments.regions);
    order.balancers.clone_from(&arguments.balancers);
    order.lower = arguments.lower;
    order.insisted = insisted(arguments);
    let known = |arn: &Arn| source.report.load_balancers.iter().any(|lb| lb.arn == *arn);
    if let Some(arn) = order.balancers.iter().chain(order.insisted.keys()).find(|arn| !known(arn)) {
        return Err(Failure::new(Exit::Usage, format!("{arn} is not among the load balancers of the scan")));
    }
    let plan = plan_for(&source, &order, &settings, now);
    let outdated = plan.skipped.iter().filter(|skip| skip.reason == SkipReason::Outdated);
    if let Some(first) = outdated.clone().next().filter(|_| outdated.count() == plan.considered) {
        let problem =
            format!("no plan was written: of {} no reading is new enough. {}", source.report.run.id, first.because);
        return Err(Failure::new(Exit::Usage, problem));
    }
    write(&arguments.out, &plan)?;
    if !cli.quiet {
        answer(&harmless(&tell::planned(&plan, &arguments.out)))?;
    }
    use SkipReason::{DemandUnknown, ManagerUnknown, ModeUnknown, Outdated};
    let unknown = |reason| matches!(reason, ModeUnknown | DemandUnknown | ManagerUnknown | Outdated);
    Ok(if plan.skipped.iter().any(|skip| unknown(skip.reason)) { Exit::Coverage } else { Exit::Clean })
}

/// The plan for an order, by the policy that the scan was judged by.
pub(crate) fn plan_for(source: &AssembledScan, order: &PlanOrder, settings: &Settings, made: Timestamp) -> Plan {
    let required = |lb: &LoadBalancer| Requirement::of(lb, source.policy()).certain();
    plan(&source.report, &required, &patch, order, &settings.change.manner(), made)
}

/// The same as a sentence and as texts to paste. Where code declares what has no other sign of a manager, nothing is to be done
/// by hand.
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
    let text = crate::input::text(path).map_err(|e| usage(format!("the plan cannot be read: {e}")))?;
    let plan = Plan::read(&text).map_err(|e| usage(e.to_string()))?;
    drop(text);
    file::check_review(path, arguments.reviewed.as_deref(), &plan)?;
    if let Some(hash) = arguments.hash.as_ref().filter(|hash| !hash.eq_ignore_ascii_case(&plan.digest)) {
        return Err(usage(format!("its hash is {}, not {hash}; this is not the plan that was reviewed", plan.digest)));
    }
    let hand = Hand::new(&settings, &arguments.hand, cli.quiet)?;
    if arguments.dry_run {
        let told = runtime()?.block_on(hand.rehearse(&plan))?;
        return told.answer(arguments.hand.format);
    }
    if plan.steps.is_empty() {
        return Err(usage("nothing in it is to be changed by `doorward apply`".to_owned()));
    }
    let question = format!("{}Change {} load balancers?", tell::summary(&plan), plan.steps.len());
    match (arguments.hand.yes, arguments.hash.is_some() || arguments.reviewed.is_some()) {
        (true, false) => {
            let problem = "--yes needs --hash with the hash of the plan that was reviewed, or --reviewed with its text, because nobody is asked";
            return Err(usage(problem.to_owned()));
        }
        (true, true) => {}
        (false, _) => ask(&question, plan.digest.get(..8).unwrap_or_default())?,
    }
    let watch = arguments.watch.map(|span| span.0);
    let told = runtime()?.block_on(hand.apply(plan, watch))?;
    told.answer(arguments.hand.format)
}

/// Runs `doorward rollback`.
pub(crate) fn rollback(cli: &Cli, arguments: &RollbackArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let hand = Hand::new(&settings, &arguments.hand, cli.quiet)?;
    let state = hand.state(&arguments.change)?;
    if !arguments.hand.yes {
        let ours = state.plan().steps.iter().filter(|s| state.standing(&s.target.arn).may_be_ours()).count();
        let id = &state.plan().id;
        ask(&format!("Give {ours} load balancers of {id} the mode they had before?"), "yes")?;
    }
    let told = runtime()?.block_on(hand.roll_back(&state.plan().id, &arguments.reason))?;
    told.answer(arguments.hand.format)
}

/// Runs `doorward verify-change`.
pub(crate) fn verify_change(cli: &Cli, arguments: &VerifyChangeArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let own = HandArguments { yes: true, by: None, ledger: arguments.ledger.clone(), format: arguments.format };
    let hand = Hand::new(&settings, &own, cli.quiet)?;
    let told = match &arguments.change {
        Some(change) => runtime()?.block_on(hand.verify(&hand.state(change)?))?,
        None => hand.list()?,
    };
    told.answer(arguments.format)
}

/// Asks a person at the terminal, who has to type a word.
fn ask(question: &str, word: &str) -> Result<(), Failure> {
    let refused = |problem: &str| Failure::new(Exit::Usage, problem);
    if !std::io::stdin().is_terminal() {
        return Err(refused("nobody can be asked here: review it, then say --yes (apply: with --hash)"));
    }
    let _ = write!(std::io::stderr(), "{}\nType {word} to go on: ", harmless(question));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|e| refused(&format!("the answer cannot be read: {e}")))?;
    if line.trim() == word { Ok(()) } else { Err(refused("nothing was changed")) }
}

/// What is said at the end.
pub(crate) struct Told {
    pub(crate) text: String,
    pub(crate) json: serde_json::Value,
    pub(crate) exit: Exit,
}

impl Told {
    fn answer(&self, format: ListFormat) -> Result<Exit, Failure> {
        match format {
            ListFormat::Table => answer(&harmless(&self.text))?,
            ListFormat::Json => {
                let text = serde_json::to_string_pretty(&self.json);
                answer(&(text.map_err(|e| Failure::new(Exit::Internal, e.to_string()))? + "\n"))?
            }
        };
        Ok(self.exit)
    }
}
