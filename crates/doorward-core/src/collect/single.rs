//! One load balancer, read as a scan reads all of them: for whoever heard that it was changed.

use std::sync::Arc;

use doorward_model::{Arn, Gap, GapReason, Listing, RegionInventory};

use super::listed::is_missing;
use super::{CollectSettings, Harvest, Site, classic, v2, vended};
use crate::Stop;
use crate::access::Access;
use crate::actions::Operation;
use crate::discover::Target;
use crate::mode::Subject;

/// Reads one load balancer of an account-Region. Its cell says of both lists that they were not asked for, so that nothing is
/// concluded about any other. Where the load balancer does not exist any more, it is the cell's one `gone`; where nobody could
/// look, the cell has neither and says why in its gaps.
pub async fn single(
    access: &Access,
    settings: CollectSettings,
    target: &Target,
    subject: &Subject,
    stop: &Stop,
) -> RegionInventory {
    let site = Site { access, target, settings, most: usize::MAX };
    tokio::select! {
        biased;
        gap = stop.stopped(Operation::DescribeLoadBalancers.action()) => cell(site, &subject.arn, Err(gap)),
        cell = look(site, subject) => cell,
    }
}

/// The same without a stop.
pub(crate) async fn look(site: Site<'_>, subject: &Subject) -> RegionInventory {
    let read_at = Some((site.access.clock)());
    let harvest = match subject.classic_name() {
        Some(name) => classic::harvest(site, Some(name)).await,
        None => v2::harvest(site, Some(&subject.arn)).await,
    };
    let mut cell = cell(site, &subject.arn, Ok(harvest));
    cell.read_at = read_at;
    if site.settings.vended_logs {
        vended::add(site, &mut cell.load_balancers).await;
    }
    cell
}

/// What one answer says about the load balancer that was asked for, and about nothing else.
fn cell(site: Site<'_>, arn: &Arn, harvest: Result<Harvest, Gap>) -> RegionInventory {
    let place = &site.target.place;
    let others = Gap::new(GapReason::NotAsked, Operation::DescribeLoadBalancers.action())
        .with_message("one load balancer was asked for, and no other");
    let mut cell = RegionInventory::failed(place.account.clone(), Some(place.region.clone()), others);
    let harvest = match harvest {
        Ok(harvest) => harvest,
        Err(gap) => {
            cell.gaps.push(gap);
            return cell;
        }
    };
    cell.gaps = harvest.gaps;
    cell.load_balancers = harvest.load_balancers;
    cell.gone = harvest.gone;
    if let Listing::Unread(gap) = harvest.listing {
        if is_missing(&gap) {
            cell.gone = vec![arn.clone()];
        } else {
            cell.gaps.push(Arc::unwrap_or_clone(gap));
        }
    }
    let foreign = |other: &Arn| other != arn;
    let answered = !cell.load_balancers.is_empty() || !cell.gone.is_empty() || !cell.gaps.is_empty();
    if !answered || cell.load_balancers.iter().any(|raw| foreign(&raw.arn)) {
        cell.load_balancers.retain(|raw| !foreign(&raw.arn));
        let gap = Gap::new(GapReason::Malformed, Operation::DescribeLoadBalancers.action());
        cell.gaps.push(gap.with_message("the answer is about another load balancer than the one that was asked for"));
    }
    cell
}
