//! The reason codes: what the client sent, typical clients, the fix, and the effect of each mode.

use std::sync::OnceLock;

use doorward_model::Mode;
use serde::{Deserialize, Serialize};

use crate::tally::{Tier, Treatment};

/// One reason code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonCode {
    /// The code, as in the log.
    pub code: String,
    /// The tier that AWS documents for it. The tier in a log line takes precedence.
    pub tier: Tier,
    /// Whether AWS documents it for load balancers; otherwise only AWS's library has it.
    pub documented: bool,
    /// What the client sent.
    pub sends: String,
    /// Typical clients.
    pub clients: String,
    /// The fix.
    pub fix: String,
}

impl ReasonCode {
    /// The effect of each mode, from the weakest mode to the strictest.
    pub fn treatments(&self) -> [(Mode, Treatment); 3] {
        [Mode::Monitor, Mode::Defensive, Mode::Strictest].map(|mode| (mode, self.tier.in_mode(mode)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    reason: Vec<ReasonCode>,
}

/// Every known code, in the order of the documentation. If the embedded file cannot be parsed there is none, and a test fails.
pub fn reasons() -> &'static [ReasonCode] {
    static READ: OnceLock<Vec<ReasonCode>> = OnceLock::new();
    READ.get_or_init(|| toml::from_str(include_str!("reasons.toml")).map(|file: File| file.reason).unwrap_or_default())
}

/// A code by its name; none if it is newer than this version, or misspelt.
pub fn reason(code: &str) -> Option<&'static ReasonCode> {
    reasons().iter().find(|reason| reason.code == code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_there_once() {
        let codes: BTreeSet<&str> = reasons().iter().map(|reason| reason.code.as_str()).collect();
        assert_eq!((reasons().len(), codes.len()), (26, 26));
        let of = |tier: Tier| reasons().iter().filter(|reason| reason.documented && reason.tier == tier).count();
        assert_eq!((of(Tier::Acceptable), of(Tier::Ambiguous), of(Tier::Severe)), (4, 7, 9));
        for reason in reasons() {
            for text in [&reason.sends, &reason.clients, &reason.fix] {
                assert!(text.ends_with('.') && text.len() > 20, "{reason:?}");
            }
        }
    }

    #[test]
    fn modes_do_what_aws_says() {
        use Treatment::{Blocked, Forwarded, ForwardedAndClosed};
        for (code, wanted) in [
            ("SpaceInUri", [Forwarded, Forwarded, Blocked]),
            ("BothTeClPresent", [Forwarded, ForwardedAndClosed, Blocked]),
            ("BadHeader", [Forwarded, Blocked, Blocked]),
        ] {
            assert_eq!(reason(code).expect("known").treatments().map(|(_, treatment)| treatment), wanted, "{code}");
        }
        assert_eq!(reason("ComingSoon"), None);
    }
}
