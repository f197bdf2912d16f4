//! Refuses answers that are incomplete or ambiguous.
//!
//! The SDK's decoders recover silently: from an XML document that ends early or whose tags do not match, from an element or a
//! key that appears twice (the last one wins), from a list entry under another name or a `null` in a list (it is dropped). They
//! decode a list that was cut in the middle as a shorter list. A shorter list of load balancers is a wrong result, so every
//! answer is checked before it is used.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

mod json;
mod xml;

/// Fails a call of the query protocol whose answer is not a complete XML document, or is ambiguous.
#[derive(Debug)]
pub struct CompleteXml;

/// Fails a call of a JSON protocol whose answer is not a complete JSON document, or is ambiguous.
#[derive(Debug)]
pub struct CompleteJson;

#[derive(Debug, thiserror::Error)]
#[error("the response has no body")]
struct Missing;

/// The body of an answer; `None` for an error, whose body the SDK only takes a code and a message from.
fn body<'a>(context: &'a AfterDeserializationInterceptorContextRef<'_>) -> Result<Option<&'a [u8]>, Missing> {
    let response = context.response();
    if !response.status().is_success() {
        return Ok(None);
    }
    response.body().bytes().map(Some).ok_or(Missing)
}

/// The problem of an answer, if these checks failed the call.
pub(crate) fn problem(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<xml::IncompleteXml>() || error.is::<json::IncompleteJson>() {
            return Some(error.to_string());
        }
        next = error.source();
    }
    None
}

impl Intercept for CompleteXml {
    fn name(&self) -> &'static str {
        "CompleteXml"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        Ok(body(context)?.map_or(Ok(()), xml::check)?)
    }
}

impl Intercept for CompleteJson {
    fn name(&self) -> &'static str {
        "CompleteJson"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        Ok(body(context)?.map_or(Ok(()), json::check)?)
    }
}
