//! `--format KIND[=PATH]`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use doorward_model::{Sink, SinkShape};

use super::stream::StreamSink;
use super::{Make, Output, REGISTRY, SinkInputs};
use crate::exit::{Exit, Failure};
use crate::places::Places;

/// How alike a format must be to be suggested, from 0 to 1.
const ALIKE: f64 = 0.8;

/// The format that a name without a version stands for: the newest.
fn newest(kind: &str) -> &str {
    match kind {
        "json" => "json-v1",
        "ndjson" => "ndjson-v1",
        "ocsf-1.8" => "ocsf",
        kind => kind,
    }
}

/// An output and its destination.
#[derive(Debug, Clone)]
pub(crate) struct Format {
    output: &'static Output,
    /// The file or folder; stdout if absent.
    path: Option<PathBuf>,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, path) = match text.split_once('=') {
            Some((_, "")) => return Err(format!("{text:?} names no file behind the =")),
            Some((kind, "-")) => (kind, None),
            Some((kind, path)) => (kind, Some(PathBuf::from(path))),
            None => (text, None),
        };
        let kinds = || {
            let formats = REGISTRY.iter().filter(|output| output.shape() != SinkShape::Remote);
            formats.map(|output| output.name).collect::<Vec<_>>().join(", ")
        };
        let output = REGISTRY.iter().find(|output| output.name == newest(kind)).ok_or_else(|| {
            let near = REGISTRY
                .iter()
                .filter(|output| output.shape() != SinkShape::Remote)
                .map(|output| (strsim::jaro_winkler(kind, output.name), output.name))
                .filter(|(score, _)| *score > ALIKE)
                .max_by(|(one, _), (other, _)| one.total_cmp(other));
            let near = near.map(|(_, name)| format!(" (did you mean {name}?)")).unwrap_or_default();
            format!("{kind:?} is not one of {}{near}", kinds())
        })?;
        match output.make {
            Make::Delivery(row) => Err(format!("{kind} is not a format; run `{}`", row.command)),
            Make::Folder(_) if path.is_none() => Err(format!("{kind} is a folder of files: write {kind}=DIR")),
            Make::Folder(_) | Make::Stream(_) => Ok(Self { output, path }),
        }
    }
}

impl std::fmt::Display for Format {
    /// `json-v1=scan.json`, or `table on stdout`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}={}", self.output.name, path.display()),
            None => write!(f, "{} on stdout", self.output.name),
        }
    }
}

impl Format {
    /// The help of `--format`, with a line for every output.
    pub(crate) fn help() -> String {
        let mut help = String::from(
            "Write the report as KIND, to stdout or to PATH; repeatable [default: table]. `json` and `ndjson` are the newest versions",
        );
        for output in REGISTRY.iter().filter(|output| output.shape() != SinkShape::Remote) {
            let folder = if output.shape() == SinkShape::Folder { "=DIR" } else { "" };
            help.push_str(&format!("\n  {:<13} {}", format!("{}{folder}", output.name), output.help));
        }
        help
    }

    /// Every output that the demo shows, in its folder.
    pub(crate) fn all_into(folder: &Path) -> Vec<Self> {
        let shown = REGISTRY.iter().filter_map(|output| Some((output, output.demo?)));
        shown.map(|(output, name)| Self { output, path: Some(folder.join(name)) }).collect()
    }

    /// The table on stdout.
    pub(crate) fn table() -> Option<Self> {
        REGISTRY.first().map(|output| Self { output, path: None })
    }

    /// The formats that were given, or the table on stdout if none was.
    pub(crate) fn or_table(given: &[Self]) -> Vec<Self> {
        if given.is_empty() { Self::table().into_iter().collect() } else { given.to_vec() }
    }

    /// Whether it is a folder of files.
    pub(crate) fn is_folder(&self) -> bool {
        self.output.shape() == SinkShape::Folder
    }

    /// Whether it goes to stdout.
    pub(crate) fn is_for_stdout(&self) -> bool {
        self.path.is_none()
    }

    /// Adds its destination to the places that a command writes.
    pub(crate) fn claim(&self, places: &mut Places) {
        let what = format!("--format {}", self.output.name);
        match &self.path {
            Some(path) if self.output.shape() == SinkShape::Folder => places.folder(&what, path),
            Some(path) => places.file(&what, path),
            None => {}
        }
    }

    /// Makes its sink.
    pub(super) fn sink<'a>(&self, inputs: SinkInputs<'a>) -> Result<Box<dyn Sink + 'a>, Failure> {
        let name = self.output.name;
        match (self.output.make, &self.path) {
            (Make::Stream(render), path) => Ok(Box::new(StreamSink::new(name, path.clone(), render, inputs))),
            (Make::Folder(make), Some(path)) => make(path, inputs),
            (Make::Folder(_), None) => Err(Failure::new(Exit::Usage, format!("{name} needs a folder"))),
            (Make::Delivery(row), _) => Err(Failure::new(Exit::Usage, format!("{name}: run `{}`", row.command))),
        }
    }
}
