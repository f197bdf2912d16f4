//! `--format KIND[=PATH]`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use doorward_model::{Sink, SinkShape};

use crate::OutputError;
use crate::stream::StreamSink;
use crate::{Make, Output, REGISTRY, SinkInputs, plugin_output};
use doorward_file::places::Places;
use doorward_settings::nearest;

/// The format that a name without a version stands for: the newest.
fn newest(kind: &str) -> &str {
    match kind {
        "json" => "json-v1",
        "ndjson" => "ndjson-v1",
        "ocsf-1.6" => "ocsf",
        kind => kind,
    }
}

/// An output and its destination.
#[derive(Debug, Clone)]
pub struct Format {
    kind: FormatKind,
    /// The file or folder; stdout if absent.
    path: Option<PathBuf>,
}

/// Who writes an output.
#[derive(Debug, Clone)]
enum FormatKind {
    /// Doorward.
    BuiltIn(&'static Output),
    /// The plugin with this name in the settings, if they have one.
    Plugin(String),
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, path) = match text.split_once('=') {
            Some((_, "")) => return Err(format!("{text:?} names no file after the =")),
            Some((kind, "-")) => (kind, None),
            Some((kind, path)) => (kind, Some(PathBuf::from(path))),
            None => (text, None),
        };
        if kind == "ocsf-1.8" {
            return Err(
                "ocsf-1.8 was removed; use ocsf, which is OCSF 1.6, the version that Security Hub documents".to_owned()
            );
        }
        let Some(output) = REGISTRY.iter().find(|output| output.name == newest(kind)) else {
            return Ok(Self { kind: FormatKind::Plugin(kind.to_owned()), path });
        };
        match output.make {
            Make::Delivery(row) => Err(format!("{kind} is not a format of a report; run `{}`", row.command)),
            Make::Folder(_) if path.is_none() => Err(format!("{kind} is a folder of files: write {kind}=DIR")),
            Make::Folder(_) | Make::Stream(_) => Ok(Self { kind: FormatKind::BuiltIn(output), path }),
        }
    }
}

impl std::fmt::Display for Format {
    /// `json-v1=scan.json`, or `table on stdout`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}={}", self.name(), path.display()),
            None if self.is_plugin() => f.write_str(self.name()),
            None => write!(f, "{} on stdout", self.name()),
        }
    }
}

impl Format {
    /// The help of `--format`, with a line for every output.
    pub fn help() -> String {
        let mut help = String::from(
            "Write the report as KIND, to stdout or to PATH; repeatable [default: table]. `json` and `ndjson` are the newest versions",
        );
        for output in REGISTRY.iter().filter(|output| output.shape() != SinkShape::Remote) {
            let folder = if output.shape() == SinkShape::Folder { "=DIR" } else { "" };
            help.push_str(&format!("\n  {:<13} {}", format!("{}{folder}", output.name), output.help));
        }
        help.push_str(
            "\n  NAME          the output of the plugin [reports.NAME] in the settings (`doorward guide plugins`)",
        );
        help
    }

    /// Every output that the demo shows, in its folder.
    pub fn all_into(folder: &Path) -> Vec<Self> {
        let shown = REGISTRY.iter().filter_map(|output| Some((output, output.demo?)));
        shown.map(|(output, name)| Self { kind: FormatKind::BuiltIn(output), path: Some(folder.join(name)) }).collect()
    }

    /// The table on stdout.
    pub fn table() -> Option<Self> {
        REGISTRY.first().map(|output| Self { kind: FormatKind::BuiltIn(output), path: None })
    }

    /// The formats that were given, or the table on stdout if none was.
    pub fn or_table(given: &[Self]) -> Vec<Self> {
        if given.is_empty() { Self::table().into_iter().collect() } else { given.to_vec() }
    }

    /// The name, as in `--format`.
    pub fn name(&self) -> &str {
        match &self.kind {
            FormatKind::BuiltIn(output) => output.name,
            FormatKind::Plugin(name) => name,
        }
    }

    /// The file or folder; none on stdout.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Whether a plugin writes it.
    pub fn is_plugin(&self) -> bool {
        matches!(self.kind, FormatKind::Plugin(_))
    }

    /// Whether it goes to stdout. Where the output of a plugin goes, the plugin says.
    pub fn is_for_stdout(&self) -> bool {
        self.path.is_none() && !self.is_plugin()
    }

    /// Checks the name against the outputs that there are. `plugins` are the names of the plugins in the settings.
    pub fn check<'n>(&self, plugins: impl Iterator<Item = &'n String>) -> Result<(), String> {
        let FormatKind::Plugin(kind) = &self.kind else { return Ok(()) };
        let mut plugins = plugins.map(String::as_str).peekable();
        let has_plugins = plugins.peek().is_some();
        let built_in = REGISTRY.iter().filter(|output| output.shape() != SinkShape::Remote).map(|output| output.name);
        let known: Vec<&str> = built_in.chain(plugins).collect();
        if known.contains(&kind.as_str()) {
            return Ok(());
        }
        let near = nearest(kind, &known).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        let none = if has_plugins { "" } else { ", and the settings name no plugin ([reports.NAME])" };
        Err(format!("--format: {kind:?} is not one of {}{none}{near}", known.join(", ")))
    }

    /// Adds its destination to the places that a command writes.
    pub fn claim(&self, places: &mut Places) {
        let what = format!("--format {}", self.name());
        match &self.path {
            Some(path) if self.is_folder() => places.folder(&what, path),
            Some(path) => places.file(&what, path),
            None => {}
        }
    }

    /// Adds what it is copied to below an address, under the name of its file or folder.
    pub fn claim_copy(&self, below: &str, places: &mut Places) {
        let Some(name) = self.path.as_deref().and_then(Path::file_name) else { return };
        let copy = Path::new(below).join(name);
        let what = format!("the copy of --format {}", self.name());
        if self.is_folder() { places.folder(&what, &copy) } else { places.file(&what, &copy) }
    }

    /// Whether its place is a folder. A plugin says only later what it writes; an existing folder shows it.
    pub fn is_folder(&self) -> bool {
        match &self.kind {
            FormatKind::BuiltIn(output) => output.shape() == SinkShape::Folder,
            FormatKind::Plugin(_) => self.path.as_ref().is_some_and(|path| path.is_dir()),
        }
    }

    /// Whether it writes packs of evidence, which may be of a part of a scan: a pack says of which.
    pub fn is_evidence(&self) -> bool {
        matches!(&self.kind, FormatKind::BuiltIn(output) if output.name == "evidence")
    }

    /// Makes its sink.
    ///
    /// # Errors
    ///
    /// The output needs a folder or a command of its own, or its key, program or channel cannot be used.
    pub fn sink<'a>(&self, inputs: SinkInputs<'a>) -> Result<Box<dyn Sink + 'a>, OutputError> {
        let output = match &self.kind {
            FormatKind::BuiltIn(output) => output,
            FormatKind::Plugin(name) => return plugin_output::make(name, self.path.as_deref(), inputs),
        };
        let name = output.name;
        match (output.make, &self.path) {
            (Make::Stream(render), path) => Ok(Box::new(StreamSink::new(name, path.clone(), render, inputs))),
            (Make::Folder(make), Some(path)) => make(path, inputs),
            (Make::Folder(_), None) => Err(OutputError::Usage(format!("{name} needs a folder"))),
            (Make::Delivery(row), _) => Err(OutputError::Usage(format!("{name}: run `{}`", row.command))),
        }
    }
}
