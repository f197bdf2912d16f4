//! `--iac`: the files in which load balancers are declared, joined to the load balancers of a report.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use doorward_check::{Gathered, gather, read_folder};
use doorward_iac::{Deployment, ParseOutput, SourceFile};
use doorward_model::{Arn, InCode, LoadBalancer};

use crate::exit::{Exit, Failure};
use crate::plain::harmless;

/// Where load balancers are declared, by ARN.
pub(crate) type Declared = BTreeMap<Arn, Arc<InCode>>;

/// Files that were read.
pub(crate) struct Code {
    sources: Vec<SourceFile>,
    reading: ParseOutput,
    /// Whether a file or folder was found and not read.
    missed: bool,
}

impl Code {
    /// Reads what is named, as a check does; nothing where nothing is named. What cannot be read is said, and kept in mind: it
    /// may declare any load balancer too.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Option<Self>, Failure> {
        if paths.is_empty() {
            return Ok(None);
        }
        let gathered = gather(paths)?;
        let missed = gathered.unread.clone();
        let code = Self::of(gathered);
        for problem in &code.reading.errors {
            let _ = writeln!(std::io::stderr(), "doorward: {}", harmless(&problem.to_string()));
        }
        for unread in &missed {
            let said = format!("{}: not read: {}", unread.place, unread.because);
            let _ = writeln!(std::io::stderr(), "doorward: {}", harmless(&said));
        }
        if code.reading.files.is_empty() && code.reading.errors.is_empty() && !code.missed {
            let said = "--iac: none of the files there is of a dialect that declares load balancers";
            return Err(Failure::new(Exit::Usage, said));
        }
        Ok(Some(code))
    }

    /// Files that are there already.
    pub(crate) fn of(gathered: Gathered) -> Self {
        let mut reading = doorward_iac::parse(&gathered.sources, &Deployment::default(), &read_folder);
        reading.add_errors(gathered.errors);
        let missed = !gathered.unread.is_empty();
        reading.add_unread(gathered.unread);
        Self { sources: gathered.sources, reading, missed }
    }

    /// The files that may declare load balancers.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().map(|source| Path::new(&source.path))
    }

    /// Where each load balancer is declared, as far as the files say.
    pub(crate) fn trace(&self, load_balancers: &[LoadBalancer]) -> Declared {
        let traced = doorward_iac::match_live(&self.reading, &self.sources, load_balancers);
        traced.into_iter().map(|(arn, found)| (arn, Arc::new(found))).collect()
    }

    /// The exit code, which is that of a check where a file could not be read.
    pub(crate) fn exit(code: Option<&Self>, exit: Exit) -> Exit {
        match (code, exit) {
            (Some(code), _) if !code.reading.errors.is_empty() => Exit::Usage,
            (Some(code), Exit::Clean) if code.missed => Exit::Coverage,
            (Some(code), Exit::Findings) if code.missed => Exit::FindingsAndCoverage,
            _ => exit,
        }
    }
}
