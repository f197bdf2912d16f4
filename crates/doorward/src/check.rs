//! `doorward check`: judges declarations by the rules of a scan before they are deployed.

use std::io::Write;
use std::path::Path;

use doorward_check::{
    Baseline, CheckOutput, CheckSettings, Checker, GateSettings, LiveScan, RenderInput, SearchOptions, TextOptions,
    fix, gather,
};
use doorward_iac::{Deployment, VariableOption, VariableValues};
use doorward_model::{AccountId, Region, harmless};

use crate::cli::{CheckArguments, Cli, VariableArgument};
use crate::exit::{Exit, Failure};
use crate::io::to_stdout;
use crate::settings::Settings;
use doorward_file::{Readers, write_file};

mod changed_files;
mod helm;

/// Runs `doorward check`.
pub(crate) fn run(cli: &Cli, arguments: &CheckArguments) -> Result<Exit, Failure> {
    let mut settings = Settings::load(cli.config.as_deref(), &[])?;
    arguments.overlay(&mut settings.report)?;
    let outputs = CheckOutput::all(&arguments.formats)?;
    let normalize = settings.normalize();
    let check = CheckSettings {
        policy: &settings.policy,
        normalize: &normalize,
        report: &settings.report,
        rules: CheckSettings::rules(&arguments.rules)?,
        deployment: deployment(arguments, &settings.check)?,
        unknown_modules: settings.check.unknown_modules,
    };
    let baseline = match &arguments.baseline {
        Some(path) => Some(baseline(path)?),
        None => None,
    };
    let register = settings.exceptions.read()?.register()?;
    let live = match &arguments.scan {
        Some(path) => Some(LiveScan::new(doorward_saved_scan::read(path)?.0.inventory, &normalize)),
        None => None,
    };
    let checker = Checker::new(&check, &register, live.as_ref(), crate::clock::now())?;
    let exclude = settings.check.exclude.iter().chain(&arguments.exclude).cloned().collect();
    let mut gathered = gather(&arguments.paths, &SearchOptions { exclude, no_ignore: arguments.no_ignore })?;
    if arguments.helm {
        helm::render(&mut gathered, &arguments.helm_values)?;
    }
    let mut places = settings.places();
    places.keep_flag("--scan", arguments.scan.as_deref());
    places.keep_flag("--baseline", arguments.baseline.as_deref());
    gathered.sources.iter().for_each(|source| places.keep("a file that is checked", Path::new(&source.path)));
    arguments.helm_values.iter().for_each(|path| places.keep_flag("--helm-values", Some(path)));
    for argument in &arguments.variables.0 {
        if let VariableArgument::File(path) = argument {
            places.keep_flag("--var-file", Some(path));
        }
    }
    outputs.iter().filter_map(|output| output.path.as_ref()).for_each(|path| places.file("--format", path));
    places.check()?;

    let mut report = checker.check(&gathered);
    if arguments.fix {
        let write = |path: &Path, bytes: &[u8]| write_file(path, Readers::Umask, |out| out.write_all(bytes));
        let mut log = |line: &str| {
            if !cli.quiet {
                let _ = writeln!(std::io::stderr(), "{}", harmless(line));
            }
        };
        report = fix(&checker, report, &mut gathered, &write, &mut log)?;
    }
    if report.is_empty() && !cli.quiet {
        let line = "no supported files found, so nothing is checked; pass a file explicitly to see why it is not \
                    recognised";
        let _ = writeln!(std::io::stderr(), "note: {line}");
    }
    if let Some(reference) = &arguments.changed_since {
        report.keep_changed(&changed_files::since(reference)?);
    }
    for error in report.errors() {
        let _ = writeln!(std::io::stderr(), "error: {}", harmless(&error.to_string()));
    }
    if let Some(baseline) = &baseline {
        report.accept(baseline);
    }
    let outcome = report.outcome(&settings.report);
    let exit = if outcome.unreadable { Exit::Usage } else { Exit::of(outcome.failed, outcome.covered) };
    let input = RenderInput::new(&report, &settings.report, exit.code(), &gathered.sources);
    if !cli.quiet {
        exit.state_at_end(outcome.meaning().unwrap_or_else(|| exit.meaning()));
    }
    for output in &outputs {
        write(output, &input, cli)?;
    }
    Ok(exit)
}

fn write(output: &CheckOutput, input: &RenderInput<'_>, cli: &Cli) -> Result<(), Failure> {
    let is_stdout = output.path.is_none();
    let (colour, width) = (is_stdout && cli.colour_on_stdout(), is_stdout.then(crate::io::width));
    let options = TextOptions { colour, verbose: cli.verbose > 0, width };
    match &output.path {
        Some(path) => write_file(path, Readers::Umask, |out| output.format.write(input, options, out))
            .map_err(|e| Failure::writing(&path.display().to_string(), &e)),
        None => to_stdout(output.format.write(input, options, &mut std::io::stdout().lock())),
    }
}

/// The findings that an earlier check reported.
fn baseline(path: &Path) -> Result<Baseline, Failure> {
    let fail = |problem: String| Failure::new(Exit::Usage, format!("--baseline {}: {problem}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| {
        fail(format!("cannot be read: {error}; write it with `doorward check --format json-v1={} .`", path.display()))
    })?;
    Baseline::parse(&text).map_err(fail)
}

fn deployment(arguments: &CheckArguments, settings: &GateSettings) -> Result<Deployment, Failure> {
    let usage = |flag: &str, error: String| Failure::new(Exit::Usage, format!("{flag}: {error}"));
    let account = arguments.account.as_deref().map(AccountId::new).transpose();
    let region = arguments.region.as_deref().map(Region::new).transpose();
    let tag = |text: &String| match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(usage("--tag", format!("{text:?} is not KEY=VALUE"))),
    };
    Ok(Deployment {
        new: arguments.new,
        account: account.map_err(|e| usage("--account", e.to_string()))?,
        region: region.map_err(|e| usage("--region", e.to_string()))?,
        tags: arguments.tags.iter().map(tag).collect::<Result<_, _>>()?,
        modules_without_load_balancers: settings.modules_without_load_balancers.clone(),
        variables: variables(arguments)?,
    })
}

/// The values of Terraform's variables: of the environment, and of the options in their order.
fn variables(arguments: &CheckArguments) -> Result<VariableValues, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let mut values = VariableValues::of_environment(std::env::vars_os()).map_err(usage)?;
    for argument in &arguments.variables.0 {
        values.options.push(match argument {
            VariableArgument::Value(text) => {
                VariableOption::value(text).map_err(|error| usage(format!("--var: {error}")))?
            }
            VariableArgument::File(path) => {
                let source = doorward_check::read_file(path).map_err(|error| usage(format!("--var-file: {error}")))?;
                VariableOption::File(source)
            }
        });
    }
    Ok(values)
}
