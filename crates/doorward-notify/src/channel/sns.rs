//! SNS topics.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sns::Client;
use aws_sdk_sns::config::{Builder, IdentityCache};
use aws_sdk_sns::types::MessageAttributeValue;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use sha2::{Digest as _, Sha256};

use doorward_model::{AccountId, Gap, Region};

use super::Failure;
use crate::channels_config::Topic;
use crate::digest::Digest;

/// A way to a topic.
#[derive(Clone)]
pub struct Door {
    /// A client of the topic's Region, with its own retries off: this crate retries itself.
    pub client: Client,
    /// Credentials that may publish, resolved. They travel with each call.
    pub credentials: Credentials,
}

/// Opens doors. The binary fulfils it with the base identity's credentials.
pub trait Doors: Send + Sync {
    /// Opens the door to the topics of an account-Region; asked before every try. `refused` are credentials that AWS has
    /// just called expired: they must not come back.
    fn open(
        &self,
        account: &AccountId,
        region: &Region,
        refused: Option<&Credentials>,
    ) -> impl Future<Output = Result<Door, Gap>> + Send;
}

/// The IAM action it takes.
pub const ACTION: &str = "sns:Publish";

/// A topic to publish to.
pub(crate) struct Publisher {
    pub(super) topic: Topic,
    pub(super) timeout: Duration,
}

impl Publisher {
    /// Publishes once; credentials that have expired are renewed once.
    pub(super) async fn send(
        &self,
        digest: &Digest,
        (subject, message): &(String, String),
        doors: &impl Doors,
    ) -> Result<(), Failure> {
        let asked = async {
            match self.publish(digest, subject, message, doors, None).await {
                Err(Stop::Expired(credentials)) => {
                    self.publish(digest, subject, message, doors, Some(&credentials)).await.map_err(Stop::into_failure)
                }
                done => done.map_err(Stop::into_failure),
            }
        };
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(done) => done,
            Err(_) => Err(Failure::unclear(format!(
                "SNS did not answer within {} seconds; the next run tries again",
                self.timeout.as_secs()
            ))),
        }
    }

    async fn publish(
        &self,
        digest: &Digest,
        subject: &str,
        message: &str,
        doors: &impl Doors,
        refused: Option<&Credentials>,
    ) -> Result<(), Stop> {
        let arn = &self.topic.arn;
        let account = AccountId::new(arn.account())
            .map_err(|_| Failure::refused("the topic's ARN names no account; correct the channel's topic"))?;
        let door = doors
            .open(&account, &self.topic.region, refused)
            .await
            .map_err(|gap| Failure::lost(format!("there are no credentials for SNS: {gap}")))?;
        let id = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(&digest.id)
            .build()
            .map_err(|_| Failure::refused("the message could not be built"))?;
        let mut call = door
            .client
            .publish()
            .topic_arn(arn.as_str())
            .subject(subject)
            .message(message)
            .message_attributes("doorward_digest", id);
        if self.topic.is_fifo() {
            // In order per audience, and dropped by SNS when it comes twice within five minutes.
            call = call.message_group_id(group(&digest.audience.key())).message_deduplication_id(&digest.id);
        }
        let credentials =
            Builder::new().credentials_provider(door.credentials.clone()).identity_cache(IdentityCache::no_cache());
        let answer = call.customize().config_override(credentials).send().await;
        match answer {
            Ok(answer) if answer.message_id().is_some_and(|id| !id.is_empty()) => Ok(()),
            Ok(_) => Err(Failure::unclear("SNS answered without a message id; the next run tries again").into()),
            Err(error) => Err(judge(&error, door.credentials)),
        }
    }
}

/// Why a call ended without the message.
enum Stop {
    Failed(Failure),
    /// These credentials have expired.
    Expired(Credentials),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Stop {
    fn into_failure(self) -> Failure {
        match self {
            Self::Failed(failure) => failure,
            Self::Expired(_) => Failure::lost("the credentials have expired and no others came; renew them"),
        }
    }
}

/// A name for the group of a FIFO topic, which takes 128 plain characters.
fn group(key: &str) -> String {
    Sha256::digest(key.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn judge<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, credentials: Credentials) -> Stop {
    let failure = match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let code = service.err().code().unwrap_or_default();
            match code {
                "ExpiredToken" | "ExpiredTokenException" => return Stop::Expired(credentials),
                "Throttled" | "Throttling" | "ThrottledException" | "ThrottlingException" | "KMSThrottling" => {
                    Failure::lost("SNS asks to slow down; the next run tries again")
                }
                "NotFound" | "NotFoundException" => {
                    Failure::refused("the topic does not exist; correct the channel's topic").of_channel()
                }
                "AuthorizationError" | "AuthorizationErrorException" | "AccessDenied" | "AccessDeniedException" => {
                    Failure::refused(format!("SNS refused it; allow {ACTION} on the topic")).of_channel()
                }
                _ if status >= 500 => Failure::unclear(format!("SNS answered {status}; the next run tries again")),
                // An error without a code did not come from SNS: something in between answered.
                "" => Failure::unclear(format!("something answered {status} for SNS; check what is in between")),
                // Codes are words of AWS's, but arrive from outside all the same.
                code => Failure::refused(format!("SNS refused it ({})", crate::render::clip(code, 60))),
            }
        }
        SdkError::DispatchFailure(dispatch) if dispatch.is_io() || dispatch.is_timeout() => {
            Failure::unclear("the connection to SNS broke; the next run tries again")
        }
        SdkError::DispatchFailure(_) => Failure::unclear("SNS could not be reached; check the network"),
        SdkError::TimeoutError(_) => Failure::unclear("SNS did not answer in time; the next run tries again"),
        SdkError::ResponseError(_) => Failure::unclear("the answer of SNS broke off; the next run tries again"),
        _ => Failure::refused("the request to SNS could not be built; check the channel's topic"),
    };
    failure.into()
}
