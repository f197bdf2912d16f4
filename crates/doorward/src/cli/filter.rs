//! The flags that select a part of a report.

use clap::Args;
use doorward_model::{ReportFilter, Severity, VerdictKind};

use crate::exit::Failure;

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

impl FilterArguments {
    /// The criteria.
    pub(crate) fn filter(&self) -> Result<ReportFilter, Failure> {
        check_rules(&self.rules, &[])?;
        let verdict = |given: &String| {
            let known = VerdictKind::ALL.map(|kind| kind.to_string().replace(' ', "-"));
            let found = VerdictKind::ALL.into_iter().zip(&known).find(|(_, name)| name.eq_ignore_ascii_case(given));
            found.map(|(kind, _)| kind).ok_or_else(|| Failure::unknown("--verdict", given, &known))
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
    found.ok_or_else(|| Failure::unknown("--severity", given, &known))
}

/// Refuses rules that do not exist; `recorded` are those of earlier versions too.
pub(crate) fn check_rules(rules: &[String], recorded: &[String]) -> Result<(), Failure> {
    let catalogue = doorward_rules::catalogue();
    let known = catalogue.iter().map(|meta| meta.id.to_owned()).chain(recorded.iter().cloned());
    let known: Vec<String> = known.collect::<std::collections::BTreeSet<_>>().into_iter().collect();
    match rules.iter().find(|rule| !known.contains(rule)) {
        Some(unknown) => Err(Failure::unknown("--rule", unknown, &known)),
        None => Ok(()),
    }
}
