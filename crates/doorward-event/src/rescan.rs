//! Re-scans one load balancer: read as a scan reads it, judged as a scan judges it.

use doorward_assemble::{Criteria, GivenEvidence, attribution, judge};
use doorward_aws::{Access, Clock, Stop};
use doorward_core::collect::CollectSettings;
use doorward_core::discover::{DiscoverSettings, ScopeDecision, Single, enter_one};
use doorward_core::mode::ModeSubject;
use doorward_core::pipeline::JudgedScan;
use doorward_core::{run_of, single};
use doorward_ledger::{LeasedLedger, Ledger, LedgerError};
use doorward_model::{
    Account, AccountRegion, Gap, GapReason, Inputs, Inventory, Listing, Observed, Organization, RawLoadBalancer,
};
use doorward_traffic::{AdviceRules, TrafficEvidence};

use crate::{ModeChangeEvent, RescanError};

/// The result of a re-scan.
pub enum Rescanned {
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
pub struct JudgedLoadBalancer {
    /// The judged scan of it alone.
    pub scan: JudgedScan,
    /// It, as it was read.
    pub raw: RawLoadBalancer,
    /// Whether a change of Doorward's is known of any load balancer.
    pub changed: bool,
}

/// The context of a re-scan.
pub struct RescanContext<'a> {
    /// The scope and the Regions.
    pub discover: &'a DiscoverSettings,
    /// The collection settings.
    pub collect: CollectSettings,
    /// Identifies the settings that decide what is read, as the scans of the ledger do.
    pub settings_id: &'a str,
    /// The settings, policy and exceptions that decide verdicts.
    pub by: Criteria<'a>,
    /// Traffic to join, with the rules by which it is weighed.
    pub traffic: Option<(&'a TrafficEvidence, AdviceRules<'a>)>,
    /// Access to AWS.
    pub access: &'a Access,
    /// The ledger, under its lease.
    pub held: &'a LeasedLedger,
    /// The clock.
    pub clock: &'a Clock,
    /// The token that stops the reading.
    pub stop: &'a Stop,
}

impl RescanContext<'_> {
    /// Reads and judges the load balancer of an event.
    ///
    /// # Errors
    /// The event names no ARN, the account cannot be entered, or the ledger cannot be read.
    pub async fn rescan(&self, event: &ModeChangeEvent) -> Result<Rescanned, RescanError> {
        let partition = self.access.partition();
        let place = AccountRegion { account: event.account.clone(), region: event.region.clone() };
        let Some((arn, kind)) = event.load_balancer.subject(partition, &place.account, &place.region) else {
            return Err(RescanError::NoArn(event.load_balancer.to_string()));
        };
        if arn.partition() != partition {
            return Ok(Rescanned::OutOfScope(format!(
                "it is in partition {}, but these credentials are for {partition}",
                arn.partition()
            )));
        }
        let known = self.held.read(|ledger| known(ledger, self.settings_id, &place))?;
        let mut run = run_of(self.access, (self.clock)());
        let entered = enter_one(self.access, self.discover, known, &place, self.stop).await?;
        let Single { organization, account, decision } = entered;
        let target = match decision {
            ScopeDecision::In(target) => target,
            ScopeDecision::Excluded(why) => {
                return Ok(Rescanned::OutOfScope(why.message.unwrap_or_else(|| why.reason.meaning().to_owned())));
            }
            ScopeDecision::Unread(gap) => return Ok(Rescanned::Unread(vec![gap])),
        };
        let subject = ModeSubject { arn: arn.clone(), kind };
        let cell = single(self.access, self.collect, &target, &subject, self.stop).await;
        let Some(raw) = cell.load_balancers.first().cloned() else {
            return Ok(if cell.gone.contains(&arn) { Rescanned::Gone } else { Rescanned::Unread(cell.gaps) });
        };
        run.finished = (self.clock)();
        run.only = Some(arn.clone());
        let touched = self.held.read(|ledger| self.touched(ledger, event, &raw))?;
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
        inventory.check().map_err(RescanError::Inventory)?;
        let given = GivenEvidence { traffic: self.traffic, ..GivenEvidence::default() };
        let scan = judge(inventory, touched, self.by, given)?;
        Ok(Rescanned::Judged(Box::new(JudgedLoadBalancer { scan, raw, changed })))
    }

    /// The authors of modes; this call is among them if it left the mode that was read.
    fn touched(&self, ledger: &Ledger, event: &ModeChangeEvent, raw: &RawLoadBalancer) -> Result<Inputs, RescanError> {
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
    settings_id: &str,
    place: &AccountRegion,
) -> Result<Option<(Observed<Organization>, Account)>, LedgerError> {
    let Some(header) = ledger.newest_header()? else { return Ok(None) };
    if header.settings != settings_id {
        return Ok(None);
    }
    let organization = header.organization;
    let account = header.accounts.into_iter().find(|account| account.id == place.account);
    let whole = |account: &Account| {
        account.ou.gap().is_none() && account.tags.gap().is_none_or(|gap| gap.reason == GapReason::NotAsked)
    };
    Ok(account.filter(whole).map(|account| (organization, account)))
}
