//! Reads a world file; errors name the line.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::spec::{
    AccountSpec, AthenaSpec, BucketSpec, CallerSpec, LoadBalancerSpec, MetricSpec, OrganizationSpec, PolicySpec,
    RoleSpec, UnitSpec, WorldSpec,
};
use super::{World, WorldError};
use crate::faults::FaultSpec;

/// The TOML file, with the position of every table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    organization: Spanned<OrganizationSpec>,
    #[serde(default)]
    caller: Vec<Spanned<CallerSpec>>,
    #[serde(default)]
    ou: Vec<Spanned<UnitSpec>>,
    #[serde(default)]
    account: Vec<Spanned<AccountSpec>>,
    #[serde(default)]
    role: Vec<Spanned<RoleSpec>>,
    #[serde(default)]
    scp: Vec<Spanned<PolicySpec>>,
    #[serde(default)]
    load_balancer: Vec<Spanned<LoadBalancerSpec>>,
    #[serde(default)]
    bucket: Vec<Spanned<BucketSpec>>,
    #[serde(default)]
    metric: Vec<Spanned<MetricSpec>>,
    #[serde(default)]
    athena: Vec<Spanned<AthenaSpec>>,
    #[serde(default)]
    fault: Vec<Spanned<FaultSpec>>,
}

impl World {
    /// Reads a world file.
    ///
    /// # Errors
    /// [`WorldError`] with the line when the file is not TOML, has unknown keys or contradicts itself.
    pub fn from_toml(text: &str) -> Result<Self, WorldError> {
        from_toml(text, Path::new(""))
    }

    /// Reads a world file; the folders it names are relative to it.
    ///
    /// # Errors
    /// [`WorldError`] when the file cannot be read, and as with [`World::from_toml`].
    pub fn from_file(path: &Path) -> Result<Self, WorldError> {
        let text = std::fs::read_to_string(path).map_err(|error| WorldError {
            line: None,
            section: String::new(),
            message: error.to_string(),
        })?;
        from_toml(&text, path.parent().unwrap_or_else(|| Path::new("")))
    }
}

/// Folders are relative to `place`.
fn from_toml(text: &str, place: &Path) -> Result<World, WorldError> {
    let file: File = toml::from_str(text).map_err(|error| WorldError {
        line: error.span().map(|span| line_of(text, span.start)),
        section: String::new(),
        message: error.message().trim().to_owned(),
    })?;
    let mut lines = Lines { text, sections: Vec::new() };
    let mut spec = WorldSpec {
        organization: lines.unwrap("organization", vec![file.organization]).pop().unwrap_or_default(),
        callers: lines.unwrap("caller", file.caller),
        units: lines.unwrap("ou", file.ou),
        accounts: lines.unwrap("account", file.account),
        roles: lines.unwrap("role", file.role),
        policies: lines.unwrap("scp", file.scp),
        load_balancers: lines.unwrap("load_balancer", file.load_balancer),
        buckets: lines.unwrap("bucket", file.bucket),
        metrics: lines.unwrap("metric", file.metric),
        athena: lines.unwrap("athena", file.athena),
        faults: lines.unwrap("fault", file.fault),
    };
    for folder in spec.buckets.iter_mut().filter_map(|bucket| bucket.folder.as_mut()) {
        *folder = place.join(&*folder);
    }
    World::build(spec).map_err(|mut error| {
        error.line = lines.find(&error.section);
        error
    })
}

/// Line numbers of the tables of each section, in order.
struct Lines<'a> {
    text: &'a str,
    sections: Vec<(&'static str, Vec<usize>)>,
}

impl Lines<'_> {
    fn unwrap<T>(&mut self, section: &'static str, tables: Vec<Spanned<T>>) -> Vec<T> {
        let starts = tables.iter().map(|table| table.span().start).collect();
        self.sections.push((section, starts));
        tables.into_iter().map(Spanned::into_inner).collect()
    }

    /// The line of a section written `account 3`, counted from 1.
    fn find(&self, section: &str) -> Option<usize> {
        let (name, number) = section.split_once(' ').unwrap_or((section, "1"));
        let number: usize = number.parse().ok()?;
        let (_, starts) = self.sections.iter().find(|(known, _)| *known == name)?;
        starts.get(number.checked_sub(1)?).map(|start| line_of(self.text, *start))
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
