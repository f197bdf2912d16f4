//! One run of the doctor: the organization is discovered, a scan of it rehearsed, and traffic and Security Hub are probed.

use doorward_aws::access::RoleOverride;
use doorward_aws::{Access, Stop, WayInLine};
use doorward_core::collect::CollectSettings;
use doorward_core::discover::{DiscoverError, DiscoverSettings, KnownOrganization, ScanPlan};
use doorward_core::normalize::NormalizeSettings;
use doorward_core::{discover, normalize, run_of};
use doorward_ledger::Preflight;
use doorward_model::{Inventory, Policy, Run, UnmatchedSetting};
use doorward_sink_securityhub::PublishSettings;
use doorward_traffic::{Reaches, Source, TrafficSettings, key, log_bucket};
use jiff::Timestamp;

use super::{
    Diagnosis, PlacedGap, Stage, TrafficPlan, TrafficProbe, of_scan, optional_permissions, probe_security_hub,
    probe_traffic, rehearse_scan,
};

/// The parts to examine, with their settings.
pub struct Examination<'a> {
    /// The way to AWS.
    pub access: &'a Access,
    /// The roles that other accounts are entered with.
    pub overrides: &'a [RoleOverride],
    /// The discovery settings of a scan.
    pub discover: DiscoverSettings,
    /// The collection settings of a scan.
    pub collect: CollectSettings,
    /// How tags are read.
    pub normalize: NormalizeSettings,
    /// The policy, whose accounts and organizational units should exist.
    pub policy: &'a Policy,
    /// Organizational units that the owner settings name.
    pub owner_ous: Vec<String>,
    /// The organizations of the newest recorded scans.
    pub known: Vec<KnownOrganization>,
    /// Whether the permissions of a scan are examined.
    pub scan: bool,
    /// The settings of traffic, if it is examined.
    pub traffic: Option<&'a TrafficSettings>,
    /// The settings of publishing, if it is examined.
    pub publish: Option<&'a PublishSettings>,
}

/// The progress of an examination.
pub trait ExaminationObserver: Sync {
    /// Accounts entered, of all.
    fn entered(&self, done: usize, all: usize);
    /// The organization is known; some of what the settings name was not found in it.
    fn discovered(&self, unmatched: &[UnmatchedSetting]);
    /// Account-Regions read, of all.
    fn read(&self, done: usize, all: usize);
}

impl Examination<'_> {
    /// Reads from AWS. `way_in` is how AWS is called, `ledger` whether a scan could be recorded. The second value is whether the reading
    /// was interrupted.
    ///
    /// # Errors
    ///
    /// The organization cannot be discovered.
    pub async fn run(
        self,
        (way_in, ledger): (Vec<WayInLine>, Option<Result<Preflight, String>>),
        started: Timestamp,
        stop: &Stop,
        observer: &dyn ExaminationObserver,
    ) -> Result<(Diagnosis, bool), DiscoverError> {
        let (inventory, optional) = self.rehearse(started, stop, observer).await?;
        let interrupted = inventory.run.interrupted;
        let scan = normalize(inventory, &self.normalize);
        let mut gaps = of_scan(&scan, self.access);
        gaps.extend(optional);
        let at = started;
        let (security_hub, traffic, requests, seconds) = (None, None, 0, 0);
        let mut diagnosis = Diagnosis { at, way_in, scan, security_hub, traffic, gaps, ledger, requests, seconds };
        let (traffic, security_hub) =
            tokio::join!(self.probe_traffic(&diagnosis, stop), self.probe_security_hub(&diagnosis, stop));
        if let Some((probe, gaps)) = traffic {
            diagnosis.traffic = Some(probe);
            diagnosis.gaps.extend(gaps);
        }
        if let Some((count, gaps)) = security_hub {
            diagnosis.security_hub = Some(count);
            diagnosis.gaps.extend(gaps);
        }
        if !self.scan {
            diagnosis.gaps.retain(|gap| !matches!(gap.stage, Stage::Scan | Stage::Optional));
        }
        diagnosis.requests = self.access.requests();
        diagnosis.seconds = (self.access.clock)().duration_since(started).as_secs();
        Ok((diagnosis, interrupted || stop.is_stopped()))
    }

    /// Discovers the organization and rehearses a scan of it.
    async fn rehearse(
        &self,
        started: Timestamp,
        stop: &Stop,
        observer: &dyn ExaminationObserver,
    ) -> Result<(Inventory, Vec<PlacedGap>), DiscoverError> {
        let access = self.access;
        let entered = |done, all| observer.entered(done, all);
        let plan = discover(access, &self.discover, &self.known, stop, &entered).await?;
        let unmatched = self.unmatched(&plan);
        observer.discovered(&unmatched);
        let all = plan.targets.len();
        let read = |done| observer.read(done, all);
        let read = rehearse_scan(access, self.collect, plan.targets.clone(), stop, &read).await;
        let mut cells = plan.settled;
        cells.extend(read);
        let interrupted = cells.iter().any(|cell| stop.left_out(cell));
        let optional = match self.scan && !interrupted {
            true => optional_permissions(access, self.collect, &plan.accounts, &cells, &plan.targets, stop).await,
            false => Vec::new(),
        };
        let run = Run { id: "doctor".to_owned(), interrupted, unmatched, ..run_of(access, started) };
        let (organization, accounts, accounts_listing) = (plan.organization, plan.accounts, plan.accounts_listing);
        Ok((Inventory { run, organization, accounts, accounts_listing, cells }, optional))
    }

    /// Entries of the settings that were not found.
    fn unmatched(&self, plan: &ScanPlan) -> Vec<UnmatchedSetting> {
        let mut unmatched = plan.unmatched_with(self.overrides);
        for (n, rule) in self.policy.rules.iter().enumerate() {
            unmatched.extend(plan.unmatched_in(&format!("policy.rules.{n}.accounts"), &rule.accounts, &[]));
            unmatched.extend(plan.unmatched_in(&format!("policy.rules.{n}.ous"), &[], &rule.ous));
        }
        unmatched.extend(plan.unmatched_in("owner.ous", &[], &self.owner_ous));
        unmatched
    }

    async fn probe_traffic(&self, diagnosis: &Diagnosis, stop: &Stop) -> Option<(TrafficProbe, Vec<PlacedGap>)> {
        let settings = self.traffic?;
        let load_balancers: Vec<_> =
            diagnosis.scan.load_balancers.iter().filter(|lb| lb.kind.can_parse_http()).collect();
        let source = Source::new(Reaches::of_logs(settings, &load_balancers).provider(self.access));
        let mut plan = TrafficPlan::new(settings.role(), settings.log_account.clone());
        load_balancers.into_iter().for_each(|lb| plan.add(lb, key(lb), log_bucket(lb)));
        Some(probe_traffic(&source, plan, self.access, stop, &self.access.clock).await)
    }

    async fn probe_security_hub(&self, diagnosis: &Diagnosis, stop: &Stop) -> Option<(usize, Vec<PlacedGap>)> {
        let publish = self.publish?;
        let security_hubs = publish.security_hubs(&diagnosis.scan.load_balancers);
        let purpose = publish.purpose();
        let aws = self.access.provider(purpose.clone()).with_share(publish.share_of_quotas);
        let gaps = probe_security_hub(&aws, &security_hubs, &purpose, self.access, stop).await;
        Some((security_hubs.len(), gaps))
    }
}
