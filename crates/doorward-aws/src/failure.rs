//! The classification of a failed call: retry, renew, follow to another Region, or a gap with a reason.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

use doorward_model::{AccountId, Gap, GapReason, Region};

use crate::http_policy::{NetworkFault, fault_in};
use crate::operation::Operation;
use crate::response_integrity;
use codes::Meaning;

mod codes;

/// Longest message that a gap keeps, in characters. Messages are outside text of any length; a report needs the beginning.
const MESSAGE: usize = 600;

/// The action after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryAction {
    /// Lower the rate of this account, Region and API family, and try again.
    SlowDown,
    /// Try again after a pause.
    Retry,
    /// Try again after a pause, up to this number of tries in all: a failure that rarely passes, such as a name that does not exist.
    RetryUpTo(u32),
    /// Renew the credentials and try again.
    Renew,
    /// The bucket is in this Region: the caller asks there.
    Redirect(Region),
    /// Give up: another attempt would give the same response.
    Stop,
}

/// A failed call, classified.
#[derive(Debug, Clone)]
pub struct CallFailure {
    /// The action that follows.
    pub action: RetryAction,
    /// The values that are unknown because of it.
    pub gap: Gap,
    /// Whether the call certainly had no effect: nothing was sent, or AWS answered with an error of its own that refuses the request.
    /// False for every answer after which AWS may have acted: a timeout, a server error, an answer cut short.
    pub refused: bool,
    /// The HTTP status of an error; none where no error of a service arrived.
    pub status: Option<u16>,
}

impl CallFailure {
    /// A failure for which another try is worth it. AWS may have acted.
    pub fn retryable(gap: Gap) -> Self {
        Self { action: RetryAction::Retry, gap, refused: false, status: None }
    }

    /// A failure that another try would not change. AWS may have acted.
    pub fn permanent(gap: Gap) -> Self {
        Self { action: RetryAction::Stop, ..Self::retryable(gap) }
    }

    /// There are no credentials to send the call with, so nothing was sent.
    pub fn unsent(gap: Gap) -> Self {
        Self { refused: true, ..Self::permanent(gap) }
    }

    /// A response that lacks required content. Another attempt may succeed.
    pub fn malformed(operation: Operation, problem: &str) -> Self {
        Self::retryable(Gap::new(GapReason::Malformed, operation.action()).with_message(shorten(problem)))
    }

    /// STS opened a session in another account than the one asked for.
    pub(crate) fn wrong_account(asked: &AccountId, got: &str) -> Self {
        let gap = Gap::new(GapReason::WrongAccount, Operation::AssumeRole.action())
            .with_message(format!("requested a session in {asked}, but received one in {got}"));
        Self { refused: true, ..Self::permanent(gap) }
    }

    /// The try took longer than it may.
    pub fn timed_out(operation: Operation) -> Self {
        Self::retryable(Gap::new(GapReason::TimedOut, operation.action()))
    }

    /// AWS's error code, where there was one.
    pub fn code(&self) -> Option<&str> {
        self.gap.code.as_deref()
    }

    /// Classifies an error of the SDK.
    pub fn of<E>(operation: Operation, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        SdkError<E, HttpResponse>: RequestId,
    {
        let mut failure = match error {
            SdkError::ServiceError(service) => {
                let (error, raw) = (service.err(), service.raw());
                let code = error.code().map(str::to_owned).or_else(|| raw.body().bytes().and_then(codes::code_in));
                Answer {
                    code,
                    message: error.message().map(str::to_owned),
                    status: raw.status().as_u16(),
                    bucket_region: raw.headers().get("x-amz-bucket-region").and_then(|name| Region::new(name).ok()),
                }
                .classify(operation)
            }
            SdkError::TimeoutError(_) => Self::timed_out(operation),
            SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => {
                let failure = Self::timed_out(operation);
                match dispatch.as_connector_error().and_then(|error| fault_in(error)) {
                    Some(fault) => Self { gap: failure.gap.with_message(shorten(&fault.to_string())), ..failure },
                    None => failure,
                }
            }
            SdkError::DispatchFailure(dispatch) => {
                let gap = Gap::new(GapReason::Unreachable, operation.action());
                let connector = dispatch.as_connector_error();
                let gap = match connector.map(innermost) {
                    Some(message) => gap.with_message(shorten(&message)),
                    None => gap,
                };
                match connector.and_then(|error| fault_in(error)).and_then(NetworkFault::tries) {
                    // Nothing was sent: there was no connection to a server that could prove who it is.
                    Some(1) => Self::unsent(gap),
                    Some(tries) => Self { action: RetryAction::RetryUpTo(tries), ..Self::unsent(gap) },
                    // Not from the connection: no endpoint could be found for the request. A connection that breaks in an answer is
                    // of the same kind, and marked as passing.
                    None if dispatch.is_other()
                        && dispatch.as_other().is_none()
                        && connector.is_some_and(|error| fault_in(error).is_none()) =>
                    {
                        Self::unsent(gap)
                    }
                    None => Self::retryable(gap),
                }
            }
            SdkError::ResponseError(response) if response.raw().status().as_u16() >= 500 => {
                Self::retryable(Gap::new(GapReason::ServiceFailure, operation.action()))
            }
            SdkError::ResponseError(_) => {
                let known = response_integrity::problem(error);
                let problem = known.unwrap_or_else(|| "the response was cut short or could not be parsed".to_owned());
                Self::malformed(operation, &problem)
            }
            _ => {
                let gap = Gap::new(GapReason::Malformed, operation.action());
                Self::permanent(gap.with_message("the request could not be built"))
            }
        };
        failure.gap.request_id = error.request_id().map(str::to_owned);
        failure
    }

    /// A Region that the account itself lists as enabled is not disabled: something else was refused.
    pub(crate) fn in_a_region(mut self, known_enabled: bool) -> Self {
        if known_enabled && self.gap.reason == GapReason::RegionDisabled {
            self.gap.reason = GapReason::Rejected;
        }
        self
    }
}

/// An error as a service, or something in between, answered it.
#[derive(Default)]
struct Answer {
    code: Option<String>,
    message: Option<String>,
    status: u16,
    /// The Region that S3 names as the bucket's.
    bucket_region: Option<Region>,
}

impl Answer {
    fn classify(self, operation: Operation) -> CallFailure {
        let Self { code, message, status, bucket_region } = self;
        let text = message.as_deref().unwrap_or_default();
        let name = code.as_deref().unwrap_or_default();
        let (action, reason) = match codes::meaning(name) {
            Some(Meaning::Throttled | Meaning::ThrottledInside) => (RetryAction::SlowDown, GapReason::Throttled),
            Some(Meaning::Expired) => (RetryAction::Renew, GapReason::Expired),
            Some(Meaning::ClockSkew) => (RetryAction::Retry, GapReason::ClockSkew),
            Some(Meaning::BadSignature) if codes::blames_date(text) => (RetryAction::Retry, GapReason::ClockSkew),
            Some(Meaning::BadSignature) => (RetryAction::Stop, GapReason::CredentialsRefused),
            Some(Meaning::RegionDisabled) => (RetryAction::Stop, GapReason::RegionDisabled),
            Some(Meaning::UnknownToken) if operation.is_regional() => (RetryAction::Stop, GapReason::RegionDisabled),
            // Services that answer everyone from the home Region do not know the key: it is bad, not the Region disabled.
            Some(Meaning::UnknownToken) => (RetryAction::Stop, GapReason::CredentialsRefused),
            Some(Meaning::Denied) => match codes::denial(text) {
                // AWS gives the same answer for a role that does not exist and for one that does not trust the caller.
                GapReason::AccessDenied if operation == Operation::AssumeRole => {
                    (RetryAction::Stop, GapReason::RoleMissing)
                }
                reason => (RetryAction::Stop, reason),
            },
            Some(Meaning::Redirected) => {
                (bucket_region.map_or(RetryAction::Stop, RetryAction::Redirect), GapReason::Rejected)
            }
            Some(Meaning::TimedOut) => (RetryAction::Retry, GapReason::TimedOut),
            None if status == 429 => (RetryAction::SlowDown, GapReason::Throttled),
            None if status >= 500 => (RetryAction::Retry, GapReason::ServiceFailure),
            // A status of success without an answer of the service: cut short, or from something in between.
            None if name.is_empty() && status < 400 => (RetryAction::Retry, GapReason::Malformed),
            // An error without a code did not come from the service: something in between answered.
            None if name.is_empty() => (RetryAction::Stop, GapReason::Malformed),
            None => (RetryAction::Stop, GapReason::Rejected),
        };
        let denied =
            matches!(reason, GapReason::AccessDenied | GapReason::DeniedByOrganizationPolicy | GapReason::RoleMissing);
        let refused = codes::proves_no_effect(name, status);
        let mut gap = Gap::new(reason, operation.action());
        if denied {
            gap.action = Some(codes::denied_action(text).unwrap_or_else(|| operation.action().to_owned()));
            gap.policy = codes::policy_arn(text);
        }
        gap.message = message.as_deref().filter(|text| !text.is_empty()).map(shorten);
        gap.code = code.filter(|code| !code.is_empty());
        CallFailure { action, gap, refused, status: Some(status) }
    }
}

/// The last error of the chain: the one of the operating system.
fn innermost(error: &ConnectorError) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

fn shorten(message: &str) -> String {
    if message.chars().count() <= MESSAGE {
        return message.to_owned();
    }
    message.chars().take(MESSAGE).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(operation: Operation, code: &str, message: &str, status: u16) -> CallFailure {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Answer { code: some(code), message: some(message), status, bucket_region: None }.classify(operation)
    }

    #[test]
    fn codes_and_statuses_become_reasons_and_actions() {
        use GapReason::*;
        use RetryAction::{Renew, Retry, SlowDown, Stop};
        for (code, status, action, reason) in [
            ("Throttling", 400, SlowDown, Throttled),
            ("TooManyRequestsException", 400, SlowDown, Throttled),
            ("LimitExceededException", 429, SlowDown, Throttled),
            ("SlowDown", 503, SlowDown, Throttled),
            ("", 429, SlowDown, Throttled),
            ("ExpiredToken", 403, Renew, Expired),
            ("AccessDenied", 403, Stop, AccessDenied),
            ("AccessDeniedException", 400, Stop, AccessDenied),
            ("", 403, Stop, Malformed),
            ("ValidationError", 400, Stop, Rejected),
            ("InvalidAccessException", 401, Stop, Rejected),
            ("NoSuchKey", 404, Stop, Rejected),
            ("PreconditionFailed", 412, Stop, Rejected),
            ("PermanentRedirect", 301, Stop, Rejected),
            ("InvalidClientTokenId", 403, Stop, RegionDisabled),
            ("OptInRequired", 403, Stop, RegionDisabled),
            ("SignatureDoesNotMatch", 403, Stop, CredentialsRefused),
            ("RequestTimeout", 400, Retry, TimedOut),
            ("InternalFailure", 500, Retry, ServiceFailure),
            ("", 503, Retry, ServiceFailure),
            ("", 404, Stop, Malformed),
            ("", 200, Retry, Malformed),
        ] {
            let failure = classified(Operation::DescribeTags, code, "", status);
            assert_eq!((failure.action, failure.gap.reason), (action, reason), "{code} {status}");
        }
    }

    #[test]
    fn a_key_that_a_global_endpoint_does_not_know_is_refused() {
        for (operation, code, reason) in [
            (Operation::ListAccounts, "UnrecognizedClientException", GapReason::CredentialsRefused),
            (Operation::AssumeRole, "InvalidClientTokenId", GapReason::CredentialsRefused),
            (Operation::AssumeRole, "RegionDisabledException", GapReason::RegionDisabled),
            (Operation::GetFindings, "UnrecognizedClientException", GapReason::RegionDisabled),
        ] {
            assert_eq!(classified(operation, code, "", 403).gap.reason, reason, "{code}");
        }
    }

    #[test]
    fn a_signature_is_late_only_where_aws_blames_its_date() {
        let mismatch = "The request signature we calculated does not match the signature you provided.";
        let expired =
            "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z (20260101T002500Z - 15 min.)";
        let early = "Signature not yet current: 20260101T010000Z is still later than 20260101T001500Z";
        for (code, message, action, reason) in [
            ("SignatureDoesNotMatch", mismatch, RetryAction::Stop, GapReason::CredentialsRefused),
            ("SignatureDoesNotMatch", expired, RetryAction::Retry, GapReason::ClockSkew),
            ("SignatureDoesNotMatch", early, RetryAction::Retry, GapReason::ClockSkew),
            ("InvalidSignatureException", mismatch, RetryAction::Stop, GapReason::CredentialsRefused),
            ("RequestTimeTooSkewed", "", RetryAction::Retry, GapReason::ClockSkew),
        ] {
            let failure = classified(Operation::GetCallerIdentity, code, message, 403);
            assert_eq!((failure.action, failure.gap.reason), (action, reason), "{code} {message}");
            assert!(failure.gap.to_string().contains(message), "{}", failure.gap);
        }
    }

    #[test]
    fn a_bucket_in_another_region_is_asked_there() {
        let region = Region::new("eu-west-1").expect("valid");
        for (named, action) in [(Some(region.clone()), RetryAction::Redirect(region)), (None, RetryAction::Stop)] {
            let code = Some("PermanentRedirect".to_owned());
            let answer = Answer { code, status: 301, bucket_region: named, ..Answer::default() };
            assert_eq!(answer.classify(Operation::GetObject).action, action);
        }
    }

    #[test]
    fn only_an_error_of_awss_own_that_refuses_the_request_proves_that_nothing_was_done() {
        for (code, status, refused) in [
            ("Throttling", 400, true),
            ("RequestLimitExceeded", 503, true),
            ("AccessDenied", 403, true),
            ("ExpiredToken", 403, true),
            ("SignatureDoesNotMatch", 403, true),
            ("ValidationError", 400, true),
            ("LoadBalancerNotFound", 400, true),
            // Something in between answered, and may have passed the request on.
            ("", 429, false),
            ("", 403, false),
            ("", 502, false),
            // The service may have acted before it failed.
            ("InternalFailure", 500, false),
            ("InternalError", 400, false),
            ("ServiceUnavailable", 503, false),
            ("RequestTimeout", 408, false),
            ("RequestTimeoutException", 400, false),
            ("DependencyThrottle", 400, false),
            ("PriorRequestNotComplete", 400, false),
        ] {
            let failure = classified(Operation::ModifyLoadBalancerAttributes, code, "", status);
            assert_eq!(failure.refused, refused, "{code} {status}");
        }
        assert!(!CallFailure::malformed(Operation::ModifyLoadBalancerAttributes, "cut short").refused);
    }

    #[test]
    fn a_denial_names_its_policy_and_the_missing_action() {
        const SCP: &str = "arn:aws:organizations::100000000001:policy/o-acme000001/service_control_policy/p-12345678";
        let by_scp = format!(
            "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: elasticloadbalancing:DescribeLoadBalancers on \
             resource: * with an explicit deny in a service control policy: {SCP}"
        );
        let kms = "User: x is not authorized to perform: kms:Decrypt on resource: y because no identity-based policy allows it";
        let (denied, by_organization) = (GapReason::AccessDenied, GapReason::DeniedByOrganizationPolicy);
        for (operation, message, reason, action, policy) in [
            (
                Operation::DescribeLoadBalancers,
                by_scp.as_str(),
                by_organization,
                "elasticloadbalancing:DescribeLoadBalancers",
                Some(SCP),
            ),
            (
                Operation::GetFindings,
                "because no resource control policy allows it",
                by_organization,
                "securityhub:GetFindings",
                None,
            ),
            (Operation::GetObject, "Access Denied", denied, "s3:GetObject", None),
            (Operation::GetObject, kms, denied, "kms:Decrypt", None),
            (Operation::GetObject, "is not authorized to perform: <script>:x", denied, "s3:GetObject", None),
            (Operation::GetObject, "not authorized to perform: a:b\u{202e}c", denied, "s3:GetObject", None),
            (Operation::GetObject, "not authorized to perform: ", denied, "s3:GetObject", None),
        ] {
            let gap = classified(operation, "AccessDenied", message, 403).gap;
            assert_eq!((gap.reason, gap.action.as_deref(), gap.policy.as_deref()), (reason, Some(action), policy));
        }
        let role =
            classified(Operation::AssumeRole, "AccessDenied", "is not authorized to perform: sts:AssumeRole", 403);
        assert_eq!(role.gap.reason, GapReason::RoleMissing);
        assert!(classified(Operation::DescribeTags, "Throttling", "", 400).gap.action.is_none());
    }
}
