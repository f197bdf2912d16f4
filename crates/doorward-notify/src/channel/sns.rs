//! SNS topics.

use std::time::Duration;

use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use doorward_aws::{ClientProvider, Operation, RetryAction, with_credentials};
use sha2::{Digest as _, Sha256};

use doorward_model::{AccountId, AccountRegion, GapReason};

use super::SendFailure;
use crate::audience_notice::AudienceNotice;
use crate::channels_config::Topic;

/// The IAM action it takes.
pub const ACTION: &str = Operation::Publish.action();

/// A topic to publish to.
pub(crate) struct TopicPublisher {
    pub(super) topic: Topic,
    pub(super) timeout: Duration,
}

impl TopicPublisher {
    /// Publishes once; credentials that have expired are renewed.
    pub(super) async fn send(
        &self,
        notice: &AudienceNotice,
        message: &(String, String),
        aws: Option<&ClientProvider>,
    ) -> Result<(), SendFailure> {
        let aws = aws.ok_or_else(|| SendFailure::lost("there are no credentials for SNS"))?;
        match tokio::time::timeout(self.timeout, self.publish(notice, message, aws)).await {
            Ok(done) => done,
            Err(_) => Err(SendFailure::unclear(format!(
                "SNS did not answer within {} seconds; the next run tries again",
                self.timeout.as_secs()
            ))),
        }
    }

    async fn publish(
        &self,
        notice: &AudienceNotice,
        (subject, message): &(String, String),
        aws: &ClientProvider,
    ) -> Result<(), SendFailure> {
        let arn = &self.topic.arn;
        let account = AccountId::new(arn.account())
            .map_err(|_| SendFailure::refused("the topic's ARN names no account; correct the channel's topic"))?;
        let place = AccountRegion { account, region: self.topic.region.clone() };
        let id = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(notice.id())
            .build()
            .map_err(|_| SendFailure::refused("the message could not be built"))?;
        let client = aws.client(&place.region, Client::new);
        let operation = Operation::Publish;
        let answer = aws.call(&place, operation, |credentials| {
            let mut call = client
                .publish()
                .topic_arn(arn.as_str())
                .subject(subject)
                .message(message)
                .message_attributes("doorward_digest", id.clone());
            if self.topic.is_fifo() {
                // In order per audience, and dropped by SNS when it comes twice within five minutes.
                call = call.message_group_id(group(&notice.audience().key())).message_deduplication_id(notice.id());
            }
            let call = call.customize().config_override(with_credentials!(aws_sdk_sns, credentials));
            async move { call.send().await.map_err(|error| doorward_aws::CallFailure::of(operation, &error)) }
        });
        match answer.await {
            Ok(answer) if answer.message_id().is_some_and(|id| !id.is_empty()) => Ok(()),
            Ok(_) => Err(SendFailure::unclear("the response of SNS contains no message id; the next run tries again")),
            Err(failure) => Err(meaning(&failure)),
        }
    }
}

/// A name for the group of a FIFO topic, which takes 128 plain characters.
fn group(key: &str) -> String {
    Sha256::digest(key.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What a failed call means for the message.
fn meaning(failure: &doorward_aws::CallFailure) -> SendFailure {
    let gap = &failure.gap;
    match (gap.reason, gap.code.as_deref(), failure.status) {
        _ if failure.refused && failure.status.is_none() => {
            SendFailure::lost(format!("there are no credentials for SNS: {gap}"))
        }
        (GapReason::Expired, ..) => {
            SendFailure::lost("the credentials have expired and could not be renewed; renew them")
        }
        (GapReason::Throttled, ..) => SendFailure::lost("SNS throttled the request; the next run tries again"),
        (GapReason::Malformed, None, None) if failure.action == RetryAction::Stop => {
            SendFailure::refused("the request to SNS could not be built; check the channel's topic")
        }
        (_, Some("NotFound" | "NotFoundException"), _) => {
            SendFailure::refused("the topic does not exist; correct the channel's topic").of_channel()
        }
        (GapReason::AccessDenied | GapReason::DeniedByOrganizationPolicy, ..) => {
            SendFailure::refused(format!("SNS refused the request; allow {ACTION} on the topic")).of_channel()
        }
        (GapReason::ServiceFailure, _, Some(status)) => {
            SendFailure::unclear(format!("SNS answered {status}; the next run tries again"))
        }
        (GapReason::TimedOut, ..) => SendFailure::unclear("SNS did not answer in time; the next run tries again"),
        (GapReason::Unreachable, ..) => SendFailure::unclear("the connection to SNS failed; the next run tries again"),
        // Codes are words of AWS's, but arrive from outside all the same.
        (_, Some(code), _) => {
            SendFailure::refused(format!("SNS refused the request ({})", crate::render::clip(code, 60)))
        }
        // An error without a code did not come from SNS: something in between answered.
        (_, None, Some(status)) => SendFailure::unclear(format!(
            "the response ({status}) is not from SNS; check for a proxy between this \
                 machine and SNS"
        )),
        (_, None, None) => SendFailure::unclear("the response of SNS was cut off; the next run tries again"),
    }
}
