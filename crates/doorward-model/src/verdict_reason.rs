//! Why a verdict is what it is, as a stable code beside its sentence.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::VerdictKind;

/// Declares the codes once: the variant, the kind of verdict that carries it, and what it means.
macro_rules! verdict_reasons {
    ($($kind:ident { $($variant:ident, $code:literal: $meaning:literal;)+ })+) => {
        /// The closed set of reasons for a verdict. Programs filter by its code; the sentence in `because` is for people and
        /// may change. `doorward explain <code>` prints [`VerdictReason::meaning`], and each rule lists its codes in
        /// [`RuleMeta::reasons`](crate::RuleMeta::reasons).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum VerdictReason {
            $($(#[doc = $meaning] #[serde(rename = $code)] $variant,)+)+
        }

        impl VerdictReason {
            /// Every reason, by kind of verdict.
            pub const ALL: &[Self] = &[$($(Self::$variant,)+)+];

            /// The stable code, as in JSON, CSV, Security Hub and the workbook.
            pub const fn code(self) -> &'static str {
                match self { $($(Self::$variant => $code,)+)+ }
            }

            /// The only kind of verdict that carries it.
            pub const fn kind(self) -> VerdictKind {
                match self { $($(Self::$variant => VerdictKind::$kind,)+)+ }
            }

            /// The meaning, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $($(Self::$variant => $meaning,)+)+ }
            }
        }
    };
}

verdict_reasons! {
    Fail {
        ModeMonitor, "mode-monitor": "The mode is monitor, and the policy requires a stronger one.";
        ModeDefensive, "mode-defensive": "The mode is defensive, and the policy requires strictest.";
        ModeReverted, "mode-reverted": "The mode is weaker than the one that Doorward's last change set.";
        TrafficAdmitsStrictest, "traffic-admits-strictest": "The observed traffic supports strictest.";
        TrafficAdmitsStrictestAfterFixes, "traffic-admits-strictest-after-fixes": "The observed traffic supports \
             strictest once the named clients are fixed.";
        AccessLogsOff, "access-logs-off": "No access logs are written, neither to S3 by the attributes nor by a \
             CloudWatch Logs delivery.";
        InvalidHeadersForwarded, "invalid-headers-forwarded": "Header fields with invalid names are not removed, and the mode forwards requests that contain them.";
        InvalidHeadersForwardedInStrictest, "invalid-headers-forwarded-in-strictest": "Header fields with invalid names are not removed; strictest blocks most requests that contain them.";
        InvalidHeadersAgainstPreset, "invalid-headers-against-preset": "Header fields with invalid names are not \
             removed, and the preset of the policy requires their removal for load balancers that the internet \
             reaches.";
        UpstreamHttp1, "upstream-http1": "The load balancer sends HTTP/1.1 to targets that could be sent HTTP/2.";
        NoOwner, "no-owner": "No tag and no organizational unit names an owner.";
        FailsAfterExpiry, "fails-after-expiry": "An exception expired, and the rule that it permitted to fail still fails.";
        ReviewDue, "review-due": "The review date of an exception in force has come, and the rule still fails.";
        NoTraffic, "no-traffic": "No traffic was counted on any day of the window.";
        FailsBeforeExpiry, "fails-before-expiry": "An exception expires soon, and the rule that it permits to fail still fails.";
    }
    Excepted {
        ExceptionValid, "exception-valid": "The rule fails, and an exception in force permits it.";
    }
    Unknown {
        ModeUnread, "mode-unread": "The desync mitigation mode could not be read.";
        ModeNotReported, "mode-not-reported": "AWS's response did not contain the desync mitigation mode.";
        ListenersUnread, "listeners-unread": "Whether a listener of the classic load balancer uses HTTP could not be read, so whether the mode has an effect is unknown.";
        RequirementUnread, "requirement-unread": "The required mode depends on a value that could not be read.";
        ChangeUnsettled, "change-unsettled": "The result of Doorward's last change of the mode, or of its roll-back, is unknown.";
        KindUnrecognized, "kind-unrecognized": "The kind of the load balancer is not known to this version, or AWS's response contradicts itself about it.";
        AccessLogsUnread, "access-logs-unread": "The destination of access logs could not be read.";
        AccessLogsNotReported, "access-logs-not-reported": "AWS's response did not contain the access log attributes.";
        DropInvalidUnread, "drop-invalid-unread": "Whether invalid header fields are removed could not be read.";
        DropInvalidNotReported, "drop-invalid-not-reported": "AWS's response did not contain the attribute that removes invalid header fields.";
        TargetGroupsUnread, "target-groups-unread": "The target groups of the load balancer could not be read.";
        ProtocolVersionNotReported, "protocol-version-not-reported": "AWS's response did not contain a documented protocol version of a target group.";
        OwnerUnread, "owner-unread": "A source that may name the owner could not be read.";
        ExceptionScopeUnread, "exception-scope-unread": "Whether an exception covers the load balancer depends on a value that could not be read.";
        ObservationOutdated, "observation-outdated": "The observation is older than `publish.maximum_age`, so the current verdict is unknown.";
        NotSeen, "not-seen": "The rule failed when it was last seen, and this scan did not see the load balancer or did not ask the rule.";
        TrafficUnread, "traffic-unread": "The traffic metrics of the window were not read completely.";
        WindowTooShort, "window-too-short": "The load balancer is younger than the window, or its age is not known.";
        ExceptedRuleUnknown, "excepted-rule-unknown": "The rule that the exception permits to fail has no known verdict.";
    }
    Pass {
        ModeSufficient, "mode-sufficient": "The mode is at least as strong as the policy requires.";
        ModeStrictest, "mode-strictest": "The mode is strictest; no stronger mode exists.";
        ModeKept, "mode-kept": "The mode is the one that Doorward's last change set.";
        ModeRaisedSince, "mode-raised-since": "The mode is stronger than the one that Doorward's last change set.";
        TrafficAgainstStrictest, "traffic-against-strictest": "Strictest would block requests that were observed.";
        AccessLogsInS3, "access-logs-in-s3": "Access logs are written to an S3 bucket.";
        AccessLogsDelivered, "access-logs-delivered": "Access logs are delivered by CloudWatch Logs.";
        InvalidHeadersDropped, "invalid-headers-dropped": "Header fields with invalid names are removed.";
        UpstreamHttp2, "upstream-http2": "Every target group of instances or addresses is sent HTTP/2.";
        OwnerNamed, "owner-named": "A tag or an organizational unit names the owner.";
        TrafficSeen, "traffic-seen": "Traffic was counted in the window.";
        ExceptionRenewed, "exception-renewed": "Another exception continues the one that expired or expires.";
        ReviewAhead, "review-ahead": "The review date of the exception has not come.";
        ExceptionNotNeeded, "exception-not-needed": "The rule passes without the exception.";
    }
    NotApplicable {
        NotApplicableKind, "not-applicable-kind": "The kind of the load balancer does not parse HTTP.";
        NotApplicableNoHttpListener, "not-applicable-no-http-listener": "No listener of the classic load balancer uses HTTP or HTTPS, so its mode has no effect.";
        NotApplicableNoDropInvalid, "not-applicable-no-drop-invalid": "A classic load balancer has no attribute that removes invalid header fields.";
        NotApplicableNoProtocolVersion, "not-applicable-no-protocol-version": "A classic load balancer sends HTTP/1.1 only.";
        NotApplicableNoTargetGroup, "not-applicable-no-target-group": "The load balancer has no target group of instances or addresses.";
        NotApplicableModeMonitor, "not-applicable-mode-monitor": "The mode is monitor; defensive comes before strictest.";
        NotApplicableModeRequired, "not-applicable-mode-required": "The policy already requires strictest.";
        NotApplicableNoChange, "not-applicable-no-change": "Doorward has not changed the mode.";
        NotApplicableChangeNotInEffect, "not-applicable-change-not-in-effect": "Doorward's last change set no mode, \
             so there is nothing that could be reverted.";
        NotApplicableNoExpiredException, "not-applicable-no-expired-exception": "No expired exception covers the load balancer.";
        NotApplicableNoExpiringException, "not-applicable-no-expiring-exception": "No exception that expires soon covers the load balancer.";
        NotApplicableNoReview, "not-applicable-no-review": "No exception in force with a review date covers the load balancer.";
        NotApplicableDeclaration, "not-applicable-declaration": "The declared resource cannot have a desync mitigation mode.";
    }
    NotAsked {
        TrafficNotCollected, "traffic-not-collected": "The scan has no traffic evidence for the load balancer.";
        TrafficInsufficient, "traffic-insufficient": "The traffic evidence neither supports nor contradicts strictest.";
        TargetGroupsNotCollected, "target-groups-not-collected": "The scan did not read the target groups of the load balancer.";
        ExceptedRuleNotAsked, "excepted-rule-not-asked": "The rule that the exception permits to fail was not asked.";
        ExceptedRuleDisabled, "excepted-rule-disabled": "`policy.disabled` turns off the rule that the exception permits to fail.";
    }
}

impl fmt::Display for VerdictReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_kebab_case_and_the_same_in_json() {
        let codes: BTreeSet<_> = VerdictReason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), VerdictReason::ALL.len());
        for reason in VerdictReason::ALL {
            let code = reason.code();
            assert!(code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{code}");
            assert_eq!(serde_json::to_value(reason).expect("a text"), code);
            assert_eq!(code.starts_with("not-applicable-"), reason.kind() == VerdictKind::NotApplicable, "{code}");
            assert!(reason.meaning().ends_with('.'), "{code}");
            // `doorward explain` takes both.
            assert!(crate::GapReason::ALL.iter().all(|gap| gap.code() != code), "{code} is the code of a gap");
        }
    }
}
