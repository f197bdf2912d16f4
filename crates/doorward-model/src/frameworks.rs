//! Which controls of which framework a rule supports: those that come with Doorward, from `reports/controls/*.toml`, and those of
//! the user, from files of the same form.
//!
//! A new framework for everybody is a new file there and a line in [`SHIPPED`].

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Kind, Scheme};

mod mapping_file;

pub use mapping_file::FrameworkError;

/// A framework of controls, such as PCI DSS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Framework {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Name and version as findings in ASFF and OCSF spell them; absent where those do not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short: Option<String>,
    /// Its finding type in Security Hub's taxonomy, where that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding_type: Option<String>,
    /// The address of the OSCAL catalog that has its controls, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<String>,
    /// The controls that rules support.
    pub controls: Vec<Control>,
}

/// One requirement or control of a framework.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Control {
    /// Its number in the framework.
    pub id: String,
    /// As findings in Security Hub spell it in `RelatedRequirements`. Of the controls that come with Doorward, only those that
    /// Security Hub's own checks name have it; every control of the user has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related: Option<String>,
    /// Its topic, in our words.
    pub title: String,
    /// The rules that support it, by id.
    pub rules: Vec<String>,
    /// The kinds of load balancers that it is about; empty where it is about every kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<Kind>,
    /// The schemes of load balancers that it is about; empty where it is about every scheme.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemes: Vec<Scheme>,
    /// The contribution of their results. Rules support a control; the assessor decides whether it is satisfied.
    pub supports: String,
}

const SHIPPED: [(&str, &str); 3] = [
    ("pci-dss-4.0.1.toml", include_str!("../../../reports/controls/pci-dss-4.0.1.toml")),
    ("nist-800-53-r5.toml", include_str!("../../../reports/controls/nist-800-53-r5.toml")),
    ("security-hub.toml", include_str!("../../../reports/controls/security-hub.toml")),
];

/// The frameworks that come with Doorward, in the order of the files. A test reads them all, so that none is missing here.
fn shipped() -> &'static [Framework] {
    static READ: OnceLock<Vec<Framework>> = OnceLock::new();
    READ.get_or_init(|| SHIPPED.iter().filter_map(|(file, text)| mapping_file::parse(file, text, None).ok()).collect())
}

/// The frameworks of a report: those that come with Doorward, then those of the user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Frameworks {
    supplied: Vec<Framework>,
}

impl Frameworks {
    /// Reads the files of the user, each a name and a text, in their order. `rules` are the ids of all rules.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them: not TOML, unknown or missing keys, rules that do not exist, the same control or framework
    /// twice, texts with characters that are not visible, a sentence that claims more than support.
    pub fn read(files: &[(String, String)], rules: &[&str]) -> Result<Self, Vec<FrameworkError>> {
        let mut supplied: Vec<Framework> = Vec::new();
        let mut errors = Vec::new();
        for (file, text) in files {
            match mapping_file::parse(file, text, Some(rules)) {
                Ok(framework) => {
                    let same = |other: &&Framework| {
                        other.name.eq_ignore_ascii_case(&framework.name)
                            && other.version.eq_ignore_ascii_case(&framework.version)
                    };
                    match shipped().iter().chain(&supplied).find(same) {
                        Some(other) => errors.push(mapping_file::repeated(file, text, other)),
                        None => supplied.push(framework),
                    }
                }
                Err(wrong) => errors.extend(wrong),
            }
        }
        if errors.is_empty() { Ok(Self { supplied }) } else { Err(errors) }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Framework> {
        shipped().iter().chain(&self.supplied)
    }

    /// Whether the user has none.
    pub fn has_only_shipped(&self) -> bool {
        self.supplied.is_empty()
    }

    /// The controls that a rule supports and that findings in Security Hub name, as they spell them, each with its framework.
    pub fn related<'a>(&'a self, rule: &'a str) -> impl Iterator<Item = (&'a Framework, &'a str)> {
        self.all().flat_map(move |framework| {
            let supports = move |control: &&Control| control.rules.iter().any(|named| named == rule);
            let controls = framework.controls.iter().filter(supports);
            controls.filter_map(move |control| Some((framework, control.related.as_deref()?)))
        })
    }
}

impl Control {
    /// Whether it is about a load balancer. One whose scheme is not known may be one that the control is about, and counts.
    pub fn is_about(&self, kind: Kind, scheme: Option<Scheme>) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&kind))
            && (self.schemes.is_empty() || scheme.is_none_or(|scheme| self.schemes.contains(&scheme)))
    }
}

impl Framework {
    /// Name and version as one text.
    pub fn label(&self) -> String {
        self.short.clone().unwrap_or_else(|| format!("{} {}", self.name, self.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_mappings_are_valid() {
        for (file, text) in SHIPPED {
            mapping_file::parse(file, text, None).expect(file);
        }
        let all = Frameworks::default();
        assert_eq!(all.all().count(), SHIPPED.len());
        assert!(all.all().all(|framework| !framework.controls.is_empty()));
        let related: Vec<&str> = all.related("desync-mode-below-required").map(|(_, spelled)| spelled).collect();
        assert_eq!(
            related,
            ["PCI DSS v4.0.1/6.2.4", "NIST.800-53.r5 AC-4(21)", "NIST.800-53.r5 CA-9(1)", "NIST.800-53.r5 CM-2"]
        );
        assert_eq!(all.related("owner-missing").count(), 0);
    }

    #[test]
    fn a_control_is_about_its_kinds_and_schemes() {
        let control = |id: &str| {
            let all = shipped().iter().flat_map(|framework| &framework.controls);
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
}
