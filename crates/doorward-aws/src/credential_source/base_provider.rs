//! Fetches the credentials of a source. Metadata and container endpoints are asked directly, never through a proxy: a proxy would
//! answer with the role of its own machine.

use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_config::credential_process::CredentialProcessProvider;
use aws_config::imds;
use aws_config::provider_config::ProviderConfig;
use aws_config::sso::SsoTokenProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::token::ProvideToken;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_types::region::Region as SdkRegion;
use http_body_util::{BodyExt as _, Full, Limited};
use jiff::Timestamp;
use serde::Deserialize;

use super::{CredentialProblem, CredentialSource, Hidden};
use crate::failure::CallFailure;
use crate::http_policy::WebClient;
use crate::operation::Operation;
use crate::variables::ValueOrigin;

/// The name of role sessions that the shared configuration opens and does not name.
const SESSION_NAME: &str = "doorward";
/// Tries of one call that fetches credentials; the loop of the callers does not repeat them.
const TRIES: u32 = 3;
/// The time for one answer of a container's endpoint, which is on the same machine.
const CONTAINER_WAIT: Duration = Duration::from_secs(2);
/// Most of an answer with credentials that is read, in bytes.
const ANSWER: usize = 64 * 1024;

/// Fetches the credentials of one source, anew each time it is asked.
pub(crate) struct BaseProvider {
    source: CredentialSource,
    sdk: SdkConfig,
    direct: SharedHttpClient,
    container: WebClient,
}

impl fmt::Debug for BaseProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseProvider({:?})", self.source)
    }
}

impl ProvideCredentials for BaseProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let fetched = self.fetch(&self.source).await.and_then(|found| self.unexpired(found));
            fetched.map_err(CredentialsError::provider_error)
        })
    }
}

type Fetched<'a> = Pin<Box<dyn Future<Output = Result<Credentials, CredentialProblem>> + Send + 'a>>;

impl BaseProvider {
    /// `sdk` is the configuration of the calls that fetch credentials; `direct` and `container` use no proxy.
    pub(crate) fn new(
        source: CredentialSource,
        sdk: &SdkConfig,
        direct: SharedHttpClient,
        container: WebClient,
    ) -> Self {
        let sdk = sdk.to_builder().retry_config(RetryConfig::standard().with_max_attempts(TRIES)).build();
        Self { source, sdk, direct, container }
    }

    /// Refuses credentials that are old already: AWS would refuse each call, and the answer would not name their source.
    fn unexpired(&self, found: Credentials) -> Result<Credentials, CredentialProblem> {
        let now = self.sdk.time_source().map(|time| time.now());
        let over = found.expiry().zip(now).filter(|(expiry, now)| expiry <= now);
        match over.and_then(|(expiry, _)| Timestamp::try_from(expiry).ok()) {
            Some(expiry) => Err(CredentialProblem(format!(
                "{} gave credentials that expired at {expiry}; renew them, or check this machine's clock",
                self.source
            ))),
            None => Ok(found),
        }
    }

    fn fetch<'a>(&'a self, source: &'a CredentialSource) -> Fetched<'a> {
        Box::pin(async move {
            match source {
                CredentialSource::Keys { id, secret, token, .. } => {
                    let token = token.as_ref().map(|token| token.0.clone());
                    Ok(Credentials::new(id, &secret.0, token, None, "keys"))
                }
                CredentialSource::Role { from, .. } => {
                    let base = self.fetch(from).await?;
                    self.assume(source, base).await
                }
                CredentialSource::WebIdentity { token_file, arn, session_name, origin } => {
                    self.web_identity(token_file, arn, session_name.as_deref(), origin).await
                }
                CredentialSource::Sso { .. } => self.sso(source).await,
                CredentialSource::Process { command, origin } => {
                    let provided = CredentialProcessProvider::new(command.0.clone()).provide_credentials().await;
                    provided.map_err(|error| {
                        CredentialProblem::at(
                            origin,
                            format!("the credential_process gave no credentials: {}", last(&error)),
                        )
                    })
                }
                CredentialSource::Container { url, token, token_file, origin } => {
                    self.container(url, token.as_ref(), token_file.as_deref(), origin).await
                }
                CredentialSource::Metadata { endpoint, origin } => self.metadata(endpoint, origin).await,
            }
        })
    }

    async fn assume(&self, source: &CredentialSource, base: Credentials) -> Result<Credentials, CredentialProblem> {
        let CredentialSource::Role { arn, external_id, session_name, seconds, origin, .. } = source else {
            return Ok(base);
        };
        let config = aws_sdk_sts::config::Builder::from(&self.sdk).credentials_provider(base).build();
        let request = aws_sdk_sts::Client::from_conf(config)
            .assume_role()
            .role_arn(arn)
            .role_session_name(session_name.as_deref().unwrap_or(SESSION_NAME))
            .set_external_id(external_id.as_ref().map(|id| id.0.clone()))
            .set_duration_seconds(*seconds);
        let problem =
            |text: String| CredentialProblem::at(origin, format!("the role {arn} could not be assumed: {text}"));
        let answer = request.send().await.map_err(|error| problem(words(Operation::AssumeRole, &error)))?;
        issued(answer.credentials()).map_err(problem)
    }

    async fn web_identity(
        &self,
        file: &Path,
        arn: &str,
        session_name: Option<&str>,
        origin: &ValueOrigin,
    ) -> Result<Credentials, CredentialProblem> {
        let token = read_token("the web identity token file", file, origin)?;
        let config = aws_sdk_sts::config::Builder::from(&self.sdk).build();
        let request = aws_sdk_sts::Client::from_conf(config)
            .assume_role_with_web_identity()
            .role_arn(arn)
            .role_session_name(session_name.unwrap_or(SESSION_NAME))
            .web_identity_token(token);
        let problem = |text: String| {
            let file = file.display();
            CredentialProblem::at(
                origin,
                format!("the role {arn} could not be assumed with the token in {file}: {text}"),
            )
        };
        let answer = request.send().await.map_err(|error| problem(words(Operation::AssumeRole, &error)))?;
        issued(answer.credentials()).map_err(problem)
    }

    async fn sso(&self, source: &CredentialSource) -> Result<Credentials, CredentialProblem> {
        let CredentialSource::Sso { profile, session, start_url, region, account, role, origin } = source else {
            return Err(CredentialProblem("not a source of IAM Identity Center".to_owned()));
        };
        let problem = |text: String| {
            CredentialProblem::at(origin, format!("{text}; sign in with `aws sso login --profile {profile}`"))
        };
        let sdk = self.sdk.to_builder().region(SdkRegion::new(region.clone())).build();
        let tokens = SsoTokenProvider::builder()
            .configure(&sdk)
            .start_url(start_url)
            .session_name(session.as_deref().unwrap_or(start_url))
            .region(SdkRegion::new(region.clone()))
            .build()
            .await;
        let token = tokens.provide_token().await;
        let token = token.map_err(|error| {
            problem(format!("the sign-in of IAM Identity Center cannot be used: {}", causes(&error)))
        })?;
        let client = aws_sdk_sso::Client::new(&sdk);
        let request = client.get_role_credentials().role_name(role).account_id(account).access_token(token.token());
        let answer = request.send().await.map_err(|error| problem(words(Operation::AssumeRole, &error)))?;
        let issued = answer.role_credentials().ok_or_else(|| {
            problem(
                "the response contains no \
             credentials"
                    .to_owned(),
            )
        })?;
        let expiry = Timestamp::from_millisecond(issued.expiration()).ok().map(SystemTime::from);
        match (issued.access_key_id(), issued.secret_access_key()) {
            (Some(id), Some(secret)) => {
                Ok(Credentials::new(id, secret, issued.session_token().map(str::to_owned), expiry, "sso"))
            }
            _ => Err(problem("the response contains no credentials".to_owned())),
        }
    }

    async fn container(
        &self,
        url: &str,
        token: Option<&Hidden>,
        token_file: Option<&Path>,
        origin: &ValueOrigin,
    ) -> Result<Credentials, CredentialProblem> {
        let token = match (token_file, token) {
            (Some(file), _) => Some(read_token("the authorization token file", file, origin)?),
            (None, token) => token.map(|token| token.0.clone()),
        };
        let problem =
            |text: String| CredentialProblem::at(origin, format!("the container's credentials at {url}: {text}"));
        let mut problems = String::new();
        for _ in 0..TRIES {
            let mut request = hyper::Request::get(url).header(hyper::header::ACCEPT, "application/json");
            if let Some(token) = &token {
                request = request.header(hyper::header::AUTHORIZATION, token);
            }
            let request = request.body(Full::default()).map_err(|error| problem(error.to_string()))?;
            let asked = async {
                let answer = self.container.request(request).await.map_err(|error| causes(&error))?;
                let (head, body) = answer.into_parts();
                let body = Limited::new(body, ANSWER).collect().await.map_err(|error| error.to_string())?.to_bytes();
                if head.status.is_success() { Ok(body) } else { Err(format!("the answer was {}", head.status)) }
            };
            match tokio::time::timeout(CONTAINER_WAIT, asked).await {
                Ok(Ok(body)) => return credentials_in(&body).map_err(problem),
                Ok(Err(text)) => problems = text,
                Err(_) => problems = format!("no answer within {} s", CONTAINER_WAIT.as_secs()),
            }
        }
        Err(problem(problems))
    }

    async fn metadata(&self, endpoint: &str, origin: &ValueOrigin) -> Result<Credentials, CredentialProblem> {
        let client = metadata_client(endpoint, origin, self.direct.clone())?;
        let provider = aws_config::imds::credentials::ImdsCredentialsProvider::builder().imds_client(client).build();
        provider.provide_credentials().await.map_err(|error| {
            CredentialProblem(format!(
                "no credentials are configured, and the instance metadata at {endpoint} returned none ({}); set \
                 AWS_PROFILE, sign in, or run \
                 where a role is attached",
                last(&error)
            ))
        })
    }
}

/// A client of instance metadata at an endpoint.
pub(crate) fn metadata_client(
    endpoint: &str,
    origin: &ValueOrigin,
    direct: SharedHttpClient,
) -> Result<imds::Client, CredentialProblem> {
    let config = ProviderConfig::without_region().with_http_client(direct);
    let builder = imds::Client::builder().configure(&config);
    let builder = builder.endpoint(endpoint).map_err(|_| {
        CredentialProblem::at(
            origin,
            format!("`{endpoint}` is not a URL of instance metadata, such as http://169.254.169.254"),
        )
    })?;
    Ok(builder.build())
}

fn read_token(what: &str, file: &Path, origin: &ValueOrigin) -> Result<String, CredentialProblem> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| CredentialProblem::at(origin, format!("{what} {} cannot be read: {error}", file.display())))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(CredentialProblem::at(origin, format!("{what} {} is empty", file.display())));
    }
    super::check_header(origin, &format!("the token in {}", file.display()), text)?;
    Ok(text.to_owned())
}

/// Credentials that STS issued.
fn issued(given: Option<&aws_sdk_sts::types::Credentials>) -> Result<Credentials, String> {
    let given = given.ok_or("the response contains no credentials")?;
    let expires = Timestamp::from_second(given.expiration().secs()).map_err(|_| "the expiry is not a time")?;
    let token = Some(given.session_token().to_owned());
    Ok(Credentials::new(given.access_key_id(), given.secret_access_key(), token, Some(expires.into()), "sts"))
}

/// Credentials as ECS and EKS write them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerCredentials {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<Timestamp>,
}

fn credentials_in(body: &[u8]) -> Result<Credentials, String> {
    // The error of the parser quotes what it found, which may be a secret.
    let given: ContainerCredentials = serde_json::from_slice(body)
        .map_err(|error| format!("the response is not credentials as JSON (line {})", error.line()))?;
    let expiry = given.expiration.map(SystemTime::from);
    Ok(Credentials::new(given.access_key_id, given.secret_access_key, given.token, expiry, "container"))
}

/// AWS's own words about a failed call, or why it was not reached.
fn words<E>(operation: Operation, error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    SdkError<E, HttpResponse>: aws_types::request_id::RequestId,
{
    if let SdkError::ServiceError(service) = error {
        let (code, message) =
            (service.err().code().unwrap_or("no code"), service.err().message().unwrap_or("no message"));
        return format!("{message} ({code})");
    }
    let gap = CallFailure::of(operation, error).gap;
    gap.message.unwrap_or_else(|| gap.reason.meaning().to_owned())
}

/// The innermost cause of an error.
fn last(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// All causes of an error, each once.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts.join(": ")
}
