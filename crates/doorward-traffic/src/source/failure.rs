//! What a failed call means: try again, renew the session, ask elsewhere, or a gap with a reason.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

use doorward_model::{Gap, GapReason, Region};

use super::actions::Operation;

/// What to do about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cure {
    /// Try again after a pause.
    Retry,
    /// Renew the credentials and try again.
    Renew,
    /// The bucket is in this Region.
    Elsewhere(Region),
    /// Trying again would give the same answer.
    None,
}

/// A failed call, classified.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) cure: Cure,
    pub(super) gap: Gap,
}

/// Longest message that is kept, in characters.
const MESSAGE: usize = 600;

impl Failure {
    /// Classifies an error of the SDK.
    pub(super) fn of<E>(operation: Operation, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata,
        SdkError<E, HttpResponse>: RequestId,
    {
        let mut failure = match error {
            SdkError::ServiceError(service) => {
                let code = service.err().code().unwrap_or_default();
                let message = service.err().message().unwrap_or_default();
                let elsewhere =
                    service.raw().headers().get("x-amz-bucket-region").and_then(|name| Region::new(name).ok());
                told(operation, code, message, service.raw().status().as_u16(), elsewhere)
            }
            SdkError::TimeoutError(_) => Self::new(operation, Cure::Retry, GapReason::TimedOut),
            SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => {
                Self::new(operation, Cure::Retry, GapReason::TimedOut)
            }
            SdkError::DispatchFailure(_) => Self::new(operation, Cure::Retry, GapReason::Unreachable),
            SdkError::ResponseError(response) if response.raw().status().as_u16() >= 500 => {
                Self::new(operation, Cure::Retry, GapReason::ServiceFailure)
            }
            SdkError::ResponseError(_) => Self::malformed(operation, "the answer was cut short or could not be parsed"),
            _ => {
                let mut failure = Self::malformed(operation, "the request could not be built");
                failure.cure = Cure::None;
                failure
            }
        };
        failure.gap.request_id = error.request_id().map(str::to_owned);
        failure
    }

    pub(super) fn new(operation: Operation, cure: Cure, reason: GapReason) -> Self {
        Self { cure, gap: Gap::new(reason, operation.action()) }
    }

    /// An answer that arrived and lacks what it must contain.
    pub(super) fn malformed(operation: Operation, what: &str) -> Self {
        let gap = Gap::new(GapReason::Malformed, operation.action()).with_message(what);
        Self { cure: Cure::Retry, gap }
    }
}

/// Classifies what a service said.
fn told(operation: Operation, code: &str, message: &str, status: u16, elsewhere: Option<Region>) -> Failure {
    let (cure, reason) = match code {
        "Throttling" | "ThrottlingException" | "TooManyRequestsException" | "RequestLimitExceeded" | "SlowDown" => {
            (Cure::Retry, GapReason::Throttled)
        }
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => (Cure::Renew, GapReason::Expired),
        "RequestTimeTooSkewed" | "SignatureDoesNotMatch" | "InvalidSignatureException" | "AuthFailure" => {
            (Cure::Retry, GapReason::ClockSkew)
        }
        // AWS's way of saying that the Region is not enabled, to a session that works elsewhere.
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidToken"
        | "OptInRequired" => (Cure::None, GapReason::RegionDisabled),
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "AllAccessDisabled" => {
            (Cure::None, denial(message))
        }
        "PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed" => {
            (elsewhere.map_or(Cure::None, Cure::Elsewhere), GapReason::Rejected)
        }
        // The bytes of a request came too late.
        "RequestTimeout" => (Cure::Retry, GapReason::TimedOut),
        _ if status == 429 => (Cure::Retry, GapReason::Throttled),
        _ if status >= 500 => (Cure::Retry, GapReason::ServiceFailure),
        // Called a success, and nothing that the service says: cut short, or of something in between.
        "" if status < 400 => (Cure::Retry, GapReason::Malformed),
        // An error without a code did not come from the service: something in between answered.
        "" => (Cure::None, GapReason::Malformed),
        _ => (Cure::None, GapReason::Rejected),
    };
    let mut failure = Failure::new(operation, cure, reason);
    let gap = &mut failure.gap;
    if matches!(reason, GapReason::AccessDenied | GapReason::DeniedByOrganizationPolicy) {
        gap.action = Some(missing_action(message).unwrap_or_else(|| operation.action().to_owned()));
        gap.policy = policy_arn(message);
    }
    gap.code = (!code.is_empty()).then(|| code.to_owned());
    gap.message = (!message.is_empty()).then(|| message.chars().take(MESSAGE).collect());
    failure
}

fn denial(message: &str) -> GapReason {
    let organizations = ["in a service control policy", "in a resource control policy"];
    let implicit = ["because no service control policy allows", "because no resource control policy allows"];
    let by_organization = organizations.iter().chain(&implicit).any(|words| message.contains(words));
    if by_organization { GapReason::DeniedByOrganizationPolicy } else { GapReason::AccessDenied }
}

/// The action that AWS itself names: reading an encrypted object takes another one than the operation's own.
fn missing_action(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("not authorized to perform: ")?;
    let action = rest.split_whitespace().next()?;
    let (service, verb) = action.split_once(':')?;
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (plain(service) && plain(verb) && action.len() <= 100).then(|| action.to_owned())
}

/// The ARN that AWS puts behind "in a service control policy:".
fn policy_arn(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("control policy: ")?;
    let arn = rest.split_whitespace().next()?.trim_end_matches(['.', ',']);
    arn.starts_with("arn:").then(|| arn.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_reasons_and_cures() {
        use GapReason::*;
        let tokyo = Region::new("ap-northeast-1").ok();
        for (code, status, cure, reason) in [
            ("SlowDown", 503, Cure::Retry, Throttled),
            ("Throttling", 400, Cure::Retry, Throttled),
            ("ExpiredToken", 400, Cure::Renew, Expired),
            ("AccessDenied", 403, Cure::None, AccessDenied),
            ("NoSuchKey", 404, Cure::None, Rejected),
            ("NoSuchBucket", 404, Cure::None, Rejected),
            ("PreconditionFailed", 412, Cure::None, Rejected),
            ("PermanentRedirect", 301, Cure::Elsewhere(tokyo.clone().expect("a Region")), Rejected),
            ("RequestTimeTooSkewed", 403, Cure::Retry, ClockSkew),
            ("InternalError", 500, Cure::Retry, ServiceFailure),
            ("", 503, Cure::Retry, ServiceFailure),
            ("", 403, Cure::None, Malformed),
            ("", 200, Cure::Retry, Malformed),
        ] {
            let failure = told(Operation::GetObject, code, "", status, tokyo.clone());
            assert_eq!((failure.cure, failure.gap.reason), (cure, reason), "{code} {status}");
        }
    }

    #[test]
    fn a_denial_names_what_would_mend_it() {
        for (message, reason, action, policy) in [
            ("Access Denied", GapReason::AccessDenied, "s3:GetObject", None),
            (
                "User: arn:x is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:r:1:key/k because no \
                 identity-based policy allows the kms:Decrypt action",
                GapReason::AccessDenied,
                "kms:Decrypt",
                None,
            ),
            (
                "User: arn:x is not authorized to perform: s3:GetObject on resource: \"y\" with an explicit deny in a \
                 service control policy: arn:aws:organizations::1:policy/o-x/service_control_policy/p-y",
                GapReason::DeniedByOrganizationPolicy,
                "s3:GetObject",
                Some("arn:aws:organizations::1:policy/o-x/service_control_policy/p-y"),
            ),
            ("is not authorized to perform: <script>:x", GapReason::AccessDenied, "s3:GetObject", None),
        ] {
            let gap = told(Operation::GetObject, "AccessDenied", message, 403, None).gap;
            assert_eq!((gap.reason, gap.action.as_deref(), gap.policy.as_deref()), (reason, Some(action), policy));
        }
    }
}
