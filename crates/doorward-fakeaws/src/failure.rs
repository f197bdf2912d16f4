//! How an operation ends other than with a document: with a failure, or with a response of its own.

use bytes::Bytes;

/// Why a call fails, before it is worded for a protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Not authorized; the message is AWS's sentence.
    Denied(String),
    /// The session ended.
    Expired,
    /// The access key or session token is not known, or not valid in this Region.
    InvalidToken,
    /// Too many calls.
    Throttled,
    /// The request was signed at another time than now.
    Skewed(String),
    /// The service has no such action.
    UnknownAction(String),
    /// A parameter is missing or out of range.
    Invalid(String),
    /// The bucket is in this Region, and another was asked.
    OtherRegion(String),
    /// An error of the service's own.
    Own { code: &'static str, message: String, status: u16 },
}

impl Failure {
    /// An error of the service's own, with status 400.
    pub(crate) fn own(code: &'static str, message: impl Into<String>) -> Self {
        Self::Own { code, message: message.into(), status: 400 }
    }
}

/// An answer with its own status and headers.
#[derive(Debug)]
pub(crate) struct RawResponse {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}
