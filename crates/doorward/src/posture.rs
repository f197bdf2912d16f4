//! `doorward posture`: which published triggers of request smuggling a load balancer lets through, now and after a change.

use doorward_model::LoadBalancer;
use doorward_traffic::{Posture, posture, render_posture, render_postures};

use crate::cli::{Cli, ListFormat, PostureArguments};
use crate::exit::{Exit, Failure};
use crate::io::{answer, answer_json, answer_text};
use crate::scan_source::AssembledScan;
use crate::settings::Settings;

/// Runs `doorward posture`.
pub(crate) fn run(cli: &Cli, arguments: &PostureArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let path = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    let source = AssembledScan::of(arguments.from.as_deref(), &settings, &path)?;
    source.warn_of_age(&settings, crate::clock::now());
    let report = source.report;
    let wanted = &arguments.load_balancers;
    for name in wanted {
        if !report.load_balancers.iter().any(|lb| is_named(lb, name)) {
            return Err(Failure::new(
                Exit::Usage,
                format!("{name:?} is neither the ARN nor the name of a load balancer in this scan"),
            ));
        }
    }
    let chosen = |lb: &&LoadBalancer| wanted.is_empty() || wanted.iter().any(|name| is_named(lb, name));
    let postures: Vec<Posture> = report.load_balancers.iter().filter(chosen).filter_map(posture).collect();
    match arguments.format {
        ListFormat::Json => answer_json(&postures),
        ListFormat::Table if wanted.is_empty() => answer_text(&render_postures(&postures)),
        ListFormat::Table if postures.is_empty() => answer("These load balancers do not parse HTTP.\n"),
        ListFormat::Table => {
            let tables: Vec<String> = postures.iter().map(render_posture).collect();
            answer_text(&tables.join("\n"))
        }
    }
}

fn is_named(lb: &LoadBalancer, name: &str) -> bool {
    lb.arn.as_str() == name || lb.name == name
}
