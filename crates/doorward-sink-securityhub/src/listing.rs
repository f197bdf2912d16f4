//! GetFindings without the SDK's decoder: the answer's text is taken as it came, and read into our own type.
//!
//! A finding has several hundred members, and the decoder that is generated for them takes more than eight megabytes of
//! stack in an unoptimised build, four times what a thread has. We read two dozen of those members.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_securityhub::operation::get_findings::{GetFindingsError, GetFindingsOutput};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, Error, Output,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::ErrorMetadata;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::asff::Asff;

/// One page of findings, each read into what is needed of it; other members are passed over.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListingPage<T = Asff> {
    pub(crate) findings: Vec<T>,
    #[serde(default)]
    pub(crate) next_token: Option<String>,
}

/// Keeps the text of one successful answer.
#[derive(Debug, Default, Clone)]
pub(crate) struct Unread(Arc<Mutex<Option<Vec<u8>>>>);

impl Unread {
    /// Reads the answer that was kept; the error says what is wrong with it.
    pub(crate) fn page<T: DeserializeOwned>(&self) -> Result<ListingPage<T>, String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let text = kept.ok_or("the answer has no body")?;
        serde_json::from_slice(&text).map_err(|error| format!("the answer is not a list of findings: {error}"))
    }
}

impl Intercept for Unread {
    fn name(&self) -> &'static str {
        "Unread"
    }

    fn modify_before_deserialization(
        &self,
        _: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(SharedResponseDeserializer::new(Keep(self.clone())));
        Ok(())
    }
}

/// Keeps the text of a success, and reads of an error what it is called and says.
#[derive(Debug)]
struct Keep(Unread);

impl DeserializeResponse for Keep {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        let body = response.body().bytes().unwrap_or_default();
        if response.status().is_success() {
            *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(body.to_vec());
            return Ok(Output::erase(GetFindingsOutput::builder().set_findings(Some(Vec::new())).build()));
        }
        let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
        let code = response.headers().get("x-amzn-errortype").map(str::to_owned).or(body.kind);
        // `namespace#Code:address`, of which only the code is always there.
        let code = code.as_deref().map(|code| code.split(':').next().unwrap_or(code));
        let code = code.map(|code| code.rsplit('#').next().unwrap_or(code));
        let mut metadata = ErrorMetadata::builder();
        if let Some(code) = code {
            metadata = metadata.code(code);
        }
        if let Some(message) = body.message {
            metadata = metadata.message(message);
        }
        Err(OrchestratorError::operation(Error::erase(GetFindingsError::generic(metadata.build()))))
    }
}

/// The body of an error.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    #[serde(rename = "__type", alias = "code", alias = "Code")]
    kind: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}
