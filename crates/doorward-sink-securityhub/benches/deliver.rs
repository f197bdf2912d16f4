//! Delivery of 50,000 findings over 500 Security Hubs to the emulator with its real quotas, in a process of its own: time against
//! what the quotas allow, and memory beyond the report.
//!
//! `cargo bench -p doorward-sink-securityhub` prints the figures and fails where a goal is missed. One Security Hub has a fifth of
//! all findings, so that its quota is what decides: 30 calls at once, 10 a second from then on.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints, and stops where it cannot go on")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use doorward_aws::settings::{CallSettings, Span};
use doorward_aws::{ClientProvider, Credentials, OpenSession, Time};
use doorward_fakeaws::{CallDetail, Options, Server, World};
use doorward_model::{AccountId, AccountRegion, Mode, ScanReport, Verdict, VerdictReason};
use doorward_sink_securityhub::{
    Delivery, ExceptedAs, FindingIntent, FindingRenderer, MemoryOutbox, Outbox, OutboxError, Publisher, SentFinding,
    Settings,
};
use jiff::Timestamp;

#[expect(dead_code, reason = "the bench uses a part of the tests' bed")]
#[path = "../tests/it/bed.rs"]
mod bed;

const SECURITY_HUBS: usize = 500;
const FINDINGS: usize = 50_000;
const LARGE: usize = 10_000;
const REGION: &str = "eu-west-1";
/// Goals: time as a multiple of what the quotas allow, and megabytes.
const TIME: f64 = 1.1;
const MEGABYTES: f64 = 200.0;

fn account(number: usize) -> String {
    format!("{:012}", 100_000_000_000 + number)
}

fn world() -> String {
    let first = account(0);
    let mut text = format!(
        "[organization]\nid = \"o-bench00001\"\nmanagement = \"{first}\"\nhome_region = \"{REGION}\"\n\
         regions = [\"{REGION}\"]\n"
    );
    for number in 0..SECURITY_HUBS {
        let id = account(number);
        text.push_str(&format!(
            "[[account]]\nid = \"{id}\"\nname = \"a{number}\"\n[[caller]]\naccess_key = \"AKIA{id}\"\nsecret = \"s\"\n\
             account = \"{id}\"\narn = \"arn:aws:iam::{id}:user/u\"\nallow = [\"securityhub:BatchImportFindings\"]\n"
        ));
    }
    text
}

/// One finding per load balancer; the first Security Hub has a fifth of them.
fn report() -> ScanReport {
    let now = Timestamp::now();
    let mut report = bed::report(now, now, Vec::new(), Vec::new(), Vec::new());
    let each = (FINDINGS - LARGE) / (SECURITY_HUBS - 1);
    let large = FINDINGS - each * (SECURITY_HUBS - 1);
    for number in 0..SECURITY_HUBS {
        let place = bed::place(&account(number), REGION);
        for n in 0..if number == 0 { large } else { each } {
            let lb = bed::load_balancer(&place, &format!("lb{n}"), &bed::Truth::with(Mode::Defensive), now);
            let verdict = Verdict::Pass {
                reason: VerdictReason::ModeSufficient,
                because: "The mode is defensive, as required.".to_owned(),
            };
            report.findings.push(bed::finding(&lb, bed::MODE, verdict));
            report.load_balancers.push(lb);
        }
    }
    report
}

/// Calls to the server. The last hundredths of the quota are left for jitter on the way: a call that arrives too early
/// halves the rate.
fn aws(url: &str) -> ClientProvider {
    let seconds = |seconds| Span(std::time::Duration::from_secs(seconds));
    let calls = CallSettings {
        concurrency: 1024,
        share_of_limits: 1.0,
        connect_timeout: seconds(5),
        read_timeout: seconds(20),
        attempt_timeout: seconds(20),
        call_deadline: seconds(120),
        tries: 8,
        longest_pause: seconds(20),
    };
    let config = SdkConfig::builder()
        .behavior_version(aws_sdk_securityhub::config::BehaviorVersion::latest())
        .endpoint_url(url)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .build();
    let open: OpenSession = Arc::new(|account: &AccountId, _| {
        let key = format!("AKIA{account}");
        Box::pin(async move { Ok(Credentials::new(key, "s", None, None, "bench")) })
    });
    ClientProvider::with_sessions(config, calls, Time::new(Arc::new(Timestamp::now)), open)
}

/// Keeps rows in memory and forgets documents, which a ledger would keep on disk.
#[derive(Default)]
struct Rows(MemoryOutbox);

impl Outbox for Rows {
    fn security_hubs(&self) -> Result<BTreeSet<AccountRegion>, OutboxError> {
        self.0.security_hubs()
    }

    fn remembered(&self, security_hub: &AccountRegion) -> Result<BTreeMap<String, SentFinding>, OutboxError> {
        self.0.remembered(security_hub)
    }

    fn document(&self, security_hub: &AccountRegion, id: &str) -> Result<Option<String>, OutboxError> {
        self.0.document(security_hub, id)
    }

    fn intend(&self, security_hub: &AccountRegion, intents: &[FindingIntent]) -> Result<(), OutboxError> {
        let light: Vec<FindingIntent> = intents
            .iter()
            .map(|intent| FindingIntent { id: intent.id.clone(), row: intent.row.clone(), document: String::new() })
            .collect();
        self.0.intend(security_hub, &light)
    }

    fn acknowledge(
        &self,
        security_hub: &AccountRegion,
        accepted: &[(String, Timestamp)],
        at: Timestamp,
    ) -> Result<(), OutboxError> {
        self.0.acknowledge(security_hub, accepted, at)
    }
}

/// Megabytes of resident memory: now, and at most so far.
fn memory() -> (f64, f64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let figure = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    };
    (figure("VmRSS:"), figure("VmHWM:"))
}

/// Serves until the other end of standard input is gone.
async fn serve() {
    let options = Options { calls: CallDetail::Counts, quotas: Some(true), ..Options::default() };
    let server = Server::start(World::from_toml(&world()).expect("a world"), options).await.expect("a server");
    println!("{}", server.url());
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
}

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    if std::env::args().any(|argument| argument == "serve") {
        return runtime.block_on(serve());
    }
    let mut server = Command::new(std::env::current_exe().expect("this program"))
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a server");
    let mut url = String::new();
    BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut url).expect("an address");
    let report = report();
    let renderer = FindingRenderer::new(Delivery::Member, ExceptedAs::Failed, &bed::METAS, BTreeMap::new());
    let publisher = Publisher::new(renderer, Settings::default(), aws(url.trim()), Rows::default());
    let (before, _) = memory();
    let begun = Instant::now();
    let outcome = runtime.block_on(publisher.publish(&report)).expect("published");
    let seconds = begun.elapsed().as_secs_f64();
    let (_, peak) = memory();
    drop(server.stdin.take());
    server.wait().expect("ended");

    let calls = outcome.security_hubs.iter().map(|line| line.findings_in.div_ceil(100)).max().unwrap_or(0);
    let floor = (calls as f64 - 30.0).max(0.0) / 10.0;
    println!(
        "{} findings accepted by {} Security Hubs in {seconds:.2} s",
        outcome.accepted(),
        outcome.security_hubs.len()
    );
    println!("the quota of the largest Security Hub ({calls} calls) allows {floor:.2} s: {:.2}x", seconds / floor);
    println!("{:.0} MB beyond the report at most, the outbox's rows included", peak - before);
    assert!(outcome.is_complete() && outcome.accepted() == FINDINGS, "not everything was accepted");
    assert!(seconds <= TIME * floor, "slower than {TIME} times what the quotas allow");
    assert!(peak - before < MEGABYTES, "more than {MEGABYTES} MB");
}
