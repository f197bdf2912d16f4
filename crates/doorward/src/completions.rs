//! Completions that a shell asks the program for: names that the ledger knows. They read local files only, and never wait or fail.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use clap::{Arg, Command, CommandFactory as _};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use doorward_ledger::{KnownNames, LATEST_RUN, Ledger, PREVIOUS_RUN, is_shared};
use doorward_model::SinkShape;
use doorward_outputs::REGISTRY;
use doorward_process::is_shell_word;
use doorward_settings::variable::variable;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::settings::Settings;

/// The variable by which a shell asks. Its value is the name of the shell.
const VARIABLE: &str = "DOORWARD_COMPLETE";

/// How long a shell waits for the ledger at most: a person is typing. A build for tests is slower, and its machine busier.
const PATIENCE: Duration = Duration::from_millis(if cfg!(debug_assertions) { 10_000 } else { 300 });

/// Answers a shell, if one asks: with the script that sets completions up, or with the completions of a command line.
pub(crate) fn answered() -> Option<Exit> {
    variable(VARIABLE)?;
    let folder = std::env::current_dir().ok();
    let shells = CompleteEnv::with_factory(|| completing(Cli::command())).var(VARIABLE);
    match shells.try_complete(std::env::args_os(), folder.as_deref()) {
        Ok(false) => None,
        Ok(true) => Some(Exit::Clean),
        Err(error) => {
            let _ = error.print();
            Some(Exit::Usage)
        }
    }
}

/// A command whose arguments complete what the ledger and the program know.
fn completing(command: Command) -> Command {
    // Its formats are of its own.
    let is_check = command.get_name() == "check";
    command.mut_args(|arg| with_names(arg, is_check)).mut_subcommands(completing)
}

fn with_names(arg: Arg, is_check: bool) -> Arg {
    let names: fn() -> Vec<String> = match (arg.get_long(), arg.get_id().as_str()) {
        (Some("account" | "exclude-account"), _) => || known().accounts,
        (Some("owner"), _) => || known().owners,
        (Some("ou" | "exclude-ou"), _) => || known().ous,
        (Some("rule"), _) => || doorward_rules::catalogue().iter().map(|meta| meta.id.to_owned()).collect(),
        (Some("format"), "formats") if !is_check => outputs,
        (None, "from" | "to") => runs,
        _ => return arg,
    };
    arg.add(ArgValueCompleter::new(move |current: &OsStr| candidates(names(), current)))
}

/// The names that begin as what was typed.
fn candidates(names: Vec<String>, current: &OsStr) -> Vec<CompletionCandidate> {
    let begins = |name: &String| current.to_str().is_some_and(|typed| name.starts_with(typed));
    names.into_iter().filter(|name| is_offered(name) && begins(name)).map(CompletionCandidate::new).collect()
}

/// Whether a name can be completed: shells take it into the command line as it is, and owners are text from outside.
fn is_offered(name: &str) -> bool {
    // The tilde of a scan's name is in its middle, where no shell expands it.
    name == PREVIOUS_RUN || is_shell_word(name)
}

/// The outputs of `--format` that a command takes.
fn outputs() -> Vec<String> {
    let local = REGISTRY.iter().filter(|output| output.shape() != SinkShape::Remote);
    local.map(|output| output.name.to_owned()).collect()
}

/// The recorded scans, the newest first.
fn runs() -> Vec<String> {
    let recorded = known().runs;
    let relative = [LATEST_RUN, PREVIOUS_RUN].map(str::to_owned);
    if recorded.is_empty() { Vec::new() } else { relative.into_iter().chain(recorded).collect() }
}

/// The names that the ledger knows; none where there is no local ledger, or where it does not answer at once.
fn known() -> KnownNames {
    let (send, receive) = mpsc::channel();
    // The thread ends with the process, whatever it waits for.
    std::thread::spawn(move || send.send(read().unwrap_or_default()));
    receive.recv_timeout(PATIENCE).unwrap_or_default()
}

fn read() -> Option<KnownNames> {
    let typed: Vec<OsString> = std::env::args_os().collect();
    let ledger = match flag(&typed, "--ledger") {
        Some(path) => path,
        None => Settings::load(flag(&typed, "--config").as_deref(), &[]).ok()?.ledger.path().ok()?,
    };
    if is_shared(&ledger) {
        return None;
    }
    Ledger::open_read_only(&ledger).ok()?.known_names().ok()
}

/// The value of a flag on the command line that is completed.
fn flag(typed: &[OsString], name: &str) -> Option<PathBuf> {
    let joined = |word: &OsString| Some(PathBuf::from(word.to_str()?.strip_prefix(name)?.strip_prefix('=')?));
    let apart = typed.windows(2).find_map(|pair| match pair {
        [flag, value] if flag == name => Some(PathBuf::from(value)),
        _ => None,
    });
    apart.or_else(|| typed.iter().find_map(joined))
}
