//! `doorward plan`, `apply`, `rollback` and `verify-change`: modes are changed by plan, and by nothing else.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use doorward_change::{
    Applied, Applying, ChangeState, Goal, Insistence, Plan, PlanOrder, RollingBack, SkipReason, Snippet, Step, Time,
    markdown, plan, verify,
};
use doorward_core::access::{Access, Emulator};
use doorward_core::{Clock, Stop};
use doorward_model::{Arn, LoadBalancer, Mode};
use doorward_rules::Requirement;
use doorward_traffic::{CallLimits, Source as Traffic};
use jiff::Timestamp;

use crate::answer;
use crate::cli::{
    ApplyArguments, Cli, HandArguments, ListFormat, PlanArguments, RollbackArguments, VerifyChangeArguments,
};
use crate::exit::{Exit, Failure};
use crate::held::Held;
use crate::memory::{self, Memory, RENEWAL, failed};
use crate::plain::harmless;
use crate::publish::Source;
use crate::scan::runtime;
use crate::settings::Settings;
use crate::stopping::{self, Signal};
use crate::traffic::{Found, Reaches, Roles};

mod doors;
mod journal;
mod settings;
mod tell;

use doors::{Meters, Modes};
use journal::LedgerJournal;
pub(crate) use journal::{changes, maker};
pub(crate) use settings::ChangeSettings;
pub(crate) use tell::summary;

/// Runs `doorward plan`.
pub(crate) fn make_plan(cli: &Cli, arguments: &PlanArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let ledger = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    let found = arguments.traffic.as_deref().map(Found::read).transpose()?;
    let source = Source::with_traffic(arguments.from.as_deref(), &settings, &ledger, found.as_ref())?;
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
    let plan = plan_for(&source, &order, &settings, crate::clock::now());
    write(&arguments.out, &plan)?;
    if !cli.quiet {
        answer(&harmless(&tell::planned(&plan, &arguments.out)))?;
    }
    let unknown =
        |reason| matches!(reason, SkipReason::ModeUnknown | SkipReason::DemandUnknown | SkipReason::ManagerUnknown);
    Ok(if plan.skipped.iter().any(|skip| unknown(skip.reason)) { Exit::Coverage } else { Exit::Clean })
}

/// The plan for an order, by the policy that the scan was judged by.
pub(crate) fn plan_for(source: &Source, order: &PlanOrder, settings: &Settings, made: Timestamp) -> Plan {
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
        Some(declared) if managed => format!("{declared} {}", doorward_rules::how_to_set(lb, mode)),
        Some(declared) => return (declared, Vec::new()),
        None => doorward_rules::how_to_set(lb, mode),
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

/// Writes the plan for programs, and beside it for people.
pub(crate) fn write(path: &Path, plan: &Plan) -> Result<(), Failure> {
    let failed = |path: &Path, e: std::io::Error| Failure::writing(&path.display().to_string(), &e);
    let text = plan.text().map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
    std::fs::write(path, text).map_err(|e| failed(path, e))?;
    let beside = path.with_extension("md");
    std::fs::write(&beside, markdown(plan)).map_err(|e| failed(&beside, e))
}

/// Runs `doorward apply`.
pub(crate) fn apply(cli: &Cli, arguments: &ApplyArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let path = &arguments.plan;
    let usage = |problem: String| Failure::new(Exit::Usage, format!("{}: {problem}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| usage(format!("the plan cannot be read: {e}")))?;
    let plan = Plan::read(&text).map_err(|e| usage(e.to_string()))?;
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
    match (arguments.hand.yes, &arguments.hash) {
        (true, None) => {
            let problem = "--yes needs --hash with the hash of the plan that was reviewed, because nobody is asked";
            return Err(usage(problem.to_owned()));
        }
        (true, Some(_)) => {}
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

/// Who changes, with what, and where it is remembered.
pub(crate) struct Hand<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) ledger: std::path::PathBuf,
    pub(crate) by: Option<String>,
    pub(crate) quiet: bool,
    pub(crate) emulator: Option<Emulator>,
    pub(crate) clock: Clock,
    pub(crate) time: Time,
}

impl<'a> Hand<'a> {
    fn new(settings: &'a Settings, arguments: &HandArguments, quiet: bool) -> Result<Self, Failure> {
        let ledger = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
        let clock: Clock = crate::clock::system();
        let time = Time::new(clock.clone(), Arc::new(|length| Box::pin(tokio::time::sleep(length))));
        Ok(Self { settings, ledger, by: arguments.by.clone(), quiet, emulator: None, clock, time })
    }

    /// Where a change stands, by its id or the beginning of it.
    fn state(&self, change: &str) -> Result<ChangeState, Failure> {
        let ledger = memory::read_only(&self.ledger)?;
        let all = ledger.journal_changes().map_err(failed)?;
        let usage = |problem: String| Failure::new(Exit::Usage, format!("{}: {problem}", self.ledger.display()));
        let mut fitting = all.iter().filter(|(id, _)| !change.is_empty() && id.starts_with(change));
        let (id, _) = fitting.next().ok_or_else(|| {
            let listed = "`doorward verify-change` without an argument lists them";
            usage(format!("there is no change {change:?}; {listed}"))
        })?;
        if let Some((other, _)) = fitting.next() {
            return Err(usage(format!("{change:?} may be {id} or {other}; write more of it")));
        }
        journal::state(&ledger, id)?.ok_or_else(|| usage(format!("the plan of {id} is gone")))
    }

    async fn enter(&self, stop: &Stop, signal: &Signal) -> Result<Arc<Access>, Failure> {
        let (access, calls) = (self.settings.access.clone(), self.settings.calls.clone());
        let access = Access::connect(access, calls, self.clock.clone(), self.emulator.as_ref(), stop).await;
        Ok(Arc::new(access.map_err(|error| signal.or(error.into()))?))
    }

    fn modes(&self, access: &Arc<Access>) -> Modes {
        Modes::new(access.clone(), self.settings.change.purpose())
    }

    fn meters(&self, access: &Arc<Access>) -> Meters {
        let limits = CallLimits { tries: self.settings.calls.tries, ..CallLimits::default() };
        let roles = Roles::new(access.clone(), Reaches::of_metrics(&self.settings.traffic));
        Meters { source: Traffic::new(roles, limits), clock: self.clock.clone() }
    }

    /// Who it is: the person, if one was named, and always the identity.
    fn name(&self, access: &Access) -> String {
        match &self.by {
            Some(name) => format!("{name} ({})", access.identity()),
            None => access.identity().to_string(),
        }
    }

    /// Applies a plan from where its change stands.
    pub(crate) async fn apply(&self, plan: Plan, watch: Option<std::time::Duration>) -> Result<Told, Failure> {
        let (stop, signal) = stopping::listen(std::time::Duration::MAX);
        let access = self.enter(&stop, &signal).await?;
        let held = self.hold().await?;
        let text = plan.text().map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
        let (id, now) = (plan.id.clone(), (self.clock)());
        held.write(|ledger, lease| ledger.journal_open(lease, &id, &text, now)).map_err(unwritten)?;
        let before = held.with(|ledger| journal::state(ledger, &id))?;
        let state = before.unwrap_or_else(|| ChangeState::of(plan, []));
        let (modes, meters, journal) = (self.modes(&access), self.meters(&access), LedgerJournal(held.clone()));
        let progress = |step: &Step, state: &ChangeState| self.say(step, state);
        let manner = self.settings.change.manner();
        let applying = Applying {
            front: &modes,
            journal: &journal,
            gauge: &meters,
            settings: &manner,
            time: &self.time,
            by: self.name(&access),
            watch,
            progress: &progress,
        };
        let applied = self.until_stopped(&held, applying.run(state), &stop, &signal).await;
        drop(journal);
        held.release()?;
        Ok(tell::applied(&applied?))
    }

    /// Rolls a change back.
    pub(crate) async fn roll_back(&self, change: &str, because: &str) -> Result<Told, Failure> {
        let (stop, signal) = stopping::listen(std::time::Duration::MAX);
        let access = self.enter(&stop, &signal).await?;
        let held = self.hold().await?;
        let gone = || Failure::new(Exit::Usage, format!("the plan of {change} is gone"));
        let state = held.with(|ledger| journal::state(ledger, change))?.ok_or_else(gone)?;
        let (modes, journal) = (self.modes(&access), LedgerJournal(held.clone()));
        let progress = |step: &Step, state: &ChangeState| self.say(step, state);
        let rolling = RollingBack {
            front: &modes,
            journal: &journal,
            time: &self.time,
            by: self.name(&access),
            because: because.to_owned(),
            progress: &progress,
        };
        let applied = self.until_stopped(&held, rolling.run(state), &stop, &signal).await;
        drop(journal);
        held.release()?;
        Ok(tell::rolled_back(&applied?))
    }

    /// Reads every mode again, and says what applying would do. Writes nothing anywhere.
    async fn rehearse(&self, plan: &Plan) -> Result<Told, Failure> {
        let (stop, signal) = stopping::listen(self.settings.scan.deadline.0);
        let access = self.enter(&stop, &signal).await?;
        let (modes, manner) = (self.modes(&access), self.settings.change.manner());
        let lines = doorward_change::rehearse(plan, &modes, &manner, &self.time).await;
        Ok(tell::rehearsed(plan, &lines))
    }

    /// Looks at a change again. Changes nothing.
    async fn verify(&self, state: &ChangeState) -> Result<Told, Failure> {
        let (stop, signal) = stopping::listen(self.settings.scan.deadline.0);
        let access = self.enter(&stop, &signal).await?;
        let (modes, meters) = (self.modes(&access), self.meters(&access));
        let manner = self.settings.change.manner();
        let verified = verify(state, &modes, &meters, &manner, &self.time).await;
        Ok(tell::verified(state, &verified))
    }

    /// Every change that the ledger knows.
    fn list(&self) -> Result<Told, Failure> {
        let ledger = memory::read_only(&self.ledger)?;
        let mut states = Vec::new();
        for (id, at) in ledger.journal_changes().map_err(failed)? {
            states.extend(journal::state(&ledger, &id)?.map(|state| (at, state)));
        }
        Ok(tell::listed(&states))
    }

    async fn hold(&self) -> Result<Held, Failure> {
        let mut memory = Memory::at(&self.ledger, &self.settings.ledger, &self.clock)?;
        memory.wait_for_turn().await?;
        Held::writing(memory, self.clock.clone())
    }

    /// Runs until the end or until it is stopped, and holds on to the ledger meanwhile: nobody else changes or scans.
    async fn until_stopped(
        &self,
        held: &Held,
        run: impl Future<Output = Result<Applied, doorward_change::JournalError>>,
        stop: &Stop,
        signal: &Signal,
    ) -> Result<Applied, Failure> {
        let mut run = std::pin::pin!(run);
        let mut renewal = tokio::time::interval(RENEWAL);
        loop {
            tokio::select! {
                done = &mut run => return done.map_err(|e| Failure::new(Exit::Change, e.to_string())),
                gap = stop.stopped("elasticloadbalancing:ModifyLoadBalancerAttributes") => {
                    let exit = signal.exit().unwrap_or(Exit::Change);
                    let next = "the journal says where everything stands; the same command goes on from there";
                    return Err(Failure::new(exit, format!("stopped: {gap}; {next}")));
                }
                _ = renewal.tick() => held.write(|_, _| Ok(())).map_err(unwritten)?,
            }
        }
    }

    /// One line for each load balancer, as it comes.
    fn say(&self, step: &Step, state: &ChangeState) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr(), "{}", harmless(&tell::line(step, state)));
        }
    }
}

fn unwritten(problem: String) -> Failure {
    Failure::new(Exit::Change, format!("the change journal could not be written: {problem}"))
}
