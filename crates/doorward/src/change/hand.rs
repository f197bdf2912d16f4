//! The hand that changes modes: enters AWS, makes sure that the plan is of this organization, holds the ledger, and carries it out.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use doorward_change::{Applied, Applying, ChangeState, Home, Plan, RollingBack, Step, Time, verify};
use doorward_core::access::{Access, Emulator};
use doorward_core::discover::{Members, members};
use doorward_core::{Clock, Stop};
use doorward_model::{AccountId, Observed};
use doorward_rules::exceptions::Register;
use doorward_traffic::{CallLimits, Source as Traffic};

use super::doors::{Meters, Modes, Today};
use super::journal::LedgerJournal;
use super::{Told, tell};
use crate::attribution;
use crate::cli::HandArguments;
use crate::exit::{Exit, Failure};
use crate::leased_ledger::{self, LeasedLedger};
use crate::plain::harmless;
use crate::scan_recorder::{RENEWAL, ScanRecorder};
use crate::settings::Settings;
use crate::signals::{self, Signal};
use crate::traffic::{Reaches, Roles};

/// Who changes, with what, and where it is remembered.
pub(crate) struct Hand<'a> {
    pub(crate) settings: &'a Settings,
    /// The exceptions that a load balancer is judged by before it is changed.
    pub(crate) register: Register,
    pub(crate) ledger: std::path::PathBuf,
    pub(crate) by: Option<String>,
    pub(crate) quiet: bool,
    pub(crate) emulator: Option<Emulator>,
    pub(crate) clock: Clock,
    pub(crate) time: Time,
}

impl<'a> Hand<'a> {
    pub(super) fn new(settings: &'a Settings, arguments: &HandArguments, quiet: bool) -> Result<Self, Failure> {
        let ledger = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
        let clock: Clock = crate::clock::system();
        let time = Time::new(clock.clone(), Arc::new(|length| Box::pin(tokio::time::sleep(length))));
        let register = settings.exceptions.read()?.register()?;
        Ok(Self { settings, register, ledger, by: arguments.by.clone(), quiet, emulator: None, clock, time })
    }

    /// Where a change stands, by its id or the beginning of it.
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
            return Err(usage(format!("{change:?} may be {id} or {other}; write more of it")));
        }
        attribution::state(&ledger, id)?.ok_or_else(|| usage(format!("the plan of {id} is gone")))
    }

    async fn enter(&self, stop: &Stop, signal: &Signal) -> Result<Arc<Access>, Failure> {
        let (access, calls) = (self.settings.access.clone(), self.settings.calls.clone());
        let access = Access::connect(access, calls, self.clock.clone(), self.emulator.as_ref(), stop).await;
        Ok(Arc::new(access.map_err(|error| signal.or(error.into()))?))
    }

    /// Learns which organization the base identity belongs to, and refuses a plan of another one. No role has been assumed before that, and
    /// none is assumed later in an account that is not in the organization.
    async fn belong(
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
                    format!("which organization these credentials are of could not be read: {gap}; nothing was sent");
                return Err(Failure::new(Exit::Preflight, problem));
            }
        };
        let (partition, account) = (access.partition().to_owned(), access.account().clone());
        match plan.foreign(&Home { partition, account, organization }) {
            Some(because) => Err(Failure::new(Exit::Usage, format!("{}: {because}; nothing was sent", plan.id))),
            None => Ok(Arc::new(members)),
        }
    }

    fn modes(&self, access: &Arc<Access>, members: &Arc<Members>) -> Modes<'_> {
        Modes {
            access: access.clone(),
            members: members.clone(),
            purpose: self.settings.change.purpose(),
            today: Today { settings: self.settings, register: &self.register, clock: self.clock.clone() },
            sessions: Mutex::default(),
        }
    }

    fn meters(&self, access: &Arc<Access>, members: &Arc<Members>) -> Meters {
        let limits = CallLimits { tries: self.settings.calls.tries, ..CallLimits::default() };
        let roles = Roles::new(access.clone(), Reaches::of_metrics(&self.settings.traffic));
        Meters { source: Traffic::new(roles, limits), members: members.clone(), clock: self.clock.clone() }
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
        let (stop, signal) = signals::listen(std::time::Duration::MAX);
        let access = self.enter(&stop, &signal).await?;
        let members = self.belong(&plan, &access, &stop, &signal).await?;
        let held = self.hold().await?;
        let text = plan.text().map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
        let (id, now) = (plan.id.clone(), (self.clock)());
        held.write(|ledger, lease| ledger.journal_open(lease, &id, &text, now)).map_err(unwritten)?;
        let before = held.with(|ledger| attribution::state(ledger, &id))?;
        let state = before.unwrap_or_else(|| ChangeState::of(plan, []));
        let (modes, meters) = (self.modes(&access, &members), self.meters(&access, &members));
        let journal = LedgerJournal(held.clone());
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
        let (stop, signal) = signals::listen(std::time::Duration::MAX);
        let access = self.enter(&stop, &signal).await?;
        let gone = || Failure::new(Exit::Usage, format!("the plan of {change} is gone"));
        let plan = self.state(change)?.plan().clone();
        let members = self.belong(&plan, &access, &stop, &signal).await?;
        let held = self.hold().await?;
        let state = held.with(|ledger| attribution::state(ledger, change))?.ok_or_else(gone)?;
        let (modes, journal) = (self.modes(&access, &members), LedgerJournal(held.clone()));
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
    pub(super) async fn rehearse(&self, plan: &Plan) -> Result<Told, Failure> {
        let (stop, signal) = signals::listen(self.settings.scan.deadline.0);
        let access = self.enter(&stop, &signal).await?;
        let members = self.belong(plan, &access, &stop, &signal).await?;
        let (modes, manner) = (self.modes(&access, &members), self.settings.change.manner());
        let lines = doorward_change::rehearse(plan, &modes, &manner, &self.time).await;
        Ok(tell::rehearsed(plan, &lines))
    }

    /// Looks at a change again. Changes nothing.
    pub(super) async fn verify(&self, state: &ChangeState) -> Result<Told, Failure> {
        let (stop, signal) = signals::listen(self.settings.scan.deadline.0);
        let access = self.enter(&stop, &signal).await?;
        let members = self.belong(state.plan(), &access, &stop, &signal).await?;
        let (modes, meters) = (self.modes(&access, &members), self.meters(&access, &members));
        let manner = self.settings.change.manner();
        let verified = verify(state, &modes, &meters, &manner, &self.time).await;
        Ok(tell::verified(state, &verified))
    }

    /// Every change that the ledger knows.
    pub(super) fn list(&self) -> Result<Told, Failure> {
        let ledger = leased_ledger::read_only(&self.ledger)?;
        let mut states = Vec::new();
        for (id, at) in ledger.journal_changes()? {
            states.extend(attribution::state(&ledger, &id)?.map(|state| (at, state)));
        }
        Ok(tell::listed(&states))
    }

    async fn hold(&self) -> Result<LeasedLedger, Failure> {
        let mut memory = ScanRecorder::at(&self.ledger, &self.settings.ledger, &self.clock)?;
        memory.wait_for_turn().await?;
        LeasedLedger::writing(memory, self.clock.clone())
    }

    /// Runs until the end or until it is stopped, and holds on to the ledger meanwhile: nobody else changes or scans.
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
