//! The one table of AWS's error codes, whichever service sends them.

use doorward_model::GapReason;

/// The meaning of an error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Refused for its rate, before anything was done.
    Throttled,
    /// Something behind the service was throttled, so a part of the request may have been done.
    ThrottledInside,
    /// The credentials have expired.
    Expired,
    /// The date of the request is too far from AWS's: the clock is wrong.
    ClockSkew,
    /// The signature is wrong: the secret key does not belong to the key id, or the clock is wrong. The message
    /// distinguishes the two.
    BadSignature,
    /// The Region is not enabled, by the service's own words.
    RegionDisabled,
    /// The endpoint does not know the credentials. AWS answers this way in a Region that is not enabled, to a session that works elsewhere.
    UnknownToken,
    /// A permission is missing, or a policy denies it.
    Denied,
    /// S3: the bucket is in another Region.
    Redirected,
    /// The bytes of the request came too late.
    TimedOut,
}

/// The meaning of an error code; `None` for codes that mean something to one operation only.
pub(super) fn meaning(code: &str) -> Option<Meaning> {
    Some(match code {
        "Throttling"
        | "ThrottlingException"
        | "Throttled"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "LimitExceededException"
        | "KMSThrottling"
        | "SlowDown" => Meaning::Throttled,
        "PriorRequestNotComplete" | "DependencyThrottle" => Meaning::ThrottledInside,
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => Meaning::Expired,
        "RequestTimeTooSkewed" | "RequestInTheFuture" => Meaning::ClockSkew,
        "SignatureDoesNotMatch" | "InvalidSignatureException" | "AuthFailure" => Meaning::BadSignature,
        "RegionDisabledException" => Meaning::RegionDisabled,
        "OptInRequired"
        | "SubscriptionRequiredException"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidToken" => Meaning::UnknownToken,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "AuthorizationError"
        | "AuthorizationErrorException"
        | "AllAccessDisabled" => Meaning::Denied,
        "PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed" => Meaning::Redirected,
        "RequestTimeout" | "RequestTimeoutException" => Meaning::TimedOut,
        _ => return None,
    })
}

/// Whether AWS's message about a signature blames its date: `Signature expired: 20260102T030405Z is now earlier than …`,
/// `Signature not yet current: …`.
pub(super) fn blames_date(message: &str) -> bool {
    ["Signature expired", "not yet current", "is now earlier than", "time too skewed"]
        .iter()
        .any(|words| message.contains(words))
}

/// Whether an error code proves that AWS did nothing. AWS documents that for requests refused for their rate, and for requests
/// refused before they are carried out (IAM "Common errors": authentication, permission, validation), which are answered with a
/// 4xx status. A code that reports a timeout or a failure inside the service leaves it open, whatever its status.
pub(super) fn proves_no_effect(code: &str, status: u16) -> bool {
    let open = ["Timeout", "Internal", "Unavailable"];
    match meaning(code) {
        Some(Meaning::Throttled) => true,
        Some(Meaning::ThrottledInside | Meaning::TimedOut) => false,
        _ => (400..500).contains(&status) && !code.is_empty() && !open.iter().any(|part| code.contains(part)),
    }
}

/// The reason of a denial: AWS names the kind of policy in the message.
pub(super) fn denial(message: &str) -> GapReason {
    let by_the_organization = [
        "in a service control policy",
        "in a resource control policy",
        "because no service control policy allows",
        "because no resource control policy allows",
    ];
    let named = by_the_organization.iter().any(|words| message.contains(words));
    if named { GapReason::DeniedByOrganizationPolicy } else { GapReason::AccessDenied }
}

/// The action that a denial names. It may be another than the operation's own: reading an encrypted object takes a permission of
/// KMS. Text of a shape that no action has is not repeated.
pub(super) fn denied_action(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("not authorized to perform: ")?;
    let action = rest.split_whitespace().next()?;
    let (service, verb) = action.split_once(':')?;
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (plain(service) && plain(verb) && action.len() <= 100).then(|| action.to_owned())
}

/// The ARN behind "in a service control policy:" in a denial.
pub(super) fn policy_arn(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("control policy: ")?;
    let arn = rest.split_whitespace().next()?.trim_end_matches(['.', ',']);
    arn.starts_with("arn:").then(|| arn.to_owned())
}

/// The code in an XML error that arrived where the SDK expected another shape: some endpoints answer a JSON or query call
/// with the bare `<Error>` of another protocol.
pub(super) fn code_in(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body.get(..body.len().min(4096))?).ok()?;
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let plain = !code.is_empty() && code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    plain.then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every code that AWS documents for the services that Doorward calls and that means the same everywhere.
    const TABLE: [(&str, Meaning); 39] = [
        // Rates: Elastic Load Balancing and STS, Organizations, CloudWatch Logs, Athena and Security Hub, S3, SNS.
        ("Throttling", Meaning::Throttled),
        ("ThrottlingException", Meaning::Throttled),
        ("Throttled", Meaning::Throttled),
        ("ThrottledException", Meaning::Throttled),
        ("RequestThrottled", Meaning::Throttled),
        ("RequestThrottledException", Meaning::Throttled),
        ("TooManyRequestsException", Meaning::Throttled),
        ("RequestLimitExceeded", Meaning::Throttled),
        ("LimitExceededException", Meaning::Throttled),
        ("KMSThrottling", Meaning::Throttled),
        ("SlowDown", Meaning::Throttled),
        ("PriorRequestNotComplete", Meaning::ThrottledInside),
        ("DependencyThrottle", Meaning::ThrottledInside),
        ("ExpiredToken", Meaning::Expired),
        ("ExpiredTokenException", Meaning::Expired),
        ("RequestExpired", Meaning::Expired),
        ("RequestTimeTooSkewed", Meaning::ClockSkew),
        ("RequestInTheFuture", Meaning::ClockSkew),
        ("SignatureDoesNotMatch", Meaning::BadSignature),
        ("InvalidSignatureException", Meaning::BadSignature),
        ("AuthFailure", Meaning::BadSignature),
        ("RegionDisabledException", Meaning::RegionDisabled),
        ("OptInRequired", Meaning::UnknownToken),
        ("SubscriptionRequiredException", Meaning::UnknownToken),
        ("UnrecognizedClientException", Meaning::UnknownToken),
        ("InvalidClientTokenId", Meaning::UnknownToken),
        ("InvalidAccessKeyId", Meaning::UnknownToken),
        ("InvalidToken", Meaning::UnknownToken),
        ("AccessDenied", Meaning::Denied),
        ("AccessDeniedException", Meaning::Denied),
        ("UnauthorizedOperation", Meaning::Denied),
        ("AuthorizationError", Meaning::Denied),
        ("AuthorizationErrorException", Meaning::Denied),
        ("AllAccessDisabled", Meaning::Denied),
        ("PermanentRedirect", Meaning::Redirected),
        ("TemporaryRedirect", Meaning::Redirected),
        ("AuthorizationHeaderMalformed", Meaning::Redirected),
        ("RequestTimeout", Meaning::TimedOut),
        ("RequestTimeoutException", Meaning::TimedOut),
    ];

    #[test]
    fn every_code_has_one_meaning() {
        for (code, expected) in TABLE {
            assert_eq!(meaning(code), Some(expected), "{code}");
        }
        // Codes that a caller interprets by itself, and text that is no code.
        for code in ["", "InvalidInputException", "InvalidAccessException", "NotFound", "ValidationError", "throttling"]
        {
            assert_eq!(meaning(code), None, "{code}");
        }
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
}
