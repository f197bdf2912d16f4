//! Why base credentials were refused: the clock, the secret key, or the key id.

use doorward_model::{Gap, GapReason};

/// Seconds of difference to AWS's clock from which AWS refuses signatures.
const SKEW: u64 = 300;

/// The gap of refused base credentials, with the true cause: the clock, the secret key, or the key id. `source` are the credentials in
/// words.
pub(super) fn with_cause(mut gap: Gap, offset: Option<i64>, source: &str) -> Gap {
    let of_aws = gap.message.clone().unwrap_or_default();
    let far = offset.filter(|offset| offset.unsigned_abs() >= SKEW);
    let is_signature =
        matches!(gap.code.as_deref(), Some("SignatureDoesNotMatch" | "InvalidSignatureException" | "AuthFailure"));
    if gap.reason == GapReason::CredentialsRefused && is_signature && far.is_some() {
        gap.reason = GapReason::ClockSkew;
    }
    let cause = match gap.reason {
        GapReason::ClockSkew => match offset {
            Some(offset) => {
                let way = if offset < 0 { "behind" } else { "ahead of" };
                format!("this machine's clock is {} s {way} AWS's", offset.unsigned_abs())
            }
            None => "check this machine's clock".to_owned(),
        },
        GapReason::CredentialsRefused if is_signature => format!(
            "the secret key does not belong to the access key id, or it was copied incorrectly{}; the credentials \
             are {source}",
            if offset.is_some() { " (the clock is right)" } else { "" }
        ),
        GapReason::CredentialsRefused => format!(
            "the access key id is unknown, inactive or deleted, or belongs to another partition; the credentials are \
             {source}"
        ),
        // AWS looked at these credentials, so a reader needs to know which they are.
        GapReason::AccessDenied | GapReason::AccountInactive | GapReason::Expired | GapReason::Rejected => {
            format!("the credentials are {source}")
        }
        _ => return gap,
    };
    let message = if of_aws.is_empty() { cause } else { format!("{}; {cause}", of_aws.trim_end_matches('.')) };
    gap.with_message(message)
}

#[cfg(test)]
mod tests {
    use doorward_model::Region;

    use super::*;
    use crate::access::AccessError;
    use crate::operation::Operation;

    #[test]
    fn refused_base_credentials_have_their_true_cause() {
        let operation = Operation::GetCallerIdentity.action();
        for (reason, code, message, offset, reason_after, words) in [
            (
                GapReason::CredentialsRefused,
                "SignatureDoesNotMatch",
                "It does not match.",
                Some(0),
                GapReason::CredentialsRefused,
                "secret key",
            ),
            (
                GapReason::CredentialsRefused,
                "SignatureDoesNotMatch",
                "It does not match.",
                Some(-900),
                GapReason::ClockSkew,
                "900 s behind",
            ),
            (
                GapReason::ClockSkew,
                "SignatureDoesNotMatch",
                "Signature expired: x",
                Some(1200),
                GapReason::ClockSkew,
                "1200 s ahead",
            ),
            (
                GapReason::CredentialsRefused,
                "InvalidClientTokenId",
                "It is invalid.",
                Some(900),
                GapReason::CredentialsRefused,
                "another partition",
            ),
            (GapReason::Expired, "ExpiredToken", "It is expired", None, GapReason::Expired, "AWS_ACCESS_KEY_ID"),
            (
                GapReason::Rejected,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
                Some(0),
                GapReason::Rejected,
                "the credentials are the key of AWS_ACCESS_KEY_ID",
            ),
        ] {
            let gap = Gap { code: Some(code.to_owned()), ..Gap::new(reason, operation).with_message(message) };
            let gap = with_cause(gap, offset, "the key of AWS_ACCESS_KEY_ID");
            let error = AccessError::Refused {
                region: Region::new("eu-west-1").expect("a Region"),
                gap: Box::new(gap.clone()),
                clock_offset: offset,
            };
            let text = error.to_string();
            assert_eq!(gap.reason, reason_after, "{text}");
            let of_aws = message.trim_end_matches('.');
            assert_eq!(text.matches(of_aws).count(), 1, "AWS's words once: {text}");
            assert!(text.contains(words), "{text}");
        }
    }
}
