//! The arguments of `doorward check`.

use std::path::PathBuf;

use clap::Args;
use doorward_check::CheckOutput;

use super::terraform_variable::VariableArguments;
use crate::exit::{Exit, Failure};
use crate::settings::ReportSettings;
use doorward_explain::help_examples::CHECK_EXAMPLES;

/// The files to check, facts about their deployment, and the output.
#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub(crate) struct CheckArguments {
    /// Files, or folders to search: Terraform plans as JSON, Terraform configuration, CloudFormation templates, rendered
    /// Kubernetes manifests, Pulumi previews as JSON, ECS gateway definitions; `-` for standard input
    ///
    /// A search of a folder leaves out hidden files and folders (.git, .terraform), node_modules, what git ignores (except cdk.out)
    /// and what a .doorwardignore names. Every other file with a checked ending (.tf, .tofu, .hcl, .json, .yaml, .yml, .template;
    /// .config in .ebextensions) is read, in UTF-8 or UTF-16, or listed. A file that cannot be read or is not well-formed ends the
    /// check with exit code 2 if you named it. One that was found in a folder is listed as not read, with exit code 4, or counted if
    /// nothing in it indicates a load balancer. A linked file is read under the name of the link. A link to a folder outside the
    /// searched folders is listed as not read.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// text, json-v1, sarif, github, junit or markdown, to stdout or a file; repeatable [default: text]
    #[arg(long = "format", value_name = "KIND[=PATH]")]
    pub(crate) formats: Vec<CheckOutput>,
    /// A saved scan, for the values that a declaration leaves unchanged
    #[arg(long, value_name = "FILE")]
    pub(crate) scan: Option<PathBuf>,
    /// The document of an earlier check (--format json-v1=FILE); what it contains is accepted, and only new findings count
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Judge only what changes since this commit, branch or tag may affect, committed or not
    #[arg(long, value_name = "REF")]
    pub(crate) changed_since: Option<String>,
    /// Nothing is deployed yet: unset attributes get AWS's defaults
    #[arg(long, conflicts_with = "scan")]
    pub(crate) new: bool,
    /// Files and folders that a search leaves out, in the syntax of .gitignore; repeatable
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Also read files that git or a .doorwardignore ignores
    #[arg(long)]
    pub(crate) no_ignore: bool,
    /// Render Helm charts with the `helm` program in PATH, and judge the result
    #[arg(long)]
    pub(crate) helm: bool,
    /// A file of values for the charts; repeatable
    #[arg(long, value_name = "FILE", requires = "helm")]
    pub(crate) helm_values: Vec<PathBuf>,
    /// Write the required mode into the files where that is safe
    #[arg(long)]
    pub(crate) fix: bool,
    /// The account to deploy to
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,
    /// The Region to deploy to
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// A tag that deployment adds; if given, the tags in the files and these are complete; repeatable
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    pub(crate) tags: Vec<String>,
    /// The values of Terraform's variables.
    #[command(flatten)]
    pub(crate) variables: VariableArguments,
    /// Judge by this rule only; repeatable
    #[arg(long = "rule", value_name = "RULE")]
    pub(crate) rules: Vec<String>,
    /// The lowest severity of a failure that makes the exit code 3, or never
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<String>,
    /// The minimum share, in percent, of known verdicts; below it the exit code is 4
    #[arg(long, value_name = "PERCENT", value_parser = doorward_settings::number)]
    min_coverage: Option<f64>,
}

impl CheckArguments {
    /// Lets the flags win over the settings.
    pub(crate) fn overlay(&self, report: &mut ReportSettings) -> Result<(), Failure> {
        if let Some(text) = &self.fail_on {
            report.fail_on = text.parse().map_err(|e| Failure::new(Exit::Usage, format!("--fail-on {text}: {e}")))?;
        }
        if let Some(percent) = self.min_coverage {
            if !(0.0..=100.0).contains(&percent) {
                return Err(Failure::new(Exit::Usage, format!("--min-coverage {percent}: not a percentage")));
            }
            report.minimum_coverage = percent;
        }
        Ok(())
    }
}
