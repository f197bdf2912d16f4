//! One AssumeRole per account and expiry; sessions that are renewed, checked and read-only.

use std::sync::Arc;

use doorward_fakeaws::{Fault, Server, What};
use doorward_model::{GapReason, VerdictKind};

use crate::bed::{SMALL, Setup, scan, serve, span, verdicts};

fn assumed(server: &Server) -> usize {
    server.calls().iter().filter(|c| c.action == "AssumeRole").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_assume_role_per_account_and_none_at_home() {
    let server = serve(SMALL, vec![]).await;
    scan(&server, &Setup::default()).await.expect("a way in");
    assert_eq!(assumed(&server), 2, "three accounts, one of them the caller's own");

    let server = serve(SMALL, vec![]).await;
    let mut setup = Setup::default();
    setup.access.assume_in_own_account = true;
    scan(&server, &setup).await.expect("a way in");
    assert_eq!(assumed(&server), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_renewed_and_the_page_repeated() {
    let world = SMALL.replacen("empty_pages = true", "empty_pages = true\npage_size = 1", 1);
    let clean = serve(&world, vec![]).await;
    let expected = scan(&clean, &Setup::default()).await.expect("a way in");

    // The token dies in the middle of a walk through pages.
    let expiry =
        Fault::new(What::ExpiredToken).service("elbv2").action("DescribeLoadBalancers").account("300000000003").nth(3);
    let server = serve(&world, vec![expiry]).await;
    let report = scan(&server, &Setup::default()).await.expect("a way in");
    assert_eq!(server.faults().fired_total(), 1);
    assert_eq!(verdicts(&report), verdicts(&expected));
    assert_eq!(report.coverage.counts, expected.coverage.counts);
    assert_eq!(assumed(&server), 3, "one more than without the expiry, however many calls were under way");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_renewed_before_they_end() {
    // The scanner's clock leaps an hour with every tenth look at it; the emulator's does not, so only the scanner's own
    // reckoning can make it renew.
    let looks = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let setup = Setup {
        clock: Arc::new(move || {
            let n = looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) / 10;
            jiff::Timestamp::now() + jiff::SignedDuration::from_mins(58 * n)
        }),
        ..Setup::default()
    };
    let server = serve(SMALL, vec![]).await;
    let report = scan(&server, &setup).await.expect("a way in");
    assert!(assumed(&server) > 3, "{} sessions", assumed(&server));
    assert!(report.findings.iter().all(|f| f.verdict.kind() != VerdictKind::Unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_another_account_is_refused() {
    let wrong = Fault::new(What::WrongAccount).action("AssumeRole");
    let server = serve(SMALL, vec![wrong]).await;
    let report = scan(&server, &Setup::default()).await.expect("a way in");
    assert!(server.faults().fired_total() >= 2);
    for line in report.coverage.lines.iter().filter(|l| l.account.as_str() != "300000000002") {
        assert!(line.gaps.iter().any(|gap| gap.reason == GapReason::WrongAccount), "{line:?}");
    }
    assert!(report.load_balancers.iter().all(|lb| lb.account.as_str() == "300000000002"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chained_session_asks_for_no_more_than_an_hour() {
    // STS refuses longer ones, so a full scan is the proof.
    let world = SMALL.replacen(
        "arn = \"arn:aws:iam::300000000002:user/security\"",
        "arn = \"arn:aws:sts::300000000002:assumed-role/security/ci\"",
        1,
    );
    let server = serve(&world, vec![]).await;
    let mut setup = Setup::default();
    setup.access.session_duration = span(12 * 3_600_000);
    let report = scan(&server, &setup).await.expect("a way in");
    assert_eq!(report.coverage.counts.failed, 0, "{:?}", report.coverage.lines);
    assert_eq!(assumed(&server), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_may_differ_by_account_and_unit_and_ask_for_an_external_id() {
    let world = SMALL.to_owned()
        + "\n[[role]]\nname = \"audit\"\naccounts = [\"300000000003\"]\ntrusts = [\"300000000002\"]\nexternal_id = \"s3cret\"\nallow = [\"elasticloadbalancing:*\", \"account:*\", \"logs:*\", \"cloudfront:*\", \"apigateway:*\"]\n";
    let world = world.replace("arn:aws:iam::*:role/doorward-scan", "arn:aws:iam::*:role/*");
    let mut setup = Setup::default();
    setup.access.overrides = vec![doorward_aws::access::RoleOverride {
        accounts: vec![],
        ous: vec!["/Workloads".into()],
        role_name: "legacy/audit".to_owned().try_into().unwrap(),
        external_id: Some("s3cret".to_owned().try_into().unwrap()),
    }];
    let server = serve(&world, vec![]).await;
    let report = scan(&server, &setup).await.expect("a way in");
    assert_eq!(report.coverage.counts.failed, 0, "{:?}", report.coverage.lines);
    assert!(server.calls().iter().any(|c| c.action == "AssumeRole" && c.resource.ends_with("role/legacy/audit")));

    setup.access.overrides[0].external_id = Some("wrong".to_owned().try_into().unwrap());
    let server = serve(&world, vec![]).await;
    let report = scan(&server, &setup).await.expect("a way in");
    let shop = report.coverage.lines.iter().filter(|l| l.account.as_str() == "300000000003");
    assert!(shop.clone().count() == 3 && shop.clone().all(|l| l.gaps[0].reason == GapReason::RoleMissing));
    assert_eq!(
        server.calls().iter().filter(|c| c.action == "AssumeRole" && c.outcome != "ok").count(),
        1,
        "refused once, asked once"
    );
}
