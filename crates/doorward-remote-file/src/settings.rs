//! How objects are addressed and encrypted, whatever they hold (`s3`).

use doorward_model::AccountId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The bucket of files that are named as `s3://bucket/key`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteFileSettings {
    /// The account that owns the bucket; by default that of the credentials. S3 refuses every request if another account owns it, so
    /// that nothing is written to a bucket that a stranger created under the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_owner: Option<AccountId>,
    /// The KMS key that encrypts what is written: id, alias or ARN. By default the bucket's own setting applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
}
