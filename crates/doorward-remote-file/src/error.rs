//! Errors of objects in S3: each names the object, the call, the cause and the next step.

use doorward_aws::{CallFailure, Operation};
use doorward_model::{AccountId, GapReason};

use crate::ObjectUrl;

/// The kind of problem that prevented reading or writing an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteProblem {
    /// S3, IAM or an organization's policy refused the call.
    Denied,
    /// The key of KMS that encrypts the object refused its use.
    KeyDenied,
    /// There is no such bucket.
    NoBucket,
    /// The bucket is in a Region that S3 did not name.
    OtherRegion,
    /// S3 did not answer, or not in a form that it answers in.
    NoAnswer,
    /// S3 refused the request for another reason.
    Refused,
    /// Whether a write took effect is not known: its answer was lost, and the object could not be read back.
    Undecided,
    /// The local file could not be read or written.
    LocalFile,
}

/// An object could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url}: {call} {cause}; {remedy}")]
pub struct RemoteFileError {
    /// The object.
    pub url: ObjectUrl,
    /// The kind.
    pub problem: RemoteProblem,
    /// The call, as IAM names it.
    pub call: &'static str,
    /// The cause, in S3's words if it gave any.
    pub cause: String,
    /// The next step.
    pub remedy: String,
}

/// Who owns the bucket by the settings, and who calls.
pub(crate) struct Parties<'a> {
    pub(crate) owner: &'a AccountId,
    pub(crate) identity: &'a AccountId,
}

impl RemoteFileError {
    pub(crate) fn of(url: &ObjectUrl, operation: Operation, failure: &CallFailure, parties: &Parties<'_>) -> Self {
        let gap = &failure.gap;
        let (bucket, call) = (url.bucket(), operation.action());
        let message = gap.message.clone().unwrap_or_default();
        let denied = matches!(gap.reason, GapReason::AccessDenied | GapReason::DeniedByOrganizationPolicy);
        let of_key = gap.action.as_deref().filter(|action| denied && action.starts_with("kms:"));
        let (problem, remedy) = match (failure.code(), gap.reason) {
            _ if of_key.is_some() || failure.code().is_some_and(|code| code.starts_with("KMS.")) => {
                (RemoteProblem::KeyDenied, key_remedy(of_key, parties))
            }
            (_, GapReason::DeniedByOrganizationPolicy) => (
                RemoteProblem::Denied,
                format!("exempt the identity of account {} in the named policy of the organization", parties.identity),
            ),
            _ if denied => (RemoteProblem::Denied, denied_remedy(url, operation, parties)),
            (Some("NoSuchBucket"), _) => (
                RemoteProblem::NoBucket,
                format!("create the bucket {bucket}, or correct its name; nothing was read, and no new history was \
                     started"),
            ),
            (Some("PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException"), _) => (
                RemoteProblem::OtherRegion,
                "the bucket is in another Region: set access.home_region to that Region".to_owned(),
            ),
            (Some("InvalidRequest" | "InvalidObjectState" | "ObjectLockConfigurationNotFoundError"), _) if message.contains("Object Lock") || message.contains("object lock") => (
                RemoteProblem::Refused,
                "use a bucket without Object Lock for files that change, or remove the lock that refuses new versions"
                    .to_owned(),
            ),
            (_, GapReason::Rejected) => (RemoteProblem::Refused, "read S3's message: it names what was \
                 refused".to_owned()),
            (_, GapReason::RegionDisabled) => {
                (RemoteProblem::Denied, "check the credentials, and whether the Region is enabled in the account".to_owned())
            }
            (_, reason) => (RemoteProblem::NoAnswer, decapitalized(reason.remedy())),
        };
        // The remedy names what to allow, so the cause is the message alone.
        let cause = match (&gap.message, denied) {
            (Some(message), true) => format!("was refused: {message}"),
            _ => format!("failed: {}", gap.in_full()),
        };
        Self { url: url.clone(), problem, call, cause, remedy }
    }

    /// The answer of a write was lost and the object could not be read back.
    pub(crate) fn undecided(url: &ObjectUrl, write: &CallFailure, read: &Self) -> Self {
        Self {
            url: url.clone(),
            problem: RemoteProblem::Undecided,
            call: Operation::PutObject.action(),
            cause: format!(
                "got no response ({}), and the object could not be read back ({} {})",
                write.gap.in_full(),
                read.call,
                read.cause
            ),
            remedy: "it is not known whether the write took effect; repeat the command: it reads the object first"
                .to_owned(),
        }
    }

    /// Other writers were first in every try.
    pub(crate) fn contended(url: &ObjectUrl, last: &CallFailure, tries: u32) -> Self {
        Self {
            url: url.clone(),
            problem: RemoteProblem::NoAnswer,
            call: Operation::PutObject.action(),
            cause: format!("did not succeed in {tries} tries: {}", last.gap.in_full()),
            remedy: "the object is unchanged; repeat the command".to_owned(),
        }
    }

    pub(crate) fn local(
        url: &ObjectUrl,
        operation: Operation,
        place: &std::path::Path,
        error: &std::io::Error,
    ) -> Self {
        Self {
            url: url.clone(),
            problem: RemoteProblem::LocalFile,
            call: operation.action(),
            cause: format!("could not use its local copy {}: {error}", place.display()),
            remedy: "check the folder, its permissions and the free space".to_owned(),
        }
    }
}

fn denied_remedy(url: &ObjectUrl, operation: Operation, parties: &Parties<'_>) -> String {
    let (bucket, key) = (url.bucket(), url.key());
    let Parties { owner, identity } = parties;
    let foreign = format!(
        "check that account {owner} owns the bucket (s3.bucket_owner) and that its policy admits account {identity}"
    );
    match operation {
        // Without s3:ListBucket, S3 answers 403 instead of 404 for a key that does not exist.
        Operation::GetObject => format!(
            "S3 gives the same response if the object does not exist and the identity may not list the bucket, so it \
             is not known whether the object exists: allow s3:GetObject on arn:aws:s3:::{bucket}/{key} and \
             s3:ListBucket on arn:aws:s3:::{bucket}, and {foreign}"
        ),
        Operation::PutObject => format!("allow s3:PutObject on arn:aws:s3:::{bucket}/{key}, and {foreign}"),
        other => format!("allow {} on arn:aws:s3:::{bucket}, and {foreign}", other.action()),
    }
}

fn key_remedy(action: Option<&str>, parties: &Parties<'_>) -> String {
    let action = action.map_or_else(|| "kms:Decrypt and kms:GenerateDataKey".to_owned(), str::to_owned);
    format!(
        "allow {action} on the key that encrypts the bucket, in the policy of the identity and, if another account owns the key, in the \
         policy of the key for account {}",
        parties.identity
    )
}

fn decapitalized(sentence: &str) -> String {
    let mut letters = sentence.trim_end_matches('.').chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use doorward_aws::RetryAction;
    use doorward_model::Gap;

    use super::*;

    fn error(
        operation: Operation,
        reason: GapReason,
        code: &str,
        message: &str,
        action: Option<&str>,
    ) -> RemoteFileError {
        let url: ObjectUrl = "s3://acme-security/ledger".parse().expect("an address");
        let owner = AccountId::new("111111111111").expect("an account");
        let mut gap = Gap::new(reason, operation.action()).with_message(message);
        (gap.code, gap.action) = (Some(code.to_owned()), action.map(str::to_owned));
        let failure = CallFailure { action: RetryAction::Stop, refused: true, ..CallFailure::permanent(gap) };
        RemoteFileError::of(&url, operation, &failure, &Parties { owner: &owner, identity: &owner })
    }

    #[test]
    fn keys_locks_and_regions_have_remedies_of_their_own() {
        let by_key =
            "User: x is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:1:key/2";
        let locked = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters";
        for (operation, reason, code, message, action, problem, part) in [
            (
                Operation::PutObject,
                GapReason::AccessDenied,
                "AccessDenied",
                by_key,
                Some("kms:GenerateDataKey"),
                RemoteProblem::KeyDenied,
                "allow kms:GenerateDataKey on the key that encrypts the bucket",
            ),
            (
                Operation::GetObject,
                GapReason::Rejected,
                "KMS.DisabledException",
                "the key is disabled",
                None,
                RemoteProblem::KeyDenied,
                "kms:Decrypt and kms:GenerateDataKey",
            ),
            (
                Operation::PutObject,
                GapReason::Rejected,
                "InvalidRequest",
                locked,
                None,
                RemoteProblem::Refused,
                "use a bucket without Object Lock",
            ),
            (
                Operation::GetObject,
                GapReason::Rejected,
                "PermanentRedirect",
                "",
                None,
                RemoteProblem::OtherRegion,
                "set access.home_region",
            ),
        ] {
            let error = error(operation, reason, code, message, action);
            assert_eq!(error.problem, problem, "{error}");
            let text = error.to_string();
            assert!(text.starts_with("s3://acme-security/ledger: s3:") && text.contains(part), "{text}");
        }
    }
}
