//! `doorward plugin`: writes a first plugin, and tests whether one keeps the contract.

use std::path::Path;
use std::time::Duration;

use doorward_aws::settings::Span;
use doorward_file::{Readers, input, write_file};
use doorward_settings::variable::variable;
use doorward_sink_plugin::skeleton::{self, Language};
use doorward_sink_plugin::{Plugin, PluginSettings, conformance};

use crate::cli::{Cli, NewArguments, PluginCommand, PluginLanguage, TestArguments};
use crate::exit::{Exit, Failure};
use crate::io::{answer, runtime};
use crate::settings::Settings;
use doorward_outputs::REGISTRY;

/// How long a plugin may take for the largest report of the test.
const LONGEST: Duration = Duration::from_secs(120);

/// Runs `doorward plugin`.
pub(crate) fn run(cli: &Cli, command: &PluginCommand) -> Result<Exit, Failure> {
    match command {
        PluginCommand::New(arguments) => new(cli, arguments),
        PluginCommand::Test(arguments) => test(cli, arguments),
    }
}

fn new(cli: &Cli, arguments: &NewArguments) -> Result<Exit, Failure> {
    let name = &arguments.name;
    let taken: Vec<&str> = REGISTRY.iter().map(|output| output.name).collect();
    if let Some((_, problem)) = PluginSettings::problem(name, &program(Path::new("/")), &taken) {
        return Err(Failure::new(Exit::Usage, problem));
    }
    let mut places = Settings::found_places(cli.config.as_deref());
    places.folder("doorward plugin new", &arguments.out.join(name));
    places.check()?;
    let language = match arguments.language {
        PluginLanguage::Python => Language::Python,
        PluginLanguage::Rust => Language::Rust,
        PluginLanguage::Sh => Language::Sh,
    };
    let path = skeleton::write(&arguments.out, name, language).map_err(|error| {
        let folder = arguments.out.join(name);
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                let problem =
                    "the folder exists and is not replaced; name another plugin, or another folder with --out";
                Failure::new(Exit::Usage, format!("{}: {problem}", folder.display()))
            }
            _ => Failure::writing(&folder.display().to_string(), &error),
        }
    })?;
    let path = path.canonicalize().unwrap_or(path);
    let shown = path.display();
    answer(&match language {
        Language::Rust => format!("{shown}\nbuild it: cargo build --release --manifest-path {shown}\n"),
        Language::Python | Language::Sh => format!(
            "{shown}\ntest it: doorward plugin test {shown}\nuse it: add this to the settings, then --format {name}=FILE\n\n[reports.{name}]\ncommand = [\"{shown}\"]\n"
        ),
    })
}

fn test(cli: &Cli, arguments: &TestArguments) -> Result<Exit, Failure> {
    let usage = |problem: String| Failure::new(Exit::Usage, problem);
    let path = Path::new(&arguments.plugin);
    let mut settings = if path.components().count() > 1 || path.exists() {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        program(&path)
    } else {
        let settings = Settings::load(cli.config.as_deref(), &[])?;
        let named = settings.reports.get(&arguments.plugin).cloned();
        named.ok_or_else(|| {
            usage(format!("there is no program {0}, and the settings have no [reports.{0}]", arguments.plugin))
        })?
    };
    settings.pass_env.extend(arguments.pass_env.iter().cloned());
    if let Some(file) = &arguments.configuration {
        let wrong = |problem: String| usage(format!("{}: {problem}", file.display()));
        let text = input::text(file).map_err(|error| wrong(format!("the configuration cannot be read: {error}")))?;
        settings.config = serde_json::from_str(&text).map_err(|error| wrong(format!("no JSON object: {error}")))?;
    }
    let plugin = Plugin::new(&settings, |name| variable(name)?.into_string().ok());
    let plugin = plugin.map_err(|error| Failure::new(Exit::Preflight, error.to_string()))?;
    let mut places = Settings::found_places(cli.config.as_deref());
    places.keep("the plugin", path);
    arguments.junit.iter().for_each(|file| places.file("--junit", file));
    places.check()?;
    let verdicts = runtime()?.block_on(conformance::test(&plugin, conformance::MANY));
    if let Some(file) = &arguments.junit {
        let write = |out: &mut dyn std::io::Write| out.write_all(conformance::junit(&verdicts).as_bytes());
        write_file(file, Readers::Umask, write).map_err(|e| Failure::writing(&file.display().to_string(), &e))?;
    }
    answer(&conformance::text(&verdicts))?;
    Ok(if verdicts.iter().all(|verdict| verdict.fault.is_none()) { Exit::Clean } else { Exit::Findings })
}

/// The settings of a program that the settings do not name.
fn program(path: &Path) -> PluginSettings {
    PluginSettings {
        command: vec![path.to_string_lossy().into_owned()],
        sha256: None,
        pass_env: Vec::new(),
        timeout: Span(LONGEST),
        tries: 1,
        delta: false,
        config: serde_json::Map::new(),
    }
}
