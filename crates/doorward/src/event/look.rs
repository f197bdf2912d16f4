//! One look at one load balancer: read as a scan reads it, judged as a scan judges it.

use doorward_core::access::Access;
use doorward_core::discover::{ScopeDecision, Single, enter_one};
use doorward_core::mode::Subject;
use doorward_core::pipeline::JudgedScan;
use doorward_core::{Clock, Stop, single};
use doorward_ledger::Ledger;
use doorward_model::{
    Account, AccountRegion, Arn, Edit, Gap, GapReason, Inputs, Inventory, Kind, Listing, Mode, Observed, Organization,
    RawLoadBalancer, ScanReport,
};
use doorward_rules::exceptions::Register;

use super::envelope::Notice;
use crate::attribution;
use crate::criteria::{Criteria, GivenEvidence, judge};
use crate::exit::{Exit, Failure};
use crate::leased_ledger::LeasedLedger;
use crate::scan::run_of;
use crate::scan_recorder;
use crate::settings::Settings;
use crate::traffic::Found;

/// What came of it.
pub(super) enum Seen {
    /// The settings leave it out, or it is of somebody else; nothing was read.
    LeftOut(String),
    /// It does not exist any more.
    Gone,
    /// Nobody could look.
    Unread(Vec<Gap>),
    /// It was read and judged.
    Judged(Box<Judged>),
}

/// A load balancer, read and judged.
pub(super) struct Judged {
    pub(super) scan: JudgedScan,
    pub(super) raw: RawLoadBalancer,
    /// Whether a change of Doorward's is known of any load balancer.
    pub(super) changed: bool,
}

/// What a look takes.
pub(super) struct Eye<'a> {
    pub(super) settings: &'a Settings,
    pub(super) register: &'a Register,
    pub(super) traffic: Option<&'a Found>,
    pub(super) access: &'a Access,
    pub(super) held: &'a LeasedLedger,
    pub(super) clock: &'a Clock,
    pub(super) stop: &'a Stop,
}

impl Eye<'_> {
    /// Looks at what an event is about.
    pub(super) async fn look(&self, notice: &Notice) -> Result<Seen, Failure> {
        let partition = self.access.partition();
        let place = AccountRegion { account: notice.account.clone(), region: notice.region.clone() };
        let Some((arn, kind)) = notice.load_balancer.subject(partition, &place.account, &place.region) else {
            return Err(Failure::new(Exit::Usage, format!("{} has no usable ARN", notice.load_balancer)));
        };
        if arn.partition() != partition {
            return Ok(Seen::LeftOut(format!(
                "it is in partition {}, and these credentials in {partition}",
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
                return Ok(Seen::LeftOut(why.message.unwrap_or_else(|| why.reason.meaning().to_owned())));
            }
            ScopeDecision::Unread(gap) => return Ok(Seen::Unread(vec![gap])),
        };
        let subject = Subject { arn: arn.clone(), kind };
        let cell = single(self.access, self.settings.collect, &target, &subject, self.stop).await;
        let Some(raw) = cell.load_balancers.first().cloned() else {
            return Ok(if cell.gone.contains(&arn) { Seen::Gone } else { Seen::Unread(cell.gaps) });
        };
        run.finished = (self.clock)();
        run.only = Some(arn.clone());
        let touched = self.held.with(|ledger| self.touched(ledger, notice, &raw))?;
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
        Ok(Seen::Judged(Box::new(Judged { scan, raw, changed })))
    }

    /// Who touched modes, this event included where it left the mode that was read.
    fn touched(&self, ledger: &Ledger, notice: &Notice, raw: &RawLoadBalancer) -> Result<Inputs, Failure> {
        let mut touched = attribution::known(ledger)?;
        let Some(left) = left(notice, raw) else { return Ok(touched) };
        let later = touched.edits.get(&raw.arn).is_some_and(|known| known.at > notice.at);
        if !later {
            let request = notice.request_id.as_deref();
            let change = request.map(|request| attribution::maker(ledger, &raw.arn, request)).transpose()?.flatten();
            touched.edits.insert(raw.arn.clone(), edit(notice, left, change));
        }
        Ok(touched)
    }
}

/// The mode that the call left: the one that was read, if the call named it, or made the load balancer.
fn left(notice: &Notice, raw: &RawLoadBalancer) -> Option<Mode> {
    let read: Mode = raw.attributes.known()?.get(raw.kind.mode_attribute())?.parse().ok()?;
    let named = notice.sets.as_deref() == Some(read.as_str());
    let made = notice.call == "CreateLoadBalancer" && raw.kind != Kind::Network && raw.kind != Kind::Gateway;
    (named || made).then_some(read)
}

fn edit(notice: &Notice, left: Mode, change: Option<String>) -> Edit {
    Edit {
        event: notice.event.clone(),
        call: notice.call.clone(),
        at: notice.at,
        by: notice.by.clone(),
        issuer: notice.issuer.clone(),
        service: notice.service.clone(),
        source: notice.source.clone(),
        agent: notice.agent.clone(),
        request_id: notice.request_id.clone(),
        change,
        left,
    }
}

/// What the newest scan read of the organization and the account, where it did so by the same settings and left nothing unread
/// that owners, roles or the scope may depend on. Reading it again would cost a large organization a call for each twenty accounts
/// and one for each unit, at each event.
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
