//! Why a value could not be read.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pool::Pool;

static GAPS: Pool<Gap> = Pool::new();

/// Declares the reasons once: the variant, its code, what it means, and what to do next.
macro_rules! gap_reasons {
    ($($variant:ident, $code:literal: $meaning:literal, $remedy:literal;)+) => {
        /// The closed set of reasons why a value is not known. `doorward explain <code>` prints [`GapReason::meaning`] and
        /// [`GapReason::remedy`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum GapReason {
            $(#[doc = $meaning] #[serde(rename = $code)] $variant,)+
        }

        impl GapReason {
            /// All reasons, in the order in which they are explained.
            pub const ALL: [Self; [$($code),+].len()] = [$(Self::$variant,)+];

            /// The stable code, as in JSON and `doorward explain`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The cause, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }

            /// The next step, in one sentence.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}

gap_reasons! {
    AccessDenied, "access-denied":
        "IAM refused the call: no policy of the scan role allows the action, or one denies it.",
        "Allow the named IAM action in the scan role's policy, or remove the statement that denies it.";
    DeniedByOrganizationPolicy, "denied-by-organization-policy":
        "A service control policy or resource control policy of the organization refused the call.",
        "Exempt the scan role in the named organization policy for the named action.";
    RoleMissing, "role-missing":
        "The scan role could not be assumed: it does not exist in the account, or its trust policy (external id included) does not allow the caller. AWS returns the same error for both.",
        "Deploy the scan role to the account, and allow the caller with the configured external id in its trust policy.";
    WrongAccount, "wrong-account":
        "STS returned a session of a different account.",
        "Check the role name template and any endpoint override between this machine and STS.";
    RegionDisabled, "region-disabled":
        "The Region is not enabled in this account, so its endpoint does not serve the account.",
        "Nothing to do, unless the account has resources in that Region: then enable the Region and scan again.";
    AccountInactive, "account-inactive":
        "The account is suspended, closed, pending closure, or not activated yet.",
        "Nothing to do, unless the account is reopened.";
    NotInOrganization, "not-in-organization":
        "The settings name the account, but it is not in the scanned organization.",
        "Correct the account id in `scope.include_accounts` (--account), or scan with credentials of the account's own organization.";
    Throttled, "throttled":
        "AWS throttled the call until its deadline passed.",
        "Scan at a quieter time, lower `calls.share_of_limits`, or raise `calls.call_deadline`.";
    TimedOut, "timed-out":
        "No response arrived before the deadline.",
        "Check the network path, or raise `calls.attempt_timeout` and `calls.call_deadline`.";
    ScanDeadline, "scan-deadline":
        "The deadline of the whole scan passed before this was read.",
        "Raise `scan.deadline`, or read the rest with `doorward scan --resume`.";
    Expired, "expired":
        "The credentials expired and could not be renewed.",
        "Renew the base credentials (for example sign in again) and repeat the scan.";
    CredentialsRefused, "credentials-refused":
        "AWS does not accept the credentials: the access key id is unknown or inactive, or the secret key does not \
         belong to it.",
        "Check the access key id and its secret key, whether the key is active, and whether it belongs to this partition (commercial, China or GovCloud).";
    Malformed, "malformed":
        "A response arrived, but it was incomplete, could not be parsed, or lacked a required value.",
        "Check for a proxy or endpoint override that rewrites responses; repeat the scan.";
    Unreachable, "unreachable":
        "The endpoint could not be reached: name resolution, routing, proxy or TLS failed.",
        "Check DNS, routing, proxy settings and whether the Region exists in this partition.";
    ServiceFailure, "service-failure":
        "AWS returned server errors (5xx) until the deadline of the call passed.",
        "Repeat the scan; see the AWS Health Dashboard for the Region.";
    ClockSkew, "clock-skew":
        "AWS refused the signature or date of the request, usually because this machine's clock is wrong.",
        "Synchronise this machine's clock and repeat the scan.";
    Interrupted, "interrupted":
        "The scan was stopped before this was read.",
        "Repeat the scan and let it finish.";
    PartUnusable, "part-unusable":
        "The scan was divided into shards, and the part that should contain this cannot be used: it is missing, \
         damaged, too old, from another scan, or was passed twice.",
        "Repeat that shard with `doorward scan --shard`, then merge the parts again.";
    NotPlanned, "not-planned":
        "An earlier scan in the ledger found this account, but the list of accounts does not contain it. The shards \
         were planned without that ledger, so Doorward did not ask AWS whether the account left the organization.",
        "Run `doorward scan --discover-only` with the ledger that the merge uses, repeat the shards with that plan, \
         and merge their parts.";
    Rejected, "rejected":
        "AWS rejected the request itself; its message gives the reason.",
        "Read AWS's message: it names the part of the request that is wrong.";
    Excluded, "excluded":
        "The settings exclude this from the scan.",
        "Change the include and exclude settings if it should be scanned.";
    NotAsked, "not-asked":
        "Doorward did not request it, because the settings or the kind of scan exclude it, or because no rule needs \
         it.",
        "Change `collect.vended_logs`, `collect.alb_listeners`, `collect.target_groups`, `collect.reachability` or `scope.single_account` if a verdict needs it.";
    Unresolved, "unresolved":
        "A declaration refers to a value that the checked files do not contain.",
        "Write the value where it is used, or check the plan or the rendered output, which contains it.";
    KnownAfterApply, "known-after-apply":
        "The plan contains the value only after it is applied.",
        "Give the attribute a value that does not depend on another resource, or scan after the plan is applied.";
    KeepsLiveValue, "keeps-live-value":
        "The declaration does not set the value, so an existing load balancer keeps the one it has.",
        "Set the attribute, or pass the live state with --scan, or --new if the load balancer does not exist yet.";
    Undeclared, "undeclared":
        "The declaration does not contain the value: it is set at deployment.",
        "Pass the value with --account, --region or --tag, or pass the live state with --scan.";
}

impl GapReason {
    /// Whether only checks of declarations give it, never a scan.
    pub const fn is_of_declarations(self) -> bool {
        matches!(self, Self::Unresolved | Self::KnownAfterApply | Self::KeepsLiveValue | Self::Undeclared)
    }

    /// The next step; more specific than [`Self::remedy`] for some operations and AWS error codes.
    pub fn remedy_for(self, operation: &str, code: Option<&str>) -> &'static str {
        match (self, operation, code) {
            (Self::Rejected, _, Some("NoSuchBucket")) => {
                "The bucket does not exist: correct the access log setting that names it, or create the bucket."
            }
            (Self::Rejected, "sts:AssumeRole", _) => {
                "Read AWS's message: it names the part of the request that is wrong, such as `access.session_duration`."
            }
            _ => self.remedy(),
        }
    }

    /// Whether the message of such a gap adds information to its reason and operation.
    pub const fn shows_message(self) -> bool {
        matches!(
            self,
            Self::Malformed
                | Self::Unreachable
                | Self::Rejected
                | Self::CredentialsRefused
                | Self::ClockSkew
                | Self::NotInOrganization
                | Self::PartUnusable
                | Self::NotPlanned
        ) || self.is_of_declarations()
    }
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// A value that could not be read, with the information needed to fix that.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// The reason, from a closed set.
    pub reason: GapReason,
    /// The API operation that failed, as an IAM action where one exists: `elasticloadbalancing:DescribeTags`. For a
    /// declaration, the location in the file: `main.tf:12:28`.
    pub operation: String,
    /// AWS's error code, verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// AWS's message, or one sentence of Doorward. External text: data, never markup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// AWS's request id, for a support case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The IAM action to allow, if that fixes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The ARN of the organization policy that refused the call, if AWS named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

impl Gap {
    /// A gap with a reason and an operation only.
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

    /// The gap in memory once: most gaps of a scan are the same few.
    pub fn shared(self) -> Arc<Self> {
        GAPS.share(&self, || Arc::new(self.clone()))
    }

    /// Whether one fix closes both. AWS's message is not compared, because it names the resource of each call; Doorward's own
    /// sentences about malformed responses are, because they name different faults.
    pub fn has_same_fix(&self, other: &Self) -> bool {
        let fault = |gap: &Self| (gap.reason == GapReason::Malformed).then(|| gap.message.clone()).flatten();
        (self.reason, &self.operation, &self.code, &self.policy, fault(self))
            == (other.reason, &other.operation, &other.code, &other.policy, fault(other))
    }

    /// The gap with its message, each word once.
    pub fn in_full(&self) -> String {
        let text = self.to_string();
        match self.message.as_deref().filter(|message| !message.is_empty() && !text.contains(message)) {
            Some(message) => format!("{text}: {message}"),
            None => text,
        }
    }

    /// The next step.
    pub fn remedy(&self) -> &'static str {
        self.reason.remedy_for(&self.operation, self.code.as_deref())
    }

    /// The same gap with a message.
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
        } else if let (true, Some(message)) = (self.reason.shows_message(), &self.message) {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}
