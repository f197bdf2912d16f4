//! Ready-made policies, as files of settings.

/// A ready-made policy.
#[derive(Debug, Clone, Copy)]
pub struct PresetFile {
    /// Its name.
    pub name: &'static str,
    /// The requirement, in one sentence.
    pub about: &'static str,
    /// The section `[policy]` of the settings, as TOML with comments.
    pub settings: &'static str,
}

/// Every ready-made policy.
pub const PRESETS: &[PresetFile] = &[
    PresetFile {
        name: "aws-control",
        about: "As AWS's own controls ELB.12 and ELB.14 require: defensive or strictest everywhere.",
        settings: include_str!("../../../config/policy-presets/aws-control.toml"),
    },
    PresetFile {
        name: "research-2026",
        about: "Strictest for every load balancer that the internet reaches, based on the research of 2025 and 2026.",
        settings: include_str!("../../../config/policy-presets/research-2026.toml"),
    },
    PresetFile {
        name: "risk-profiles",
        about: "Risk profiles by application type and exposure, with deadlines: card data, internet-facing, legacy, internal.",
        settings: include_str!("../../../config/policy-presets/risk-profiles.toml"),
    },
];

#[cfg(test)]
mod tests {
    use doorward_model::Policy;

    use super::*;

    #[test]
    fn every_preset_is_a_valid_policy() {
        #[derive(serde::Deserialize)]
        struct Section {
            policy: Policy,
        }
        for PresetFile { name, settings, .. } in PRESETS {
            let section: Section = toml::from_str(settings).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(section.policy.has_deadlines(), *name == "risk-profiles", "{name}");
        }
    }
}
