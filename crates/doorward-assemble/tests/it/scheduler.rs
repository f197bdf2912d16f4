//! Runs several writers against the emulated S3, one request at a time: a schedule decides which writer's request goes on, and what
//! happens to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;
use aws_types::sdk_config::SharedCredentialsProvider;
use doorward_assemble::S3Ledger;
use doorward_aws::settings::{CallSettings, Span};
use doorward_aws::{ClientProvider, Credentials, OpenSession, Time};
use doorward_fakeaws::{Options, Server, What, World};
use doorward_ledger::LedgerStore;
use doorward_model::{AccountId, Region};
use doorward_remote_file::{RemoteFileSettings, RemoteFiles};
use jiff::Timestamp;

pub(crate) const BUCKET: &str = "acme-security";
pub(crate) const KEY: &str = "ledger.sqlite";
const ACCOUNT: &str = "111111111111";
/// More writers than any test has.
const WRITERS: usize = 5;

fn world() -> World {
    let mut text = format!(
        "[organization]\nid = \"o-test000001\"\nmanagement = \"{ACCOUNT}\"\nhome_region = \"eu-west-1\"\nregions = [\"eu-west-1\"]\n\
         quotas = false\n[[account]]\nid = \"{ACCOUNT}\"\nname = \"security\"\n[[bucket]]\nname = \"{BUCKET}\"\naccount = \"{ACCOUNT}\"\n\
         region = \"eu-west-1\"\n"
    );
    for number in 0..WRITERS {
        text.push_str(&format!(
            "[[caller]]\naccess_key = \"{}\"\nsecret = \"s\"\naccount = \"{ACCOUNT}\"\narn = \"arn:aws:iam::{ACCOUNT}:user/w{number}\"\n\
             allow = [\"s3:ListBucket\", \"s3:GetObject\", \"s3:PutObject\"]\n",
            key(number)
        ));
    }
    World::from_toml(&text).expect("a world")
}

fn key(writer: usize) -> String {
    format!("AKIAWRITER{writer}")
}

/// What a schedule does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It takes effect, and is answered.
    Pass,
    /// It takes effect, and its answer is lost.
    Lost,
    /// It takes effect, and is answered by a server error.
    ErrorAfter,
    /// It has no effect, and the connection is reset.
    Reset,
    /// 500 without effect.
    ServerError,
    /// 409 without effect, for a write.
    Conflict,
    /// It takes effect, and its writer is killed before the answer arrives.
    KilledAfter,
    /// Its writer is killed before it takes effect.
    KilledBefore,
}

impl Fate {
    pub(crate) const FAULTS: [Self; 7] = [
        Self::Lost,
        Self::ErrorAfter,
        Self::Reset,
        Self::ServerError,
        Self::Conflict,
        Self::KilledAfter,
        Self::KilledBefore,
    ];

    pub(crate) fn kills(self) -> bool {
        matches!(self, Self::KilledAfter | Self::KilledBefore)
    }

    fn what(self) -> Option<What> {
        match self {
            Self::Pass => None,
            Self::Lost | Self::KilledAfter => Some(What::LostAnswer),
            Self::ErrorAfter => Some(What::ErrorAfter(500)),
            Self::Reset | Self::KilledBefore => Some(What::Reset),
            Self::ServerError => Some(What::ServerError(500)),
            Self::Conflict => Some(What::Conflict),
        }
    }
}

/// Where the writers are.
#[derive(Default)]
struct Board {
    /// Requests that wait, by writer: whether it is a write, and how it goes on once that is decided.
    waiting: BTreeMap<usize, (bool, Option<Fate>)>,
    /// Writers that wait for the lease of another.
    idle: BTreeMap<usize, bool>,
    killed: Vec<usize>,
    running: usize,
    clock: i64,
}

/// Lets requests through by decision.
pub(crate) struct Scheduler {
    board: Mutex<Board>,
    changed: Condvar,
    woken: tokio::sync::Notify,
}

impl Scheduler {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().expect("no panic")
    }

    /// The date of all writers, in seconds.
    pub(crate) fn clock(&self) -> i64 {
        self.board().clock
    }

    pub(crate) fn is_killed(&self, writer: usize) -> bool {
        self.board().killed.contains(&writer)
    }

    /// A writer waits for the lease of another, until the schedule lets it ask again. False where it was killed.
    pub(crate) fn wait_for_lease(&self, writer: usize) -> bool {
        let mut board = self.board();
        board.idle.insert(writer, false);
        self.changed.notify_all();
        while board.idle.get(&writer) == Some(&false) {
            board = self.changed.wait(board).expect("no panic");
        }
        board.idle.remove(&writer);
        !board.killed.contains(&writer)
    }

    /// A writer has ended.
    pub(crate) fn ended(&self) {
        self.board().running -= 1;
        self.changed.notify_all();
    }

    async fn gate(&self, writer: usize, writes: bool) -> Option<What> {
        {
            let mut board = self.board();
            if board.killed.contains(&writer) {
                // Nothing that a killed process would have sent has an effect.
                return Some(What::Reset);
            }
            board.waiting.insert(writer, (writes, None));
            self.changed.notify_all();
        }
        loop {
            let woken = self.woken.notified();
            let decided = self.board().waiting.get(&writer).and_then(|(_, fate)| *fate);
            if let Some(fate) = decided {
                let mut board = self.board();
                board.waiting.remove(&writer);
                if fate.kills() {
                    board.killed.push(writer);
                }
                return fate.what();
            }
            woken.await;
        }
    }

    /// Decides about every request until all writers have ended. `choose` gets the requests that wait, each with its writer and whether
    /// it writes, and returns the position of one and its fate.
    pub(crate) fn run(&self, mut choose: impl FnMut(&[(usize, bool)]) -> (usize, Fate)) {
        loop {
            let mut board = self.board();
            while board.running > board.waiting.values().filter(|(_, fate)| fate.is_none()).count() + asleep(&board) {
                board = self.changed.wait(board).expect("no panic");
            }
            if board.running == 0 {
                return;
            }
            let requests: Vec<(usize, bool)> =
                board.waiting.iter().map(|(writer, (writes, _))| (*writer, *writes)).collect();
            if requests.is_empty() {
                // All others wait for a lease: time passes, and each asks again.
                board.clock += 100;
                board.idle.values_mut().for_each(|awake| *awake = true);
                self.changed.notify_all();
                continue;
            }
            let (position, fate) = choose(&requests);
            let (writer, writes) = requests[position];
            board.waiting.insert(writer, (writes, Some(fate)));
            // After a write, those that wait for a lease may find it free.
            if writes {
                board.clock += 1;
                board.idle.values_mut().for_each(|awake| *awake = true);
            }
            drop(board);
            self.changed.notify_all();
            self.woken.notify_waiters();
        }
    }
}

fn asleep(board: &Board) -> usize {
    board.idle.values().filter(|awake| !**awake).count()
}

/// The emulator with a bucket, and the folder of the writers' copies.
pub(crate) struct Bed {
    pub(crate) server: Server,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) scheduler: Arc<Scheduler>,
}

impl Bed {
    /// Starts with `writers` that are scheduled.
    pub(crate) async fn start(writers: usize) -> Self {
        let server = Server::start(world(), Options::default()).await.expect("starts");
        let board = Mutex::new(Board { running: writers, ..Board::default() });
        let scheduler = Arc::new(Scheduler { board, changed: Condvar::new(), woken: tokio::sync::Notify::new() });
        let gate = scheduler.clone();
        server.before_each_call(move |call| {
            let gate = gate.clone();
            async move {
                let writer = (0..WRITERS - 1).find(|number| key(*number) == call.access_key)?;
                gate.gate(writer, call.method == "PUT").await
            }
        });
        Self { server, folder: tempfile::tempdir().expect("a folder"), scheduler }
    }

    /// The ledger as a writer reaches it: with an access key and a cache of its own. The last number is not scheduled.
    pub(crate) fn store(&self, writer: usize) -> Arc<dyn LedgerStore> {
        let url = format!("s3://{BUCKET}/{KEY}").parse().expect("an address");
        let cache = self.folder.path().join(format!("machine-{writer}"));
        Arc::new(S3Ledger::with(url, files(&self.server, writer), &cache).expect("a folder"))
    }

    /// The same for a reader that no schedule stops.
    pub(crate) fn reader(&self) -> Arc<dyn LedgerStore> {
        self.store(WRITERS - 1)
    }
}

fn files(server: &Server, writer: usize) -> RemoteFiles {
    let unsigned = Credentials::new("unsigned", "s", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(server.url())
        .credentials_provider(SharedCredentialsProvider::new(unsigned))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .build();
    let open: OpenSession = Arc::new(move |_: &AccountId, _| {
        Box::pin(std::future::ready(Ok(Credentials::new(key(writer), "s", None, None, "test"))))
    });
    let seconds = |seconds| Span(Duration::from_secs(seconds));
    let calls = CallSettings {
        concurrency: 4,
        share_of_limits: 1000.0,
        connect_timeout: seconds(60),
        read_timeout: seconds(60),
        attempt_timeout: seconds(60),
        call_deadline: seconds(120),
        tries: 3,
        longest_pause: Span(Duration::from_micros(100)),
    };
    let provider = ClientProvider::with_sessions(config, calls, Time::new(Arc::new(Timestamp::now)), open);
    let (account, region) = (AccountId::new(ACCOUNT).expect("valid"), Region::new("eu-west-1").expect("valid"));
    RemoteFiles::with(provider, account, region, RemoteFileSettings::default())
}
