//! The examples that `doorward demo` shows: emulated organizations with a past, access logs, metrics, a change and an event.
//!
//! An [`Example`] is built in or read from a folder like `examples/acme-org`. What it holds is put into a running emulator; this
//! crate scans nothing and reports nothing.

mod demo_files;
mod demo_folder;
mod logs;
mod lowering;
mod metric_days;
mod past;
mod story;

use std::path::{Path, PathBuf};

use doorward_aws::access::Emulator;
use doorward_check::{CheckError, Declarations, Gathered, SearchOptions, gather};
use doorward_fakeaws::{Server, World, WorldError};
use doorward_iac::SourceFile;

pub use demo_files::DemoFiles;
pub use demo_folder::DemoFolder;
pub use logs::put_logs;
pub use lowering::make_call_of;
pub use metric_days::put_daily_metrics;
pub use past::{EarlierScan, Past, PresentModes};
pub use story::{Story, played};

const WORLD: &str = include_str!("../../../examples/acme-org/org.toml");
const SETTINGS: [(&str, &str); 3] = [
    ("doorward.toml", include_str!("../../../examples/acme-org/doorward.toml")),
    ("exceptions.toml", include_str!("../../../examples/acme-org/exceptions.toml")),
    ("costs.csv", include_str!("../../../examples/acme-org/costs.csv")),
];

/// Declarations of some of its load balancers.
const IAC: [(&str, &str); 3] = [
    ("iac/partner.tf", include_str!("../../../examples/acme-org/iac/partner.tf")),
    ("iac/search.yaml", include_str!("../../../examples/acme-org/iac/search.yaml")),
    ("iac/storefront-edge.yaml", include_str!("../../../examples/acme-org/iac/storefront-edge.yaml")),
];

const PAST: &str = include_str!("../../../examples/acme-org/past.toml");
const CHANGE: &str = include_str!("../../../examples/acme-org/change.toml");
const EVENT: &str = include_str!("../../../examples/acme-org/event.json");

/// The built-in organization in which a part cannot be read.
const GAPS: (&str, &str) =
    (include_str!("../../../examples/gaps-org/org.toml"), include_str!("../../../examples/gaps-org/doorward.toml"));

/// An example that cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ExampleError {
    /// A file of the example cannot be read, or does not fit the emulated organization.
    #[error("{file}: {problem}")]
    File {
        /// The file.
        file: String,
        /// The problem.
        problem: String,
    },
    /// The emulated organization does not fit the example.
    #[error("the example: {0}")]
    World(#[from] WorldError),
    /// The declarations of the example cannot be read.
    #[error(transparent)]
    Declarations(#[from] CheckError),
    /// Something is in the folder of the demo that no demo wrote.
    #[error(
        "{folder}: no demo wrote {name}, and a demo replaces what is in its folder; name an empty or a new folder with --out, or remove it"
    )]
    Foreign {
        /// The folder.
        folder: String,
        /// What is in it.
        name: String,
    },
    /// The folder of the demo, or a file in it, cannot be written.
    #[error("{path}: cannot be written: {source}")]
    Write {
        /// The path.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// There is no identity to scan as.
    #[error("the organization to emulate names no [[caller]] to scan as")]
    NoCaller,
}

impl ExampleError {
    pub(crate) fn file(file: &str, problem: &str) -> Self {
        Self::File { file: file.to_owned(), problem: problem.to_owned() }
    }
}

/// An emulated organization, and what is shown of it.
pub struct Example {
    /// The organization.
    pub world: World,
    /// Files of settings to write beside the outputs: name and text. The first is the settings file.
    pub files: Vec<(&'static str, &'static str)>,
    /// The settings file of an example in a folder.
    pub settings_file: Option<PathBuf>,
    /// Its earlier states.
    pub past: Past,
    /// The text of `change.toml`, where it has one.
    pub story: Option<String>,
    /// The text of `event.json`, where it has one.
    pub event: Option<String>,
    /// Declarations of some of its load balancers.
    pub declarations: Option<Declarations>,
}

impl Example {
    /// The built-in organization, with a past, traffic, a change and an event.
    ///
    /// # Errors
    ///
    /// The example is broken.
    pub fn built_in() -> Result<Self, ExampleError> {
        Ok(Self {
            world: World::from_toml(WORLD)?,
            files: SETTINGS.to_vec(),
            settings_file: None,
            past: Past::read(PAST)?,
            story: Some(CHANGE.to_owned()),
            event: Some(EVENT.to_owned()),
            declarations: declarations(None)?,
        })
    }

    /// The built-in organization in which a part cannot be read.
    ///
    /// # Errors
    ///
    /// The example is broken.
    pub fn with_gaps() -> Result<Self, ExampleError> {
        Ok(Self {
            world: World::from_toml(GAPS.0)?,
            files: vec![("doorward.toml", GAPS.1)],
            settings_file: None,
            past: Past::default(),
            story: None,
            event: None,
            declarations: None,
        })
    }

    /// The example in a folder: `org.toml`, and what else is there of `doorward.toml`, `past.toml`, `change.toml`, `event.json` and
    /// `iac`.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or is not what its name says.
    pub fn in_folder(folder: &Path) -> Result<Self, ExampleError> {
        let path = folder.join("org.toml");
        let wrong = |problem: String| ExampleError::file(&path.display().to_string(), &problem);
        let text = std::fs::read_to_string(&path);
        let text = text.map_err(|e| wrong(format!("the organization to emulate cannot be read: {e}")))?;
        let optional = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
        Ok(Self {
            world: World::from_toml(&text).map_err(|e| wrong(e.to_string()))?,
            files: Vec::new(),
            settings_file: Some(folder.join("doorward.toml")).filter(|path| path.is_file()),
            past: Past::read(&optional("past.toml").unwrap_or_default())?,
            story: optional("change.toml"),
            event: optional("event.json"),
            declarations: declarations(Some(folder))?,
        })
    }
}

/// Whether a text is the settings file of a built-in example.
pub fn is_built_in_settings(text: &str) -> bool {
    text == SETTINGS[0].1 || text == GAPS.1
}

/// How a scan reaches the emulated organization: as its first caller.
///
/// # Errors
///
/// The organization names no caller.
pub fn emulator(server: &Server) -> Result<Emulator, ExampleError> {
    let world = server.world();
    let caller = world.callers().first().ok_or(ExampleError::NoCaller)?;
    Ok(Emulator {
        endpoint_url: server.url(),
        access_key: (caller.access_key.clone(), caller.secret.clone()),
        region: world.home_region().to_owned(),
    })
}

/// The declarations of the example: the folder `iac` beside its organization. Reports name it `iac`, wherever the example lies.
fn declarations(folder: Option<&Path>) -> Result<Option<Declarations>, ExampleError> {
    let mut gathered = match folder {
        None => Gathered::default(),
        Some(folder) if folder.join("iac").is_dir() => gather(&[folder.join("iac")], &SearchOptions::default())?,
        Some(_) => return Ok(None),
    };
    let named =
        |path: &str| path.rsplit_once("/iac/").map_or_else(|| path.to_owned(), |(_, rest)| format!("iac/{rest}"));
    gathered.sources.iter_mut().for_each(|source| source.path = named(&source.path));
    gathered.errors.iter_mut().for_each(|problem| problem.file = named(&problem.file));
    for unread in &mut gathered.unread {
        (unread.address, unread.place.file) = (named(&unread.address), named(&unread.place.file));
    }
    for (path, text) in IAC.into_iter().filter(|_| folder.is_none()) {
        match SourceFile::new(path, text.as_bytes().to_vec(), true) {
            Ok(source) => gathered.sources.push(source),
            Err(problem) => gathered.errors.push(problem),
        }
    }
    Ok(Some(Declarations::of(gathered)))
}
