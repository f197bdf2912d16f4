//! Runs changes: connects to AWS, checks that the plan is for this organization, holds the lease of the ledger, and applies the plan.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use doorward_change::{
    Applied, ApplyRun, ChangeState, HomeOrganization, Plan, RenderedChange, RollbackRun, Step, Time, dry_run,
    render_applied, render_changes, render_dry_run, render_rolled_back, render_step, render_verified, verify,
};
use doorward_core::access::{Access, Emulator};
use doorward_core::discover::{Members, members};
use doorward_core::{Clock, Stop};
use doorward_model::{AccountId, Observed};
use doorward_rules::exceptions::Register;
use doorward_traffic::Source as Traffic;

use super::clients::{ChangeRoleClient, CloudWatchMetrics, Judgement};
use super::journal::LedgerJournal;
use crate::attribution;
use crate::cli::ChangeRunArguments;
use crate::exit::{Exit, Failure};
use crate::leased_ledger::{self, LeasedLedger};
use crate::plain::harmless;
use crate::scan_recorder::{RENEWAL, ScanRecorder};
use crate::settings::Settings;
use crate::signals::{self, Signal};
use crate::traffic::Reaches;

/// Runs changes with settings, exceptions and a ledger.
pub(crate) struct ChangeRunner<'a> {
    pub(crate) settings: &'a Settings,
    /// The exceptions by which a load balancer is judged before it is changed.
    pub(crate) register: Register,
    pub(crate) ledger: std::path::PathBuf,
    pub(crate) by: Option<String>,
    pub(crate) quiet: bool,
    pub(crate) emulator: Option<Emulator>,
    pub(crate) clock: Clock,
    pub(crate) time: Time,
}

impl<'a> ChangeRunner<'a> {
    pub(super) fn new(settings: &'a Settings, arguments: &ChangeRunArguments, quiet: bool) -> Result<Self, Failure> {
        let ledger = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
        let clock: Clock = crate::clock::system();
        let time = Time::new(clock.clone());
        let register = settings.exceptions.read()?.register()?;
        Ok(Self { settings, register, ledger, by: arguments.by.clone(), quiet, emulator: None, clock, time })
    }

    /// The state of a change, by its id or a prefix of it.
    pub(super) fn state(&self, change: &str) -> Result<ChangeState, Failure> {
        let ledger = leased_ledger::read_only(&self.ledger)?;
        let all = ledger.journal_changes()?;
        let usage = |problem: String| Failure::new(Exit::Usage, format!("{}: {problem}", self.ledger.display()));
        let mut fitting = all.iter().filter(|(id, _)| !change.is_empty() && id.starts_with(change));
        let (id, _) = fitting.next().ok_or_else(|| {
            let listed = "`doorward verify-change` without an argument lists them";
            usage(format!("there is no change {change:?}; {listed}"))
        })?;
        if let Some((other, _)) = fitting.next() {
            return Err(usage(format!("{change:?} may be {id} or {other}; use a longer prefix")));
        }
        attribution::state(&ledger, id)?.ok_or_else(|| usage(format!("the ledger has no plan of {id}")))
    }

    async fn connect(&self, stop: &Stop, signal: &Signal) -> Result<Arc<Access>, Failure> {
        let (access, calls) = (self.settings.access.clone(), self.settings.calls.clone());
        let access = Access::connect(access, calls, self.clock.clone(), self.emulator.as_ref(), stop).await;
        Ok(Arc::new(access.map_err(|error| signal.or(error.into()))?))
    }

    /// Reads the organization of the base identity, and refuses a plan for another one. No role is assumed before that, and none is assumed
    /// later in an account outside the organization.
    async fn check_organization(
        &self,
        plan: &Plan,
        access: &Access,
        stop: &Stop,
        signal: &Signal,
    ) -> Result<Arc<Members>, Failure> {
        let wanted: BTreeSet<AccountId> = plan.steps.iter().map(|step| step.target.account.clone()).collect();
        let members = members(access, &self.settings.discover(), &wanted, stop).await;
        let members = members.map_err(|error| signal.or(error.into()))?;
        let organization = match &members.organization {
            Observed::Known(organization) => Some(organization.clone()),
            Observed::Absent => None,
            Observed::Unread(gap) => {
                let problem =
                    format!("the organization of these credentials could not be read: {gap}; no request was sent");
                return Err(Failure::new(Exit::Preflight, problem));
            }
        };
        let (partition, account) = (access.partition().to_owned(), access.account().clone());
        match plan.foreign(&HomeOrganization { partition, account, organization }) {
            Some(because) => Err(Failure::new(Exit::Usage, format!("{}: {because}; no request was sent", plan.id))),
            None => Ok(Arc::new(members)),
        }
    }

    fn client(&self, access: &Arc<Access>, members: &Arc<Members>) -> ChangeRoleClient<'_> {
        ChangeRoleClient {
            access: access.clone(),
            aws: access.provider(self.settings.change.purpose()),
            members: members.clone(),
            judgement: Judgement { settings: self.settings, register: &self.register, clock: self.clock.clone() },
        }
    }

    fn metrics(&self, access: &Arc<Access>, members: &Arc<Members>) -> CloudWatchMetrics {
        let provider = Reaches::of_metrics(&self.settings.traffic).provider(access);
        CloudWatchMetrics { source: Traffic::new(provider), members: members.clone(), clock: self.clock.clone() }
    }

    /// The AWS identity, with the name of the person if one was given.
    fn name(&self, access: &Access) -> String {
        match &self.by {
            Some(name) => format!("{name} ({})", access.identity()),
            None => access.identity().to_string(),
        }
    }

    /// Applies a plan from the state of its change.
    pub(crate) async fn apply(
        &self,
        plan: Plan,
        watch: Option<std::time::Duration>,
    ) -> Result<RenderedChange, Failure> {
        let (stop, signal) = signals::listen(std::time::Duration::MAX);
        let access = self.connect(&stop, &signal).await?;
        let members = self.check_organization(&plan, &access, &stop, &signal).await?;
        let held = self.hold().await?;
        let text = plan.text().map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
        let (id, now) = (plan.id.clone(), (self.clock)());
        held.write(|ledger, lease| ledger.journal_open(lease, &id, &text, now)).map_err(unwritten)?;
        let before = held.with(|ledger| attribution::state(ledger, &id))?;
        let state = before.unwrap_or_else(|| ChangeState::of(plan, []));
        let (client, metrics) = (self.client(&access, &members), self.metrics(&access, &members));
        let journal = LedgerJournal(held.clone());
        let progress = |step: &Step, state: &ChangeState| self.show(step, state);
        let settings = self.settings.change.run_settings();
        let applying = ApplyRun {
            client: &client,
            journal: &journal,
            metrics: &metrics,
            settings: &settings,
            time: &self.time,
            by: self.name(&access),
            watch,
            progress: &progress,
        };
        let applied = self.until_stopped(&held, applying.run(state), &stop, &signal).await;
        drop(journal);
        held.release()?;
        Ok(render_applied(&applied?))
    }

    /// Rolls a change back.
    pub(crate) async fn roll_back(&self, change: &str, because: &str) -> Result<RenderedChange, Failure> {
        let (stop, signal) = signals::listen(std::time::Duration::MAX);
        let access = self.connect(&stop, &signal).await?;
        let gone = || Failure::new(Exit::Usage, format!("the ledger has no plan of {change}"));
        let plan = self.state(change)?.plan().clone();
        let members = self.check_organization(&plan, &access, &stop, &signal).await?;
        let held = self.hold().await?;
        let state = held.with(|ledger| attribution::state(ledger, change))?.ok_or_else(gone)?;
        let (client, journal) = (self.client(&access, &members), LedgerJournal(held.clone()));
        let progress = |step: &Step, state: &ChangeState| self.show(step, state);
        let rolling = RollbackRun {
            client: &client,
            journal: &journal,
            time: &self.time,
            by: self.name(&access),
            because: because.to_owned(),
            progress: &progress,
        };
        let applied = self.until_stopped(&held, rolling.run(state), &stop, &signal).await;
        drop(journal);
        held.release()?;
        Ok(render_rolled_back(&applied?))
    }

    /// Reads every mode again, and reports what applying would do. Writes nothing.
    pub(super) async fn dry_run(&self, plan: &Plan) -> Result<RenderedChange, Failure> {
        let (stop, signal) = signals::listen(self.settings.scan.deadline.0);
        let access = self.connect(&stop, &signal).await?;
        let members = self.check_organization(plan, &access, &stop, &signal).await?;
        let (client, settings) = (self.client(&access, &members), self.settings.change.run_settings());
        let results = dry_run(plan, &client, &settings, &self.time).await;
        Ok(render_dry_run(plan, &results))
    }

    /// Verifies a change. Changes nothing.
    pub(super) async fn verify(&self, state: &ChangeState) -> Result<RenderedChange, Failure> {
        let (stop, signal) = signals::listen(self.settings.scan.deadline.0);
        let access = self.connect(&stop, &signal).await?;
        let members = self.check_organization(state.plan(), &access, &stop, &signal).await?;
        let (client, metrics) = (self.client(&access, &members), self.metrics(&access, &members));
        let settings = self.settings.change.run_settings();
        let verified = verify(state, &client, &metrics, &settings, &self.time).await;
        Ok(render_verified(state, &verified))
    }

    /// Every change in the ledger.
    pub(super) fn list(&self) -> Result<RenderedChange, Failure> {
        let ledger = leased_ledger::read_only(&self.ledger)?;
        let mut states = Vec::new();
        for (id, at) in ledger.journal_changes()? {
            states.extend(attribution::state(&ledger, &id)?.map(|state| (at, state)));
        }
        Ok(render_changes(&states))
    }

    async fn hold(&self) -> Result<LeasedLedger, Failure> {
        let mut memory = ScanRecorder::at(&self.ledger, &self.settings.ledger, &self.clock)?;
        memory.wait_for_turn().await?;
        LeasedLedger::writing(memory, self.clock.clone())
    }

    /// Runs until the end or until it is stopped, and renews the lease of the ledger meanwhile, so that no other process changes or scans.
    async fn until_stopped(
        &self,
        held: &LeasedLedger,
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
                    let next = "the journal has the state of every step; the same command continues from it";
                    return Err(Failure::new(exit, format!("stopped: {gap}; {next}")));
                }
                _ = renewal.tick() => held.write(|_, _| Ok(())).map_err(unwritten)?,
            }
        }
    }

    /// Shows one line for each load balancer as it is changed.
    fn show(&self, step: &Step, state: &ChangeState) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr(), "{}", harmless(&render_step(step, state)));
        }
    }
}

fn unwritten(problem: String) -> Failure {
    Failure::new(Exit::Change, format!("the change journal could not be written: {problem}"))
}
