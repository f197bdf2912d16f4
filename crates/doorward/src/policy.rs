//! `doorward policy`: what decides about a load balancer, and ready-made policies.

use std::fmt::Write as _;

use doorward_model::{AppliedPolicy, Deadline, LoadBalancer, Observed, Policy, Severity};
use doorward_rules::{Requirement, applied_policy};
use serde::Serialize;

use crate::cli::{Cli, ListFormat, PolicyCommand, PolicyExplainArguments};
use crate::exit::{Exit, Failure};
use crate::io::{answer, answer_json};
use crate::plain::harmless;
use crate::scan_source::AssembledScan;
use crate::settings::Settings;

/// Ready-made policies: the name, one sentence, and the settings.
const PRESETS: &[(&str, &str, &str)] = &[
    (
        "aws-control",
        "The line of AWS's own controls ELB.12 and ELB.14: defensive or strictest everywhere.",
        include_str!("../../../config/policy-presets/aws-control.toml"),
    ),
    (
        "research-2026",
        "Strictest for everything that is internet-facing, after the research of 2025 and 2026.",
        include_str!("../../../config/policy-presets/research-2026.toml"),
    ),
    (
        "risk-profiles",
        "Risk profiles by application type and exposure, with deadlines: card data, internet-facing, legacy, internal.",
        include_str!("../../../config/policy-presets/risk-profiles.toml"),
    ),
];

/// Runs `doorward policy`.
pub(crate) fn run(cli: &Cli, command: &PolicyCommand) -> Result<Exit, Failure> {
    match command {
        PolicyCommand::Explain(arguments) => explain(cli, arguments),
        PolicyCommand::Presets { name } => answer(&presets(name.as_deref())?),
    }
}

fn presets(name: Option<&str>) -> Result<String, Failure> {
    let Some(name) = name else {
        let mut text = String::from("Ready-made policies (`doorward policy presets NAME` prints one):\n");
        for (name, about, _) in PRESETS {
            let _ = writeln!(text, "  {name:<14} {about}");
        }
        return Ok(text);
    };
    let known = PRESETS.iter().find(|(preset, _, _)| *preset == name);
    let (_, _, settings) = known.ok_or_else(|| {
        let problem = format!("there is no preset {name:?}; `doorward policy presets` lists them");
        Failure::new(Exit::Usage, problem)
    })?;
    Ok((*settings).to_owned())
}

/// What decides about one load balancer.
#[derive(Serialize)]
struct Explained<'a> {
    load_balancer: &'a LoadBalancer,
    policy: AppliedPolicy,
    /// Values that could not be read and that decide, as sentences.
    unread: Vec<String>,
    deadlines: Vec<DeadlineOf>,
}

/// The deadline of failures of a severity.
#[derive(Serialize)]
struct DeadlineOf {
    severity: Severity,
    #[serde(flatten)]
    deadline: Deadline,
}

impl<'a> Explained<'a> {
    fn of(lb: &'a LoadBalancer, policy: &Policy) -> Self {
        let applied = applied_policy(lb, policy);
        let unread = Requirement::of(lb, policy).gaps().iter().map(ToString::to_string).collect();
        let deadlines = Severity::OPEN.into_iter().filter_map(|severity| {
            // No rule has this name, so that the deadlines of severities alone answer.
            Some(DeadlineOf { severity, deadline: policy.deadline(&applied.profile, "", severity)? })
        });
        Self { load_balancer: lb, unread, deadlines: deadlines.collect(), policy: applied }
    }

    fn text(&self) -> String {
        let (lb, policy) = (self.load_balancer, &self.policy);
        let shown = |value: &Observed<String>| match value {
            Observed::Known(value) => value.clone(),
            Observed::Absent => "none".to_owned(),
            Observed::Unread(gap) => format!("unknown ({gap})"),
        };
        let mut text = format!("{} ({})\n", lb.name, lb.arn);
        let _ = writeln!(text, "  mode            {}", lb.mode_text());
        let _ = writeln!(text, "  required        {}", policy.decided_by);
        let by_default = match policy.by_default {
            Some(true) => "yes: no rule and no risk profile of the policy matches it",
            Some(false) => "no",
            None => "unknown: it depends on a value that could not be read",
        };
        let _ = writeln!(text, "  by default only {by_default}");
        let _ = writeln!(text, "  risk profile    {}", shown(&policy.profile));
        let _ = writeln!(text, "  application     {}", shown(&lb.application));
        let _ = writeln!(text, "  environment     {}", shown(&lb.environment));
        for unread in &self.unread {
            let _ = writeln!(text, "  not read        {unread}");
        }
        if self.deadlines.is_empty() {
            text.push_str("  deadlines       none\n");
        }
        for DeadlineOf { severity, deadline } in &self.deadlines {
            let _ = writeln!(text, "  deadline        {} days for {severity} ({})", deadline.days, deadline.by);
        }
        text
    }
}

fn explain(cli: &Cli, arguments: &PolicyExplainArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let path = arguments.ledger.clone().map_or_else(|| settings.ledger.path(), Ok)?;
    let source = AssembledScan::of(arguments.from.as_deref(), &settings, &path)?;
    let wanted = &arguments.load_balancer;
    let is_wanted = |lb: &&LoadBalancer| lb.arn.as_str() == wanted || lb.name == *wanted;
    let found: Vec<Explained<'_>> =
        source.report.load_balancers.iter().filter(is_wanted).map(|lb| Explained::of(lb, &source.policy)).collect();
    if found.is_empty() {
        let problem = format!("{wanted:?} is neither the ARN nor the name of a load balancer in this scan");
        return Err(Failure::new(Exit::Usage, problem));
    }
    match arguments.format {
        ListFormat::Json => answer_json(&found),
        ListFormat::Table => {
            let texts: Vec<String> = found.iter().map(Explained::text).collect();
            answer(&harmless(&texts.join("\n")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_a_valid_policy() {
        #[derive(serde::Deserialize)]
        struct Section {
            policy: Policy,
        }
        for (name, _, text) in PRESETS {
            let section: Section = toml::from_str(text).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(section.policy.has_deadlines(), *name == "risk-profiles", "{name}");
        }
    }
}
