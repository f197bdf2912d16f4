//! `doorward policy`: what decides about a load balancer, and ready-made policies.

use std::fmt::Write as _;

use doorward_model::LoadBalancer;
use doorward_rules::{PRESETS, PolicyExplanation, PresetFile};

use crate::cli::{Cli, ListFormat, PolicyCommand, PolicyExplainArguments};
use crate::exit::{Exit, Failure};
use crate::io::{answer, answer_json, answer_text};
use crate::scan_source::AssembledScan;
use crate::settings::Settings;

/// Runs `doorward policy`.
pub(crate) fn run(cli: &Cli, command: &PolicyCommand) -> Result<Exit, Failure> {
    match command {
        PolicyCommand::Explain(arguments) => explain(cli, arguments),
        PolicyCommand::Presets { name: None } => answer_text(&presets(None)?),
        PolicyCommand::Presets { name } => answer(&presets(name.as_deref())?),
    }
}

fn presets(name: Option<&str>) -> Result<String, Failure> {
    let Some(name) = name else {
        let mut text = String::from("Ready-made policies (`doorward policy presets NAME` prints one):\n");
        for PresetFile { name, about, .. } in PRESETS {
            let _ = writeln!(text, "  {name:<14} {about}");
        }
        return Ok(text);
    };
    let known = PRESETS.iter().find(|preset| preset.name == name);
    let preset = known.ok_or_else(|| {
        let problem = format!("there is no preset {name:?}; `doorward policy presets` lists them");
        Failure::new(Exit::Usage, problem)
    })?;
    Ok(preset.settings.to_owned())
}

fn explain(cli: &Cli, arguments: &PolicyExplainArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let path = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    let source = AssembledScan::of(arguments.from.as_deref(), &settings, &path)?;
    let wanted = &arguments.load_balancer;
    let is_wanted = |lb: &&LoadBalancer| lb.arn.as_str() == wanted || lb.name == *wanted;
    let found: Vec<PolicyExplanation<'_>> = source
        .report
        .load_balancers
        .iter()
        .filter(is_wanted)
        .map(|lb| PolicyExplanation::of(lb, &source.policy))
        .collect();
    if found.is_empty() {
        let problem = format!("{wanted:?} is neither the ARN nor the name of a load balancer in this scan");
        return Err(Failure::new(Exit::Usage, problem));
    }
    match arguments.format {
        ListFormat::Json => answer_json(&found),
        ListFormat::Table => {
            let texts: Vec<String> = found.iter().map(PolicyExplanation::text).collect();
            answer_text(&texts.join("\n"))
        }
    }
}
