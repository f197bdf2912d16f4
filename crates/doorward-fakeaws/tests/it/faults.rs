//! Every kind of fault as a client sees it, and the schedules of faults.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use doorward_fakeaws::{DESYNC_MODE, Fault, Form, Server, What};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{APP, Answer, Client, ELBV2, STS, WORLD, exchange, start, start_with};

async fn under(what: What) -> (Server, Client) {
    let (server, client) = start().await;
    let session = client.assume(APP, "scan", &[]).await;
    server.set_faults(vec![Fault::new(what).service("elbv2")]);
    (server, session)
}

async fn list(client: &Client) -> std::io::Result<Answer> {
    client.try_query(ELBV2, "DescribeLoadBalancers", &[]).await
}

#[tokio::test]
async fn faults_that_return_an_error() {
    let policy = "arn:aws:organizations::000000000001:policy/o-test000001/service_control_policy/p-x";
    let cases = [
        (What::Throttle, 400, "Throttling", "Rate exceeded"),
        (
            What::AccessDenied,
            403,
            "AccessDenied",
            "because no identity-based policy allows the elasticloadbalancing:DescribeLoadBalancers action",
        ),
        (What::ScpDenied(policy.to_owned()), 403, "AccessDenied", policy),
        (What::ExpiredToken, 403, "ExpiredToken", "expired"),
        (What::ClockSkew, 403, "SignatureDoesNotMatch", "Signature expired"),
    ];
    for (what, status, code, words) in cases {
        let (server, client) = under(what.clone()).await;
        let answer = list(&client).await.unwrap();
        assert_eq!((answer.status, answer.code().as_str()), (status, code));
        assert!(answer.message().contains(words), "{what:?}: {}", answer.message());
        assert_eq!(server.faults().fired(), [1]);
    }
}

#[tokio::test]
async fn faults_on_the_document() {
    let (server, client) = start().await;
    let client = client.assume(APP, "scan", &[]).await;
    let intact = list(&client).await.unwrap().body;
    for (what, check) in [
        (
            What::ServerError(503),
            Box::new(|a: &Answer| a.status == 503 && a.body.starts_with("<html>")) as Box<dyn Fn(&Answer) -> bool>,
        ),
        (What::Malformed, Box::new(|a| a.status == 200 && a.body.starts_with("<html>"))),
        (What::EmptyBody, Box::new(|a| a.status == 200 && a.body.is_empty())),
        (What::Truncated(0.25), Box::new(|a| a.status == 200 && a.body.len() == intact.len() / 4)),
    ] {
        server.set_faults(vec![Fault::new(what.clone()).service("elasticloadbalancing")]);
        let answer = list(&client).await.unwrap();
        assert!(check(&answer), "{what:?}: {answer:?}");
        assert_eq!(server.faults().fired_total(), 1);
    }
}

#[tokio::test]
async fn forms_rewrite_a_response_that_can_take_them() {
    let (server, client) = start().await;
    let client = client.assume(APP, "scan", &[]).await;
    let intact = list(&client).await.unwrap();
    let arns = intact.all("LoadBalancerArn");
    for (form, number, check) in [
        (Form::EntryWithoutName, 5, "<member><LoadBalancerName>"),
        (Form::ForeignAccount, 6, ":999999999999:loadbalancer/"),
        (Form::ForeignRegion, 6, ":xx-far-9:"),
        (Form::ForeignPartition, 6, "arn:aws-other:"),
        (Form::RepeatedEntry, 7, "<LoadBalancers>"),
        (Form::ContradictoryEntry, 7, "<LoadBalancers>"),
        (Form::RepeatedList, 6, "</LoadBalancers><LoadBalancers></LoadBalancers>"),
        (Form::RenamedEntries, 6, "<LoadBalancers><item>"),
        (Form::OtherType, 6, "<Type>network</Type>"),
    ] {
        let text = format!(r#"[{{"kind":"{}","service":"elbv2"}}]"#, form.name());
        assert_eq!(client.control("POST", "/_fake/faults", &text).await.json()["armed"], 1, "{form:?}");
        let answer = list(&client).await.unwrap();
        assert_eq!((answer.status, answer.all("LoadBalancerArn").len()), (200, number), "{form:?}");
        assert!(answer.body.contains(check) && answer.body != intact.body, "{form:?}: {}", answer.body);
        assert_eq!(server.faults().fired(), [1], "{form:?}");
        assert_eq!(server.calls().pop().unwrap().outcome, format!("fault:{}", form.name()));
    }
    // Only responses that can take the form match, so that "the n-th" counts those.
    server.set_faults(vec![Fault::new(What::Form(Form::NotFound)).nth(1)]);
    assert_eq!(list(&client).await.unwrap().body.len(), intact.body.len());
    let about = [("LoadBalancerArn", arns[0].as_str())];
    let answer = client.query(ELBV2, "DescribeLoadBalancerAttributes", &about).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "LoadBalancerNotFound"));
    assert_eq!(client.query(ELBV2, "DescribeLoadBalancerAttributes", &about).await.status, 200);
    assert!(Form::ALL.iter().all(|form| form.name().parse() == Ok(*form)));
}

#[tokio::test]
async fn reset_is_a_reset() {
    let (server, client) = under(What::Reset).await;
    assert_eq!(list(&client).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let last = server.calls().pop().unwrap();
    assert_eq!((last.status, last.outcome.as_str()), (0, "fault:reset"));
    server.set_faults(Vec::new());
    assert_eq!(list(&client).await.unwrap().status, 200);
}

#[tokio::test]
async fn half_close_ends_inside_the_body() {
    for fraction in [0.0, 0.5, 1.0] {
        let (_server, client) = under(What::HalfClose(fraction)).await;
        let body = Client::form("DescribeLoadBalancers", "2015-12-01", &[]);
        let mut stream = TcpStream::connect(client.address).await.unwrap();
        let request = client.request("elasticloadbalancing", "/", "", &body);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        let text = String::from_utf8(received).unwrap();
        let (head, part) = text.split_once("\r\n\r\n").unwrap();
        let announced: usize =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
        assert!(part.len() < announced, "{} of {announced}", part.len());
        assert!(part.len() as f64 >= announced as f64 * fraction - 1.0);
    }
}

#[tokio::test]
async fn black_hole_never_responds() {
    let (server, client) = under(What::BlackHole).await;
    let waited = tokio::time::timeout(Duration::from_millis(300), list(&client)).await;
    assert!(waited.is_err());
    assert_eq!(server.faults().fired(), [1]);
    tokio::time::timeout(Duration::from_secs(5), server.shutdown()).await.unwrap();
}

#[tokio::test]
async fn slow_answers_are_complete() {
    for what in
        [What::SlowDrip { bytes: 400, interval: Duration::from_millis(10) }, What::Latency(Duration::from_millis(100))]
    {
        let (_server, client) = under(what).await;
        let started = Instant::now();
        let answer = list(&client).await.unwrap();
        assert_eq!(answer.all("LoadBalancerArn").len(), 6);
        assert!(started.elapsed() >= Duration::from_millis(90), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn wrong_account_gives_a_working_session_elsewhere() {
    let (server, client) = start().await;
    let faults =
        server.set_faults(vec![Fault::new(What::WrongAccount).action("AssumeRole").resource("*111111111111*")]);
    let session = client.assume(APP, "scan", &[]).await;
    let account = session.query(STS, "GetCallerIdentity", &[]).await.one("Account");
    assert_ne!(account, APP);
    assert_eq!(faults.fired(), [1]);
    let right = client.assume("000000000001", "scan", &[]).await;
    assert_eq!(right.query(STS, "GetCallerIdentity", &[]).await.one("Account"), "000000000001");
}

#[tokio::test]
async fn a_lost_response_leaves_the_change_made_or_not_made() {
    let (server, client) = start().await;
    let client = client.assume(APP, "scan", &[]).await;
    let arn = server.world().arn(APP, "eu-west-1", "web-1").unwrap();
    for (what, mode) in [(What::Reset, "monitor"), (What::ServerError(500), "monitor"), (What::EmptyBody, "strictest")]
    {
        server.set_faults(vec![Fault::new(what.clone()).action("ModifyLoadBalancerAttributes")]);
        let parameters = [
            ("LoadBalancerArn", arn.as_str()),
            ("Attributes.member.1.Key", DESYNC_MODE),
            ("Attributes.member.1.Value", "strictest"),
        ];
        let _ = client.try_query(ELBV2, "ModifyLoadBalancerAttributes", &parameters).await;
        assert_eq!(server.faults().fired(), [1]);
        let now = server.world().attribute(APP, "eu-west-1", "web-1", DESYNC_MODE);
        assert_eq!(now.as_deref(), Some(mode), "{what:?}");
    }
}

#[tokio::test]
async fn one_fault_affects_a_call_and_latency_adds_to_it() {
    let (server, client) = start().await;
    let client = client.assume(APP, "scan", &[]).await;
    let late = || Fault::new(What::Latency(Duration::from_millis(40)));
    let plan =
        server.set_faults(vec![late(), Fault::new(What::Throttle).times(1), Fault::new(What::EmptyBody), late()]);
    let started = Instant::now();
    assert_eq!(list(&client).await.unwrap().code(), "Throttling");
    assert!(started.elapsed() >= Duration::from_millis(80));
    assert_eq!(plan.fired(), [1, 1, 0, 1]);
    assert!(list(&client).await.unwrap().body.is_empty());
    assert_eq!((plan.fired(), plan.fired_total()), (vec![2, 1, 1, 2], 6));
}

async fn pattern(client: &Client, calls: usize) -> Vec<usize> {
    let mut struck = Vec::new();
    for number in 1..=calls {
        if list(client).await.unwrap().status != 200 {
            struck.push(number);
        }
    }
    struck
}

#[tokio::test]
async fn schedules() {
    let (server, client) = start_with(WORLD, |options| options.quotas = Some(false)).await;
    let client = client.assume(APP, "scan", &[]).await;
    let fault = || Fault::new(What::Throttle).action("describe*").account(APP).region("eu-*");
    let cases: Vec<(Fault, Vec<usize>)> = vec![
        (fault(), (1..=8).collect()),
        (fault().times(3), vec![1, 2, 3]),
        (fault().nth(4), vec![4]),
        (fault().every(3), vec![3, 6]),
        (fault().first_of_each(2), vec![1, 2]),
        (fault().region("us-east-1"), vec![]),
        (fault().account("222222222222"), vec![]),
        (fault().resource("*web-1*"), vec![]),
        (fault().random(1.0, 1), (1..=8).collect()),
    ];
    for (fault, expected) in cases {
        let plan = server.set_faults(vec![fault.clone()]);
        assert_eq!(pattern(&client, 8).await, expected, "{fault:?}");
        assert_eq!(plan.fired(), [expected.len() as u64]);
    }
    let mut runs = Vec::new();
    for _ in 0..2 {
        server.set_faults(vec![fault().random(0.5, 42)]);
        runs.push(pattern(&client, 40).await);
    }
    assert_eq!(runs[0], runs[1], "the same seed is the same run");
    assert!((10..=30).contains(&runs[0].len()), "{:?}", runs[0]);
}

#[tokio::test]
async fn faults_come_from_the_world_and_over_http_too() {
    let world = format!("{WORLD}\n[[fault]]\nkind = \"throttle\"\nservice = \"elbv2\"\ntimes = 1\n");
    let (server, client) = start_with(&world, |_| ()).await;
    let session = client.assume(APP, "scan", &[]).await;
    assert_eq!(pattern(&session, 3).await, [1]);
    let armed = client
        .control("POST", "/_fake/faults", r#"[{"kind":"access_denied","action":"DescribeLoadBalancers","nth":2}]"#)
        .await;
    assert_eq!(armed.json()["armed"], 1);
    assert_eq!(pattern(&session, 3).await, [2]);
    assert_eq!(client.control("GET", "/_fake/faults", "").await.json()["fired"][0], 1);
    assert_eq!(client.control("POST", "/_fake/faults", r#"[{"kind":"gremlins"}]"#).await.status, 400);
    assert_eq!(client.control("DELETE", "/_fake/faults", "").await.status, 200);
    assert!(server.faults().fired().is_empty());
    assert_eq!(client.control("GET", "/_fake/health", "").await.status, 200);
    assert_eq!(client.control("GET", "/_fake/world", "").await.json()["load_balancers"]["application"], 5);
    let calls = client.control("GET", "/_fake/calls", "").await.json();
    assert_eq!(calls[0]["action"], "AssumeRole");
    assert_eq!(client.control("GET", "/_fake/nothing", "").await.status, 404);
}

#[tokio::test]
async fn a_connection_carries_many_calls() {
    let (_server, client) = start().await;
    let mut stream = TcpStream::connect(client.address).await.unwrap();
    let request = client.request("sts", "/", "", &Client::form("GetCallerIdentity", "2011-06-15", &[]));
    for _ in 0..3 {
        assert_eq!(exchange(&mut stream, &request).await.unwrap().one("Account"), "000000000002");
    }
}
