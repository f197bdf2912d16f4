//! The rehearsal foretells the scan: the same coverage, account-Region by account-Region, whatever is refused for good.

use std::collections::{BTreeMap, BTreeSet};

use doorward_aws::Stop;
use doorward_aws::access::Access;
use doorward_core::collect::{AT_MOST, beyond, rehearse, tried};
use doorward_core::{actions, discover};
use doorward_fakeaws::{Fault, Server, What};
use doorward_model::{CoverageLine, Gap, RegionInventory};
use futures::StreamExt;

use crate::bed::{GAPS, SMALL, Setup, emulator, fired, scan, serve, span};

/// What a coverage line says, without AWS's request ids and the names in its messages.
type Line = (String, bool, Option<usize>, BTreeSet<String>);

/// Everything predicted, or seen: by account-Region, and about accounts as a whole.
#[derive(Debug, PartialEq, Eq)]
struct Picture {
    lines: BTreeMap<(String, Option<String>), Line>,
    accounts_listed: bool,
    accounts: BTreeMap<String, Vec<String>>,
}

fn gap(gap: &Gap) -> String {
    format!("{} {} {:?} {:?}", gap.reason, gap.operation, gap.code, gap.policy)
}

fn line(line: &CoverageLine) -> ((String, Option<String>), Line) {
    let place = (line.account.to_string(), line.region.as_ref().map(ToString::to_string));
    let gaps = line.gaps.iter().map(gap).collect();
    (place, (line.status.to_string(), line.fully_listed, line.load_balancers, gaps))
}

fn of_accounts(accounts: &[doorward_model::Account]) -> BTreeMap<String, Vec<String>> {
    let gaps = |account: &doorward_model::Account| {
        [account.ou.gap(), account.tags.gap(), account.regions.gap()].into_iter().flatten().map(|g| gap(g)).collect()
    };
    accounts.iter().map(|account| (account.id.to_string(), gaps(account))).collect()
}

/// Enters, rehearses; returns the picture and every cell.
async fn rehearsed(server: &Server, setup: &Setup) -> Result<(Picture, Vec<RegionInventory>), String> {
    let (_stopper, stop) = Stop::new();
    let (access, calls, clock) = (setup.access.clone(), setup.calls.clone(), setup.clock.clone());
    let access = Access::connect(access, calls, clock, Some(&emulator(server)), &stop).await;
    let access = access.map_err(|e| e.to_string())?;
    let plan = discover(&access, &setup.discover, &[], &stop, &|_, _| {}).await.map_err(|e| e.to_string())?;
    let mut cells = plan.settled;
    let tried: Vec<RegionInventory> = rehearse(&access, setup.collect, plan.targets, &stop).collect().await;
    cells.extend(tried);
    let lines = cells.iter().map(|cell| line(&CoverageLine::of(cell))).collect();
    let (accounts_listed, accounts) = (plan.accounts_listing.is_full(), of_accounts(&plan.accounts));
    Ok((Picture { lines, accounts_listed, accounts }, cells))
}

/// What the scan itself comes to.
async fn scanned(server: &Server, setup: &Setup) -> Result<Picture, String> {
    let report = scan(server, setup).await?;
    Ok(Picture {
        lines: report.coverage.lines.iter().map(line).collect(),
        accounts_listed: report.coverage.accounts_listing.is_full(),
        accounts: of_accounts(&report.accounts),
    })
}

async fn check(what: &str, world: &str, faults: impl Fn() -> Vec<Fault>) -> u64 {
    let mut setup = Setup::default();
    // No fault here is a silence: whatever times out would be this machine's doing, and differ from run to run.
    (setup.calls.read_timeout, setup.calls.attempt_timeout) = (span(20_000), span(20_000));
    setup.calls.call_deadline = span(60_000);
    // Each sees a world that nobody has asked before.
    let (before, during) = (serve(world, faults()).await, serve(world, faults()).await);
    let foretold = rehearsed(&before, &setup).await.map(|(picture, _)| picture);
    let seen = scanned(&during, &setup).await;
    assert_eq!(foretold, seen, "{what}");
    fired(&before.faults())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_with_gaps_is_predicted() {
    check("gaps-org", GAPS, Vec::new).await;
}

/// A fault that strikes whoever asks, now and later.
fn lasting(rng: &mut fastrand::Rng) -> Fault {
    let scp = "arn:aws:organizations::300000000001:policy/o-small00001/service_control_policy/p-x";
    let what = match rng.u8(..5) {
        0 => What::ScpDenied(scp.into()),
        1 => What::Malformed,
        2 => What::ServerError(503),
        _ => What::AccessDenied,
    };
    let actions = [
        "DescribeLoadBalancers",
        "DescribeLoadBalancerAttributes",
        "DescribeTags",
        "DescribeDeliverySources",
        "DescribeDeliveries",
        "ListRegions",
        "AssumeRole",
        "ListRoots",
        "ListOrganizationalUnitsForParent",
        "Describe*",
    ];
    let mut fault = Fault::new(what).action(actions[rng.usize(..actions.len())]);
    if rng.bool() {
        fault = fault.region(["eu-west-1", "us-east-1", "me-south-1"][rng.usize(..3)]);
    }
    if rng.bool() {
        fault = fault.account(["300000000001", "300000000002", "300000000003"][rng.usize(..3)]);
    }
    if rng.u8(..3) == 0 { fault.first_of_each(rng.u64(1..4)) } else { fault }
}

#[tokio::test(flavor = "multi_thread")]
async fn worlds_with_lasting_faults_are_predicted() {
    let runs = if std::env::var_os("DOORWARD_SLOW").is_some() { 1_000 } else { 80 };
    let fired: Vec<u64> = futures::stream::iter(1..=runs)
        .map(|seed| async move {
            let faults = || {
                let mut rng = fastrand::Rng::with_seed(seed);
                (0..rng.usize(1..4)).map(|_| lasting(&mut rng)).collect::<Vec<_>>()
            };
            check(&format!("seed {seed}: {:?}", faults()), SMALL, faults).await
        })
        .buffer_unordered(8)
        .collect()
        .await;
    let struck = fired.iter().filter(|fired| **fired > 0).count();
    assert!(struck * 10 >= fired.len() * 8, "faults struck in only {struck} of {} worlds", fired.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_load_balancers_few_are_asked_and_all_are_counted() {
    let many = format!(
        "{SMALL}\n[[load_balancer]]\naccount = \"300000000002\"\nregion = \"us-east-1\"\nname = \"many\"\ncount = 450\n"
    );
    let server = serve(&many, vec![]).await;
    let (picture, cells) = rehearsed(&server, &Setup::default()).await.expect("a way in");
    let place = ("300000000002".to_owned(), Some("us-east-1".to_owned()));
    assert_eq!(picture.lines[&place].2, Some(450));
    let cell = cells.iter().find(|cell| cell.load_balancers.len() == 450).expect("the full one");
    let asked: Vec<usize> = (0..450).filter(|n| cell.load_balancers[*n].attributes.known().is_some()).collect();
    assert_eq!(asked.len(), AT_MOST);
    assert!(
        asked.first().is_some_and(|n| *n < 60) && asked.last().is_some_and(|n| *n > 390),
        "{asked:?} are not spread"
    );
    let calls = server.calls().iter().filter(|call| call.account == place.0 && call.region == "us-east-1").count();
    assert!(calls <= 16, "{calls} calls for 450 load balancers");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_load_balancer_needs_today_is_asked_for_once() {
    let mut setup = Setup::default();
    setup.collect.alb_listeners = true;
    setup.collect.reachability = true;
    for missing in actions::scan_role_actions() {
        let rest: Vec<String> =
            actions::scan_role_actions().iter().filter(|a| **a != missing).map(|a| format!("\"{a}\"")).collect();
        let world = SMALL.replacen(
            "allow = [\"elasticloadbalancing:*\", \"account:*\", \"logs:*\", \"cloudfront:*\", \"apigateway:*\"]",
            &format!("allow = [{}]", rest.join(", ")),
            1,
        );
        let server = serve(&world, vec![]).await;
        let (_stopper, stop) = Stop::new();
        let (access, calls, clock) = (setup.access.clone(), setup.calls.clone(), setup.clock.clone());
        let access = Access::connect(access, calls, clock, Some(&emulator(&server)), &stop).await.expect("a way in");
        let plan = discover(&access, &setup.discover, &[], &stop, &|_, _| {}).await.expect("an organization");
        // The management account has no load balancer at all.
        let empty = plan.targets.into_iter().find(|t| t.place.account.as_str() == "300000000001").expect("a target");
        let cells: Vec<RegionInventory> = rehearse(&access, setup.collect, vec![empty.clone()], &stop).collect().await;
        let gaps = beyond(&access, setup.collect, &empty, &tried(&cells[0]), &stop).await;
        let named: Vec<&str> = gaps.iter().filter_map(|gap| gap.action.as_deref()).collect();
        let of_lists = ["account:ListRegions", "elasticloadbalancing:DescribeLoadBalancers"];
        if of_lists.contains(&missing) {
            assert!(gaps.is_empty(), "without {missing}: {gaps:?}");
        } else {
            assert_eq!(named, [missing]);
        }
    }
}
