//! SNS, against the emulator: one message, with what a topic of its kind needs, and refusals that say what to allow.

use std::sync::Arc;

use aws_sdk_sns::config::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use doorward_aws::settings::{CallSettings, Span};
use doorward_aws::{ClientProvider, Credentials, OpenSession};
use doorward_fakeaws::{Clock, Fault, Options, Server, What, World};
use doorward_model::{AccountId, HistoryContext};
use doorward_notify::{ChannelSettings, DigestFate, Dispatcher, Environment, NotifyOutcome};

use crate::bed::{RULES, day, directory, report, settings};
use crate::doubles::{Book, time};

const OWN: &str = "000000000002";

struct Cloud {
    server: Server,
    config: SdkConfig,
}

impl Cloud {
    async fn start(allow: &str) -> Self {
        let world = World::from_toml(&format!(
            "[organization]\nid = \"o-test000001\"\nmanagement = \"{OWN}\"\nhome_region = \"eu-west-1\"\nregions = [\"eu-west-1\"]\n\
             [[account]]\nid = \"{OWN}\"\nname = \"security\"\n[[caller]]\naccess_key = \"AKIAOWN\"\nsecret = \"s\"\n\
             account = \"{OWN}\"\narn = \"arn:aws:iam::{OWN}:user/u\"\nallow = [{allow}]\n"
        ));
        let clock = Clock::manual(day(100));
        let options = Options { clock, check_dates: false, ..Options::default() };
        let server = Server::start(world.expect("a world"), options).await.expect("a server");
        for name in ["digests", "digests.fifo"] {
            assert!(server.world().add_topic(OWN, "eu-west-1", name));
        }
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(server.url())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .retry_config(RetryConfig::disabled())
            .build();
        Self { config, server }
    }

    async fn deliver(&self, book: &Book, topic: &str) -> NotifyOutcome {
        let topic = format!("arn:aws:sns:eu-west-1:{OWN}:{topic}");
        let channel = ChannelSettings::Sns { topic, timeout_seconds: 20 };
        let directory = directory(settings(&["web"], vec![("topic", channel)]));
        let time = time().0;
        let open: OpenSession = Arc::new(|account: &AccountId, _| {
            assert_eq!(account.as_str(), OWN);
            Box::pin(async { Ok(Credentials::new("AKIAOWN", "s", None, None, "test")) })
        });
        let aws = ClientProvider::with_sessions(self.config.clone(), calls(), time.clone(), open);
        let courier =
            Dispatcher::new(directory, &Environment::default(), book.clone(), Some(aws), time).expect("opens");
        courier.deliver(&report(1, "a:high@web"), &RULES, &HistoryContext::default()).await
    }

    fn published(&self, topic: &str) -> Vec<serde_json::Value> {
        self.server.world().published(OWN, "eu-west-1", topic)
    }
}

fn calls() -> CallSettings {
    let seconds = |seconds| Span(std::time::Duration::from_secs(seconds));
    CallSettings {
        concurrency: 4,
        share_of_limits: 1.0,
        connect_timeout: seconds(5),
        read_timeout: seconds(20),
        attempt_timeout: seconds(20),
        call_deadline: seconds(120),
        tries: 8,
        longest_pause: seconds(20),
    }
}

fn fate(outcome: &NotifyOutcome) -> &DigestFate {
    &outcome.lines.iter().find(|line| line.audience.key() == "owner:web").expect("there").fate
}

#[tokio::test]
async fn a_topic_gets_each_digest_once() {
    let cloud = Cloud::start("\"sns:Publish\"").await;
    for topic in ["digests", "digests.fifo"] {
        let book = Book::new();
        assert_eq!(fate(&cloud.deliver(&book, topic).await), &DigestFate::Delivered { may_repeat: false });
        assert_eq!(fate(&cloud.deliver(&book, topic).await), &DigestFate::Unchanged);
        let messages = cloud.published(topic);
        assert_eq!(messages.len(), 1, "{topic}");
        let id = book.page("owner:web", "topic").delivered.expect("delivered").id;
        assert_eq!(messages[0]["subject"], "Doorward: 1 change, 1 failing finding for web");
        assert!(
            messages[0]["message"]
                .as_str()
                .is_some_and(|text| text.contains("- Failing: a in 111122223333 eu-west-1: Desync"))
        );
        assert_eq!(messages[0]["attribute"], serde_json::json!(["doorward_digest", id]));
        let fifo = topic.ends_with(".fifo").then_some(id.as_str());
        assert_eq!(messages[0]["deduplication_id"].as_str(), fifo);
    }
}

#[tokio::test]
async fn a_lost_answer_doubles_nothing_in_order() {
    let cloud = Cloud::start("\"sns:Publish\"").await;
    cloud.server.set_faults(vec![Fault::new(What::LostAnswer).service("sns").times(2)]);
    assert_eq!(fate(&cloud.deliver(&Book::new(), "digests.fifo").await), &DigestFate::Delivered { may_repeat: true });
    assert_eq!(cloud.published("digests.fifo").len(), 1, "SNS dropped the repeats by their id");
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    for (allow, topic, reason) in [
        ("\"sns:Subscribe\"", "digests", "allow sns:Publish on the topic"),
        ("\"sns:Publish\"", "missing", "the topic does not exist"),
    ] {
        let cloud = Cloud::start(allow).await;
        let outcome = cloud.deliver(&Book::new(), topic).await;
        let DigestFate::Failed { unclear: false, reason: said } = fate(&outcome) else { panic!("{outcome:#?}") };
        assert!(said.contains(reason), "{said}");
    }
    let cloud = Cloud::start("\"sns:Publish\"").await;
    for (what, times) in [(What::Throttle, 2), (What::ServerError(503), 3), (What::Reset, 1)] {
        cloud.server.set_faults(vec![Fault::new(what.clone()).service("sns").times(times)]);
        let outcome = cloud.deliver(&Book::new(), "digests").await;
        assert!(matches!(fate(&outcome), DigestFate::Delivered { .. }), "{what:?}: {outcome:#?}");
    }
}
