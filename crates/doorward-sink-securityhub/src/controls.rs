//! Which requirements of which framework a rule gives evidence for, read from `reports/controls`.

use std::sync::OnceLock;

use serde::Deserialize;

/// The files, compiled in. A new framework is a new file and a line here.
const FILES: [(&str, &str); 2] = [
    ("pci-dss-4.0.1.toml", include_str!("../../../reports/controls/pci-dss-4.0.1.toml")),
    ("nist-800-53-r5.toml", include_str!("../../../reports/controls/nist-800-53-r5.toml")),
];

/// One framework.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// Its name.
    pub framework: String,
    /// Its version.
    pub version: String,
    /// Name and version in one, as findings spell them.
    pub short: String,
    /// Its finding type in Security Hub's taxonomy, where that has one.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its requirements.
    #[serde(rename = "control")]
    pub requirements: Vec<Requirement>,
}

/// One requirement of a framework.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// As the framework numbers it.
    pub id: String,
    /// As Security Hub spells it in `RelatedRequirements`; only those that its own controls name have it.
    pub related: Option<String>,
    /// What it is about.
    pub title: String,
    /// The rules that give evidence for it.
    pub rules: Vec<String>,
    /// What they contribute, for the evidence pack.
    pub supports: String,
}

/// Every framework, in the order of the files. A file that cannot be read is left out here and fails a test.
pub fn frameworks() -> &'static [Framework] {
    static READ: OnceLock<Vec<Framework>> = OnceLock::new();
    READ.get_or_init(|| FILES.iter().filter_map(|(_, text)| toml::from_str(text).ok()).collect())
}

/// The requirements of a rule that Security Hub knows, as it spells them, with their frameworks.
pub(crate) fn of(rule: &str) -> impl Iterator<Item = (&'static Framework, &'static str)> {
    frameworks().iter().flat_map(move |framework| {
        let mine = move |requirement: &&Requirement| requirement.rules.iter().any(|named| named == rule);
        let spelled =
            framework.requirements.iter().filter(mine).filter_map(|requirement| requirement.related.as_deref());
        spelled.map(move |spelled| (framework, spelled)).collect::<Vec<_>>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read_and_says_something() {
        assert_eq!(frameworks().len(), FILES.len());
        let related: Vec<&str> = of("desync-mode-below-required").map(|(_, spelled)| spelled).collect();
        assert_eq!(
            related,
            ["PCI DSS v4.0.1/6.2.4", "NIST.800-53.r5 AC-4(21)", "NIST.800-53.r5 CA-9(1)", "NIST.800-53.r5 CM-2"]
        );
        assert_eq!(of("owner-missing").count(), 0);
    }
}
