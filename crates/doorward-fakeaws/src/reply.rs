//! Answers and errors in the shape of the protocol: query XML, JSON 1.1 and REST JSON.

use crate::services::{Protocol, Service};
use crate::xml::Xml;

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
    /// An error of the service's own.
    Own { code: &'static str, message: String, status: u16 },
}

impl Failure {
    /// An error of the service's own, with status 400.
    pub(crate) fn own(code: &'static str, message: impl Into<String>) -> Self {
        Self::Own { code, message: message.into(), status: 400 }
    }

    /// Code, message and HTTP status for a service.
    fn worded(&self, service: &Service) -> (&str, String, u16) {
        let query = matches!(service.protocol, Protocol::Query { .. });
        // JSON 1.1 answers 400 where REST JSON and query answer 403.
        let forbidden = if matches!(service.protocol, Protocol::Json { .. }) { 400 } else { 403 };
        match self {
            Self::Denied(message) => {
                (if query { "AccessDenied" } else { "AccessDeniedException" }, message.clone(), forbidden)
            }
            Self::Expired => (
                if query { "ExpiredToken" } else { "ExpiredTokenException" },
                "The security token included in the request is expired".to_owned(),
                forbidden,
            ),
            Self::InvalidToken => (
                if query { "InvalidClientTokenId" } else { "UnrecognizedClientException" },
                "The security token included in the request is invalid.".to_owned(),
                forbidden,
            ),
            Self::Throttled => {
                let status = if matches!(service.protocol, Protocol::Rest) { 429 } else { 400 };
                (service.throttle, "Rate exceeded".to_owned(), status)
            }
            Self::Skewed(message) => {
                (if query { "SignatureDoesNotMatch" } else { "InvalidSignatureException" }, message.clone(), forbidden)
            }
            Self::UnknownAction(action) => match service.protocol {
                Protocol::Query { version, .. } => {
                    ("InvalidAction", format!("Could not find operation {action} for version {version}"), 400)
                }
                Protocol::Json { .. } => ("UnknownOperationException", String::new(), 400),
                Protocol::Rest => ("UnknownOperationException", String::new(), 404),
            },
            Self::Invalid(message) => (service.invalid, message.clone(), 400),
            Self::Own { code, message, status } => (code, message.clone(), *status),
        }
    }
}

/// A complete answer, before faults get at it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
    /// `ok` or the error code.
    pub(crate) outcome: String,
    /// REST JSON repeats the error code in a header.
    pub(crate) error_header: bool,
}

/// Wraps what an operation answered, or its failure, for the service's protocol.
pub(crate) fn reply(service: &Service, action: &str, request_id: &str, result: Result<String, Failure>) -> Reply {
    match (result, &service.protocol) {
        (Ok(inner), Protocol::Query { namespace, .. }) => {
            let mut xml = Xml::with_capacity(inner.len() + 400);
            xml.open(&format!("{action}Response xmlns=\"{namespace}\""));
            xml.raw_within(&format!("{action}Result"), &inner);
            xml.within("ResponseMetadata", |xml| xml.text("RequestId", request_id));
            xml.close(&format!("{action}Response"));
            Reply {
                status: 200,
                content_type: "text/xml",
                body: xml.finish(),
                outcome: "ok".to_owned(),
                error_header: false,
            }
        }
        (Ok(body), protocol) => Reply {
            status: 200,
            content_type: json_type(protocol),
            body,
            outcome: "ok".to_owned(),
            error_header: false,
        },
        (Err(failure), protocol) => {
            let (code, message, status) = failure.worded(service);
            let code = code.to_owned();
            let body = match protocol {
                Protocol::Query { namespace, .. } => error_xml(namespace, &code, &message, status, request_id),
                Protocol::Json { .. } => {
                    serde_json::json!({"__type": code, "Message": message, "message": message}).to_string()
                }
                Protocol::Rest => serde_json::json!({"__type": code, "message": message}).to_string(),
            };
            let xml = matches!(protocol, Protocol::Query { .. });
            Reply { status, content_type: json_type(protocol), body, outcome: code, error_header: !xml }
        }
    }
}

fn json_type(protocol: &Protocol) -> &'static str {
    match protocol {
        Protocol::Query { .. } => "text/xml",
        Protocol::Json { .. } => "application/x-amz-json-1.1",
        Protocol::Rest => "application/json",
    }
}

/// The `ErrorResponse` document of the query protocol.
pub(crate) fn error_xml(namespace: &str, code: &str, message: &str, status: u16, request_id: &str) -> String {
    let mut xml = Xml::with_capacity(400 + message.len());
    xml.open(&format!("ErrorResponse xmlns=\"{namespace}\""));
    xml.within("Error", |xml| {
        xml.text("Type", if status >= 500 { "Receiver" } else { "Sender" });
        xml.text("Code", code);
        xml.text("Message", message);
    });
    xml.text("RequestId", request_id);
    xml.close("ErrorResponse");
    xml.finish()
}
