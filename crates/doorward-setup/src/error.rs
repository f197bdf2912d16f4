//! Why a template cannot be generated.

use crate::RolePurpose;

/// Why a template cannot be generated. Messages name the flag or the setting to change.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A value would be written to a template and does not have the form that its flag requires.
    #[error("{flag} {value:?} is not {expected}")]
    InvalidValue {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
        /// The required form, as a noun phrase.
        expected: &'static str,
    },
    /// The role reads access logs, and no bucket is named.
    #[error(
        "--for {0}: no bucket with access logs is named; pass --bucket NAME for each, or --scan FILE with a saved \
         scan (`doorward scan --save FILE`)"
    )]
    NoBuckets(RolePurpose),
    /// The base identity publishes to SNS, and no topic is named.
    #[error(
        "--for notify: no topic is named; pass --topic ARN, or configure a channel of kind \"sns\" in notify.channels"
    )]
    NoTopics,
    /// The ledger of the settings is not in S3.
    #[error("--for ledger: the ledger in the settings is a local file; set ledger.path to s3://BUCKET/KEY")]
    NoSharedLedger,
    /// The settings of Athena do not say where it writes results.
    #[error("--for athena: {0}")]
    AthenaSettings(String),
    /// The role name contains a placeholder that a template cannot fill in.
    #[error("the role name {0:?} contains the account id, which a template cannot fill in; pass --role-name NAME")]
    AccountInRoleName(String),
    /// The purpose has no role of its own.
    #[error(
        "--for {0}: there is no role for this, because the base identity does it itself; `doorward setup iam --for {0}` prints its policy"
    )]
    NoRole(RolePurpose),
    /// The trust policy would admit the caller from every organization and without an external id.
    #[error(
        "the trust policy would have no condition; pass --organization-id o-... (aws organizations \
         describe-organization prints it) or --external-id, or --without-organization to write the policy without a \
         condition"
    )]
    UnconditionalTrust,
    /// IAM does not accept an inline policy of this length.
    #[error(
        "the policy would have {length} characters, but IAM accepts {limit} in a role; name fewer buckets \
         (--bucket), or a scan of fewer accounts (--scan)"
    )]
    PolicyTooLong {
        /// Characters of the policy without white space.
        length: usize,
        /// IAM's limit.
        limit: usize,
    },
    /// Every load balancer satisfies the required mode.
    #[error(
        "policy.required_mode is monitor, which every load balancer satisfies, so an AWS Config rule would never \
         report anything"
    )]
    NothingToCheck,
    /// The rule that a gate anticipates is turned off.
    #[error(
        "policy.disabled contains {0}, so a gate would deny what no check fails; remove it from policy.disabled first"
    )]
    RuleIsOff(&'static str),
    /// Every mode satisfies the policy wherever a gate knows enough of it.
    #[error(
        "as far as a gate can see, the policy requires monitor, which every load balancer satisfies, so a gate would \
         never deny anything"
    )]
    NothingToGate,
    /// A generated policy would allow an action on every resource although AWS supports a narrower one.
    #[error("{0} would be allowed on every resource")]
    WildcardResource(String),
    /// A policy could not be written as JSON.
    #[error("a policy document could not be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl SetupError {
    /// Whether the cause is in Doorward and not in flags or settings.
    pub fn is_internal(&self) -> bool {
        matches!(self, Self::WildcardResource(_) | Self::Json(_))
    }
}
