//! Re-scans one load balancer: read as a scan reads it, judged as a scan judges it.

use doorward_core::access::Access;
use doorward_core::discover::{ScopeDecision, Single, enter_one};
use doorward_core::event::ModeChangeEvent;
use doorward_core::mode::Subject;
use doorward_core::pipeline::JudgedScan;
use doorward_core::{Clock, Stop, single};
use doorward_ledger::Ledger;
use doorward_model::{
    Account, AccountRegion, Arn, Gap, GapReason, Inputs, Inventory, Listing, Observed, Organization, RawLoadBalancer,
    ScanReport,
};
use doorward_rules::exceptions::Register;

use crate::attribution;
use crate::criteria::{Criteria, GivenEvidence, judge};
use crate::exit::{Exit, Failure};
use crate::leased_ledger::LeasedLedger;
use crate::scan::run_of;
use crate::scan_recorder;
use crate::settings::Settings;
use crate::traffic::TrafficEvidence;

/// The result of a re-scan.
pub(super) enum Rescanned {
    /// The settings exclude it, or it is outside the organization; nothing was read.
    OutOfScope(String),
    /// It does not exist any more.
    Gone,
    /// It could not be read.
    Unread(Vec<Gap>),
    /// It was read and judged.
    Judged(Box<JudgedLoadBalancer>),
}

/// A load balancer, read and judged.
pub(super) struct JudgedLoadBalancer {
    pub(super) scan: JudgedScan,
    pub(super) raw: RawLoadBalancer,
    /// Whether a change of Doorward's is known of any load balancer.
    pub(super) changed: bool,
}

/// What a re-scan needs.
pub(super) struct EventContext<'a> {
    pub(super) settings: &'a Settings,
    pub(super) register: &'a Register,
    pub(super) traffic: Option<&'a TrafficEvidence>,
    pub(super) access: &'a Access,
    pub(super) held: &'a LeasedLedger,
    pub(super) clock: &'a Clock,
    pub(super) stop: &'a Stop,
}

impl EventContext<'_> {
    /// Reads and judges the load balancer of an event.
    pub(super) async fn rescan(&self, event: &ModeChangeEvent) -> Result<Rescanned, Failure> {
        let partition = self.access.partition();
        let place = AccountRegion { account: event.account.clone(), region: event.region.clone() };
        let Some((arn, kind)) = event.load_balancer.subject(partition, &place.account, &place.region) else {
            return Err(Failure::new(Exit::Usage, format!("{} has no usable ARN", event.load_balancer)));
        };
        if arn.partition() != partition {
            return Ok(Rescanned::OutOfScope(format!(
                "it is in partition {}, and these credentials are of {partition}",
                arn.partition()
            )));
        }
        let known = self.held.with(|ledger| known(ledger, self.settings, &place))?;
        let mut run = run_of(self.access, (self.clock)());
        let entered = enter_one(self.access, &self.settings.discover(), known, &place, self.stop).await?;
        let Single { organization, account, decision } = entered;
        let target = match decision {
            ScopeDecision::In(target) => target,
            ScopeDecision::Excluded(why) => {
                return Ok(Rescanned::OutOfScope(why.message.unwrap_or_else(|| why.reason.meaning().to_owned())));
            }
            ScopeDecision::Unread(gap) => return Ok(Rescanned::Unread(vec![gap])),
        };
        let subject = Subject { arn: arn.clone(), kind };
        let cell = single(self.access, self.settings.collect, &target, &subject, self.stop).await;
        let Some(raw) = cell.load_balancers.first().cloned() else {
            return Ok(if cell.gone.contains(&arn) { Rescanned::Gone } else { Rescanned::Unread(cell.gaps) });
        };
        run.finished = (self.clock)();
        run.only = Some(arn.clone());
        let touched = self.held.with(|ledger| self.touched(ledger, event, &raw))?;
        let changed = !touched.changes.is_empty();
        let others =
            Gap::new(GapReason::NotAsked, "organizations:ListAccounts").with_message("one account was asked for");
        let inventory = Inventory {
            run,
            organization,
            accounts: account.into_iter().collect(),
            accounts_listing: Listing::Unread(others.into()),
            cells: vec![cell],
        };
        inventory.check().map_err(|problem| Failure::new(Exit::Internal, problem))?;
        let (normalize, policy) = (self.settings.normalize(), &self.settings.policy);
        let by = Criteria { normalize: &normalize, policy, register: self.register };
        let traffic = self.traffic.map(|found| (found, &self.settings.traffic));
        let scan = judge(inventory, touched, by, GivenEvidence { traffic, declarations: None })?;
        Ok(Rescanned::Judged(Box::new(JudgedLoadBalancer { scan, raw, changed })))
    }

    /// The authors of modes; this call is among them if it left the mode that was read.
    fn touched(&self, ledger: &Ledger, event: &ModeChangeEvent, raw: &RawLoadBalancer) -> Result<Inputs, Failure> {
        let mut touched = attribution::known(ledger)?;
        let Some(left) = event.left_mode(raw) else { return Ok(touched) };
        let later = touched.edits.get(&raw.arn).is_some_and(|known| known.at > event.at);
        if !later {
            let request = event.request_id.as_deref();
            let change = request.map(|request| attribution::maker(ledger, &raw.arn, request)).transpose()?.flatten();
            touched.edits.insert(raw.arn.clone(), event.edit(left, change));
        }
        Ok(touched)
    }
}

/// The organization and the account as the newest scan read them, if it had the same settings and left nothing unread that owners,
/// roles or the scope depend on. Reading them again would take, for each event, one call for every twenty accounts and one for every
/// organizational unit.
fn known(
    ledger: &Ledger,
    settings: &Settings,
    place: &AccountRegion,
) -> Result<Option<(Observed<Organization>, Account)>, Failure> {
    let Some(header) = ledger.newest_header()? else { return Ok(None) };
    if header.settings != scan_recorder::identify_settings(settings) {
        return Ok(None);
    }
    let organization = header.organization;
    let account = header.accounts.into_iter().find(|account| account.id == place.account);
    let whole = |account: &Account| {
        account.ou.gap().is_none() && account.tags.gap().is_none_or(|gap| gap.reason == GapReason::NotAsked)
    };
    Ok(account.filter(whole).map(|account| (organization, account)))
}

/// The load balancer of a report about one.
pub(super) fn subject<'a>(report: &'a ScanReport, arn: &Arn) -> Option<&'a doorward_model::LoadBalancer> {
    report.load_balancers.iter().find(|lb| lb.arn == *arn)
}
