//! The results of an operation that are not a document: a failure, or a complete response.

use bytes::Bytes;

/// Why a call fails, independent of the protocol.
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
    /// The bucket is in this Region, and the request was sent to another one.
    OtherRegion(String),
    /// An error that only this service has.
    Own { code: &'static str, message: String, status: u16 },
}

impl Failure {
    /// An error that only this service has, with status 400.
    pub(crate) fn own(code: &'static str, message: impl Into<String>) -> Self {
        Self::with_status(400, code, message)
    }

    /// The same with another HTTP status.
    pub(crate) fn with_status(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self::Own { code, message: message.into(), status }
    }
}

/// A response with its own status and headers.
#[derive(Debug)]
pub(crate) struct RawResponse {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Headers whose names the caller chose: the metadata of an object.
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) body: Bytes,
}
