//! The flags that select a part of a report.

use clap::Args;
use doorward_model::{ReportFilter, Severity, VerdictKind};

use doorward_settings::nearest;

use crate::exit::{Exit, Failure};

/// The part of the report to write.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Filters (values of one flag are alternatives; coverage and exit code remain those of the whole scan)"
)]
pub(crate) struct FilterArguments {
    /// Load balancers of this owner; repeatable
    #[arg(long = "owner", value_name = "NAME")]
    owners: Vec<String>,
    /// Load balancers in this account; repeatable
    #[arg(long = "account", value_name = "ID")]
    accounts: Vec<String>,
    /// Load balancers in this organizational unit and those below it, by its path of names or its id; repeatable
    #[arg(long = "ou", value_name = "PATH")]
    ous: Vec<String>,
    /// Load balancers of this risk profile, or `none`, and those whose profile could not be determined; repeatable
    #[arg(long = "profile", value_name = "NAME")]
    profiles: Vec<String>,
    /// Findings of this rule; repeatable
    #[arg(long = "rule", value_name = "RULE")]
    rules: Vec<String>,
    /// Failures of this severity; repeatable
    #[arg(long = "severity", value_name = "SEVERITY")]
    severities: Vec<String>,
    /// Findings with this verdict: fail, excepted, unknown, pass, not-applicable or not-asked; repeatable
    #[arg(long = "verdict", value_name = "VERDICT")]
    verdicts: Vec<String>,
}

/// The most values that an error names.
const NAMED: usize = 30;

impl FilterArguments {
    /// The criteria.
    pub(crate) fn filter(&self) -> Result<ReportFilter, Failure> {
        check_rules(&self.rules)?;
        let verdict = |given: &String| {
            let known = VerdictKind::ALL.map(|kind| kind.to_string().replace(' ', "-"));
            let found = VerdictKind::ALL.into_iter().zip(&known).find(|(_, name)| name.eq_ignore_ascii_case(given));
            found.map(|(kind, _)| kind).ok_or_else(|| unknown_value("--verdict", given, &known))
        };
        Ok(ReportFilter {
            owners: self.owners.clone(),
            accounts: self.accounts.clone(),
            ous: self.ous.clone(),
            profiles: self.profiles.clone(),
            rules: self.rules.clone(),
            severities: self.severities.iter().map(|given| severity(given)).collect::<Result<_, _>>()?,
            verdicts: self.verdicts.iter().map(verdict).collect::<Result<_, _>>()?,
        })
    }
}

/// The severity of a name, in any case.
pub(super) fn severity(given: &str) -> Result<Severity, Failure> {
    let known = Severity::ALL.map(|severity| severity.as_str().to_owned());
    let found = Severity::ALL.into_iter().find(|severity| severity.as_str().eq_ignore_ascii_case(given));
    found.ok_or_else(|| unknown_value("--severity", given, &known))
}

/// Refuses rules that do not exist.
pub(super) fn check_rules(rules: &[String]) -> Result<(), Failure> {
    let known: Vec<String> = doorward_rules::catalogue().iter().map(|meta| meta.id.to_owned()).collect();
    match rules.iter().find(|rule| !known.contains(rule)) {
        Some(unknown) => Err(unknown_value("--rule", unknown, &known)),
        None => Ok(()),
    }
}

/// The value of a flag is none of those that are known.
pub(crate) fn unknown_value(flag: &str, given: &str, known: &[String]) -> Failure {
    let near = nearest(given, &known.iter().map(String::as_str).collect::<Vec<_>>());
    let near = near.map(|near| format!(" (did you mean {near}?)")).unwrap_or_default();
    let more = known.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named: Vec<&str> = known.iter().take(NAMED).map(String::as_str).collect();
    Failure::new(Exit::Usage, format!("{flag} {given}: not one of {}{more}{near}", named.join(", ")))
}
