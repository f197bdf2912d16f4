//! What `doorward check` can be told.

use std::path::PathBuf;

use clap::{Args, ValueEnum as _};

use crate::check::Format;
use crate::exit::{Exit, Failure};
use crate::settings::{FailOn, ReportSettings};

/// Which declarations, what is known besides them, and how to tell.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Files, or folders to search: the JSON of a Terraform plan, Terraform configuration, CloudFormation templates, rendered
    /// Kubernetes manifests, the JSON of a Pulumi preview, ECS gateway definitions; `-` is standard input
    ///
    /// A search of a folder leaves out hidden files and folders (.git, .terraform) and node_modules. Every other file with a checked
    /// ending (.tf, .tofu, .json, .yaml, .yml, .template) is read, in UTF-8 or UTF-16, or named: a file that you name and that cannot
    /// be read ends the check with exit code 2, one that is only found is listed as not read, with exit code 4. A linked file is read
    /// under the name of the link; a link to a folder outside of what is searched is listed as not read.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// text, json-v1, sarif, github or junit, to stdout or a file; repeatable [default: text]
    #[arg(long = "format", value_name = "KIND[=PATH]")]
    pub(crate) formats: Vec<Format>,
    /// A saved scan: what a declaration leaves as it is, is taken from there
    #[arg(long, value_name = "FILE")]
    pub(crate) scan: Option<PathBuf>,
    /// Nothing of it is deployed yet: what is not named takes AWS's default
    #[arg(long, conflicts_with = "scan")]
    pub(crate) new: bool,
    /// Write the required mode into the files where that is safe
    #[arg(long)]
    pub(crate) fix: bool,
    /// The account it is deployed to
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,
    /// The Region it is deployed to
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// A tag that deployment adds; with any, the files and these are all tags there are; repeatable
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    pub(crate) tags: Vec<String>,
    /// Judge by this rule only; repeatable
    #[arg(long = "rule", value_name = "RULE")]
    pub(crate) rules: Vec<String>,
    /// The lowest severity of a failure that makes the exit code 3, or never
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<String>,
    /// The least share, in percent, of verdicts that must be known; below it the exit code is 4
    #[arg(long, value_name = "PERCENT")]
    min_coverage: Option<f64>,
}

impl CheckArguments {
    /// Lets the flags win over the settings.
    pub(crate) fn overlay(&self, report: &mut ReportSettings) -> Result<(), Failure> {
        if let Some(text) = &self.fail_on {
            report.fail_on = FailOn::from_str(text, true)
                .map_err(|e| Failure::new(Exit::Usage, format!("--fail-on {text}: {e}")))?;
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
