//! Ordinary trouble costs calls, not verdicts.

use doorward_fakeaws::{Fault, What};

use crate::bed::{SMALL, Setup, check_honest, scan, serve, verdicts};

/// The small organization with enough load balancers for percentages to mean something.
fn wide() -> String {
    let mut world = SMALL.to_owned();
    for (n, region) in [(1, "eu-west-1"), (2, "us-east-1"), (3, "me-south-1")] {
        for mode in ["monitor", "defensive", "strictest"] {
            world += &format!(
                "\n[[load_balancer]]\naccount = \"300000000003\"\nregion = \"{region}\"\nname = \"{mode}-{n}\"\nmode = \"{mode}\"\ncount = 40\ntags = {{ owner = \"web\" }}\nattributes = {{ \"access_logs.s3.enabled\" = \"true\" }}\n"
            );
        }
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn throttles_errors_and_resets_change_no_verdict() {
    let world = wide();
    let mut setup = Setup::default();
    setup.calls.tries = 12;
    let clean = serve(&world, vec![]).await;
    let expected = scan(&clean, &setup).await.expect("a way in");
    let minimum = clean.calls().len();

    let noise = vec![
        Fault::new(What::Throttle).random(0.10, 11),
        Fault::new(What::ServerError(503)).random(0.02, 12),
        Fault::new(What::Reset).random(0.01, 13),
    ];
    let server = serve(&world, noise).await;
    let report = scan(&server, &setup).await.expect("a way in");
    check_honest("noise", &report, &world, &server);
    assert_eq!(verdicts(&report), verdicts(&expected));
    assert_eq!(report.coverage.counts, expected.coverage.counts);
    let calls = server.calls().len();
    let fired = server.faults().fired_total();
    println!("{calls} calls for {minimum} ({:.3}x), {fired} faults", calls as f64 / minimum as f64);
    assert!(fired as usize * 100 >= minimum * 9, "{fired} faults on {minimum} calls");
    assert!(calls * 100 <= minimum * 135, "{calls} calls for {minimum}");
}
