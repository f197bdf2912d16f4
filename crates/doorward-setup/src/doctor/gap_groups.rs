//! Gap groups: gaps of many places that have one cause and one remedy.

use std::collections::BTreeMap;

use doorward_model::{Gap, GapReason};
use serde_json::{Value, json};

use super::gaps::{PlacedGap, Stage};

/// Gaps with one cause, and every place that has them.
pub(super) struct GapGroup<'a> {
    pub(super) stage: Stage,
    /// The first of the gaps.
    pub(super) gap: &'a Gap,
    /// Whether a policy denies the action explicitly.
    pub(super) is_explicit_deny: bool,
    pub(super) places: Vec<&'a str>,
}

/// Groups gaps by cause, ordered by stage and reason; places keep their order.
pub(super) fn group(gaps: &[PlacedGap]) -> Vec<GapGroup<'_>> {
    type Key<'a> = (Stage, GapReason, &'a str, Option<&'a str>, Option<&'a str>, bool, Option<&'a str>);
    let mut groups: BTreeMap<Key<'_>, GapGroup<'_>> = BTreeMap::new();
    for placed in gaps {
        let gap = &placed.gap;
        // AWS's messages name the resource of each call and would split one cause; our own messages tell causes apart.
        let is_ours = gap.code.is_none() || gap.reason == GapReason::Rejected;
        let message = gap.message.as_deref().filter(|_| is_ours);
        let (code, policy) = (gap.code.as_deref(), gap.policy.as_deref());
        let is_explicit_deny = placed.is_explicit_deny();
        let key = (placed.stage, gap.reason, gap.operation.as_str(), code, policy, is_explicit_deny, message);
        let new = || GapGroup { stage: placed.stage, gap, is_explicit_deny, places: Vec::new() };
        groups.entry(key).or_insert_with(new).places.push(&placed.place);
    }
    groups.into_values().collect()
}

impl GapGroup<'_> {
    /// The next steps, as sentences.
    pub(super) fn remedy(&self) -> String {
        if self.is_explicit_deny {
            let action = self.gap.action.as_deref().unwrap_or(&self.gap.operation);
            return format!(
                "A policy denies it explicitly: remove {action} from that statement. Allowing it in another \
                 statement has no effect."
            );
        }
        match (self.stage, self.gap.reason) {
            (Stage::Publish, GapReason::Rejected) => {
                "Enable Security Hub there, or exclude those account-Regions from publishing.".to_owned()
            }
            (Stage::Traffic, GapReason::AccessDenied) => {
                "Allow it in the role's policy. If the bucket belongs to another account, its bucket policy must \
                 allow it too."
                    .to_owned()
            }
            (Stage::Publish, GapReason::AccessDenied) => "Allow it in the policy of the publishing role.".to_owned(),
            (Stage::Traffic | Stage::Publish, GapReason::RoleMissing) => {
                "Deploy the role there, with a trust policy that allows the caller.".to_owned()
            }
            _ => self.gap.remedy().to_owned(),
        }
    }

    /// The group in `doctor-v1`.
    pub(super) fn json(&self) -> Value {
        json!({
            "for": self.stage.code(), "reason": self.gap.reason, "operation": self.gap.operation, "code": self.gap.code,
            "action": self.gap.action, "policy": self.gap.policy, "message": self.gap.message,
            "explicit_deny": self.is_explicit_deny, "places": self.places, "remedy": self.remedy(),
        })
    }
}
