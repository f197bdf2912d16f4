//! A large organization is built in code within seconds, and served over many connections at once.

use std::time::Instant;

use doorward_fakeaws::spec::{AccountSpec, CallerSpec, Grant, LoadBalancerSpec, OrganizationSpec, RoleSpec, WorldSpec};
use doorward_fakeaws::{CallDetail, Clock, Options, Server, World};

use super::client::{Client, ELBV2, exchange};

fn large(accounts: usize, regions: usize, load_balancers: usize) -> World {
    let region = |number: usize| format!("xx-test-{}", number % regions + 1);
    let account = |number: usize| format!("{:012}", number % accounts + 1);
    let mut spec = WorldSpec {
        organization: OrganizationSpec {
            id: "o-large00001".into(),
            management: account(0),
            home_region: region(0),
            regions: (0..regions).map(region).collect(),
            quotas: false,
            ..OrganizationSpec::default()
        },
        ..WorldSpec::default()
    };
    spec.accounts = (0..accounts)
        .map(|number| AccountSpec { id: account(number), name: format!("a{number}"), ..AccountSpec::default() })
        .collect();
    spec.callers = vec![CallerSpec {
        access_key: "AKIALARGE".into(),
        secret: "s".into(),
        account: account(0),
        arn: format!("arn:aws:iam::{}:user/large", account(0)),
        allow: vec![Grant::Action("*".into())],
        ..CallerSpec::default()
    }];
    spec.roles = vec![RoleSpec {
        name: "scan".into(),
        trusts: vec![account(0)],
        allow: vec![Grant::Action("elasticloadbalancing:Describe*".into())],
        ..RoleSpec::default()
    }];
    spec.load_balancers = (0..load_balancers)
        .map(|number| LoadBalancerSpec {
            account: account(number),
            region: region(number / accounts),
            name: format!("lb-{number}"),
            tags: [("owner".to_owned(), format!("team-{}", number % 40))].into(),
            ..LoadBalancerSpec::default()
        })
        .collect();
    World::build(spec).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_load_balancers() {
    let started = Instant::now();
    let world = large(1000, 17, 20_000);
    let built = started.elapsed();
    assert!(built.as_secs() < 10, "building took {built:?}");
    let options = Options { calls: CallDetail::Counts, ..Options::default() };
    let server = Server::start(world, options).await.unwrap();
    let base = Client {
        address: server.addr(),
        key: "AKIALARGE".into(),
        token: None,
        region: "xx-test-1".into(),
        clock: Clock::System,
    };
    let mut tasks = Vec::new();
    for worker in 0..8_usize {
        let base = base.clone();
        tasks.push(tokio::spawn(async move {
            let mut seen = 0;
            for step in 0..10 {
                let session = base.assume(&format!("{:012}", worker * 10 + step + 1), "scan", &[]).await;
                let mut stream = tokio::net::TcpStream::connect(base.address).await.unwrap();
                for region in 1..=17 {
                    let session = session.region(&format!("xx-test-{region}"));
                    let body = Client::form("DescribeLoadBalancers", ELBV2.1, &[]);
                    let request = session.request(ELBV2.0, "/", "", &body);
                    seen += exchange(&mut stream, &request).await.unwrap().all("LoadBalancerArn").len();
                }
            }
            seen
        }));
    }
    let mut seen = 0;
    for task in tasks {
        seen += task.await.unwrap();
    }
    assert_eq!(seen, 80 * 20);
    assert!(server.calls().is_empty());
    let listed = server.counts().into_iter().find(|count| count.action == "DescribeLoadBalancers").unwrap();
    assert_eq!((listed.count, listed.outcome.as_str()), (80 * 17, "ok"));
}
