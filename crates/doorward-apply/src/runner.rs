//! Runs changes: connects to AWS, checks that the plan is for this organization, holds the lease of the ledger, and applies the plan.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use doorward_assemble::{Criteria, Notices, RENEWAL, RecorderSettings, ScanRecorder, attribution};
use doorward_aws::access::{AccessSettings, Emulator};
use doorward_aws::settings::CallSettings;
use doorward_aws::{Access, Clock, Purpose, Stop, Time};
use doorward_change::{
    Applied, ApplyRun, ChangeSettings, ChangeState, HomeOrganization, JournalError, Plan, RenderedChange, RollbackRun,
    Step, dry_run, render_applied, render_changes, render_dry_run, render_rolled_back, render_step, render_verified,
    smallest_losses, verify,
};
use doorward_core::actions::change_role_grants;
use doorward_core::discover::{DiscoverSettings, Members, members};
use doorward_ledger::{LeasedLedger, Ledger};
use doorward_model::{AccountId, Observed};
use doorward_traffic::{Reaches, Source, TrafficSettings};

use crate::ApplyError;
use crate::blocked_logs::BlockedLogs;
use crate::change_clients::{ChangeRoleClient, CloudWatchMetrics, Judgement};
use crate::ledger_journal::LedgerJournal;

/// Runs changes with settings, exceptions and a ledger.
pub struct ChangeRunner<'a> {
    /// How sessions are opened.
    pub access: &'a AccessSettings,
    /// How calls are made.
    pub calls: &'a CallSettings,
    /// The scope.
    pub discover: DiscoverSettings,
    /// How changes are made.
    pub change: &'a ChangeSettings,
    /// The role that reads metrics.
    pub traffic: &'a TrafficSettings,
    /// The criteria by which a load balancer is judged before it is changed.
    pub by: Criteria<'a>,
    /// The ledger with the journal.
    pub ledger: PathBuf,
    /// How the ledger is opened.
    pub recorder: RecorderSettings,
    /// The name of the person who changes modes, if one was given.
    pub person: Option<String>,
    /// An emulated organization, for the demo.
    pub emulator: Option<Emulator>,
    /// The clock.
    pub clock: Clock,
    /// The same with pauses.
    pub time: Time,
    /// Where notices go.
    pub notices: Notices,
    /// Where the line of each step goes. Text from outside is in it as it was received.
    pub progress: &'a (dyn Fn(&str) + Sync),
}

impl ChangeRunner<'_> {
    /// The state of a change, by its id or a prefix of it.
    ///
    /// # Errors
    /// When the ledger cannot be read, or no change or several have the prefix.
    pub fn state(&self, change: &str) -> Result<ChangeState, ApplyError> {
        let ledger = Ledger::open_read_only(&self.ledger).map_err(ApplyError::NoLedger)?;
        let all = ledger.journal_changes()?;
        let (path, given) = (|| self.ledger.clone(), || change.to_owned());
        let mut fitting = all.iter().filter(|(id, _)| !change.is_empty() && id.starts_with(change));
        let unknown = || ApplyError::UnknownChange { ledger: path(), change: given() };
        let (id, _) = fitting.next().ok_or_else(unknown)?;
        if let Some((other, _)) = fitting.next() {
            let (one, other) = (id.clone(), other.clone());
            return Err(ApplyError::AmbiguousChange { ledger: path(), change: given(), one, other });
        }
        attribution::state(&ledger, id)?.ok_or_else(|| self.no_plan(id))
    }

    fn no_plan(&self, change: &str) -> ApplyError {
        ApplyError::NoPlan { ledger: self.ledger.clone(), change: change.to_owned() }
    }

    async fn connect(&self, stop: &Stop) -> Result<Arc<Access>, ApplyError> {
        let (access, calls) = (self.access.clone(), self.calls.clone());
        let access = Access::connect(access, calls, self.clock.clone(), self.emulator.as_ref(), stop).await;
        Ok(Arc::new(access?))
    }

    /// Reads the organization of the base identity, and refuses a plan for another one. No role is assumed before that, and none is assumed
    /// later in an account outside the organization.
    async fn check_organization(&self, plan: &Plan, access: &Access, stop: &Stop) -> Result<Arc<Members>, ApplyError> {
        let wanted: BTreeSet<AccountId> = plan.steps.iter().map(|step| step.target.account.clone()).collect();
        let members = members(access, &self.discover, &wanted, stop).await?;
        let organization = match &members.organization {
            Observed::Known(organization) => Some(organization.clone()),
            Observed::Absent => None,
            Observed::Unread(gap) => return Err(ApplyError::OrganizationUnread(Box::new(gap.as_ref().clone()))),
        };
        let (partition, account) = (access.partition().to_owned(), access.account().clone());
        match plan.foreign(&HomeOrganization { partition, account, organization }) {
            Some(because) => Err(ApplyError::Foreign { plan: plan.id.clone(), because }),
            None => Ok(Arc::new(members)),
        }
    }

    fn client(&self, access: &Arc<Access>, members: &Arc<Members>) -> ChangeRoleClient<'_> {
        ChangeRoleClient {
            access: access.clone(),
            aws: access.provider(Purpose {
                role_name: self.change.role_name.clone(),
                external_id: self.change.external_id.clone(),
                grants: change_role_grants(),
            }),
            members: members.clone(),
            judgement: Judgement { by: self.by, clock: self.clock.clone() },
        }
    }

    fn metrics(&self, access: &Arc<Access>, members: &Arc<Members>) -> CloudWatchMetrics<'_> {
        let provider = Reaches::of_metrics(self.traffic).provider(access);
        CloudWatchMetrics {
            source: Source::new(provider),
            members: members.clone(),
            clock: self.clock.clone(),
            logs: BlockedLogs { access: access.clone(), traffic: self.traffic },
        }
    }

    /// The AWS identity, with the name of the person if one was given.
    fn name(&self, access: &Access) -> String {
        match &self.person {
            Some(name) => format!("{name} ({})", access.identity()),
            None => access.identity().to_string(),
        }
    }

    /// Applies a plan from the state of its change.
    ///
    /// # Errors
    /// When there is no access, the plan is of another organization, or the ledger cannot be used.
    pub async fn apply(&self, plan: Plan, watch: Option<Duration>, stop: &Stop) -> Result<RenderedChange, ApplyError> {
        let access = self.connect(stop).await?;
        let members = self.check_organization(&plan, &access, stop).await?;
        let held = self.hold().await?;
        let text = plan.text()?;
        let (id, now) = (plan.id.clone(), (self.clock)());
        held.write(|ledger, lease| ledger.journal_open(lease, &id, &text, now)).map_err(ApplyError::Unwritten)?;
        let before = held.read(|ledger| attribution::state(ledger, &id))?;
        let state = before.unwrap_or_else(|| ChangeState::of(plan, []));
        let (client, metrics) = (self.client(&access, &members), self.metrics(&access, &members));
        let journal = LedgerJournal(held.clone());
        let progress = |step: &Step, state: &ChangeState| self.show(step, state);
        let applying = ApplyRun {
            client: &client,
            journal: &journal,
            metrics: &metrics,
            settings: self.change,
            time: &self.time,
            by: self.name(&access),
            watch,
            progress: &progress,
        };
        let applied = self.until_stopped(&held, applying.run(state), stop).await;
        drop(journal);
        held.release()?;
        Ok(render_applied(&applied?))
    }

    /// Rolls a change back.
    ///
    /// # Errors
    /// When there is no access, the plan is of another organization, or the ledger cannot be used.
    pub async fn roll_back(&self, change: &str, because: &str, stop: &Stop) -> Result<RenderedChange, ApplyError> {
        let access = self.connect(stop).await?;
        let plan = self.state(change)?.plan().clone();
        let members = self.check_organization(&plan, &access, stop).await?;
        let held = self.hold().await?;
        let state = held.read(|ledger| attribution::state(ledger, change))?.ok_or_else(|| self.no_plan(change))?;
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
        let applied = self.until_stopped(&held, rolling.run(state), stop).await;
        drop(journal);
        held.release()?;
        Ok(render_rolled_back(&applied?))
    }

    /// Reads every mode again, and reports what applying would do; for a watch also the smallest loss that it can show. Writes nothing.
    ///
    /// # Errors
    /// When there is no access, the plan is of another organization, or the ledger cannot be used.
    pub async fn dry_run(
        &self,
        plan: &Plan,
        watch: Option<Duration>,
        stop: &Stop,
    ) -> Result<RenderedChange, ApplyError> {
        let access = self.connect(stop).await?;
        let members = self.check_organization(plan, &access, stop).await?;
        let client = self.client(&access, &members);
        let results = dry_run(plan, &client, self.change, &self.time).await;
        let losses = match watch {
            Some(length) => {
                smallest_losses(plan, &self.metrics(&access, &members), self.change, length, &self.time).await
            }
            None => Vec::new(),
        };
        Ok(render_dry_run(plan, &results, &losses))
    }

    /// Verifies a change. Changes nothing.
    ///
    /// # Errors
    /// When there is no access, the plan is of another organization, or the ledger cannot be used.
    pub async fn verify(&self, state: &ChangeState, stop: &Stop) -> Result<RenderedChange, ApplyError> {
        let access = self.connect(stop).await?;
        let members = self.check_organization(state.plan(), &access, stop).await?;
        let (client, metrics) = (self.client(&access, &members), self.metrics(&access, &members));
        let verified = verify(state, &client, &metrics, self.change, &self.time).await;
        Ok(render_verified(state, &verified))
    }

    /// Every change in the ledger.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn list(&self) -> Result<RenderedChange, ApplyError> {
        let ledger = Ledger::open_read_only(&self.ledger).map_err(ApplyError::NoLedger)?;
        let mut states = Vec::new();
        for (id, at) in ledger.journal_changes()? {
            states.extend(attribution::state(&ledger, &id)?.map(|state| (at, state)));
        }
        Ok(render_changes(&states))
    }

    async fn hold(&self) -> Result<LeasedLedger, ApplyError> {
        let recorder = ScanRecorder::open(&self.ledger, self.recorder.clone(), &self.clock, self.notices.clone())?;
        Ok(recorder.into_leased().await?)
    }

    /// Runs until the end or until it is stopped, and renews the lease of the ledger meanwhile, so that no other process changes or scans.
    async fn until_stopped(
        &self,
        held: &LeasedLedger,
        run: impl Future<Output = Result<Applied, JournalError>>,
        stop: &Stop,
    ) -> Result<Applied, ApplyError> {
        let mut run = std::pin::pin!(run);
        let mut renewal = tokio::time::interval(RENEWAL);
        loop {
            tokio::select! {
                done = &mut run => return Ok(done?),
                gap = stop.stopped("elasticloadbalancing:ModifyLoadBalancerAttributes") => {
                    return Err(ApplyError::Stopped(Box::new(gap)));
                }
                _ = renewal.tick() => held.renew().map_err(ApplyError::Unwritten)?,
            }
        }
    }

    /// Shows one line for each load balancer as it is changed.
    fn show(&self, step: &Step, state: &ChangeState) {
        (self.progress)(&render_step(step, state));
    }
}
