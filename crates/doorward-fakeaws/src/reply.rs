//! Responses and errors in the form of the protocol: query XML, JSON 1.1, REST JSON, CBOR and S3's own.

use bytes::Bytes;

use crate::failure::{Failure, RawResponse};
use crate::service::{Protocol, Service};
use crate::xml::Xml;

/// The result of a successful operation.
#[derive(Debug)]
pub(crate) enum Output {
    /// A document, for the protocol to wrap.
    Document(String),
    /// A response that needs no wrapping.
    Raw(RawResponse),
}

/// A complete response, before a fault changes it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    /// `ok` or the error code.
    pub(crate) outcome: String,
    /// Headers besides the content's type and length, the date and the request id.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Headers whose names the caller chose.
    pub(crate) metadata: Vec<(String, String)>,
}

/// Wraps the output of an operation, or its failure, for the service's protocol.
pub(crate) fn reply(service: &Service, action: &str, request_id: &str, result: Result<Output, Failure>) -> Reply {
    let mut reply = match result {
        Ok(Output::Document(inner)) => Reply {
            status: 200,
            content_type: content_type(&service.protocol),
            body: document(service, action, request_id, inner).into(),
            outcome: "ok".to_owned(),
            headers: Vec::new(),
            metadata: Vec::new(),
        },
        Ok(Output::Raw(RawResponse { status, content_type, headers, metadata, body })) => {
            Reply { status, content_type, body, outcome: "ok".to_owned(), headers, metadata }
        }
        Err(failure) => refusal(service, request_id, &failure),
    };
    match service.protocol {
        Protocol::Storage => reply.headers.push(("x-amz-request-id", request_id.to_owned())),
        Protocol::Cbor { .. } => reply.headers.push(("smithy-protocol", "rpc-v2-cbor".to_owned())),
        _ => {}
    }
    reply
}

fn document(service: &Service, action: &str, request_id: &str, inner: String) -> String {
    let Protocol::Query { namespace, .. } = service.protocol else { return inner };
    let mut xml = Xml::with_capacity(inner.len() + 400);
    xml.open(&format!("{action}Response xmlns=\"{namespace}\""));
    xml.raw_within(&format!("{action}Result"), &inner);
    xml.within("ResponseMetadata", |xml| xml.text("RequestId", request_id));
    xml.close(&format!("{action}Response"));
    xml.finish()
}

fn refusal(service: &Service, request_id: &str, failure: &Failure) -> Reply {
    let (code, message, status) = worded(failure, service);
    let code = code.to_owned();
    let mut headers = Vec::new();
    let body = match &service.protocol {
        Protocol::Query { namespace, .. } | Protocol::RestXml { namespace } => {
            error_xml(namespace, &code, &message, status, request_id).into()
        }
        Protocol::Json { .. } => {
            headers.push(("x-amzn-errortype", code.clone()));
            serde_json::json!({"__type": code, "Message": message, "message": message}).to_string().into()
        }
        Protocol::Rest => {
            headers.push(("x-amzn-errortype", code.clone()));
            serde_json::json!({"__type": code, "message": message}).to_string().into()
        }
        Protocol::Cbor { .. } => {
            headers.push(("x-amzn-query-error", format!("{code};Sender")));
            crate::cbor::map([("__type", code.as_str().into()), ("message", message.as_str().into())])
        }
        Protocol::Storage => {
            if let Failure::OtherRegion(region) = failure {
                headers.push(("x-amz-bucket-region", region.clone()));
            }
            storage_error(&code, &message, request_id).into()
        }
    };
    Reply { status, content_type: content_type(&service.protocol), body, outcome: code, headers, metadata: Vec::new() }
}

/// Code, message and HTTP status for a service.
fn worded<'a>(failure: &'a Failure, service: &Service) -> (&'a str, String, u16) {
    let storage = matches!(service.protocol, Protocol::Storage);
    let query = storage || matches!(service.protocol, Protocol::Query { .. } | Protocol::RestXml { .. });
    // JSON 1.1 and CBOR answer 400 where REST JSON, query and S3 answer 403.
    let forbidden = if matches!(service.protocol, Protocol::Json { .. } | Protocol::Cbor { .. }) { 400 } else { 403 };
    match failure {
        Failure::Denied(message) => {
            (if query { "AccessDenied" } else { "AccessDeniedException" }, message.clone(), forbidden)
        }
        Failure::Expired => (
            if query { "ExpiredToken" } else { "ExpiredTokenException" },
            "The security token included in the request is expired".to_owned(),
            if storage { 400 } else { forbidden },
        ),
        Failure::InvalidToken if storage => (
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.".to_owned(),
            forbidden,
        ),
        Failure::InvalidToken => (
            if query { "InvalidClientTokenId" } else { "UnrecognizedClientException" },
            "The security token included in the request is invalid.".to_owned(),
            forbidden,
        ),
        Failure::Throttled => {
            let (status, message) = match service.protocol {
                Protocol::Rest => (429, "Rate exceeded"),
                Protocol::Storage => (503, "Please reduce your request rate."),
                _ => (400, "Rate exceeded"),
            };
            (service.throttle, message.to_owned(), status)
        }
        Failure::Skewed(message) if storage => ("RequestTimeTooSkewed", message.clone(), forbidden),
        Failure::Skewed(message) => {
            (if query { "SignatureDoesNotMatch" } else { "InvalidSignatureException" }, message.clone(), forbidden)
        }
        Failure::UnknownAction(action) => match service.protocol {
            Protocol::Query { version, .. } => {
                ("InvalidAction", format!("Could not find operation {action} for version {version}"), 400)
            }
            Protocol::Json { .. } => ("UnknownOperationException", String::new(), 400),
            Protocol::Rest | Protocol::RestXml { .. } | Protocol::Cbor { .. } => {
                ("UnknownOperationException", String::new(), 404)
            }
            Protocol::Storage => {
                ("NotImplemented", "A header or query you provided is not implemented.".to_owned(), 501)
            }
        },
        Failure::OtherRegion(_) => (
            "PermanentRedirect",
            "The bucket you are attempting to access must be addressed using the specified endpoint.".to_owned(),
            301,
        ),
        Failure::Invalid(message) => (service.invalid, message.clone(), 400),
        Failure::Own { code, message, status } => (code, message.clone(), *status),
    }
}

fn content_type(protocol: &Protocol) -> &'static str {
    match protocol {
        Protocol::Query { .. } | Protocol::RestXml { .. } => "text/xml",
        Protocol::Json { .. } => "application/x-amz-json-1.1",
        Protocol::Rest => "application/json",
        Protocol::Cbor { .. } => "application/cbor",
        Protocol::Storage => "application/xml",
    }
}

/// The bare `Error` document of S3.
fn storage_error(code: &str, message: &str, request_id: &str) -> String {
    let mut xml = Xml::with_capacity(300 + message.len());
    xml.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.within("Error", |xml| {
        xml.text("Code", code);
        xml.text("Message", message);
        xml.text("RequestId", request_id);
    });
    xml.finish()
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
