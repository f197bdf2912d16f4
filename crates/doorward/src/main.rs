//! The binary: arguments, settings, wiring, progress, exit codes.

use std::process::ExitCode;

use clap::Parser as _;

mod applied_policy;
mod change;
mod check;
mod cli;
mod clock;
mod collect_metrics;
mod compare;
mod completions;
mod config_init;
mod cost_files;
mod delivery;
mod demo;
mod doctor;
mod event;
mod exceptions;
mod exit;
mod guide;
mod history;
mod internal_error;
mod io;
mod logging;
mod manual;
mod merge;
mod notify;
mod plain;
mod plugin;
mod posture;
mod prepared_sinks;
mod progress;
mod publish;
mod register;
mod report;
mod scan;
mod scan_source;
mod schema;
mod settings;
mod setup;
mod shard;
mod signals;
mod traffic;
mod verify;

use doorward_explain::Explanations;

use cli::{Cli, Command, ConfigCommand};
use exit::{Exit, Failure};
use io::{answer, answer_text, log};
use settings::Settings;

fn main() -> ExitCode {
    internal_error::guard(command)
}

/// Runs the command of the command line.
fn command() -> ExitCode {
    if let Some(exit) = completions::answered() {
        return exit.into();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap reports help and version as errors too.
            let failed = error.use_stderr();
            let _ = error.print();
            return if failed { Exit::Usage.into() } else { Exit::Clean.into() };
        }
    };
    let outcome = logging::start(&cli).and_then(|()| run(&cli));
    let exit = match outcome {
        Ok(exit) => exit,
        Err(failure) => {
            log(&plain::harmless(&format!("error: {failure}")));
            failure.exit()
        }
    };
    exit.closing_line().iter().for_each(|line| log(line));
    exit.into()
}

fn run(cli: &Cli) -> Result<Exit, Failure> {
    name_settings(cli);
    match &cli.command {
        Command::Scan(arguments) if arguments.shards.is_asked() => shard::run(cli, arguments),
        Command::Scan(arguments) => scan::run(cli, arguments),
        Command::Merge(arguments) => merge::run(cli, arguments),
        Command::Doctor(arguments) => doctor::run(cli, arguments),
        Command::Demo(arguments) => demo::run(cli, arguments),
        Command::Report(arguments) => report::run(cli, arguments),
        Command::Exceptions(command) => exceptions::run(cli, command),
        Command::History(arguments) => history::run(cli, arguments),
        Command::Publish(arguments) => publish::run(cli, arguments),
        Command::Posture(arguments) => posture::run(cli, arguments),
        Command::Plugin(command) => plugin::run(cli, command),
        Command::Metrics(command) => collect_metrics::run(cli, command),
        Command::Policy(command) => applied_policy::run(cli, command),
        Command::Plan(arguments) => change::run_plan(cli, arguments),
        Command::Apply(arguments) => change::apply(cli, arguments),
        Command::Rollback(arguments) => change::rollback(cli, arguments),
        Command::VerifyChange(arguments) => change::verify_change(cli, arguments),
        Command::Notify(arguments) => notify::run(cli, arguments),
        Command::Event(arguments) => event::run(cli, arguments),
        Command::Traffic(arguments) => traffic::run(cli, arguments),
        Command::Advise(arguments) => traffic::advise(cli, arguments),
        Command::Setup(command) => setup::run(cli, command),
        Command::Check(arguments) => check::run(cli, arguments),
        Command::Verify(arguments) => verify::run(arguments),
        Command::Explain { topic } => explain(topic.as_deref()),
        Command::Guide { topic: None } => answer_text(&guide::text(None)?),
        Command::Guide { topic } => answer(&guide::text(topic.as_deref())?),
        Command::Schema { kind } => answer(&schema::text(*kind)?),
        Command::Config(ConfigCommand::Show { origin }) => {
            answer(&Settings::show(cli.config.as_deref(), *origin).map_err(Failure::from)?)
        }
        Command::Config(ConfigCommand::Init { out }) => config_init::write(out),
        Command::Man { out } => manual::write(cli, out),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut <Cli as clap::CommandFactory>::command(), "doorward", &mut script);
            answer(&String::from_utf8_lossy(&script))
        }
    }
}

/// Runs `doorward explain`.
fn explain(topic: Option<&str>) -> Result<Exit, Failure> {
    let text = Explanations::new(settings::DEFAULT).text(topic);
    answer_text(&text.map_err(|unknown| Failure::new(Exit::Usage, unknown.to_string()))?)
}

/// Names a settings file that was found outside of the working folder: a file in a folder above decides what a command does below
/// it, and its author may be another person.
fn name_settings(cli: &Cli) {
    let needs_none = match &cli.command {
        Command::Verify(_)
        | Command::Explain { .. }
        | Command::Schema { .. }
        | Command::Man { .. }
        | Command::Completions { .. }
        | Command::Demo(_) => true,
        Command::Report(arguments) => !arguments.judge_again && arguments.traffic.is_none(),
        _ => false,
    };
    if cli.quiet || needs_none {
        return;
    }
    for line in doorward_settings::doubtful(settings::SCHEMA) {
        log(&plain::harmless(&format!("warning: {line}")));
    }
    if let Some(file) = doorward_settings::found_elsewhere(cli.config.as_deref()) {
        log(&plain::harmless(&format!("settings: {}", file.display())));
    }
}
