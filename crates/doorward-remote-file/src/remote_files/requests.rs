//! The requests, each one try: read an object, look at it, write it, read the versioning of its bucket.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, ServerSideEncryption};
use doorward_aws::{CallFailure, Operation, with_credentials};
use doorward_file::{AtomicFile, Readers};
use doorward_model::{AccountRegion, Gap, GapReason, Region};
use tokio::time::timeout;

use super::content_hash::{ContentHash, RunningHash};
use super::{Condition, ETag, Fetched, RemoteFiles, RemoteObject};
use crate::ObjectUrl;

/// The metadata of an object that holds the SHA-256 of its content: `x-amz-meta-doorward-sha256`.
const HASH: &str = "doorward-sha256";

/// The longest time for one read with all its bytes. A line that brings none for `calls.attempt_timeout` is given up long before.
const LONGEST: Duration = Duration::from_hours(1);

/// Whether a bucket keeps earlier versions of its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// It does.
    Enabled,
    /// It did once; new versions replace each other.
    Suspended,
    /// It never did.
    Off,
}

/// A file to send.
pub(super) struct FileBody<'a> {
    pub(super) path: &'a Path,
    pub(super) hash: ContentHash,
}

/// A client whose timeouts fit large bodies. A type of its own, because clients are kept by type.
#[derive(Clone)]
struct BodyClient(Client);

impl RemoteFiles {
    fn client(&self, region: &Region) -> Client {
        let client = self.aws.client(region, |config| {
            let usual = config.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
            // The time to the first byte of an answer includes sending the body; `patience` bounds both.
            let timeouts =
                usual.read_timeout(LONGEST).operation_timeout(LONGEST).operation_attempt_timeout(LONGEST).build();
            BodyClient(Client::from_conf(aws_sdk_s3::config::Builder::from(config).timeout_config(timeouts).build()))
        });
        client.0
    }

    /// One read, with its body.
    pub(super) async fn get(
        &self,
        place: &AccountRegion,
        url: &ObjectUrl,
        to: &Path,
        known: Option<&ETag>,
    ) -> Result<Fetched, CallFailure> {
        let operation = Operation::GetObject;
        let client = self.client(&place.region);
        let patient = self.aws.clone().with_attempt_timeout(LONGEST);
        let silence = self.aws.caller().attempt_timeout();
        patient
            .call(place, operation, |credentials| {
                self.known(|known| known.count.reads += 1);
                let request = client
                    .get_object()
                    .bucket(url.bucket())
                    .key(url.key())
                    .expected_bucket_owner(self.bucket_owner().as_str())
                    .set_if_none_match(known.map(|etag| etag.0.clone()))
                    .customize()
                    .config_override(with_credentials!(aws_sdk_s3, credentials));
                async move {
                    let answer = match timeout(silence, request.send()).await {
                        Err(_) => return Err(CallFailure::timed_out(operation)),
                        Ok(Err(SdkError::ServiceError(error)))
                            if known.is_some() && error.raw().status().as_u16() == 304 =>
                        {
                            return Ok(Fetched::Unchanged);
                        }
                        Ok(Err(error)) => return Err(CallFailure::of(operation, &error)),
                        Ok(Ok(answer)) => answer,
                    };
                    receive(answer, to, silence).await.map(Fetched::Read)
                }
            })
            .await
    }

    /// The state and the stored hash of an object. One byte is read instead of a `HEAD`, whose errors have no code.
    pub(super) async fn head(
        &self,
        place: &AccountRegion,
        url: &ObjectUrl,
    ) -> Result<(ETag, Option<String>), CallFailure> {
        let operation = Operation::GetObject;
        let client = self.client(&place.region);
        self.aws
            .call(place, operation, |credentials| {
                self.known(|known| known.count.reads += 1);
                let request = client
                    .get_object()
                    .bucket(url.bucket())
                    .key(url.key())
                    .range("bytes=0-0")
                    .expected_bucket_owner(self.bucket_owner().as_str())
                    .customize()
                    .config_override(with_credentials!(aws_sdk_s3, credentials));
                async move {
                    let answer = request.send().await.map_err(|error| CallFailure::of(operation, &error))?;
                    Ok((etag_of(operation, answer.e_tag())?, stored_hash(&answer)))
                }
            })
            .await
    }

    /// One write.
    pub(super) async fn put(
        &self,
        place: &AccountRegion,
        url: &ObjectUrl,
        body: &FileBody<'_>,
        condition: &Condition,
    ) -> Result<ETag, CallFailure> {
        let operation = Operation::PutObject;
        let client = self.client(&place.region);
        let patient = self.aws.clone().with_attempt_timeout(self.patience(body.hash.bytes));
        let key = self.settings.kms_key.clone();
        patient
            .call(place, operation, |credentials| {
                self.known(|known| known.count.writes += 1);
                let request = client
                    .put_object()
                    .bucket(url.bucket())
                    .key(url.key())
                    .expected_bucket_owner(self.bucket_owner().as_str())
                    .checksum_sha256(&body.hash.base64)
                    .metadata(HASH, &body.hash.hex)
                    .content_type("application/octet-stream")
                    .set_server_side_encryption(key.as_ref().map(|_| ServerSideEncryption::AwsKms))
                    .set_ssekms_key_id(key.clone());
                let request = match condition {
                    Condition::Always => request,
                    Condition::Absent => request.if_none_match("*"),
                    Condition::Same(etag) => request.if_match(&etag.0),
                };
                async move {
                    let stream = ByteStream::from_path(body.path).await.map_err(|error| {
                        let gap = Gap::new(GapReason::Rejected, operation.action());
                        CallFailure::unsent(gap.with_message(format!("the local copy cannot be read: {error}")))
                    })?;
                    let request = request.body(stream).customize();
                    let request = request.config_override(with_credentials!(aws_sdk_s3, credentials));
                    let answer = request.send().await.map_err(|error| CallFailure::of(operation, &error))?;
                    etag_of(operation, answer.e_tag())
                }
            })
            .await
    }

    pub(super) async fn get_versioning(
        &self,
        place: &AccountRegion,
        url: &ObjectUrl,
    ) -> Result<Versioning, CallFailure> {
        let operation = Operation::GetBucketVersioning;
        let client = self.client(&place.region);
        self.aws
            .call(place, operation, |credentials| {
                self.known(|known| known.count.reads += 1);
                let request = client
                    .get_bucket_versioning()
                    .bucket(url.bucket())
                    .expected_bucket_owner(self.bucket_owner().as_str())
                    .customize()
                    .config_override(with_credentials!(aws_sdk_s3, credentials));
                async move {
                    let answer = request.send().await.map_err(|error| CallFailure::of(operation, &error))?;
                    match answer.status() {
                        Some(BucketVersioningStatus::Enabled) => Ok(Versioning::Enabled),
                        Some(BucketVersioningStatus::Suspended) => Ok(Versioning::Suspended),
                        // S3 leaves the element out for a bucket that never kept versions.
                        None => Ok(Versioning::Off),
                        Some(other) => Err(CallFailure::malformed(operation, &format!("unknown status {other}"))),
                    }
                }
            })
            .await
    }
}

fn etag_of(operation: Operation, etag: Option<&str>) -> Result<ETag, CallFailure> {
    let named = etag.filter(|etag| !etag.is_empty());
    named.map(ETag::new).ok_or_else(|| CallFailure::malformed(operation, "the response contains no ETag"))
}

fn stored_hash(answer: &GetObjectOutput) -> Option<String> {
    answer.metadata().and_then(|metadata| metadata.get(HASH)).cloned()
}

/// Writes the body of an answer to a file, and checks that it is complete: by its length, and by the hash that was stored with it.
async fn receive(mut answer: GetObjectOutput, to: &Path, silence: Duration) -> Result<RemoteObject, CallFailure> {
    let operation = Operation::GetObject;
    let etag = etag_of(operation, answer.e_tag())?;
    let (stored, length) =
        (stored_hash(&answer), answer.content_length().and_then(|length| u64::try_from(length).ok()));
    let local = |error: std::io::Error| {
        let gap = Gap::new(GapReason::Rejected, operation.action());
        CallFailure::unsent(gap.with_message(format!("the local copy {} cannot be written: {error}", to.display())))
    };
    let mut file = AtomicFile::replace(to, Readers::Owner).map_err(local)?;
    let mut hash = RunningHash::default();
    loop {
        match timeout(silence, answer.body.next()).await {
            Err(_) => return Err(CallFailure::timed_out(operation)),
            Ok(None) => break,
            Ok(Some(Ok(bytes))) => {
                hash.add(&bytes);
                file.write_all(&bytes).map_err(local)?;
            }
            Ok(Some(Err(_))) => return Err(CallFailure::malformed(operation, "the object was cut off before its end")),
        }
    }
    let bytes = hash.bytes();
    if length.is_some_and(|length| length != bytes) {
        return Err(CallFailure::malformed(operation, "the object does not have the length that the response states"));
    }
    if stored.is_some_and(|stored| stored != hash.finish().hex) {
        return Err(CallFailure::malformed(
            operation,
            "the content of the object does not match the hash stored with it",
        ));
    }
    file.finish_without_sync().map_err(local)?;
    Ok(RemoteObject { etag, bytes })
}
