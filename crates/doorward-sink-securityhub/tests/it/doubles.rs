//! What stands in for the binary: calls to the emulator, a clock that pauses move, and a process that can be killed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use doorward_aws::settings::{CallSettings, Span};
use doorward_aws::{ClientProvider, Credentials, OpenSession, Time};
use doorward_fakeaws::{Clock, Options, Server, World};
use doorward_model::{AccountId, AccountRegion};
use doorward_sink_securityhub::{
    Delivery, ExceptedAs, FindingIntent, FindingRenderer, MemoryOutbox, Outbox, OutboxError, Publisher, SentFinding,
    Settings,
};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Notify;

use crate::bed::{ACCOUNTS, METAS, REGIONS, SECURITY, places, start};

/// The emulator on a clock that only pauses move.
pub(crate) struct Cloud {
    pub(crate) server: Server,
    pub(crate) clock: Clock,
    config: SdkConfig,
}

/// Limits that never wait for real time.
pub(crate) fn calls() -> CallSettings {
    let seconds = |seconds| Span(std::time::Duration::from_secs(seconds));
    CallSettings {
        concurrency: 64,
        share_of_limits: 1.0,
        connect_timeout: seconds(5),
        read_timeout: seconds(20),
        attempt_timeout: seconds(20),
        call_deadline: seconds(3_600),
        tries: 8,
        longest_pause: seconds(20),
    }
}

pub(crate) fn world(allow: &str) -> String {
    let mut text = format!(
        "[organization]\nid = \"o-test000001\"\nmanagement = \"{SECURITY}\"\nhome_region = \"eu-west-1\"\n\
         regions = [\"eu-west-1\", \"us-east-1\"]\n"
    );
    for account in [SECURITY, ACCOUNTS[0], ACCOUNTS[1]] {
        text.push_str(&format!(
            "[[account]]\nid = \"{account}\"\nname = \"a{account}\"\n[[caller]]\naccess_key = \"AKIA{account}\"\n\
             secret = \"s\"\naccount = \"{account}\"\narn = \"arn:aws:iam::{account}:user/u\"\nallow = [{allow}]\n"
        ));
    }
    text
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        Self::serve(&world("\"securityhub:BatchImportFindings\", \"securityhub:GetFindings\"")).await
    }

    pub(crate) async fn serve(world: &str) -> Self {
        let clock = Clock::manual(start());
        let world = World::from_toml(world).expect("a world");
        let options = Options { clock: clock.clone(), check_dates: false, quotas: Some(true), ..Options::default() };
        let server = Server::start(world, options).await.expect("a server");
        let http = aws_smithy_http_client::Builder::new().build_http();
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(std::time::Duration::from_secs(20)).build();
        let config = SdkConfig::builder()
            .behavior_version(aws_sdk_securityhub::config::BehaviorVersion::latest())
            .endpoint_url(server.url())
            .http_client(http)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .stalled_stream_protection(aws_sdk_securityhub::config::StalledStreamProtectionConfig::disabled())
            .build();
        Self { config, server, clock }
    }

    pub(crate) fn time(&self) -> Time {
        let (now, moved) = (self.clock.clone(), self.clock.clone());
        Time::with_pauses(
            Arc::new(move || now.now()),
            Arc::new(move |length| {
                moved.advance(length);
                Box::pin(tokio::task::yield_now())
            }),
        )
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn days_pass(&self, days: u64) {
        self.clock.advance(std::time::Duration::from_secs(days * 86_400));
    }

    /// Sets the clock, back as well.
    pub(crate) fn stand_at(&self, time: Timestamp) {
        if let Clock::Manual(millis) = &self.clock {
            millis.store(time.as_millisecond(), Ordering::SeqCst);
        }
    }

    /// Everything every Security Hub holds.
    pub(crate) fn records(&self) -> Vec<Value> {
        let mut security_hubs: BTreeSet<AccountRegion> = places().collect();
        security_hubs.extend(REGIONS.into_iter().map(|region| crate::bed::place(SECURITY, region)));
        security_hubs
            .into_iter()
            .flat_map(|security_hub| {
                self.server.world().security_hub_findings(security_hub.account.as_str(), security_hub.region.as_str())
            })
            .collect()
    }

    /// Calls to Security Hub by outcome.
    pub(crate) fn outcomes(&self) -> BTreeMap<String, u64> {
        let counts = self.server.counts().into_iter().filter(|count| count.service == "securityhub");
        let mut outcomes = BTreeMap::new();
        for count in counts {
            *outcomes.entry(count.outcome).or_default() += count.count;
        }
        outcomes
    }

    /// Calls of a process that is never killed.
    pub(crate) fn aws(&self) -> ClientProvider {
        self.calls_of(&Life::new(&Arc::default(), i64::MAX))
    }

    fn calls_of(&self, life: &Life) -> ClientProvider {
        let life = life.clone();
        let open: OpenSession = Arc::new(move |account: &AccountId, _| {
            let (alive, key) = (life.step(), format!("AKIA{account}"));
            Box::pin(async move {
                if !alive {
                    std::future::pending::<()>().await;
                }
                Ok(Credentials::new(key, "s", None, None, "test"))
            })
        });
        ClientProvider::with_sessions(self.config.clone(), calls(), self.time(), open)
    }

    pub(crate) fn publisher(&self, outbox: &Arc<MemoryOutbox>, delivery: Delivery) -> Publisher<Life> {
        self.mortal(outbox, delivery, i64::MAX).0
    }

    /// A publisher whose process is killed at the n-th step, and what tells when.
    pub(crate) fn mortal(
        &self,
        outbox: &Arc<MemoryOutbox>,
        delivery: Delivery,
        steps: i64,
    ) -> (Publisher<Life>, Arc<Notify>) {
        let life = Life::new(outbox, steps);
        let renderer = FindingRenderer::new(delivery, ExceptedAs::Failed, &METAS, BTreeMap::new());
        let settings =
            Settings { share_of_quotas: 1.0, security_hubs: 4, calls_per_security_hub: 3, ..Settings::default() };
        let killed = Arc::clone(&life.killed);
        (Publisher::new(renderer, settings, self.calls_of(&life), life), killed)
    }
}

/// One run of the program: it ends when its steps are used up, and nothing it does after that has an effect.
#[derive(Clone)]
pub(crate) struct Life {
    outbox: Arc<MemoryOutbox>,
    left: Arc<AtomicI64>,
    killed: Arc<Notify>,
}

impl Life {
    fn new(outbox: &Arc<MemoryOutbox>, steps: i64) -> Self {
        Self { outbox: Arc::clone(outbox), left: Arc::new(AtomicI64::new(steps)), killed: Arc::default() }
    }

    fn step(&self) -> bool {
        let alive = self.left.fetch_sub(1, Ordering::SeqCst) > 0;
        if !alive {
            self.killed.notify_one();
        }
        alive
    }

    /// Steps before and after: a crash may come between an act and the knowledge of it.
    fn act<T>(&self, act: impl FnOnce() -> Result<T, OutboxError>) -> Result<T, OutboxError> {
        let dead = || OutboxError { verb: "written", problem: "killed".to_owned() };
        if !self.step() {
            return Err(dead());
        }
        let done = act()?;
        if self.step() { Ok(done) } else { Err(dead()) }
    }
}

impl Outbox for Life {
    fn security_hubs(&self) -> Result<BTreeSet<AccountRegion>, OutboxError> {
        self.outbox.security_hubs()
    }

    fn remembered(&self, security_hub: &AccountRegion) -> Result<BTreeMap<String, SentFinding>, OutboxError> {
        self.outbox.remembered(security_hub)
    }

    fn document(&self, security_hub: &AccountRegion, id: &str) -> Result<Option<String>, OutboxError> {
        self.outbox.document(security_hub, id)
    }

    fn intend(&self, security_hub: &AccountRegion, intents: &[FindingIntent]) -> Result<(), OutboxError> {
        self.act(|| self.outbox.intend(security_hub, intents))
    }

    fn acknowledge(
        &self,
        security_hub: &AccountRegion,
        accepted: &[(String, Timestamp)],
        at: Timestamp,
    ) -> Result<(), OutboxError> {
        self.act(|| self.outbox.acknowledge(security_hub, accepted, at))
    }
}

pub(crate) fn text<'a>(record: &'a Value, pointer: &str) -> &'a str {
    record.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

impl Cloud {
    /// What a customer does to a finding in the console.
    pub(crate) async fn annotate(&self, record: &Value) {
        use aws_sdk_securityhub::types::{
            AwsSecurityFindingIdentifier, NoteUpdate, SeverityLabel, SeverityUpdate, WorkflowStatus, WorkflowUpdate,
        };
        let arn: Vec<&str> = text(record, "/ProductArn").split(':').collect();
        let region = aws_sdk_securityhub::config::Region::new(arn[3].to_owned());
        let client = aws_sdk_securityhub::Client::new(&self.config.to_builder().region(region).build());
        let credentials = Credentials::new(format!("AKIA{}", arn[4]), "s", None, None, "test");
        let identifier = AwsSecurityFindingIdentifier::builder()
            .id(text(record, "/Id"))
            .product_arn(text(record, "/ProductArn"))
            .build();
        let answer = client
            .batch_update_findings()
            .finding_identifiers(identifier)
            .note(NoteUpdate::builder().text("known").updated_by("kim").build())
            .severity(SeverityUpdate::builder().label(SeverityLabel::Critical).build())
            .workflow(WorkflowUpdate::builder().status(WorkflowStatus::Suppressed).build())
            .customize()
            .config_override(doorward_aws::with_credentials!(aws_sdk_securityhub, credentials))
            .send()
            .await
            .expect("updated");
        assert_eq!(answer.processed_findings().len(), 1);
    }
}
