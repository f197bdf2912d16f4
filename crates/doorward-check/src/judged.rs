//! A declaration with its verdicts, and what the outputs need of it.

use doorward_iac::{Action, Declared, Dialect, ModeEdit, SourceRange, Subject};
use doorward_model::{Kind, Mode, Observed, RuleMeta, Verdict};

/// One declaration with its verdicts.
pub struct JudgedDeclaration {
    pub(crate) declared: KeptDeclaration,
    pub(crate) verdicts: Vec<(&'static RuleMeta, Verdict)>,
    /// The required mode, where every candidate of the policy agrees on it.
    pub(crate) required: Option<Mode>,
    /// How many declarations before this one have the same file, address and root.
    pub(crate) twins_before: usize,
}

/// The parts of a declaration that outputs show. Its other properties are dropped once it is judged, because a plan may have tens of
/// thousands of load balancers, and their verdicts take the memory.
pub(crate) struct KeptDeclaration {
    pub(crate) dialect: Dialect,
    pub(crate) address: String,
    pub(crate) place: SourceRange,
    pub(crate) action: Action,
    pub(crate) note: Option<String>,
    pub(crate) fix: Result<ModeEdit, String>,
    pub(crate) root: Option<String>,
    /// The load balancer, or the reason why there is no mode.
    subject: Result<KeptLoadBalancer, String>,
}

/// The parts of a declared load balancer that outputs show.
pub(crate) struct KeptLoadBalancer {
    pub(crate) kind: Kind,
    pub(crate) mode: Observed<Mode>,
    pub(crate) owner: String,
}

impl From<Declared> for KeptDeclaration {
    fn from(declared: Declared) -> Self {
        let Declared { dialect, address, place, action, subject, note, fix, root, .. } = declared;
        let subject = match subject {
            Subject::LoadBalancer(lb) => {
                Ok(KeptLoadBalancer { kind: lb.kind, owner: lb.owner_label().to_owned(), mode: lb.mode })
            }
            Subject::Incapable(because) => Err(because),
        };
        Self { dialect, address, place, action, note, fix, root, subject }
    }
}

impl KeptDeclaration {
    /// The load balancer; `None` for a resource without a mode.
    pub(crate) fn load_balancer(&self) -> Option<&KeptLoadBalancer> {
        self.subject.as_ref().ok()
    }

    /// The edit that sets the mode, or the reason why there is none.
    pub(crate) fn edit(&self) -> Result<&ModeEdit, &str> {
        match (&self.subject, &self.fix) {
            (Err(because), _) => Err(because),
            (Ok(_), fix) => fix.as_ref().map_err(String::as_str),
        }
    }
}

impl JudgedDeclaration {
    /// The declaration within the whole check: root, file and address, and a number if several have the same. It is stable across runs.
    pub(crate) fn subject(&self) -> String {
        let KeptDeclaration { place, address, root, .. } = &self.declared;
        let root = root.as_deref().map(|root| format!("{root}:")).unwrap_or_default();
        let twin = if self.twins_before == 0 { String::new() } else { format!("~{}", self.twins_before + 1) };
        format!("{root}{}#{address}{twin}", place.file)
    }

    /// The id of the finding of a rule. It depends on rule, file, address and root only.
    pub(crate) fn id(&self, rule: &str) -> String {
        format!("doorward/check/{rule}/{}", self.subject())
    }
}
