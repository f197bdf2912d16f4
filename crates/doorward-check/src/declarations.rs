//! The files that declare load balancers, matched with the load balancers of a report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use doorward_iac::{Deployment, ParseOutput, SourceFile, UnreadPart};
use doorward_model::{Arn, InCode, LoadBalancer};

use crate::{CheckError, Gathered, SearchOptions, gather, read_folder};

/// Files that declare load balancers.
pub struct Declarations {
    sources: Vec<SourceFile>,
    reading: ParseOutput,
    /// The files and folders that were found and not read: place and reason.
    unread: Vec<String>,
}

impl Declarations {
    /// Reads files and folders as a check does; none where no path is given. Files that cannot be read are in
    /// [`Declarations::problems`]: they may declare any load balancer.
    ///
    /// # Errors
    ///
    /// A path does not exist or cannot be read.
    pub fn read(paths: &[PathBuf]) -> Result<Option<Self>, CheckError> {
        for path in paths.iter().filter(|path| path.as_os_str() != "-") {
            path.metadata().map_err(|source| CheckError::Path { path: path.display().to_string(), source })?;
        }
        if paths.is_empty() { Ok(None) } else { Ok(Some(Self::of(gather(paths, &SearchOptions::default())?))) }
    }

    /// The declarations in files that are read already.
    pub fn of(gathered: Gathered) -> Self {
        let mut reading = doorward_iac::parse(&gathered.sources, &Deployment::default(), &read_folder);
        reading.add_errors(gathered.errors);
        let broken = reading.broken.iter().map(ToString::to_string);
        let unread = gathered.unread.iter().map(|unread| format!("{}: not read: {}", unread.place, unread.because));
        let unread = unread.chain(broken).collect();
        // A broken file that was found may declare any load balancer, as every part that was not read may.
        reading.add_unread(reading.broken.iter().cloned().map(UnreadPart::of_file).chain(gathered.unread).collect());
        Self { sources: gathered.sources, reading, unread }
    }

    /// The files that may declare load balancers.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().map(|source| Path::new(&source.path))
    }

    /// The declaration of each load balancer that the files declare, by ARN.
    pub fn match_live(&self, load_balancers: &[LoadBalancer]) -> BTreeMap<Arn, Arc<InCode>> {
        let matched = doorward_iac::match_live(&self.reading, &self.sources, load_balancers);
        matched.into_iter().map(|(arn, found)| (arn, Arc::new(found))).collect()
    }

    /// One sentence for each file or folder that could not be read or was not read.
    pub fn problems(&self) -> impl Iterator<Item = String> {
        self.reading.errors.iter().map(ToString::to_string).chain(self.unread.iter().cloned())
    }

    /// Whether there was no file to read, and none that was left unread.
    pub fn is_empty(&self) -> bool {
        self.reading.files.is_empty() && !self.has_errors() && !self.has_unread()
    }

    /// Whether a file could not be read.
    pub fn has_errors(&self) -> bool {
        !self.reading.errors.is_empty()
    }

    /// Whether a file or folder was found and not read.
    pub fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }
}
