//! `doorward report`: renders a saved scan again, offline, or compares it with Security Hub.

use doorward_assemble::GivenEvidence;
use doorward_check::Declarations;
use doorward_model::{HistoryContext, Policy, owner_key};

use crate::cli::{Cli, ReportArguments, unknown_value};
use crate::compare;
use crate::cost_files;
use crate::exit::{Exit, Failure};
use crate::io::runtime;
use crate::prepared_sinks::PreparedSinks;
use crate::register;
use crate::scan_source::AssembledScan;
use crate::settings::{Overridable, Settings};
use crate::traffic;
use doorward_outputs::{Format, PluginInputs, SinkInputs};

/// Runs `doorward report`. By the settings that were saved with the scan, the outputs are the same bytes as those of the scan; with
/// `--judge-again` the current settings decide. Flags override either.
pub(crate) fn run(cli: &Cli, arguments: &ReportArguments) -> Result<Exit, Failure> {
    if let Some(format) = arguments.compare_securityhub {
        return compare::run(cli, &arguments.from, format);
    }
    let (mut kept, mut criteria) = doorward_saved_scan::read(&arguments.from)?;
    let declarations = crate::io::declarations(&arguments.iac)?;
    let mut places = Settings::found_places(cli.config.as_deref());
    places.keep("the saved scan", &arguments.from);
    places.keep_flag("--traffic", arguments.traffic.as_deref());
    places.keep_flag("--cost", arguments.cost.as_deref());
    declarations.iter().flat_map(Declarations::paths).for_each(|path| places.keep("a file of --iac", path));
    let traffic = arguments.traffic.as_deref().map(traffic::saved).transpose()?;
    // Traffic that is joined now is weighed by the current settings, and only they name plugins: a saved scan may come from anywhere.
    let has_plugins = arguments.output.formats.iter().any(Format::is_plugin);
    // Without an export the costs are those that were saved.
    let has_costs = arguments.judge_again || arguments.cost.is_some();
    let needs_settings = has_costs || traffic.is_some() || has_plugins;
    let clock = crate::clock::system();
    let settings = needs_settings.then(|| Settings::load(cli.config.as_deref(), &[])).transpose()?;
    if let (true, Some(settings)) = (arguments.judge_again, &settings) {
        (kept, criteria) = (kept.without_history(), settings.criteria()?);
    }
    let saved = Overridable { report: criteria.report, evidence: criteria.sinks.evidence };
    let Overridable { report, evidence } = saved.with_flags(&arguments.output.overrides())?;
    (criteria.report, criteria.sinks.evidence) = (report, evidence);
    places.keep_flag("--signing-key", criteria.sinks.evidence.signing_key_file.as_deref());
    let trace = declarations.as_ref().map(|files| move |load_balancers: &[_]| files.match_live(load_balancers));
    let costs = settings.as_ref().filter(|_| has_costs);
    let costs =
        costs.map(|settings| cost_files::read(&settings.cost, arguments.cost.as_deref(), cli.quiet)).transpose()?;
    let price = costs.as_ref().map(|costs| move |load_balancers: &[_], at| costs.costs(load_balancers, at));
    let given = GivenEvidence {
        costs: price.as_ref().map(|price| price as _),
        traffic: traffic.as_ref().zip(settings.as_ref().map(|settings| settings.traffic.advice_rules())),
        declarations: trace.as_ref().map(|trace| trace as _),
        ..GivenEvidence::default()
    };
    let register = criteria.exceptions.register()?;
    let filter = arguments.filter.filter()?;
    check_profiles(&filter.profiles, &criteria.policy)?;
    let formats = Format::or_table(&arguments.output.formats);
    // A pack of evidence is of one scope, and says which; every verdict on what is in it stays.
    let is_scope = |format: &&Format| format.is_evidence() && !filter.selects_findings();
    let folder = formats.iter().find(|format| !filter.is_empty() && format.is_folder() && !is_scope(format));
    if let Some(folder) = folder {
        let problem = format!(
            "--format {folder}: a folder holds the whole scan, and evidence all verdicts on load balancers; leave the filters out ({filter})"
        );
        return Err(Failure::new(Exit::Usage, problem));
    }
    // Figures of a part would read as those of the organization, or of load balancers without other findings.
    let counts_the_whole = |format: &&Format| match format.name() {
        "posture" => !filter.is_empty(),
        "csv-inventory" | "html" => filter.selects_findings(),
        _ => false,
    };
    if let Some(format) = formats.iter().find(counts_the_whole) {
        let problem = format!("--format {format}: its figures are of all findings; leave the filters out ({filter})");
        return Err(Failure::new(Exit::Usage, problem));
    }
    // What a plugin received is compared with what it receives next, and a finding that is only left out would count as gone.
    if let Some(plugin) = formats.iter().find(|format| !filter.is_empty() && format.is_plugin()) {
        let problem = format!("--format {plugin}: a plugin receives the whole scan; leave the filters out ({filter})");
        return Err(Failure::new(Exit::Usage, problem));
    }
    let inputs = SinkInputs {
        policy: &criteria.policy,
        register: &register,
        settings: &criteria.sinks,
        settings_text: &criteria.settings,
        build: None,
        filter: (!filter.is_empty()).then_some(&filter),
        plugins: settings.as_ref().map(|settings| PluginInputs {
            settings: &settings.reports,
            ledger: settings.ledger.for_deliveries(),
            redeliver: arguments.redeliver,
            clock: &clock,
        }),
        options: crate::io::output_options(cli.style_on_stdout(), cli.quiet),
    };
    runtime()?.block_on(async {
        let sinks = PreparedSinks::new(&formats, inputs, None, places, cli.quiet).await?;
        let stopped = kept.stopped.and_then(Exit::of_code);
        let scan = AssembledScan::kept(kept, &criteria, &register, given)?;
        if let Some((flag, given, known)) = filter.unmatched(&scan.report) {
            return Err(unknown_value(flag, given, &known));
        }
        let problem = register::notices(&register, &scan.report, cli.quiet);
        let of_report = || {
            problem.unwrap_or_else(|| {
                Exit::of_report(&scan.report, &criteria.report).with_declarations(declarations.as_ref())
            })
        };
        let exit = stopped.unwrap_or_else(of_report);
        // The exit code is that of the whole scan. Earlier scans were recorded whole, so a part is compared with none of them.
        let history = if filter.is_empty() { scan.history } else { HistoryContext::default() };
        sinks.emit(&filter.apply(scan.report), &history, exit).await?;
        Ok(exit)
    })
}

/// Refuses a risk profile that the policy does not have: the report would read as if nothing were in it.
fn check_profiles(profiles: &[String], policy: &Policy) -> Result<(), Failure> {
    let named = policy.profiles.iter().map(|profile| profile.name.clone());
    let known: Vec<String> = named.chain(["none".to_owned()]).collect();
    let is_known = |profile: &String| known.iter().any(|name| owner_key(name) == owner_key(profile));
    match profiles.iter().find(|profile| !is_known(profile)) {
        Some(unknown) => Err(unknown_value("--profile", unknown, &known)),
        None => Ok(()),
    }
}
