//! What the rules support in which standard, read from `reports/controls/*.toml`.

use serde::Deserialize;

/// One standard.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// Its name.
    pub framework: String,
    /// Its version.
    pub version: String,
    /// Name and version as other formats spell them.
    pub short: Option<String>,
    /// Its finding type in Security Hub's taxonomy, where that has one.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The controls that rules support.
    #[serde(default, rename = "control")]
    pub controls: Vec<Control>,
}

/// One requirement or control.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Its number in the standard.
    pub id: String,
    /// As Security Hub spells it among related requirements, where its own controls name it.
    pub related: Option<String>,
    /// Its topic, in our words.
    pub title: String,
    /// The rules that support it, by id.
    pub rules: Vec<String>,
    /// What their results contribute. They support; the assessor says what is satisfied.
    pub supports: String,
}

/// A mapping that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct ControlError {
    /// The file, by the label it was handed in with.
    pub file: String,
    /// What is wrong, with line and column.
    pub problem: String,
}

const SHIPPED: [(&str, &str); 3] = [
    ("pci-dss-4.0.1.toml", include_str!("../../../reports/controls/pci-dss-4.0.1.toml")),
    ("nist-800-53-r5.toml", include_str!("../../../reports/controls/nist-800-53-r5.toml")),
    ("security-hub.toml", include_str!("../../../reports/controls/security-hub.toml")),
];

/// The mappings that come with Doorward.
///
/// # Errors
///
/// Never, unless one of the files was broken when Doorward was built; a test reads them all.
pub fn shipped() -> Result<Vec<Framework>, ControlError> {
    SHIPPED.iter().map(|(file, text)| parse(file, text)).collect()
}

/// Reads one mapping, given a label for errors and its text.
///
/// # Errors
///
/// Not TOML, an unknown or missing key, a control without rules, or a sentence that claims more than support.
pub fn parse(file: &str, text: &str) -> Result<Framework, ControlError> {
    let fail = |problem: String| ControlError { file: file.to_owned(), problem };
    let framework: Framework = toml::from_str(text).map_err(|error| fail(error.to_string()))?;
    for control in &framework.controls {
        if control.rules.is_empty() {
            return Err(fail(format!("the control {} names no rules; name them or remove it", control.id)));
        }
        // The one word that an assessor must never read in a tool's output.
        if control.supports.to_lowercase().contains("satisf") {
            return Err(fail(format!(
                "the control {} claims to be satisfied; a rule supports a requirement, and the assessor says \
                 the rest",
                control.id
            )));
        }
    }
    Ok(framework)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_reads() {
        let shipped = shipped().expect("reads");
        assert_eq!(shipped.len(), SHIPPED.len());
        assert!(shipped.iter().all(|framework| !framework.controls.is_empty()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let head = "framework = \"F\"\nversion = \"1\"\n[[control]]\nid = \"1.2\"\ntitle = \"t\"\n";
        for (rest, about) in [
            ("rules = []\nsupports = \"x\"\n", "names no rules"),
            ("rules = [\"r\"]\nsupports = \"Satisfies 1.2\"\n", "assessor"),
            ("rules = [\"r\"]\n", "supports"),
            ("rules = [\"r\"]\nsupports = \"x\"\nrule = 1\n", "rule"),
            ("rules = [\n", ""),
        ] {
            let error = parse("f.toml", &format!("{head}{rest}")).expect_err(rest);
            assert!(error.to_string().starts_with("f.toml: ") && error.problem.contains(about), "{error}");
        }
    }
}
