//! The binary as a Lambda function: a small Lambda runtime API hands it invocations, and one process answers them all.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Child;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use doorward_fakeaws::{DESYNC_MODE, Fault, What};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::bed::{Bed, doorward, run, world};
use crate::event::{envelope, record};

const EDGE: (&str, &str, &str) = ("100000000020", "eu-west-1", "image-resizer");

/// What an invocation was answered: its result, or its error.
type Answer = Result<Value, Value>;

/// A Lambda runtime API with one function.
struct Lambda {
    invocations: tokio::sync::mpsc::UnboundedSender<Value>,
    answers: mpsc::Receiver<Answer>,
    function: Child,
    runtime: tokio::runtime::Runtime,
}

impl Lambda {
    /// Starts the function with one process.
    fn start(bed: &Bed, folder: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (invocations, queue) = tokio::sync::mpsc::unbounded_channel::<Value>();
        let (answer, answers) = mpsc::channel::<Answer>();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let queue = Arc::new(Mutex::new(queue));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (queue, answer) = (queue.clone(), answer.clone());
                let serve = service_fn(move |request| handle(request, queue.clone(), answer.clone()));
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), serve));
            }
        });
        let function = bed
            .doorward(folder)
            .args(["event", "--lambda"])
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "doorward")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .stdout(std::fs::File::options().create(true).append(true).open(folder.join("metrics")).unwrap())
            .stderr(std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        Self { invocations, answers, function, runtime }
    }

    fn invoke(&self, event: &Value) -> Answer {
        self.invocations.send(event.clone()).unwrap();
        self.answers.recv_timeout(Duration::from_secs(60)).expect("an answer within a minute")
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        let _ = self.function.kill();
        let _ = self.function.wait();
        let _guard = self.runtime.enter();
    }
}

async fn handle(
    request: Request<Incoming>,
    queue: Arc<Mutex<tokio::sync::mpsc::UnboundedReceiver<Value>>>,
    answer: mpsc::Sender<Answer>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let Some(of_invocation) = path.strip_prefix("/2018-06-01/runtime/invocation/") else {
        return Ok(Response::builder().status(404).body(Full::default()).unwrap());
    };
    if of_invocation == "next" {
        let event = match queue.lock().await.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        };
        let left = u128::from(event["left_for_the_invocation"].as_u64().unwrap_or(120_000));
        let deadline = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() + left;
        let response = Response::builder()
            .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
            .header("lambda-runtime-deadline-ms", deadline.to_string())
            .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:100000000002:function:doorward")
            .header("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
            .body(Full::from(event.to_string()));
        return Ok(response.unwrap());
    }
    let good = of_invocation.ends_with("/response");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let reported: Value = serde_json::from_slice(&body).unwrap();
    let _ = answer.send(if good { Ok(reported) } else { Err(reported) });
    Ok(Response::builder().status(202).body(Full::from("{\"status\":\"OK\"}")).unwrap())
}

fn schedule() -> Value {
    json!({"version": "0", "id": "s", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}})
}

fn runs(folder: &Path) -> usize {
    let said = run(doorward(folder).args(["history", "--format", "json"]));
    let history: Value = serde_json::from_str(&said.out).unwrap();
    history["scans"].as_array().unwrap().len()
}

#[test]
fn one_process_serves_scans_and_events_and_errors() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let settings = format!("[event]\npublish = true\nformats = [\"json-v1={}\"]\n", folder.join("scan.json").display());
    std::fs::write(folder.join("doorward.toml"), settings).unwrap();
    let lambda = Lambda::start(&bed, folder);

    // By schedule: a scan with its outputs, published.
    let scanned = lambda.invoke(&schedule()).unwrap();
    assert_eq!(scanned["scanned"]["exit_code"], 3);
    assert!(scanned["published"]["receipt"]["written"].as_u64().unwrap() > 100, "{scanned}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("scan.json")).unwrap()).unwrap();
    let all = report["load_balancers"].as_array().unwrap();
    let lb = all.iter().find(|lb| lb["account"] == EDGE.0 && lb["region"] == EDGE.1 && lb["name"] == EDGE.2).unwrap();
    assert_eq!(runs(folder), 1);

    // Malformed: an error, and the process goes on.
    for malformed in [json!({}), json!(7), json!({"detail-type": "AWS API Call via CloudTrail", "detail": {}})] {
        let refused = lambda.invoke(&malformed).unwrap_err();
        assert_eq!(refused["errorType"], "Doorward.Exit2", "{refused}");
        assert!(!refused["errorMessage"].as_str().unwrap().is_empty());
    }

    // Drift, twice.
    assert!(bed.server.world().set_attribute(EDGE.0, EDGE.1, EDGE.2, DESYNC_MODE, Some("monitor")));
    let drift = envelope(&record("drift", lb, "monitor"));
    let first = lambda.invoke(&drift).unwrap();
    assert_eq!((&first["format"], &first["exit_code"]), (&json!("event-v1"), &json!(3)));
    assert!(first["events"][0]["published"]["receipt"]["written"].as_u64().unwrap() > 0, "{first}");
    let again = lambda.invoke(&drift).unwrap();
    assert_eq!(again["events"][0]["repeat"], true);
    assert_eq!(again["events"][0]["published"]["receipt"]["written"], 0);

    // What cannot be read is an error, so that Lambda tries again; nothing of it stays behind.
    bed.server.set_faults(vec![Fault::new(What::AccessDenied).account(EDGE.0).service("elb*")]);
    let refused = lambda.invoke(&drift).unwrap_err();
    assert_eq!(refused["errorType"], "Doorward.Exit4", "{refused}");
    assert!(refused["errorMessage"].as_str().unwrap().contains("access-denied"), "{refused}");
    // Nor is it a success that Security Hub did not take everything.
    bed.server.set_faults(vec![Fault::new(What::AccessDenied).service("securityhub")]);
    assert!(bed.server.world().set_attribute(EDGE.0, EDGE.1, EDGE.2, DESYNC_MODE, Some("defensive")));
    let refused = lambda.invoke(&envelope(&record("mend", lb, "defensive"))).unwrap_err();
    assert_eq!(refused["errorType"], "Doorward.Exit7", "{refused}");
    bed.server.set_faults(vec![]);
    let mended = lambda.invoke(&envelope(&record("mend", lb, "defensive"))).unwrap();
    assert_eq!(mended["events"][0]["load_balancer"]["mode"]["known"], "defensive");
    assert!(mended["events"][0]["published"]["receipt"]["written"].as_u64().unwrap() > 0, "{mended}");

    // An event that is about nothing is a success, and the next scan is one more scan.
    assert!(lambda.invoke(&json!({"detail-type": "AWS Health Event", "detail": {}})).is_ok());
    assert_eq!(runs(folder), 1, "events are no scans");
    assert!(lambda.invoke(&schedule()).is_ok());
    assert_eq!(runs(folder), 2);
    // Each invocation has a line of metrics: scans say whether they came to an end and saw everything.
    let lines = std::fs::read_to_string(folder.join("metrics")).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        lines.iter().all(|line| line["FunctionName"] == "doorward" && line["_aws"]["CloudWatchMetrics"].is_array())
    );
    let reported = |line: &Value| {
        ["ExitCode", "ScanFinished", "CoverageComplete", "DeliveryComplete"].map(|name| line[name].as_u64())
    };
    let reported: Vec<_> = lines.iter().map(reported).collect();
    let scan = [Some(3), Some(1), Some(1), Some(1)];
    let refused = [Some(2), None, None, None];
    let event = |code, delivered| [Some(code), None, None, Some(delivered)];
    let expected =
        [&[scan, refused, refused, refused][..], &[event(3, 1), event(3, 1), event(4, 1), event(7, 0)]].concat();
    assert_eq!(reported[..8], expected);
    assert_eq!(reported.last(), Some(&scan));
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    assert!(log.contains("desync-mode-below-required") && !log.contains('\u{1b}'), "{log}");
}

#[test]
fn a_scan_that_is_stopped_delivers_nothing_and_is_an_error() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("doorward.toml"), "[event]\npublish = true\n").unwrap();
    let lambda = Lambda::start(&bed, folder);
    assert!(lambda.invoke(&schedule()).is_ok());
    bed.server.set_faults(vec![Fault::new(What::BlackHole).region("us-east-1").service("elb*")]);
    bed.server.clear_calls();
    let mut short = schedule();
    // Ten seconds are kept back for recording; two are left for the scan.
    short["left_for_the_invocation"] = json!(12_000);
    let refused = lambda.invoke(&short).unwrap_err();
    let message = refused["errorMessage"].as_str().unwrap();
    // A load balancer that fails may have been read within the two seconds (5) or not (4).
    let kind = refused["errorType"].as_str().unwrap();
    assert!(matches!(kind, "Doorward.Exit4" | "Doorward.Exit5"), "{refused}");
    assert!(message.contains("stopped before its end"), "{refused}");
    assert!(bed.server.calls().iter().all(|call| call.service != "securityhub"), "the scan before was delivered again");
    assert_eq!(runs(folder), 1);
}

#[test]
fn what_a_scan_lacks_is_a_metric() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("doorward.toml"), "[event]\npublish = true\n").unwrap();
    let lambda = Lambda::start(&bed, folder);
    let denied = |service: &str| Fault::new(What::AccessDenied).service(service);
    // (what is refused, whether the invocation is an error, exit code, finished, complete, delivered)
    for (faults, error, metrics) in [
        (vec![denied("elb*").account(EDGE.0)], false, [Some(5), Some(1), Some(0), Some(1)]),
        (vec![denied("securityhub")], true, [Some(7), Some(1), Some(1), Some(0)]),
        (vec![denied("organizations")], true, [Some(6), Some(0), None, None]),
    ] {
        bed.server.set_faults(faults);
        // As it comes back out of the dead-letter queue.
        let record = json!({"version": "1.0", "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": schedule()});
        let messages = json!({"Records": [{"eventSource": "aws:sqs", "body": record.to_string()}]});
        let answer = lambda.invoke(&messages);
        assert_eq!(answer.is_err(), error, "{answer:?}");
        let lines = std::fs::read_to_string(folder.join("metrics")).unwrap();
        let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
        let reported =
            ["ExitCode", "ScanFinished", "CoverageComplete", "DeliveryComplete"].map(|name| last[name].as_u64());
        assert_eq!(reported, metrics, "{answer:?}");
    }
}

#[test]
fn messages_of_a_queue_fail_by_themselves() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let settings = format!("[event]\nformats = [\"json-v1={}\"]\n", folder.join("scan.json").display());
    std::fs::write(folder.join("doorward.toml"), settings).unwrap();
    let lambda = Lambda::start(&bed, folder);
    assert!(lambda.invoke(&schedule()).is_ok());
    let report: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("scan.json")).unwrap()).unwrap();
    let all = report["load_balancers"].as_array().unwrap();
    let lb = all.iter().find(|lb| lb["account"] == EDGE.0 && lb["region"] == EDGE.1 && lb["name"] == EDGE.2).unwrap();
    let elsewhere = all.iter().find(|lb| lb["account"] != EDGE.0 && lb["kind"] == "application").unwrap();
    let message = |id: &str, body: &str| json!({"messageId": id, "body": body, "eventSource": "aws:sqs"});
    let of = |id: &str, lb: &Value| message(id, &envelope(&record(id, lb, "monitor")).to_string());
    let batch = json!({"Records": [
        message("torn", "{\"detail-type\": \"AWS API"),
        of("good", lb),
        message("other", &json!({"detail-type": "AWS Health Event", "detail": {}}).to_string()),
        of("unread", elsewhere),
        message("empty", ""),
    ]});
    let failed = |answer: Answer| -> Vec<String> {
        let answer = answer.unwrap();
        let failed = answer["batchItemFailures"].as_array().unwrap().iter();
        failed.map(|one| one["itemIdentifier"].as_str().unwrap().to_owned()).collect()
    };
    // One account cannot be read: its message fails, and the others are handled.
    bed.server.set_faults(vec![
        Fault::new(What::AccessDenied).account(elsewhere["account"].as_str().unwrap()).service("elb*"),
    ]);
    let mut first = failed(lambda.invoke(&batch));
    first.sort();
    assert_eq!(first, ["empty", "torn", "unread"]);
    bed.server.set_faults(vec![]);
    assert_eq!(
        failed(lambda.invoke(&json!({"Records": [of("unread", elsewhere), of("good", lb)]}))),
        Vec::<String>::new()
    );
    // A scan that failed comes back out of the queue of failures, and runs.
    let scans = runs(folder);
    assert_eq!(
        failed(lambda.invoke(&json!({"Records": [message("scan", &schedule().to_string())]}))),
        Vec::<String>::new()
    );
    assert_eq!(runs(folder), scans + 1);
    // No message is done if the ledger cannot be opened.
    std::fs::remove_dir_all(folder.join(".local")).unwrap();
    std::fs::write(folder.join(".local"), "a file in the place of the folder").unwrap();
    assert!(lambda.invoke(&json!({"Records": [of("good", lb)]})).is_err(), "the whole batch is received again");
}

#[test]
fn outside_lambda_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(doorward(folder.path()).args(["event", "--lambda"]));
    assert!(said.code == Some(2) && said.err.contains("AWS_LAMBDA_RUNTIME_API"), "{}", said.err);
}

/// What Step Functions does: each step is an invocation that names a command, and files are objects in S3.
#[test]
fn a_function_runs_the_steps_of_a_distributed_scan() {
    let bucket = "\n[[bucket]]\nname = \"doorward-runs\"\naccount = \"100000000002\"\nregion = \"us-east-1\"\n";
    let allowed = "\"s3:GetObject\", \"s3:PutObject\", \"s3:ListBucket\", \"organizations:DescribeOrganization\",";
    let text = world("acme-org").replacen("\"organizations:DescribeOrganization\",", allowed, 1) + bucket;
    let bed = Bed::start(&text, vec![]);
    let folder = tempfile::tempdir().unwrap();
    let lambda = Lambda::start(&bed, folder.path());
    let place = "s3://doorward-runs/runs/night";
    let (plan, parts) = (format!("{place}/plan.json"), format!("{place}/part-{{1..3}}.json"));
    let task = |command: &[&str]| lambda.invoke(&json!({"format": "task-v1", "command": command}));
    let merge = || task(&["merge", &parts, "--discovered", &plan, "--save", &format!("{place}/scan.saved")]);
    let shard = |number: usize| {
        let (of, part) = (format!("{number}/3"), format!("{place}/part-{number}.json"));
        task(&["scan", "--shard", &of, "--discovered", &plan, "--save", &part])
    };
    assert_eq!(task(&["scan", "--discover-only", "--save", &plan]).unwrap()["exit_code"], 0);
    assert!(bed.server.world().object("doorward-runs", "runs/night/plan.json").is_some());
    for number in [3, 1] {
        assert_eq!(shard(number).unwrap()["exit_code"], 0);
    }
    // A shard is missing: the merge is a result, and it says so.
    let incomplete = merge().unwrap();
    assert!(incomplete["exit_code"] == 4 || incomplete["exit_code"] == 5, "{incomplete}");
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("part-2.json: it cannot be read: there is no such object"), "{log}");
    let ledger = folder.path().join(".local/state/doorward/ledger.sqlite");
    assert!(!ledger.exists());
    assert_eq!(shard(2).unwrap()["exit_code"], 0);
    assert_eq!(merge().unwrap()["exit_code"], 3);
    assert!(ledger.exists());
    let saved = bed.server.world().object("doorward-runs", "runs/night/scan.saved").unwrap();
    std::fs::write(folder.path().join("scan.saved"), &saved).unwrap();
    let again = run(bed.doorward(folder.path()).args(["-q", "report", "--from", "scan.saved"]));
    assert_eq!(again.code, Some(3), "{}", again.err);
    let metrics = std::fs::read_to_string(folder.path().join("metrics")).unwrap();
    assert_eq!(metrics.lines().filter(|line| line.contains("\"CoverageComplete\":")).count(), 2, "{metrics}");

    for (command, problem) in [
        (&["scan", "--shard", "9/3", "--save", "s3://doorward-runs/x"][..], "exit code 2"),
        (&["scan", "--discover-only", "--save", "s3://bucket-of-others/x"], "exit code"),
        (&["publish"], "is not a command of a distributed scan"),
        (&[], "is not a command of a distributed scan"),
    ] {
        let error = task(command).unwrap_err();
        assert!(error["errorMessage"].as_str().unwrap().contains(problem), "{error}");
    }
}
