//! Asks S3, CloudWatch or Athena at any endpoint, from the command line: what `cargo xtask e2e traffic` runs against other emulators.
//!
//! Reads one JSON document from standard input: an endpoint, credentials by account, and what is asked. Prints one with the answer.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is for the calling process")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;
use aws_types::sdk_config::SharedCredentialsProvider;
use doorward_aws::settings::{CallSettings, Span};
use doorward_aws::{ClientProvider, Credentials, OpenSession, Time};
use doorward_model::{AccountId, AccountRegion, Gap, GapReason, Region};
use doorward_traffic::{
    AthenaJob, AthenaLogs, Known, LoadBalancerKey, LogPlace, Metered, Metric, Source, UnreadLogs, Window,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// Everything that is asked in one run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    endpoint: String,
    /// Access key, secret and session token, which may be empty, by account.
    sessions: BTreeMap<String, (String, String, String)>,
    start: Timestamp,
    end: Timestamp,
    #[serde(default)]
    logs: Vec<Place>,
    #[serde(default)]
    metrics: Vec<LoadBalancerKey>,
    #[serde(default)]
    athena: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    load_balancer: LoadBalancerKey,
    bucket: String,
    prefix: String,
    reader: AccountId,
}

/// Credentials of the document's accounts.
fn sessions(given: BTreeMap<String, (String, String, String)>) -> OpenSession {
    Arc::new(move |account, _| {
        let credentials = given.get(account.as_str()).map(|(key, secret, token)| {
            Credentials::new(key, secret, Some(token.clone()).filter(|token| !token.is_empty()), None, "stand")
        });
        Box::pin(std::future::ready(credentials.ok_or_else(|| Gap::new(GapReason::RoleMissing, "sts:AssumeRole"))))
    })
}

type Done<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Done<Value> {
    let asked: Asked = serde_json::from_reader(std::io::stdin())?;
    let invalid = Credentials::new("invalid", "nothing", None, None, "stand");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(&asked.endpoint)
        .credentials_provider(SharedCredentialsProvider::new(invalid))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .build();
    // The stand fails up to two tries in three on purpose: of a hundred objects, one would be lost by twelve tries.
    let seconds = |seconds| Span(Duration::from_secs(seconds));
    let calls = CallSettings {
        concurrency: 64,
        share_of_limits: 1.0,
        connect_timeout: seconds(3),
        read_timeout: seconds(15),
        attempt_timeout: seconds(20),
        call_deadline: seconds(120),
        tries: 48,
        longest_pause: Span(Duration::from_millis(200)),
    };
    let time = Time::new(Arc::new(Timestamp::now));
    let source = Source::new(ClientProvider::with_sessions(config, calls, time, sessions(asked.sessions.clone())));
    let window = Window::covering(asked.start, asked.end)?;
    let mut answer = json!({});
    if !asked.logs.is_empty() {
        let spans = vec![(window.starts_at(), window.ends_at())];
        let mut places = Vec::new();
        for Place { load_balancer, bucket, prefix, reader } in &asked.logs {
            let region = load_balancer.region.clone().ok_or("a load balancer has no Region")?;
            places.push(LogPlace {
                load_balancer: load_balancer.clone(),
                bucket: bucket.clone(),
                prefix: prefix.clone(),
                reader: AccountRegion { account: reader.clone(), region },
                spans: spans.clone(),
            });
        }
        let plan = source.plan_logs(&places).await;
        let counted = source.count_logs(&plan, 2, Some(window), |_, _| ()).await;
        let missed = |missed: &UnreadLogs| json!({"load_balancer": missed.load_balancer, "what": missed.what, "gap": missed.gap});
        answer["logs"] = json!({
            "objects": plan.objects.len(),
            "bytes": plan.bytes(),
            "lists": plan.lists,
            "tally": counted.tally,
            "missed": counted.missed.iter().map(missed).collect::<Vec<_>>(),
        });
    }
    if !asked.metrics.is_empty() {
        let mut metered = Vec::new();
        for load_balancer in &asked.metrics {
            let account = load_balancer.account.clone().ok_or("a load balancer has no account")?;
            let region = load_balancer.region.clone().ok_or("a load balancer has no Region")?;
            metered.push(Metered { load_balancer: load_balancer.clone(), place: AccountRegion { account, region } });
        }
        let series = source.metrics(&metered, &Metric::ALL, window, 300, asked.end).await;
        for (load_balancer, series) in series {
            for metric in Metric::ALL {
                let total = match series.total(metric) {
                    Known::Count(count) => json!(count),
                    Known::NoTraffic => json!("no traffic"),
                    Known::NotAsked => json!("not asked"),
                    Known::Unread(gap) => json!(gap.reason),
                };
                answer["metrics"][load_balancer.to_string()][metric.application()] = total;
            }
        }
    }
    if let Some(bucket) = &asked.athena {
        let account = asked.sessions.keys().next().ok_or("no session")?;
        let regions = BTreeSet::from([Region::new("eu-west-1")?]);
        let accounts: BTreeSet<_> =
            asked.sessions.keys().map(|account| AccountId::new(account)).collect::<Result<_, _>>()?;
        let job = AthenaJob {
            place: AccountRegion { account: AccountId::new(account)?, region: Region::new("eu-west-1")? },
            logs: AthenaLogs::Lines { bucket: bucket.clone(), prefix: "alb".to_owned() },
            scanned: accounts.clone(),
            accounts,
            regions,
            load_balancers: None,
            window,
            database: "traffic".to_owned(),
            workgroup: "primary".to_owned(),
            output: Some(format!("s3://{bucket}/results/")),
            budget: u64::MAX,
            patience: Duration::from_secs(30),
        };
        let estimate = source.estimate(&job).await.map_err(|gap| gap.to_string())?;
        let count = source.athena(&job, estimate, std::future::pending()).await?;
        answer["athena"] = json!({"objects": estimate.objects, "bytes": estimate.bytes, "tally": count.tally});
    }
    answer["requests"] = json!(source.requests());
    Ok(answer)
}
