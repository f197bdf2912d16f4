//! What to do about refusals of S3 that AWS's own message does not explain.

use doorward_model::{Gap, GapReason};

use super::Source;

/// The remedy for a bucket whose requester pays.
pub(crate) const REQUESTER_PAYS: &str =
    "if the requester of this bucket pays, set traffic.requester_pays = true instead of a policy";

impl Source {
    /// The gap of a list or an object, with what to do next where more than a permission may be missing.
    pub(super) fn with_remedy(&self, gap: Gap, bucket: &str, key: &str) -> Gap {
        let remedy = match (gap.reason, gap.code.as_deref()) {
            (GapReason::Rejected, Some("InvalidObjectState")) => format!(
                "the object is archived in S3 Glacier; restore it (`aws s3api restore-object --bucket {bucket} --key {key} \
                 --restore-request Days=7`) and read it again, or start the window later (--since)"
            ),
            (GapReason::Rejected, Some("NoSuchBucket")) => {
                format!("the bucket {bucket} does not exist; correct the access log attributes of the load balancer")
            }
            (GapReason::Rejected, Some("PreconditionFailed")) => {
                "the object was replaced after it was listed; run the command again".to_owned()
            }
            // AWS refuses requests to a requester-pays bucket in the words of a missing permission.
            (GapReason::AccessDenied, _) if !self.requester_pays && gap.operation.starts_with("s3:") => {
                let message = gap.message.as_deref().unwrap_or("Access Denied").trim_end_matches('.').to_owned();
                format!("{message}; {REQUESTER_PAYS}")
            }
            _ => return gap,
        };
        gap.with_message(remedy)
    }
}
