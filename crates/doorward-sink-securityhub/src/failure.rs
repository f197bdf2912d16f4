//! What a failed call means for the findings in it.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

use doorward_model::{Gap, GapReason};

/// A failed call, by what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Slow this hub down and try again.
    SlowDown(Gap),
    /// Try again; the call may have had its effect, which does no harm.
    Retry(Gap),
    /// Renew the credentials and try again.
    Renew(Gap),
    /// Something in the batch is not as it must be; smaller batches find out what.
    Invalid(String),
    /// Security Hub is not enabled in this account-Region.
    NotEnabled(Gap),
    /// Nothing that could be tried again would help: the hub is closed to us.
    Closed(Gap),
}

impl Failure {
    /// Classifies an error of the SDK.
    pub(crate) fn of<E>(action: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata,
        SdkError<E, HttpResponse>: RequestId,
    {
        let mut gap = Gap::new(GapReason::Rejected, action);
        gap.request_id = error.request_id().map(str::to_owned);
        match error {
            SdkError::ServiceError(service) => {
                let code = service.err().code().unwrap_or_default().to_owned();
                let message = service.err().message().unwrap_or_default();
                gap.message = Some(message.chars().take(600).collect()).filter(|m: &String| !m.is_empty());
                gap.code = Some(code).filter(|code| !code.is_empty());
                judge(gap, action, service.raw().status().as_u16())
            }
            SdkError::TimeoutError(_) => Self::Retry(because(gap, GapReason::TimedOut)),
            SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => {
                Self::Retry(because(gap, GapReason::TimedOut))
            }
            SdkError::DispatchFailure(_) => Self::Retry(because(gap, GapReason::Unreachable)),
            SdkError::ResponseError(_) => {
                Self::Retry(malformed(action, "the answer was cut short or is not an answer"))
            }
            _ => Self::Invalid("the request could not be built".to_owned()),
        }
    }
}

/// An answer that does not say what became of each finding.
pub(crate) fn malformed(action: &'static str, what: &str) -> Gap {
    Gap::new(GapReason::Malformed, action).with_message(what)
}

fn because(mut gap: Gap, reason: GapReason) -> Gap {
    gap.reason = reason;
    gap
}

fn judge(mut gap: Gap, action: &'static str, status: u16) -> Failure {
    let message = gap.message.clone().unwrap_or_default();
    match gap.code.as_deref().unwrap_or_default() {
        "TooManyRequestsException" | "LimitExceededException" | "Throttling" | "ThrottlingException" => {
            Failure::SlowDown(because(gap, GapReason::Throttled))
        }
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => Failure::Renew(because(gap, GapReason::Expired)),
        "RequestTimeTooSkewed" | "RequestInTheFuture" | "SignatureDoesNotMatch" | "InvalidSignatureException" => {
            Failure::Retry(because(gap, GapReason::ClockSkew))
        }
        "InvalidInputException" | "ValidationException" => Failure::Invalid(message),
        // AWS says with this code that the account is not subscribed, and nothing else in an import by its own account.
        "InvalidAccessException" => Failure::NotEnabled(gap),
        "UnrecognizedClientException" | "InvalidClientTokenId" | "OptInRequired" | "RegionDisabledException" => {
            Failure::Closed(because(gap, GapReason::RegionDisabled))
        }
        "AccessDeniedException" | "AccessDenied" => {
            gap.action = Some(action.to_owned());
            let organization = message.contains("in a service control policy")
                || message.contains("in a resource control policy")
                || message.contains("because no service control policy allows")
                || message.contains("because no resource control policy allows");
            let reason = if organization { GapReason::DeniedByOrganizationPolicy } else { GapReason::AccessDenied };
            Failure::Closed(because(gap, reason))
        }
        _ if status == 429 => Failure::SlowDown(because(gap, GapReason::Throttled)),
        _ if status == 413 => Failure::Invalid("the batch is too large".to_owned()),
        _ if status >= 500 => Failure::Retry(because(gap, GapReason::ServiceFailure)),
        // An error without a code did not come from Security Hub: something in between answered.
        "" => Failure::Retry(because(gap, GapReason::Malformed)),
        _ => Failure::Closed(gap),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_what_helps() {
        let judged = |code: &str, message: &str, status| {
            let mut gap = Gap::new(GapReason::Rejected, "securityhub:BatchImportFindings").with_message(message);
            gap.code = Some(code.to_owned()).filter(|code| !code.is_empty());
            let failure = judge(gap, "securityhub:BatchImportFindings", status);
            match failure {
                Failure::SlowDown(gap) => ("slow", Some(gap.reason)),
                Failure::Retry(gap) => ("retry", Some(gap.reason)),
                Failure::Renew(gap) => ("renew", Some(gap.reason)),
                Failure::Invalid(_) => ("invalid", None),
                Failure::NotEnabled(_) => ("not enabled", None),
                Failure::Closed(gap) => ("closed", Some(gap.reason)),
            }
        };
        for (code, message, status, help, reason) in [
            ("TooManyRequestsException", "", 429, "slow", Some(GapReason::Throttled)),
            ("LimitExceededException", "", 429, "slow", Some(GapReason::Throttled)),
            ("ExpiredTokenException", "", 403, "renew", Some(GapReason::Expired)),
            ("InvalidInputException", "", 400, "invalid", None),
            ("InvalidAccessException", "", 401, "not enabled", None),
            ("AccessDeniedException", "", 403, "closed", Some(GapReason::AccessDenied)),
            (
                "AccessDeniedException",
                "with an explicit deny in a service control policy: arn:x",
                403,
                "closed",
                Some(GapReason::DeniedByOrganizationPolicy),
            ),
            ("InternalException", "", 500, "retry", Some(GapReason::ServiceFailure)),
            ("", "", 502, "retry", Some(GapReason::ServiceFailure)),
            ("", "", 404, "retry", Some(GapReason::Malformed)),
            ("SomethingElse", "", 400, "closed", Some(GapReason::Rejected)),
        ] {
            assert_eq!(judged(code, message, status), (help, reason), "{code} {status}");
        }
    }
}
