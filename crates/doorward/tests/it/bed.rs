//! Runs the real binary in an empty environment, against an emulator where it needs one.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use doorward_fakeaws::{Clock, Fault, Options, RequestIds, Server, World};
use jiff::Timestamp;

/// The repository, for the examples in it.
pub(crate) const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The binary, with nothing of the machine's own AWS configuration in reach.
pub(crate) fn doorward(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command
        .env_clear()
        .env("HOME", folder)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("TZ", "Antarctica/Troll")
        .current_dir(folder);
    command
}

/// An emulated organization on its own runtime, so that the test itself can stay synchronous.
pub(crate) struct Bed {
    pub(crate) server: Server,
    /// The time of the emulator and of the commands, where a test moves it.
    clock: Clock,
    runtime: tokio::runtime::Runtime,
}

impl Bed {
    pub(crate) fn start(world: &str, faults: Vec<Fault>) -> Self {
        Self::with_clock(world, faults, Clock::System, true)
    }

    /// The same, in a time that stands still until [`Bed::pass`] moves it. Commands begin at that time.
    pub(crate) fn start_at(world: &str, faults: Vec<Fault>, start: Timestamp) -> Self {
        Self::with_clock(world, faults, Clock::manual(start), true)
    }

    /// The same, and signatures of any date are accepted.
    pub(crate) fn start_undated(world: &str, start: Timestamp) -> Self {
        Self::with_clock(world, vec![], Clock::manual(start), false)
    }

    /// The same, in a time that stands still for commands too, with request ids that follow from requests: two scans give the same bytes.
    pub(crate) fn start_still(world: &str, start: Timestamp) -> Self {
        let clock = Clock::manual(start);
        let options = Options {
            quotas: Some(false),
            clock: clock.clone(),
            check_dates: false,
            request_ids: RequestIds::ByContent,
            ..Options::default()
        };
        Self::with_options(world, clock, options)
    }

    fn with_clock(world: &str, faults: Vec<Fault>, clock: Clock, check_dates: bool) -> Self {
        let options = Options { quotas: Some(false), faults, clock: clock.clone(), check_dates, ..Options::default() };
        Self::with_options(world, clock, options)
    }

    fn with_options(world: &str, clock: Clock, options: Options) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let world = World::from_toml(world).unwrap();
        let server = runtime.block_on(Server::start(world, options)).unwrap();
        Self { server, clock, runtime }
    }

    /// Lets time pass, for the emulator and for the commands that begin after.
    pub(crate) fn pass(&self, length: Duration) {
        self.clock.advance(length);
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The binary, pointed at the emulator the way any SDK is.
    pub(crate) fn doorward(&self, folder: &Path) -> Command {
        let world = self.server.world();
        let caller = &world.callers()[0];
        let mut command = doorward(folder);
        command
            .env("AWS_ENDPOINT_URL", self.server.url())
            .env("AWS_ACCESS_KEY_ID", &caller.access_key)
            .env("AWS_SECRET_ACCESS_KEY", &caller.secret)
            .env("AWS_REGION", world.home_region())
            // One authority instead of the system's hundreds: the emulator speaks HTTP, and every command reads them all.
            .env("SSL_CERT_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/authority.pem"))
            .env("DOORWARD_CALLS__SHARE_OF_LIMITS", "1000")
            .env("DOORWARD_CALLS__LONGEST_PAUSE", "20ms");
        if !matches!(self.clock, Clock::System) {
            command.env("DOORWARD_TEST_CLOCK", self.clock.now().to_string());
        }
        command
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _guard = self.runtime.enter();
    }
}

pub(crate) fn world(name: &str) -> String {
    std::fs::read_to_string(format!("{REPOSITORY}/examples/{name}/org.toml")).unwrap()
}

/// What a finished command said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn run(command: &mut Command) -> Said {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Said {
        code: status.code(),
        out: String::from_utf8(stdout).expect("stdout is UTF-8"),
        err: String::from_utf8(stderr).expect("stderr is UTF-8"),
    }
}
