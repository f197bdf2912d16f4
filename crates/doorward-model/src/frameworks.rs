//! Which controls of which framework a rule supports, read from `reports/controls/*.toml`.
//!
//! A new framework is a new file there and a line in [`SHIPPED`].

use std::sync::OnceLock;

use serde::Deserialize;

use crate::{Kind, Scheme};

/// A framework of controls, such as PCI DSS.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// Its name.
    #[serde(rename = "framework")]
    pub name: String,
    /// Its version.
    pub version: String,
    /// Name and version as findings in ASFF and OCSF spell them; absent where those do not name it.
    pub short: Option<String>,
    /// Its finding type in Security Hub's taxonomy, where that has one.
    #[serde(rename = "type")]
    pub finding_type: Option<String>,
    /// The controls that rules support.
    #[serde(default, rename = "control")]
    pub controls: Vec<Control>,
}

/// One requirement or control of a framework.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Its number in the framework.
    pub id: String,
    /// As Security Hub spells it in `RelatedRequirements`; only controls that Security Hub's own checks name have it.
    pub related: Option<String>,
    /// Its topic, in our words.
    pub title: String,
    /// The rules that support it, by id.
    pub rules: Vec<String>,
    /// The kinds of load balancers that it is about; empty where it is about every kind.
    #[serde(default)]
    pub kinds: Vec<Kind>,
    /// The schemes of load balancers that it is about; empty where it is about every scheme.
    #[serde(default)]
    pub schemes: Vec<Scheme>,
    /// What their results contribute. They support a control; the assessor decides whether it is satisfied.
    pub supports: String,
}

/// A mapping that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct FrameworkError {
    /// The file.
    pub file: String,
    /// What is wrong, with line and column.
    pub problem: String,
}

const SHIPPED: [(&str, &str); 3] = [
    ("pci-dss-4.0.1.toml", include_str!("../../../reports/controls/pci-dss-4.0.1.toml")),
    ("nist-800-53-r5.toml", include_str!("../../../reports/controls/nist-800-53-r5.toml")),
    ("security-hub.toml", include_str!("../../../reports/controls/security-hub.toml")),
];

/// The frameworks that come with Doorward, in the order of the files.
///
/// # Errors
///
/// Never, unless a file was invalid when Doorward was built; a test reads them all.
pub fn frameworks() -> Result<&'static [Framework], FrameworkError> {
    static READ: OnceLock<Result<Vec<Framework>, FrameworkError>> = OnceLock::new();
    let read = READ.get_or_init(|| SHIPPED.iter().map(|(file, text)| Framework::parse(file, text)).collect());
    read.as_deref().map_err(Clone::clone)
}

/// The controls of a rule that Security Hub's own checks name, as Security Hub spells them, each with its framework.
pub fn related_controls(rule: &str) -> Vec<(&'static Framework, &'static str)> {
    let supports = |control: &&'static Control| control.rules.iter().any(|named| named == rule);
    let of = |framework: &'static Framework| {
        let controls = framework.controls.iter().filter(supports);
        controls.filter_map(move |control| Some((framework, control.related.as_deref()?)))
    };
    frameworks().unwrap_or_default().iter().flat_map(of).collect()
}

impl Control {
    /// Whether it is about a load balancer. One whose scheme is not known may be one that the control is about, and counts.
    pub fn is_about(&self, kind: Kind, scheme: Option<Scheme>) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&kind))
            && (self.schemes.is_empty() || scheme.is_none_or(|scheme| self.schemes.contains(&scheme)))
    }
}

impl Framework {
    /// Reads a mapping from its text; `file` names it in errors.
    ///
    /// # Errors
    ///
    /// Not TOML, an unknown or missing key, a control without rules, or a sentence that claims more than support.
    pub fn parse(file: &str, text: &str) -> Result<Self, FrameworkError> {
        let fail = |problem: String| FrameworkError { file: file.to_owned(), problem };
        let framework: Self = toml::from_str(text).map_err(|error| fail(error.to_string()))?;
        for control in &framework.controls {
            if control.rules.is_empty() {
                return Err(fail(format!("the control {} names no rules; name them or remove it", control.id)));
            }
            // Only an assessor can say that a requirement is satisfied; a tool's output must not.
            if control.supports.to_lowercase().contains("satisf") {
                return Err(fail(format!(
                    "the control {} claims to be satisfied; a rule only supports a requirement",
                    control.id
                )));
            }
        }
        Ok(framework)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_mappings_are_valid() {
        let shipped = frameworks().expect("reads");
        assert_eq!(shipped.len(), SHIPPED.len());
        assert!(shipped.iter().all(|framework| !framework.controls.is_empty()));
        let related: Vec<&str> =
            related_controls("desync-mode-below-required").into_iter().map(|(_, spelled)| spelled).collect();
        assert_eq!(
            related,
            ["PCI DSS v4.0.1/6.2.4", "NIST.800-53.r5 AC-4(21)", "NIST.800-53.r5 CA-9(1)", "NIST.800-53.r5 CM-2"]
        );
        assert_eq!(related_controls("owner-missing"), []);
    }

    #[test]
    fn a_control_is_about_its_kinds_and_schemes() {
        let control = |id: &str| {
            let all = frameworks().expect("reads").iter().flat_map(|framework| &framework.controls);
            all.into_iter().find(|control| control.id == id).expect("a control")
        };
        for (id, kind, scheme, expected) in [
            ("ELB.12", Kind::Application, None, true),
            ("ELB.12", Kind::Classic, None, false),
            ("ELB.12", Kind::Network, None, false),
            ("ELB.14", Kind::Classic, None, true),
            ("ELB.14", Kind::Application, None, false),
            ("ELB.5", Kind::Classic, None, true),
            ("ELB.5", Kind::Gateway, None, false),
            ("6.4.2", Kind::Application, Some(Scheme::Internal), false),
            ("6.4.2", Kind::Application, Some(Scheme::InternetFacing), true),
            ("6.4.2", Kind::Application, None, true),
            ("6.2.4", Kind::Classic, Some(Scheme::Internal), true),
        ] {
            assert_eq!(control(id).is_about(kind, scheme), expected, "{id} {kind} {scheme:?}");
        }
    }

    #[test]
    fn errors_name_the_problem() {
        let head = "framework = \"F\"\nversion = \"1\"\n[[control]]\nid = \"1.2\"\ntitle = \"t\"\n";
        for (rest, about) in [
            ("rules = []\nsupports = \"x\"\n", "names no rules"),
            ("rules = [\"r\"]\nsupports = \"Satisfies 1.2\"\n", "only supports"),
            ("rules = [\"r\"]\n", "supports"),
            ("rules = [\"r\"]\nsupports = \"x\"\nrule = 1\n", "rule"),
            ("rules = [\"r\"]\nsupports = \"x\"\nkinds = [\"alb\"]\n", "alb"),
            ("rules = [\n", ""),
        ] {
            let error = Framework::parse("f.toml", &format!("{head}{rest}")).expect_err(rest);
            assert!(error.to_string().starts_with("f.toml: ") && error.problem.contains(about), "{error}");
        }
    }
}
