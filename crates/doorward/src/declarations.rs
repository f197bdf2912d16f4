//! `--iac`: the files that declare load balancers, matched with the load balancers of a report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use doorward_check::{Gathered, SearchOptions, gather, read_folder};
use doorward_iac::{Deployment, ParseOutput, SourceFile};
use doorward_model::{Arn, InCode, LoadBalancer};

use crate::exit::{Exit, Failure};
use crate::plain::harmless;

/// Files that declare load balancers.
pub(crate) struct Declarations {
    sources: Vec<SourceFile>,
    reading: ParseOutput,
    /// Whether a file or folder was found and not read.
    has_unread: bool,
}

impl Declarations {
    /// Reads files and folders as `doorward check` does; none where no path is given. Files that cannot be read are named on stderr
    /// and remembered: they may declare any load balancer.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Option<Self>, Failure> {
        if paths.is_empty() {
            return Ok(None);
        }
        let gathered = gather(paths, &SearchOptions::default())?;
        let unread_files = gathered.unread.clone();
        let declarations = Self::of(gathered);
        for problem in &declarations.reading.errors {
            crate::io::log(&format!("doorward: {}", harmless(&problem.to_string())));
        }
        for unread in &unread_files {
            let line = format!("{}: not read: {}", unread.place, unread.because);
            crate::io::log(&format!("doorward: {}", harmless(&line)));
        }
        if declarations.reading.files.is_empty() && declarations.reading.errors.is_empty() && !declarations.has_unread {
            let problem =
                "--iac: no supported files found; name a Terraform, CloudFormation, Kubernetes, Pulumi or ECS file";
            return Err(Failure::new(Exit::Usage, problem));
        }
        Ok(Some(declarations))
    }

    /// The declarations in files that are read already.
    pub(crate) fn of(gathered: Gathered) -> Self {
        let mut reading = doorward_iac::parse(&gathered.sources, &Deployment::default(), &read_folder);
        reading.add_errors(gathered.errors);
        let has_unread = !gathered.unread.is_empty();
        reading.add_unread(gathered.unread);
        Self { sources: gathered.sources, reading, has_unread }
    }

    /// The files that may declare load balancers.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().map(|source| Path::new(&source.path))
    }

    /// The declaration of each load balancer that the files declare, by ARN.
    pub(crate) fn match_live(&self, load_balancers: &[LoadBalancer]) -> BTreeMap<Arn, Arc<InCode>> {
        let matched = doorward_iac::match_live(&self.reading, &self.sources, load_balancers);
        matched.into_iter().map(|(arn, found)| (arn, Arc::new(found))).collect()
    }

    /// The exit code of a report with these declarations: as that of `doorward check` where a file could not be read.
    pub(crate) fn exit(declarations: Option<&Self>, exit: Exit) -> Exit {
        match (declarations, exit) {
            (Some(declarations), _) if !declarations.reading.errors.is_empty() => Exit::Usage,
            (Some(declarations), Exit::Clean) if declarations.has_unread => Exit::Coverage,
            (Some(declarations), Exit::Findings) if declarations.has_unread => Exit::FindingsAndCoverage,
            _ => exit,
        }
    }
}
