//! A small organization with logs in its buckets, the ways into it, and the truth about both.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;
use aws_types::sdk_config::SharedCredentialsProvider;
use doorward_aws::settings::{CallSettings, Span as Length};
use doorward_aws::{ClientProvider, Credentials, OpenSession, Time};
use doorward_fakeaws::{Options, Server, World};
use doorward_model::{AccountId, AccountRegion, Gap, GapReason, Region};
use doorward_traffic::{LoadBalancerKey, LogPlace, LogSpan, Source};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

pub(crate) const APP: &str = "111111111111";
pub(crate) const SHOP: &str = "222222222222";
pub(crate) const LOGS: &str = "000000000003";
pub(crate) const HERE: &str = "eu-west-1";

/// One key per account, as if a session had been opened there. The app's logs lie in the log account's bucket, the shop's in its
/// own; nobody is admitted to the third bucket.
const WORLD: &str = r#"
[organization]
id = "o-test000001"
management = "000000000001"
home_region = "eu-west-1"
regions = ["eu-west-1", "us-east-1"]
quotas = false

[[account]]
id = "000000000001"
name = "management"
[[account]]
id = "000000000003"
name = "logs"
[[account]]
id = "111111111111"
name = "app"
[[account]]
id = "222222222222"
name = "shop"

[[caller]]
access_key = "AKIA111111111111"
secret = "s"
account = "111111111111"
arn = "arn:aws:iam::111111111111:user/scan"
allow = ["s3:ListBucket", "s3:GetObject", "cloudwatch:GetMetricData", "athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults", "athena:StopQueryExecution", "glue:CreateTable", "glue:GetDatabase", "glue:GetTable", "s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:PutObject"]
[[caller]]
access_key = "AKIA222222222222"
secret = "s"
account = "222222222222"
arn = "arn:aws:iam::222222222222:user/scan"
allow = ["s3:ListBucket"]
[[caller]]
access_key = "AKIA000000000003"
secret = "s"
account = "000000000003"
arn = "arn:aws:iam::000000000003:user/scan"
allow = ["s3:ListBucket", "s3:GetObject"]

[[bucket]]
name = "central-logs"
account = "000000000003"
region = "eu-west-1"
readers = ["111111111111"]
[[bucket]]
name = "shop-logs"
account = "222222222222"
region = "eu-west-1"
[[bucket]]
name = "closed-logs"
account = "000000000003"
region = "eu-west-1"
[[bucket]]
name = "far-logs"
account = "111111111111"
region = "us-east-1"

[[load_balancer]]
account = "111111111111"
region = "eu-west-1"
name = "web"
[[load_balancer]]
account = "111111111111"
region = "eu-west-1"
name = "old"
type = "classic"
"#;

/// The emulator, the source under test, and what is known.
pub(crate) struct Bed {
    pub(crate) server: Server,
    pub(crate) source: Source,
    /// Credentials that were called expired.
    pub(crate) refused: Arc<Mutex<Vec<String>>>,
}

pub(crate) fn limits() -> CallSettings {
    let seconds = |seconds| Length(Duration::from_secs(seconds));
    CallSettings {
        concurrency: 8,
        share_of_limits: 1000.0,
        connect_timeout: seconds(5),
        read_timeout: seconds(5),
        attempt_timeout: seconds(5),
        call_deadline: seconds(20),
        tries: 5,
        longest_pause: seconds(10),
    }
}

impl Bed {
    pub(crate) async fn start() -> Self {
        Self::with(WORLD, limits()).await
    }

    pub(crate) async fn with_organization(lines: &str) -> Self {
        Self::with(&WORLD.replacen("quotas = false", &format!("quotas = false\n{lines}"), 1), limits()).await
    }

    pub(crate) async fn with(world: &str, limits: CallSettings) -> Self {
        let server = Server::start(World::from_toml(world).unwrap(), Options::default()).await.unwrap();
        let nobody = Credentials::new("nobody", "s", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(server.url())
            .credentials_provider(SharedCredentialsProvider::new(nobody))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
            .build();
        let refused: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&refused);
        // Every account's own key; one account cannot be entered.
        let open: OpenSession = Arc::new(move |account: &AccountId, refused: Option<Credentials>| {
            if let Some(refused) = refused {
                kept.lock().unwrap().push(refused.access_key_id().to_owned());
            }
            let opened = if account.as_str() == "999999999999" {
                Err(Gap::new(GapReason::RoleMissing, "sts:AssumeRole"))
            } else {
                Ok(Credentials::new(format!("AKIA{account}"), "s", None, None, "test"))
            };
            Box::pin(std::future::ready(opened))
        });
        // Pauses take no time: what is waited for here is the emulator, which does not need any.
        let time = Time::with_pauses(Arc::new(Timestamp::now), Arc::new(|_| Box::pin(std::future::ready(()))));
        let source = Source::new(ClientProvider::with_sessions(config, limits, time, open)).with_concurrency(4);
        Self { server, source, refused }
    }

    pub(crate) async fn with_limits(limits: CallSettings) -> Self {
        Self::with(WORLD, limits).await
    }

    /// Writes an object under another key than its own.
    pub(crate) fn put_at(&self, bucket: &str, key: &str, log: &Log) {
        assert!(self.server.world().put_object(bucket, key, log.packed(), log.end));
    }

    /// Writes an object of a load balancer with these lines.
    pub(crate) fn put(&self, bucket: &str, prefix: &str, log: &Log) -> String {
        let key = log.key(prefix);
        assert!(self.server.world().put_object(bucket, &key, log.packed(), log.end));
        key
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn span(from: &str, to: &str) -> LogSpan {
    (at(from), at(to))
}

pub(crate) fn place(account: &str, region: &str) -> AccountRegion {
    AccountRegion { account: AccountId::new(account).unwrap(), region: Region::new(region).unwrap() }
}

pub(crate) fn load_balancer(account: &str, name: &str) -> LoadBalancerKey {
    format!("{account}/{HERE}/app/{name}/0123456789abcdef").parse().unwrap()
}

/// A place whose own account reads it.
pub(crate) fn logs_of(account: &str, name: &str, bucket: &str, spans: &[LogSpan]) -> LogPlace {
    LogPlace {
        load_balancer: load_balancer(account, name),
        bucket: bucket.to_owned(),
        prefix: "alb".to_owned(),
        reader: place(account, HERE),
        spans: spans.to_vec(),
    }
}

/// One object: a load balancer's lines of five minutes.
pub(crate) struct Log {
    pub(crate) load_balancer: LoadBalancerKey,
    pub(crate) end: Timestamp,
    pub(crate) node: u8,
    /// Compliant lines, and lines of the tier Severe.
    pub(crate) lines: (u64, u64),
    /// Makes the object long and hard to pack.
    pub(crate) noise: usize,
}

impl Log {
    pub(crate) fn of(account: &str, name: &str, end: &str, lines: (u64, u64)) -> Self {
        Self { load_balancer: load_balancer(account, name), end: at(end), node: 1, lines, noise: 0 }
    }

    pub(crate) fn key(&self, prefix: &str) -> String {
        let LoadBalancerKey { account, region, id } = &self.load_balancer;
        let (account, region) = (account.as_ref().unwrap(), region.as_ref().unwrap());
        let day = self.end.strftime("%Y/%m/%d");
        let end = self.end.strftime("%Y%m%dT%H%MZ");
        let slash = if prefix.is_empty() { "" } else { "/" };
        format!(
            "{prefix}{slash}AWSLogs/{account}/elasticloadbalancing/{region}/{day}/{account}_elasticloadbalancing_{region}_{}_{end}_192.0.2.{}_abcd1234.log.gz",
            id.replace('/', "."),
            self.node,
        )
    }

    fn packed(&self) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::new(6));
        let mut random = fastrand::Rng::with_seed(self.node.into());
        let time = self.end.checked_sub(jiff::SignedDuration::from_secs(60)).unwrap();
        let time = time.strftime("%Y-%m-%dT%H:%M:%S.123456Z").to_string();
        for number in 0..self.lines.0 + self.lines.1 {
            let pair = if number < self.lines.0 { "\"-\" \"-\"" } else { "\"Severe\" \"BadUri\"" };
            let agent: String = (0..self.noise).map(|_| random.alphanumeric()).collect();
            writeln!(
                packed,
                "https {time} {} 203.0.113.{}:4711 10.0.0.1:80 0.001 0.002 0.000 200 200 34 366 \"GET https://a.example:443/ HTTP/1.1\" \
                 \"{agent}\" - - arn:aws:elasticloadbalancing:{HERE}:{APP}:targetgroup/t/73e2d6bc24d8a067 \"Root=1\" \
                 \"a.example\" \"-\" 0 {time} \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" {pair} TID_1234 \"-\" \"-\" \"-\"",
                self.load_balancer.id,
                number % 250,
            )
            .unwrap();
        }
        packed.finish().unwrap()
    }
}

/// Compliant and other lines by load balancer, as a tally has them.
pub(crate) fn counts(tally: &doorward_traffic::Tally) -> BTreeMap<String, (u64, u64)> {
    let all = tally.load_balancers.iter();
    all.map(|(key, tally)| (key.name().to_owned(), (tally.compliant, tally.non_compliant()))).collect()
}
