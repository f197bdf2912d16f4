//! An emulator with buckets, and files that two identities read and write there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;
use aws_types::sdk_config::SharedCredentialsProvider;
use doorward_aws::settings::{CallSettings, Span};
use doorward_aws::{ClientProvider, Credentials, OpenSession, Time};
use doorward_fakeaws::{Options, Server, World};
use doorward_model::{AccountId, Region};
use doorward_remote_file::{ObjectUrl, RemoteFileSettings, RemoteFiles};
use jiff::Timestamp;

pub(crate) const WORLD: &str = r#"
[organization]
id = "o-test000001"
management = "111111111111"
home_region = "eu-west-1"
regions = ["eu-west-1", "us-east-1"]
quotas = false

[[account]]
id = "111111111111"
name = "security"
[[account]]
id = "222222222222"
name = "other"

[[caller]]
access_key = "WRITER"
secret = "s"
account = "111111111111"
arn = "arn:aws:iam::111111111111:user/writer"
allow = ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:GetBucketVersioning"]
[[caller]]
access_key = "BLIND"
secret = "s"
account = "111111111111"
arn = "arn:aws:iam::111111111111:user/blind"
allow = ["s3:GetObject"]

[[bucket]]
name = "acme-security"
account = "111111111111"
region = "eu-west-1"
versioned = true
[[bucket.object]]
key = "there"
text = "0123456789"
[[bucket]]
name = "far-away"
account = "111111111111"
region = "us-east-1"
[[bucket]]
name = "taken-name"
account = "222222222222"
region = "eu-west-1"
readers = ["*"]
"#;

pub(crate) struct Bed {
    pub(crate) server: Server,
    pub(crate) files: RemoteFiles,
    pub(crate) folder: tempfile::TempDir,
}

impl Bed {
    pub(crate) async fn start() -> Self {
        let server = Server::start(World::from_toml(WORLD).unwrap(), Options::default()).await.unwrap();
        let files = files(&server, "WRITER", RemoteFileSettings::default());
        Self { server, files, folder: tempfile::tempdir().unwrap() }
    }

    /// A local file with this content.
    pub(crate) fn file(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join(format!("file-{}", text.len()));
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn object(&self, key: &str) -> Option<String> {
        let bytes = self.server.world().object("acme-security", key)?;
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }

    pub(crate) fn puts(&self) -> usize {
        self.server.calls().iter().filter(|call| call.action == "PutObject").count()
    }
}

pub(crate) fn url(key: &str) -> ObjectUrl {
    format!("s3://acme-security/{key}").parse().unwrap()
}

/// The files of a caller. No pause takes time.
pub(crate) fn files(server: &Server, key: &str, settings: RemoteFileSettings) -> RemoteFiles {
    let unsigned = Credentials::new("unsigned", "s", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(server.url())
        .credentials_provider(SharedCredentialsProvider::new(unsigned))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .build();
    let key = key.to_owned();
    let open: OpenSession = Arc::new(move |_: &AccountId, _| {
        let credentials = Credentials::new(key.clone(), "s", None, None, "test");
        Box::pin(std::future::ready(Ok(credentials)))
    });
    let seconds = |seconds| Span(Duration::from_secs(seconds));
    let calls = CallSettings {
        concurrency: 8,
        share_of_limits: 1000.0,
        connect_timeout: seconds(5),
        read_timeout: seconds(5),
        attempt_timeout: seconds(5),
        call_deadline: seconds(20),
        tries: 5,
        longest_pause: Span(Duration::from_millis(1)),
    };
    let time = Time::new(Arc::new(Timestamp::now));
    let provider = ClientProvider::with_sessions(config, calls, time, open);
    RemoteFiles::with(provider, AccountId::new("111111111111").unwrap(), Region::new("eu-west-1").unwrap(), settings)
}
