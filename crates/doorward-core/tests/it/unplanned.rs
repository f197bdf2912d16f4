//! What only the ledger of a merging machine knows: a scan that was planned without it, completed by it, has every account-Region that a
//! scan with the ledger has, and no verdict that was not observed.
//!
//! `DOORWARD_SEED` repeats a run.

use std::collections::BTreeMap;

use doorward_aws::Stop;
use doorward_core::discover::{KnownOrganization, add_unplanned};
use doorward_fakeaws::{Fault, Form, What};
use doorward_model::{
    Account, AccountId, CoverageLine, CoverageStatus, GapReason, Inventory, Observed, Region, RegionInventory,
};
use fastrand::Rng;

use crate::bed::{SMALL, Setup, known, look, serve};

type Place = (AccountId, Option<Region>);

/// The outcome of each account-Region, without times and without the words of gaps.
fn outcomes(inventory: &Inventory) -> BTreeMap<Place, (CoverageStatus, Vec<String>)> {
    let of = |cell: &RegionInventory| {
        let found = cell.load_balancers.iter().map(|lb| lb.arn.to_string()).collect();
        ((cell.account.clone(), cell.region.clone()), (CoverageLine::of(cell).status, found))
    };
    inventory.cells.iter().map(of).collect()
}

fn account(id: &str, like: &Account, random: &mut Rng) -> Account {
    let regions = ["eu-west-1", "ap-east-2"].into_iter().filter(|_| random.bool());
    let regions = regions.map(|name| Region::new(name).unwrap()).collect();
    Account { id: id.parse().unwrap(), regions: Observed::Known(regions), ..like.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_only_the_merge_has_adds_what_one_scan_would_account_for() {
    let seed = doorward_fakeaws::seed();
    let mut random = Rng::with_seed(seed);
    let whole = known(SMALL).await;
    let (mut lost, mut hidden, mut regions) = (0, 0, 0);
    for _ in 0..60 {
        // Some accounts of the organization, and some that are in none.
        let mut accounts = whole[0].accounts.clone();
        accounts.retain(|_| random.u8(0..6) > 0);
        for id in ["300000000077", "300000000099"] {
            if random.bool() {
                accounts.push(account(id, &whole[0].accounts[0], &mut random));
            }
        }
        let ledger = vec![KnownOrganization { organization: whole[0].organization.clone(), accounts }];
        let mut faults = Vec::new();
        let mut fault = |fault: Fault, action: &str, of: u8| {
            if random.u8(0..of) == 0 {
                faults.push(fault.action(action));
            }
        };
        fault(Fault::new(What::Form(Form::Shortened)), "ListAccounts", 2);
        fault(Fault::new(What::AccessDenied), "DescribeAccount", 2);
        fault(Fault::new(What::Form(Form::Shortened)), "ListRegions", 3);
        fault(Fault::new(What::AccessDenied), "ListRegions", 6);
        fault(Fault::new(What::AccessDenied).account("300000000003"), "ListRegions", 4);
        fault(Fault::new(What::AccessDenied).resource("*300000000003*"), "AssumeRole", 6);
        let mut setup = Setup::default();
        let region = |name: &str| Region::new(name).unwrap();
        match random.u8(0..6) {
            0 => setup.discover.regions.exclude = vec![region("us-east-1")],
            1 => setup.discover.regions.include = vec![region("eu-west-1"), region("us-east-1")],
            2 => setup.discover.regions.fallback = vec![region("eu-west-1")],
            3 => setup.discover.scope.exclude_accounts = vec!["300000000003".parse().unwrap()],
            4 => setup.discover.scope.include_accounts = vec!["300000000002".parse().unwrap()],
            _ => {}
        }
        let (_stopper, stop) = Stop::new();
        let what = format!("DOORWARD_SEED={seed}: {faults:?} {:?} {:?}", setup.discover, ledger[0].accounts);
        let server = serve(SMALL, faults.clone()).await;
        let with = Setup { known: ledger.clone(), ..setup.clone() };
        let one = look(&server, &with, &stop).await.expect("a way in");
        let server = serve(SMALL, faults).await;
        let mut merged = look(&server, &setup, &stop).await.expect("a way in");
        let planned = merged.clone();
        let added = add_unplanned(&mut merged, &setup.discover, &ledger, &[]);
        merged.check().unwrap_or_else(|problem| panic!("{what}: {problem}"));
        let (one_has, planned_has, merged_has) = (outcomes(&one), outcomes(&planned), outcomes(&merged));
        for (place, outcome) in &one_has {
            let completed = merged_has.get(place).unwrap_or_else(|| panic!("{what}: {place:?} is missing"));
            if added.contains(&place.0) {
                // One scan asks for the account; a merge does not, so nothing of it is known unless the settings exclude it.
                let is_skipped = completed.0 == CoverageStatus::Skipped;
                assert!(completed.1.is_empty() && (is_skipped || completed.0 == CoverageStatus::Failed), "{what}");
                hidden += 1;
            } else {
                assert_eq!(completed, outcome, "{what}: {place:?}");
            }
            regions += usize::from(!added.contains(&place.0) && !planned_has.contains_key(place));
        }
        // What one scan knows to have left is not known here.
        for (place, outcome) in merged_has.iter().filter(|(place, _)| !one_has.contains_key(place)) {
            assert!(added.contains(&place.0) && outcome.1.is_empty(), "{what}: {place:?}");
            assert!(matches!(outcome.0, CoverageStatus::Failed | CoverageStatus::Skipped), "{what}: {place:?}");
            lost += 1;
        }
        assert!(planned_has.iter().all(|(place, outcome)| merged_has.get(place) == Some(outcome)), "{what}");
        if added.is_empty() {
            assert_eq!(merged.accounts_listing, planned.accounts_listing, "{what}");
        } else {
            let gap = merged.accounts_listing.gap().expect("the list lacks accounts");
            assert!(
                planned.accounts_listing.gap().is_some_and(|known| known == gap) || gap.reason == GapReason::NotPlanned
            );
        }
        // Once more, and with the knowledge of one scan, nothing is added.
        let again = merged.clone();
        assert!(add_unplanned(&mut merged, &setup.discover, &ledger, &[]).is_empty(), "{what}");
        assert_eq!(merged, again, "{what}");
        let departed: Vec<AccountId> =
            added.iter().filter(|id| !one.accounts.iter().any(|one| one.id == **id)).cloned().collect();
        let mut complete = one.clone();
        assert!(add_unplanned(&mut complete, &setup.discover, &ledger, &departed).is_empty(), "{what}");
        assert_eq!(outcomes(&complete), one_has, "{what}");
    }
    assert!(lost > 20 && hidden > 20 && regions > 20, "DOORWARD_SEED={seed}: {lost} {hidden} {regions}");
}
