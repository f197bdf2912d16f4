//! What stands in for the binary: doors into the emulator, a clock that pauses move, and a process that can be killed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_credential_types::Credentials;
use aws_sdk_securityhub::Client;
use aws_sdk_securityhub::config::retry::RetryConfig;
use aws_sdk_securityhub::config::timeout::TimeoutConfig;
use aws_sdk_securityhub::config::{BehaviorVersion, Builder, StalledStreamProtectionConfig};
use doorward_fakeaws::{Clock, Options, Server, World};
use doorward_model::{AccountRegion, Gap, GapReason};
use doorward_sink_securityhub::{
    Delivery, Door, Doors, ExceptedAs, Intent, MemoryOutbox, Outbox, OutboxError, Publisher, Remembered, Renderer,
    Settings, Time,
};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Notify;

use crate::bed::{ACCOUNTS, METAS, REGIONS, SECURITY, places, start};

/// The emulator on a clock that only pauses move.
pub(crate) struct Cloud {
    pub(crate) server: Server,
    pub(crate) clock: Clock,
    clients: BTreeMap<String, Client>,
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
        let clients = REGIONS.into_iter().map(|region| {
            let config = Builder::new()
                .behavior_version(BehaviorVersion::latest())
                .region(aws_sdk_securityhub::config::Region::new(region))
                .endpoint_url(server.url())
                .http_client(http.clone())
                .retry_config(RetryConfig::disabled())
                .timeout_config(timeouts.clone())
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .build();
            (region.to_owned(), Client::from_conf(config))
        });
        Self { clients: clients.collect(), server, clock }
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

    /// Everything every hub holds.
    pub(crate) fn records(&self) -> Vec<Value> {
        let mut hubs: BTreeSet<AccountRegion> = places().collect();
        hubs.extend(REGIONS.into_iter().map(|region| crate::bed::place(SECURITY, region)));
        hubs.into_iter()
            .flat_map(|hub| self.server.world().security_hub_findings(hub.account.as_str(), hub.region.as_str()))
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

    /// Ways in of a process that nobody kills.
    pub(crate) fn doors(&self) -> Life {
        Life {
            clients: self.clients.clone(),
            outbox: Arc::default(),
            left: Arc::new(AtomicI64::new(i64::MAX)),
            killed: Arc::default(),
        }
    }

    pub(crate) fn publisher(&self, outbox: &Arc<MemoryOutbox>, delivery: Delivery) -> Publisher<Life, Life> {
        self.mortal(outbox, delivery, i64::MAX).0
    }

    /// A publisher whose process is killed at the n-th step, and what tells when.
    pub(crate) fn mortal(
        &self,
        outbox: &Arc<MemoryOutbox>,
        delivery: Delivery,
        steps: i64,
    ) -> (Publisher<Life, Life>, Arc<Notify>) {
        let killed = Arc::new(Notify::new());
        let life = Life {
            clients: self.clients.clone(),
            outbox: Arc::clone(outbox),
            left: Arc::new(AtomicI64::new(steps)),
            killed: Arc::clone(&killed),
        };
        let renderer = Renderer::new(delivery, ExceptedAs::Failed, &METAS, BTreeMap::new());
        let settings = Settings { share_of_quotas: 1.0, hubs: 4, calls_per_hub: 3, ..Settings::default() };
        (Publisher::new(renderer, settings, life.clone(), life, self.time()), killed)
    }
}

/// One run of the program: it ends when its steps are used up, and nothing it does after that has an effect.
#[derive(Clone)]
pub(crate) struct Life {
    clients: BTreeMap<String, Client>,
    outbox: Arc<MemoryOutbox>,
    left: Arc<AtomicI64>,
    killed: Arc<Notify>,
}

impl Life {
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

impl Doors for Life {
    async fn open(&self, hub: &AccountRegion, refused: Option<&Credentials>) -> Result<Door, Gap> {
        if !self.step() {
            std::future::pending::<()>().await;
        }
        let _ = refused;
        let key = format!("AKIA{}", hub.account);
        let client = self.clients.get(hub.region.as_str()).cloned();
        let client = client.ok_or_else(|| Gap::new(GapReason::RegionDisabled, "test"))?;
        Ok(Door { client, credentials: Credentials::new(key, "s", None, None, "test") })
    }
}

impl Outbox for Life {
    fn hubs(&self) -> Result<BTreeSet<AccountRegion>, OutboxError> {
        self.outbox.hubs()
    }

    fn remembered(&self, hub: &AccountRegion) -> Result<BTreeMap<String, Remembered>, OutboxError> {
        self.outbox.remembered(hub)
    }

    fn document(&self, hub: &AccountRegion, id: &str) -> Result<Option<String>, OutboxError> {
        self.outbox.document(hub, id)
    }

    fn intend(&self, hub: &AccountRegion, intents: &[Intent]) -> Result<(), OutboxError> {
        self.act(|| self.outbox.intend(hub, intents))
    }

    fn acknowledge(
        &self,
        hub: &AccountRegion,
        accepted: &[(String, Timestamp)],
        at: Timestamp,
    ) -> Result<(), OutboxError> {
        self.act(|| self.outbox.acknowledge(hub, accepted, at))
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
        let client = self.clients.get(arn[3]).expect("a client");
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
            .config_override(Builder::new().credentials_provider(credentials))
            .send()
            .await
            .expect("updated");
        assert_eq!(answer.processed_findings().len(), 1);
    }
}
