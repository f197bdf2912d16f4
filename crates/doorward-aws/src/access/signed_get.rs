//! Signed GET requests of services that Doorward calls without a crate of their own.
//!
//! The orchestrator of the SDK sends them, so that signature, HTTP client, timeouts and errors are those of every other call.

use std::borrow::Cow;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation as Orchestrated;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;

use doorward_model::{Gap, GapReason, Region};

use super::Clients;
use crate::failure::CallFailure;
use crate::operation::Operation;
use crate::response_integrity::{CompleteJson, CompleteXml};

/// The user agent, as CloudTrail shows it.
const AGENT: &str = concat!("doorward/", env!("CARGO_PKG_VERSION"));

/// A service that is called by signed GET requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedService {
    /// CloudFront: one endpoint of the partition, XML answers.
    CloudFront,
    /// API Gateway: an endpoint in each Region, JSON answers.
    ApiGateway,
}

/// The address of a service, and the Region that its requests are signed for.
#[derive(Debug, PartialEq, Eq)]
struct Endpoint {
    url: String,
    region: String,
}

impl SignedService {
    /// Its name in `AWS_ENDPOINT_URL_<NAME>` and in `[services]` of the AWS configuration.
    const fn id(self) -> &'static str {
        match self {
            Self::CloudFront => "CloudFront",
            Self::ApiGateway => "ApiGatewayV2",
        }
    }

    const fn signing_name(self) -> &'static str {
        match self {
            Self::CloudFront => "cloudfront",
            Self::ApiGateway => "apigateway",
        }
    }

    /// The Region that answers calls about resources in a Region; none where no endpoint is known in its partition.
    pub fn region_for(self, region: &Region) -> Option<Region> {
        match (self, Partition::of(region)?) {
            (Self::ApiGateway, _) => Some(region.clone()),
            (Self::CloudFront, Partition::Commercial) => Region::new("us-east-1").ok(),
            (Self::CloudFront, Partition::China) => Region::new("cn-northwest-1").ok(),
            (Self::CloudFront, Partition::GovCloud) => None,
        }
    }

    /// AWS's own endpoint.
    fn endpoint(self, region: &Region, fips: bool, dual_stack: bool) -> Option<Endpoint> {
        let partition = Partition::of(region)?;
        let signed_for = self.region_for(region)?;
        let kind = if fips { "-fips" } else { "" };
        let host = match (self, partition) {
            // The one endpoint of the partition. It answers over IPv4; no other kind is documented for every partition.
            (Self::CloudFront, Partition::China) => format!("cloudfront.{signed_for}.amazonaws.com.cn"),
            (Self::CloudFront, _) => format!("cloudfront{kind}.amazonaws.com"),
            (Self::ApiGateway, partition) => {
                let suffix = match (partition, dual_stack) {
                    (Partition::China, true) => "api.amazonwebservices.com.cn",
                    (Partition::China, false) => "amazonaws.com.cn",
                    (_, true) => "api.aws",
                    (_, false) => "amazonaws.com",
                };
                format!("apigateway{kind}.{region}.{suffix}")
            }
        };
        Some(Endpoint { url: format!("https://{host}"), region: signed_for.to_string() })
    }
}

/// The partitions whose endpoints are public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Partition {
    Commercial,
    China,
    GovCloud,
}

impl Partition {
    /// By the first part of the name of a Region, as in the SDK's own table of partitions.
    fn of(region: &Region) -> Option<Self> {
        let name = region.as_str();
        if name.starts_with("cn-") {
            Some(Self::China)
        } else if name.starts_with("us-gov-") {
            Some(Self::GovCloud)
        } else {
            // `us-iso-east-1`, `eusc-de-east-1` and their like have suffixes of their own.
            let others = ["us-iso", "eu-iso", "eusc-"];
            (!others.iter().any(|other| name.starts_with(other))).then_some(Self::Commercial)
        }
    }
}

/// A name and a value of a query; a value that is absent leaves out the pair.
pub type QueryPair<'a> = (&'a str, Option<&'a str>);

/// A path with its query. Everything but letters, digits and `-._~` is escaped in values, as the signature requires.
pub fn path_with_query(path: &str, query: &[QueryPair<'_>]) -> String {
    let pairs = query.iter().filter_map(|(name, value)| Some(format!("{name}={}", escaped((*value)?))));
    let pairs: Vec<String> = pairs.collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// An error as the service answered it.
#[derive(Debug, thiserror::Error)]
#[error("the service answered with an error")]
struct ServiceRefusal(ErrorMetadata);

impl ProvideErrorMetadata for ServiceRefusal {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl Clients {
    /// Sends one GET request of a service about resources in a Region, and returns the body of the answer, which is one complete
    /// document.
    ///
    /// # Errors
    /// As every other call; and no endpoint of the service is known in the partition.
    pub async fn signed_get(
        &self,
        service: SignedService,
        region: &Region,
        operation: Operation,
        credentials: Credentials,
        path: String,
    ) -> Result<Vec<u8>, CallFailure> {
        let Some(Endpoint { url, region }) = self.endpoint_of(service, region) else {
            let gap = Gap::new(GapReason::Unreachable, operation.action());
            let problem = format!("no endpoint of {} is known for {region}", service.id());
            return Err(CallFailure::unsent(gap.with_message(problem)));
        };
        let Some(http_client) = self.base.http_client() else {
            let gap = Gap::new(GapReason::Unreachable, operation.action());
            return Err(CallFailure::unsent(gap.with_message("there is no HTTP client")));
        };
        let mut builder = Orchestrated::builder()
            .service_name(service.id())
            .operation_name(format!("{operation:?}"))
            .http_client(http_client)
            .endpoint_url(&url)
            .no_retry()
            .with_connection_poisoning()
            .runtime_plugin(signature(service, region, credentials));
        if let Some(timeouts) = self.base.timeout_config() {
            builder = builder.timeout_config(timeouts.clone());
        }
        if let Some(sleep) = self.base.sleep_impl() {
            builder = builder.sleep_impl(sleep);
        }
        if let Some(time) = self.base.time_source() {
            builder = builder.time_source(time);
        }
        builder = match service {
            SignedService::CloudFront => builder.interceptor(CompleteXml),
            SignedService::ApiGateway => builder.interceptor(CompleteJson),
        };
        let sending = builder.serializer(request).deserializer(taken).build();
        // Boxed, because the orchestrator's future is large and nests deeply.
        let sent = Box::pin(sending.invoke(path)).await;
        sent.map_err(|error| CallFailure::of(operation, &error))
    }

    /// The endpoint that is configured, or AWS's own.
    fn endpoint_of(&self, service: SignedService, region: &Region) -> Option<Endpoint> {
        let key = ServiceConfigKey::builder().service_id(service.id()).env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let of_service = || self.base.service_config()?.load_config(key.build().ok()?);
        let configured = of_service().or_else(|| self.base.endpoint_url().map(str::to_owned));
        match configured {
            Some(url) => {
                let signed_for = service.region_for(region).unwrap_or_else(|| region.clone());
                Some(Endpoint { url, region: signed_for.to_string() })
            }
            None => {
                let (fips, dual_stack) = (self.base.use_fips(), self.base.use_dual_stack());
                service.endpoint(region, fips.unwrap_or(false), dual_stack.unwrap_or(false))
            }
        }
    }
}

/// The parts of the SDK that sign a request with these credentials.
fn signature(service: SignedService, region: String, credentials: Credentials) -> StaticRuntimePlugin {
    let mut layer = Layer::new("signature");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig {
        region: Some(SigningRegion::from(aws_types::region::Region::new(region))),
        name: Some(SigningName::from_static(service.signing_name())),
        ..SigV4OperationSigningConfig::default()
    });
    let components = RuntimeComponentsBuilder::new("signature")
        .with_auth_scheme(SigV4AuthScheme::new())
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
        .with_identity_cache(Some(IdentityCache::no_cache()))
        .with_identity_resolver(SCHEME_ID, SharedCredentialsProvider::new(credentials));
    StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
}

fn request(path: String) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_method("GET")?;
    request.set_uri(path)?;
    request.headers_mut().try_insert("accept", "application/json, application/xml")?;
    request.headers_mut().try_insert("user-agent", AGENT)?;
    Ok(request)
}

/// The body of an answer, or the error in it.
fn taken(response: &HttpResponse) -> Result<Vec<u8>, OrchestratorError<ServiceRefusal>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return Ok(body.to_vec());
    }
    Err(OrchestratorError::operation(ServiceRefusal(refusal(response.headers().get("x-amzn-errortype"), body))))
}

/// Code and message of an error: in XML as CloudFront sends it, or in JSON with the code in a header, as API Gateway does.
fn refusal(kind: Option<&str>, body: &[u8]) -> ErrorMetadata {
    let text = String::from_utf8_lossy(body.get(..body.len().min(8192)).unwrap_or_default());
    let document: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |name: &str| document.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let code = kind.map(str::to_owned).or_else(|| member("__type")).or_else(|| element(&text, "Code"));
    // `AccessDeniedException:http://…`, `com.amazonaws.apigateway#NotFoundException`.
    let code = code.and_then(|code| {
        let bare = code.split(':').next()?.rsplit('#').next()?;
        Some(bare.to_owned()).filter(|bare| !bare.is_empty())
    });
    let message = member("message").or_else(|| member("Message")).or_else(|| element(&text, "Message"));
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = code {
        metadata = metadata.code(code);
    }
    if let Some(message) = message {
        metadata = metadata.message(message);
    }
    metadata.build()
}

/// The text of the first element with a name.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = quick_xml::escape::unescape(inner).unwrap_or(Cow::Borrowed(inner));
    Some(plain.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str) -> Region {
        Region::new(name).expect("a Region")
    }

    #[test]
    fn each_partition_has_its_own_endpoints() {
        use SignedService::{ApiGateway, CloudFront};
        for (service, name, fips, dual_stack, expected) in [
            (CloudFront, "eu-west-1", false, false, Some(("cloudfront.amazonaws.com", "us-east-1"))),
            (CloudFront, "eu-west-1", true, true, Some(("cloudfront-fips.amazonaws.com", "us-east-1"))),
            (
                CloudFront,
                "cn-north-1",
                false,
                false,
                Some(("cloudfront.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1")),
            ),
            (CloudFront, "us-gov-west-1", false, false, None),
            (ApiGateway, "eu-west-1", false, false, Some(("apigateway.eu-west-1.amazonaws.com", "eu-west-1"))),
            (ApiGateway, "us-east-1", true, false, Some(("apigateway-fips.us-east-1.amazonaws.com", "us-east-1"))),
            (ApiGateway, "eu-west-1", false, true, Some(("apigateway.eu-west-1.api.aws", "eu-west-1"))),
            (ApiGateway, "cn-north-1", false, false, Some(("apigateway.cn-north-1.amazonaws.com.cn", "cn-north-1"))),
            (
                ApiGateway,
                "us-gov-west-1",
                false,
                false,
                Some(("apigateway.us-gov-west-1.amazonaws.com", "us-gov-west-1")),
            ),
            (ApiGateway, "us-iso-east-1", false, false, None),
        ] {
            let found = service.endpoint(&region(name), fips, dual_stack);
            let expected =
                expected.map(|(host, region)| Endpoint { url: format!("https://{host}"), region: region.to_owned() });
            assert_eq!(found, expected, "{service:?} {name} {fips} {dual_stack}");
        }
    }

    #[test]
    fn values_of_a_query_are_escaped() {
        for (query, expected) in [
            (&[][..], "/v2/apis"),
            (&[("nextToken", None)], "/v2/apis"),
            (&[("nextToken", Some("a+/=&b c~"))], "/v2/apis?nextToken=a%2B%2F%3D%26b%20c~"),
            (&[("a", Some("1")), ("b", Some("é"))], "/v2/apis?a=1&b=%C3%A9"),
        ] {
            assert_eq!(path_with_query("/v2/apis", query), expected);
        }
    }

    #[test]
    fn errors_of_both_shapes_have_code_and_message() {
        let xml = "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"u\"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: x is not \
                   authorized to perform: cloudfront:ListVpcOrigins &amp; more</Message></Error></ErrorResponse>";
        let json = "{\"message\":\"Rate exceeded\"}";
        for (kind, body, code, message) in [
            (
                None,
                xml,
                Some("AccessDenied"),
                Some("User: x is not authorized to perform: cloudfront:ListVpcOrigins & more"),
            ),
            (
                Some("TooManyRequestsException:http://a/b"),
                json,
                Some("TooManyRequestsException"),
                Some("Rate exceeded"),
            ),
            (None, "{\"__type\":\"com.amazonaws#NotFoundException\"}", Some("NotFoundException"), None),
            (None, "<html>sorry</html>", None, None),
            (None, "", None, None),
        ] {
            let found = refusal(kind, body.as_bytes());
            assert_eq!((found.code(), found.message()), (code, message), "{body}");
        }
    }
}
