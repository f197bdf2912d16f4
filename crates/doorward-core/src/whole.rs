//! Refuses answers that are not whole, or that answer one question twice.
//!
//! The SDK's decoders recover silently: from an XML document that ends early or whose tags do not match, from an element or a
//! key that appears twice (the last one wins), from a list entry under another name or a `null` in a list (it is dropped). A
//! list that was cut in the middle comes out as a shorter list. A shorter list of load balancers is a lie, so every
//! answer is checked before it is believed.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

mod json;
mod xml;

/// Fails a call of the query protocol whose answer is not a whole XML document, or is ambiguous.
#[derive(Debug)]
pub struct WholeAnswer;

/// Fails a call of a JSON protocol whose answer is not a whole JSON document, or is ambiguous.
#[derive(Debug)]
pub struct WholeJson;

#[derive(Debug, thiserror::Error)]
#[error("the answer's body is missing")]
struct Missing;

/// The body of an answer that is not an error.
fn body<'a>(context: &'a AfterDeserializationInterceptorContextRef<'_>) -> Result<Option<&'a [u8]>, Missing> {
    let response = context.response();
    if !response.status().is_success() {
        return Ok(None);
    }
    response.body().bytes().map(Some).ok_or(Missing)
}

/// What is wrong with an answer, where that is why a call failed.
pub(crate) fn problem(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<xml::NotWhole>() || error.is::<json::NotWhole>() {
            return Some(error.to_string());
        }
        next = error.source();
    }
    None
}

impl Intercept for WholeAnswer {
    fn name(&self) -> &'static str {
        "WholeAnswer"
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

impl Intercept for WholeJson {
    fn name(&self) -> &'static str {
        "WholeJson"
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
