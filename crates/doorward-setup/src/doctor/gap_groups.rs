//! Causes: what is missing, grouped by what would mend it.

use std::collections::BTreeMap;

use doorward_model::{Gap, GapReason};
use serde_json::{Value, json};

use super::missing::{Missing, Stage};

/// One cause, with everywhere it strikes.
pub(super) struct Cause<'a> {
    pub(super) stage: Stage,
    pub(super) gap: &'a Gap,
    /// Whether a policy says no.
    pub(super) explicit: bool,
    pub(super) places: Vec<&'a str>,
}

/// Groups what is missing, in the order of stages and reasons; places keep their order.
pub(super) fn of(missing: &[Missing]) -> Vec<Cause<'_>> {
    type Key<'a> = (Stage, GapReason, &'a str, Option<&'a str>, Option<&'a str>, bool, Option<&'a str>);
    let mut causes: BTreeMap<Key<'_>, Cause<'_>> = BTreeMap::new();
    for one in missing {
        let gap = &one.gap;
        // AWS's messages name the resource of each call; ours name different faults.
        let ours = gap.code.is_none() || gap.reason == GapReason::Rejected;
        let said = gap.message.as_deref().filter(|_| ours);
        let (code, policy) = (gap.code.as_deref(), gap.policy.as_deref());
        let key = (one.stage, gap.reason, gap.operation.as_str(), code, policy, one.is_explicit(), said);
        let cause = causes.entry(key);
        let cause =
            cause.or_insert_with(|| Cause { stage: one.stage, gap, explicit: one.is_explicit(), places: Vec::new() });
        cause.places.push(&one.place);
    }
    causes.into_values().collect()
}

impl Cause<'_> {
    /// What to do next.
    pub(super) fn remedy(&self) -> String {
        if self.explicit {
            let action = self.gap.action.as_deref().unwrap_or(&self.gap.operation);
            return format!(
                "A policy denies it explicitly: remove {action} from that statement; allowing it once more changes nothing."
            );
        }
        match (self.stage, self.gap.reason) {
            (Stage::Publish, GapReason::Rejected) => {
                "Enable Security Hub there, or leave those account-Regions out of publishing.".to_owned()
            }
            (Stage::Traffic, GapReason::AccessDenied) => {
                "Allow it in the role's policy; where a bucket is another account's, its policy has to allow it too."
                    .to_owned()
            }
            (Stage::Publish, GapReason::AccessDenied) => "Allow it in the policy of the publishing role.".to_owned(),
            (Stage::Traffic | Stage::Publish, GapReason::RoleMissing) => {
                "Deploy the role there and let its trust policy admit the caller.".to_owned()
            }
            (_, reason) => reason.remedy().to_owned(),
        }
    }

    /// As programs read it.
    pub(super) fn json(&self) -> Value {
        json!({
            "for": self.stage.code(), "reason": self.gap.reason, "operation": self.gap.operation, "code": self.gap.code,
            "action": self.gap.action, "policy": self.gap.policy, "message": self.gap.message,
            "explicit_deny": self.explicit, "places": self.places, "remedy": self.remedy(),
        })
    }
}
