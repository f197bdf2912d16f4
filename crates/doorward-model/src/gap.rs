//! Why something could not be read.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The closed set of reasons for not knowing. `doorward explain <reason>` prints [`GapReason::meaning`] and
/// [`GapReason::remedy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GapReason {
    /// IAM refused the call.
    AccessDenied,
    /// An organization policy (SCP or RCP) refused the call.
    DeniedByOrganizationPolicy,
    /// The scan role could not be assumed: it is missing, or its trust policy does not admit the caller.
    RoleMissing,
    /// STS answered with a session of another account than the one asked for.
    WrongAccount,
    /// The Region is not enabled in this account.
    RegionDisabled,
    /// The account is suspended, closed, or not active yet.
    AccountInactive,
    /// AWS kept answering "slow down" until the call's deadline passed.
    Throttled,
    /// No answer came in time.
    TimedOut,
    /// The credentials expired and could not be renewed.
    Expired,
    /// An answer came, but it was cut short, unparsable, or not an answer to the question.
    Malformed,
    /// The endpoint could not be reached.
    Unreachable,
    /// AWS kept answering with a server error.
    ServiceFailure,
    /// The request's signature was refused, as happens when this machine's clock is wrong.
    ClockSkew,
    /// The scan was stopped before it got here.
    Interrupted,
    /// AWS refused the request itself.
    Rejected,
    /// The settings leave it out.
    Excluded,
    /// Doorward did not ask for it: the settings say so, or no rule needs it.
    NotAsked,
    /// A declaration refers to something that the files do not say.
    Unresolved,
    /// A plan says that the value is known only after it is applied.
    KnownAfterApply,
    /// A declaration leaves it out, so that an existing load balancer keeps the value it has.
    KeepsLiveValue,
    /// Deployment decides it, not the declaration.
    Undeclared,
}

impl GapReason {
    /// All reasons, in the order in which they are explained.
    pub const ALL: [Self; 21] = [
        Self::AccessDenied,
        Self::DeniedByOrganizationPolicy,
        Self::RoleMissing,
        Self::WrongAccount,
        Self::RegionDisabled,
        Self::AccountInactive,
        Self::Throttled,
        Self::TimedOut,
        Self::Expired,
        Self::Malformed,
        Self::Unreachable,
        Self::ServiceFailure,
        Self::ClockSkew,
        Self::Interrupted,
        Self::Rejected,
        Self::Excluded,
        Self::NotAsked,
        Self::Unresolved,
        Self::KnownAfterApply,
        Self::KeepsLiveValue,
        Self::Undeclared,
    ];

    /// The stable code, as in JSON and `doorward explain`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AccessDenied => "access-denied",
            Self::DeniedByOrganizationPolicy => "denied-by-organization-policy",
            Self::RoleMissing => "role-missing",
            Self::WrongAccount => "wrong-account",
            Self::RegionDisabled => "region-disabled",
            Self::AccountInactive => "account-inactive",
            Self::Throttled => "throttled",
            Self::TimedOut => "timed-out",
            Self::Expired => "expired",
            Self::Malformed => "malformed",
            Self::Unreachable => "unreachable",
            Self::ServiceFailure => "service-failure",
            Self::ClockSkew => "clock-skew",
            Self::Interrupted => "interrupted",
            Self::Rejected => "rejected",
            Self::Excluded => "excluded",
            Self::NotAsked => "not-asked",
            Self::Unresolved => "unresolved",
            Self::KnownAfterApply => "known-after-apply",
            Self::KeepsLiveValue => "keeps-live-value",
            Self::Undeclared => "undeclared",
        }
    }

    /// Whether only declarations have it, so that no scan gives it.
    pub const fn is_of_declarations(self) -> bool {
        matches!(self, Self::Unresolved | Self::KnownAfterApply | Self::KeepsLiveValue | Self::Undeclared)
    }

    /// Whether a gap's message says what its reason and operation do not.
    const fn is_told(self) -> bool {
        matches!(self, Self::Malformed | Self::Unreachable | Self::Rejected) || self.is_of_declarations()
    }

    /// One sentence on what happened.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::AccessDenied => {
                "IAM refused the call: no policy of the scan role allows the action, or one denies it."
            }
            Self::DeniedByOrganizationPolicy => {
                "A service control policy or resource control policy of the organization refused the call."
            }
            Self::RoleMissing => {
                "The scan role could not be assumed: it does not exist in the account, or its trust policy (external id \
                 included) does not admit the caller. AWS gives the same answer to both."
            }
            Self::WrongAccount => "STS answered with a session of another account than the one that was asked for.",
            Self::RegionDisabled => "The Region is not enabled in this account, so its API does not answer for it.",
            Self::AccountInactive => "The account is suspended, closed, pending closure, or not activated yet.",
            Self::Throttled => "AWS kept asking to slow down until the deadline of the call passed.",
            Self::TimedOut => "No answer arrived before the deadline.",
            Self::Expired => "The credentials expired and new ones could not be had.",
            Self::Malformed => "An answer arrived, but it was cut short, unparsable, or lacked what it must contain.",
            Self::Unreachable => "No connection to the endpoint: name resolution, routing, proxy or TLS failed.",
            Self::ServiceFailure => "AWS kept answering with a server error (5xx).",
            Self::ClockSkew => {
                "AWS refused the request's signature or date, as it does when this machine's clock is wrong."
            }
            Self::Interrupted => "The scan was stopped before this was read.",
            Self::Rejected => "AWS refused the request itself, and its message says why.",
            Self::Excluded => "The settings leave this out of the scan.",
            Self::NotAsked => {
                "Doorward did not ask for it: the settings or the kind of scan say so, or no rule needs it."
            }
            Self::Unresolved => "A declaration refers to something whose value the checked files do not say.",
            Self::KnownAfterApply => "The plan says that the value is known only after it is applied.",
            Self::KeepsLiveValue => {
                "The declaration leaves it out, so that an existing load balancer keeps the value it has."
            }
            Self::Undeclared => "The declaration does not say it: deployment decides it.",
        }
    }

    /// One sentence on what to do next.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::AccessDenied => {
                "Allow the named IAM action in the scan role's policy, or remove the statement that denies it."
            }
            Self::DeniedByOrganizationPolicy => {
                "Exempt the scan role in the named organization policy for the named action."
            }
            Self::RoleMissing => {
                "Deploy the scan role to the account and let its trust policy admit the caller with the configured external id."
            }
            Self::WrongAccount => "Check the role name template and any endpoint override between here and STS.",
            Self::RegionDisabled => {
                "Nothing, unless the account still has resources there: then enable the Region and scan again."
            }
            Self::AccountInactive => "Nothing, unless the account is reopened.",
            Self::Throttled => "Scan at a quieter time, lower `calls.share_of_limits`, or raise `calls.call_deadline`.",
            Self::TimedOut => "Check the network path, or raise `calls.attempt_timeout` and `calls.call_deadline`.",
            Self::Expired => "Renew the base credentials (for example sign in again) and repeat the scan.",
            Self::Malformed => "Look for a proxy or endpoint override that rewrites answers; repeat the scan.",
            Self::Unreachable => "Check DNS, routing, proxy settings and whether the Region exists in this partition.",
            Self::ServiceFailure => "Repeat the scan; see the AWS Health Dashboard for the Region.",
            Self::ClockSkew => "Synchronise this machine's clock and repeat the scan.",
            Self::Interrupted => "Run the scan to its end.",
            Self::Rejected => "Read AWS's message; it usually names a setting such as `access.session_duration`.",
            Self::Excluded => "Change the include and exclude settings if it should be scanned.",
            Self::NotAsked => {
                "Change `collect.vended_logs`, `collect.alb_listeners` or `scope.single_account` if a verdict needs it."
            }
            Self::Unresolved => {
                "Write the value where it is used, or check the plan or the rendered output, which has it."
            }
            Self::KnownAfterApply => {
                "Give the attribute a value that does not depend on another resource, or scan after it is applied."
            }
            Self::KeepsLiveValue => {
                "Name the attribute, or give the check the live state with --scan, or --new where nothing is deployed yet."
            }
            Self::Undeclared => {
                "Say it with --account, --region or --tag, or give the check the live state with --scan."
            }
        }
    }
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// One thing that could not be read, with what is needed to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// The reason, from a closed set.
    pub reason: GapReason,
    /// The API operation that failed, as an IAM action where it has one: `elasticloadbalancing:DescribeTags`. Of a
    /// declaration, the place in the file: `main.tf:12:28`.
    pub operation: String,
    /// AWS's error code, verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// AWS's message, or one sentence of ours. Outside text: data, never markup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// AWS's request id, for a support case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The IAM action that would mend it, where one would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The ARN of the organization policy that refused, where AWS named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

impl Gap {
    /// A gap with nothing but reason and operation.
    pub fn new(reason: GapReason, operation: impl Into<String>) -> Self {
        Self {
            reason,
            operation: operation.into(),
            code: None,
            message: None,
            request_id: None,
            action: None,
            policy: None,
        }
    }

    /// Whether both are mended by the same act. AWS's message does not count, since it names the resource of each call;
    /// our own sentences about malformed answers do, since they name different faults.
    pub fn is_mended_with(&self, other: &Self) -> bool {
        let said = |gap: &Self| (gap.reason == GapReason::Malformed).then(|| gap.message.clone()).flatten();
        (self.reason, &self.operation, &self.code, &self.policy, said(self))
            == (other.reason, &other.operation, &other.code, &other.policy, said(other))
    }

    /// The same gap with a sentence of explanation.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }
}

impl fmt::Display for Gap {
    /// `access-denied at elasticloadbalancing:DescribeTags (AccessDenied); allow elasticloadbalancing:DescribeTags`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.reason, self.operation)?;
        if let Some(code) = &self.code {
            write!(f, " ({code})")?;
        }
        if let Some(policy) = &self.policy {
            write!(f, "; refused by {policy}")?;
        } else if let Some(action) = &self.action {
            write!(f, "; allow {action}")?;
        } else if let (true, Some(message)) = (self.reason.is_told(), &self.message) {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}
