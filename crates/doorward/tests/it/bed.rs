//! Runs the real binary in an empty environment, against an emulator where it needs one.

use std::path::Path;
use std::process::{Command, Output};

use doorward_fakeaws::{Fault, Options, Server, World};

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
    runtime: tokio::runtime::Runtime,
}

impl Bed {
    pub(crate) fn start(world: &str, faults: Vec<Fault>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let world = World::from_toml(world).unwrap();
        let options = Options { quotas: Some(false), faults, ..Options::default() };
        let server = runtime.block_on(Server::start(world, options)).unwrap();
        Self { server, runtime }
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
            .env("DOORWARD_CALLS__SHARE_OF_LIMITS", "1000")
            .env("DOORWARD_CALLS__LONGEST_PAUSE", "20ms");
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
