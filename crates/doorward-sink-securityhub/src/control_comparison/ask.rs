//! Reads what Security Hub's own controls say, for every load balancer of a report.

use std::collections::BTreeMap;

use doorward_aws::{Access, Stop};
use doorward_model::{AccountId, AccountRegion, Region, ScanReport};
use futures::StreamExt as _;

use super::NativeFindings;
use crate::deliver::Closed;
use crate::native::{NATIVE_ACTION, NativeFinding, native};
use crate::publish_settings::PublishSettings;

/// Security Hubs that are read at once: as many as a delivery writes to at once.
const AT_ONCE: usize = 32;

/// Reads Security Hub in every account-Region of the report once, or the central one, whose findings are sorted by account-Region.
/// What a stop leaves out is answered as not reachable.
pub async fn ask_native(
    access: &Access,
    publish: &PublishSettings,
    report: &ScanReport,
    stop: &Stop,
) -> BTreeMap<AccountRegion, NativeFindings> {
    let aws = access.provider(publish.reading()).with_share(publish.share_of_quotas);
    let security_hubs = publish.security_hubs(&report.load_balancers);
    let asked = futures::stream::iter(&security_hubs).map(|security_hub| {
        let aws = &aws;
        async move {
            tokio::select! {
                biased;
                gap = stop.stopped(NATIVE_ACTION) => (security_hub.clone(), Err(Closed::Unreachable(gap))),
                findings = native(aws, security_hub) => (security_hub.clone(), findings),
            }
        }
    });
    let answers: Vec<(AccountRegion, NativeFindings)> = asked.buffered(AT_ONCE).collect().await;
    if publish.central().is_some() { shared(answers, report) } else { answers.into_iter().collect() }
}

/// The findings of the central Security Hub, sorted by the account-Regions of the report.
fn shared(
    answers: Vec<(AccountRegion, NativeFindings)>,
    report: &ScanReport,
) -> BTreeMap<AccountRegion, NativeFindings> {
    let able = report.load_balancers.iter().filter(|lb| lb.kind.can_parse_http());
    let places = able.map(|lb| AccountRegion { account: lb.account.clone(), region: lb.region.clone() });
    let Some((_, answer)) = answers.into_iter().next() else { return BTreeMap::new() };
    let findings = match answer {
        Ok(findings) => findings,
        // The central Security Hub could not be read, so nothing is known of the load balancer's own one.
        Err(closed) => return places.map(|place| (place, Err(Closed::Unreachable(closed.gap().clone())))).collect(),
    };
    let mut all: BTreeMap<AccountRegion, Vec<NativeFinding>> = places.map(|place| (place, Vec::new())).collect();
    for finding in findings {
        let (account, region) = (AccountId::new(&finding.account), Region::new(&finding.region));
        let (Ok(account), Ok(region)) = (account, region) else { continue };
        all.entry(AccountRegion { account, region }).or_default().push(finding);
    }
    all.into_iter().map(|(place, findings)| (place, Ok(findings))).collect()
}
