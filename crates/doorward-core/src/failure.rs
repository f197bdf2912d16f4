//! What a failed call means: retry, renew, or a gap with a reason.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

use doorward_model::{AccountId, Gap, GapReason};

use crate::actions::Operation;

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cure {
    /// Slow this account-Region down and try again.
    SlowDown,
    /// Try again after a pause.
    Retry,
    /// Renew the credentials and try again.
    Renew,
    /// Trying again would give the same answer.
    None,
}

/// A failed call, classified.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) cure: Cure,
    pub(crate) gap: Gap,
    /// Whether the call certainly had no effect: nothing was sent, or AWS answered with an error of its own that refuses the request.
    /// False for every answer after which AWS may have acted: a timeout, a server error, an answer cut short.
    pub(crate) refused: bool,
}

impl Failure {
    /// There are no credentials to send the call with, so nothing was sent.
    pub(crate) fn unsent(gap: Gap) -> Self {
        Self { cure: Cure::None, gap, refused: true }
    }

    /// AWS's error code, where there was one.
    pub(crate) fn code(&self) -> Option<&str> {
        self.gap.code.as_deref()
    }

    /// Classifies an error of the SDK.
    pub(crate) fn of<E>(operation: Operation, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        SdkError<E, HttpResponse>: RequestId,
    {
        let mut seen = Seen { request_id: error.request_id().map(str::to_owned), ..Seen::default() };
        match error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                let told = service.err().code().map(str::to_owned);
                seen.code = told.or_else(|| service.raw().body().bytes().and_then(code_in));
                seen.message = service.err().message().map(str::to_owned);
                seen.judge(operation, status)
            }
            SdkError::TimeoutError(_) => seen.failure(operation, Cure::Retry, GapReason::TimedOut),
            SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => {
                seen.failure(operation, Cure::Retry, GapReason::TimedOut)
            }
            SdkError::DispatchFailure(dispatch) => {
                seen.message = dispatch.as_connector_error().map(innermost);
                seen.failure(operation, Cure::Retry, GapReason::Unreachable)
            }
            SdkError::ResponseError(response) => {
                let status = response.raw().status().as_u16();
                if status >= 500 {
                    seen.failure(operation, Cure::Retry, GapReason::ServiceFailure)
                } else {
                    let known = crate::whole::problem(error);
                    seen.message =
                        Some(known.unwrap_or_else(|| "the answer was cut short or could not be parsed".to_owned()));
                    seen.failure(operation, Cure::Retry, GapReason::Malformed)
                }
            }
            _ => {
                seen.message = Some("the request could not be built".to_owned());
                seen.failure(operation, Cure::None, GapReason::Malformed)
            }
        }
    }

    /// STS opened a session in another account than the one asked for.
    pub(crate) fn wrong_account(asked: &AccountId, got: &str) -> Self {
        let gap = Gap::new(GapReason::WrongAccount, Operation::AssumeRole.action())
            .with_message(format!("asked for a session in {asked}, got one in {got}"));
        Self { cure: Cure::None, gap, refused: true }
    }

    /// A Region that the account itself called enabled is not disabled: what was refused is something else.
    pub(crate) fn in_a_region(mut self, told_enabled: bool) -> Self {
        if told_enabled && self.gap.reason == GapReason::RegionDisabled {
            self.gap.reason = GapReason::Rejected;
        }
        self
    }

    /// An answer that arrived and lacks what it must contain.
    pub(crate) fn malformed(operation: Operation, what: &str) -> Self {
        let seen = Seen { message: Some(what.to_owned()), ..Seen::default() };
        seen.failure(operation, Cure::Retry, GapReason::Malformed)
    }
}

#[derive(Default)]
struct Seen {
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

impl Seen {
    fn judge(self, operation: Operation, status: u16) -> Failure {
        let message = self.message.clone().unwrap_or_default();
        let refused = self.code.as_deref().is_some_and(|code| refuses(code, status));
        let (cure, reason) = match self.code.as_deref().unwrap_or_default() {
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "PriorRequestNotComplete"
            | "DependencyThrottle"
            | "SlowDown" => (Cure::SlowDown, GapReason::Throttled),
            "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => (Cure::Renew, GapReason::Expired),
            "RequestTimeTooSkewed"
            | "RequestInTheFuture"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "AuthFailure" => (Cure::Retry, GapReason::ClockSkew),
            "RegionDisabledException" | "OptInRequired" | "SubscriptionRequiredException" => {
                (Cure::None, GapReason::RegionDisabled)
            }
            // AWS's way of saying that the Region is not enabled, to a session that works elsewhere.
            "UnrecognizedClientException" | "InvalidClientTokenId" => (Cure::None, GapReason::RegionDisabled),
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "AuthorizationError" => {
                (Cure::None, denial(&message))
            }
            _ if status == 429 => (Cure::SlowDown, GapReason::Throttled),
            _ if status >= 500 => (Cure::Retry, GapReason::ServiceFailure),
            // An error without a code did not come from the service: something in between answered.
            "" => (Cure::None, GapReason::Malformed),
            _ => (Cure::None, GapReason::Rejected),
        };
        Failure { refused, ..self.failure(operation, cure, reason) }
    }

    fn failure(self, operation: Operation, cure: Cure, reason: GapReason) -> Failure {
        let reason = match (operation, reason) {
            (Operation::AssumeRole, GapReason::AccessDenied) => GapReason::RoleMissing,
            // Services that answer everybody from the home Region do not know the token: it is bad, not the Region closed.
            (operation, GapReason::RegionDisabled)
                if !operation.is_regional() && self.code.as_deref() != Some("RegionDisabledException") =>
            {
                GapReason::Expired
            }
            (_, reason) => reason,
        };
        let denied =
            matches!(reason, GapReason::AccessDenied | GapReason::DeniedByOrganizationPolicy | GapReason::RoleMissing);
        let mut gap = Gap::new(reason, operation.action());
        gap.action = denied.then(|| operation.action().to_owned());
        gap.policy = self.message.as_deref().filter(|_| denied).and_then(policy_arn);
        gap.code = self.code;
        gap.message = self.message.map(|m| shorten(&m));
        gap.request_id = self.request_id;
        Failure { cure, gap, refused: false }
    }
}

/// Whether an error code says that AWS did nothing. AWS documents that for requests refused for their rate, and for requests refused
/// before they are carried out (IAM "Common errors": authentication, permission, validation), which are answered with a 4xx
/// status. A code that reports a timeout or a failure inside the service leaves it open, whatever its status.
fn refuses(code: &str, status: u16) -> bool {
    let by_rate = [
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
    ];
    let open = ["Timeout", "Internal", "Unavailable", "PriorRequestNotComplete", "DependencyThrottle"];
    by_rate.contains(&code)
        || ((400..500).contains(&status) && !code.is_empty() && !open.iter().any(|part| code.contains(part)))
}

/// The code in an XML error that came where the SDK expected another shape: some endpoints answer a JSON or query call
/// with the bare `<Error>` of another protocol.
fn code_in(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body.get(..body.len().min(4096))?).ok()?;
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let plain = !code.is_empty() && code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    plain.then(|| code.to_owned())
}

fn denial(message: &str) -> GapReason {
    let of_the_organization =
        message.contains("in a service control policy") || message.contains("in a resource control policy");
    let implicit = message.contains("because no service control policy allows")
        || message.contains("because no resource control policy allows");
    if of_the_organization || implicit { GapReason::DeniedByOrganizationPolicy } else { GapReason::AccessDenied }
}

/// The ARN that AWS puts behind "in a service control policy:".
fn policy_arn(message: &str) -> Option<String> {
    let at = message.find("control policy: arn:")? + "control policy: ".len();
    let arn = message[at..].split_whitespace().next()?;
    Some(arn.trim_end_matches(['.', ',']).to_owned())
}

/// The last link of an error's chain says what the operating system said.
fn innermost(error: &aws_smithy_runtime_api::client::result::ConnectorError) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// Messages are outside text of any length; a report needs the beginning.
fn shorten(message: &str) -> String {
    const LIMIT: usize = 600;
    if message.chars().count() <= LIMIT {
        return message.to_owned();
    }
    message.chars().take(LIMIT).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(operation: Operation, code: &str, message: &str, status: u16) -> Failure {
        Seen {
            code: Some(code.to_owned()).filter(|c| !c.is_empty()),
            message: Some(message.to_owned()),
            request_id: None,
        }
        .judge(operation, status)
    }

    #[test]
    fn codes_become_reasons_and_cures() {
        use Cure::{None as Nothing, Renew, Retry, SlowDown};
        use GapReason::*;
        for (code, status, cure, reason) in [
            ("Throttling", 400, SlowDown, Throttled),
            ("TooManyRequestsException", 400, SlowDown, Throttled),
            ("", 429, SlowDown, Throttled),
            ("ExpiredToken", 403, Renew, Expired),
            ("AccessDenied", 403, Nothing, AccessDenied),
            ("AccessDeniedException", 400, Nothing, AccessDenied),
            ("", 403, Nothing, Malformed),
            ("ValidationError", 400, Nothing, Rejected),
            ("InvalidClientTokenId", 403, Nothing, RegionDisabled),
            ("OptInRequired", 403, Nothing, RegionDisabled),
            ("SignatureDoesNotMatch", 403, Retry, ClockSkew),
            ("InternalFailure", 500, Retry, ServiceFailure),
            ("", 503, Retry, ServiceFailure),
            ("", 404, Nothing, Malformed),
        ] {
            let failure = judged(Operation::DescribeTags, code, "", status);
            assert_eq!((failure.cure, failure.gap.reason), (cure, reason), "{code} {status}");
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
            let failure = judged(Operation::ModifyLoadBalancerAttributes, code, "", status);
            assert_eq!(failure.refused, refused, "{code} {status}");
        }
        assert!(!Failure::malformed(Operation::ModifyLoadBalancerAttributes, "cut short").refused);
    }

    #[test]
    fn a_code_is_found_in_an_error_of_another_shape() {
        for (body, code) in [
            ("<Response><Errors><Error><Code>AccessDenied</Code></Error></Errors></Response>", Some("AccessDenied")),
            ("<html><body>403 Forbidden</body></html>", None),
            ("<Code>no code at all</Code>", None),
            ("{}", None),
        ] {
            assert_eq!(code_in(body.as_bytes()).as_deref(), code, "{body}");
        }
    }

    #[test]
    fn a_denial_names_what_would_mend_it() {
        let scp = judged(
            Operation::DescribeLoadBalancers,
            "AccessDenied",
            "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: elasticloadbalancing:DescribeLoadBalancers \
             on resource: * with an explicit deny in a service control policy: \
             arn:aws:organizations::100000000001:policy/o-acme000001/service_control_policy/p-12345678",
            403,
        );
        assert_eq!(scp.gap.reason, GapReason::DeniedByOrganizationPolicy);
        assert_eq!(
            scp.gap.policy.as_deref(),
            Some("arn:aws:organizations::100000000001:policy/o-acme000001/service_control_policy/p-12345678")
        );
        assert_eq!(scp.gap.action.as_deref(), Some("elasticloadbalancing:DescribeLoadBalancers"));

        let role = judged(Operation::AssumeRole, "AccessDenied", "is not authorized to perform: sts:AssumeRole", 403);
        assert_eq!(role.gap.reason, GapReason::RoleMissing);
        assert!(judged(Operation::DescribeTags, "Throttling", "", 400).gap.action.is_none());
    }
}
