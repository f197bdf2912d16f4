//! Writes of S3: an object under a condition, and whether a bucket keeps versions.
//!
//! A condition is checked and the object replaced in one step, as S3 does: of writers that state the same condition, one succeeds.

use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{address, admitted, bucket_arn, object_arn, open, resource};
use crate::failure::{Failure, RawResponse};
use crate::iam::decision::{decide, denial_message};
use crate::service::Call;
use crate::world::bucket::Object;
use crate::xml::Xml;

/// The error of a conditional write that meets another write of the same key.
pub(crate) fn conflict() -> Failure {
    let message = "The conditional request cannot succeed due to a conflicting operation against this resource.";
    Failure::with_status(409, "ConditionalRequestConflict", message)
}

pub(super) fn put_object(call: &Call<'_>) -> Result<RawResponse, Failure> {
    let of_object = resource(call, object_arn);
    let shared = admitted(call, &of_object, "s3:PutObject")?;
    let given = |name: &str| call.params.get(name);
    if given("x-amz-checksum-sha256").is_some_and(|sum| sum != STANDARD.encode(Sha256::digest(call.body))) {
        let message = "The SHA256 you specified did not match the calculated checksum.";
        return Err(Failure::own("BadDigest", message));
    }
    let (wanted, unless) = (given("if-match").map(|tag| tag.trim_matches('"')), given("if-none-match"));
    if wanted.is_some() {
        // S3 reads the object to compare its ETag, and asks for the permission to do so.
        let context = call.context("s3:GetObject", &of_object, &[]);
        decide(&context, &call.principal.identity, call.principal.session.as_deref(), &call.account.policies)
            .map_err(|refusal| Failure::Denied(denial_message(&context, &refusal)))?;
    }
    if unless.is_some_and(|tag| tag != "*") {
        let message = "A header you provided implies functionality that is not implemented";
        return Err(Failure::with_status(501, "NotImplemented", message));
    }
    let mut bucket = shared.write().unwrap_or_else(PoisonError::into_inner);
    let key = call.required("Key")?;
    let failed = || {
        let message = "At least one of the pre-conditions you specified did not hold";
        Failure::with_status(412, "PreconditionFailed", message)
    };
    match (bucket.objects.get(key), wanted) {
        (None, Some(_)) => return Err(Failure::with_status(404, "NoSuchKey", "The specified key does not exist.")),
        (Some(object), Some(wanted)) if object.etag != wanted => return Err(failed()),
        (Some(_), _) if unless.is_some() => return Err(failed()),
        _ => {}
    }
    let mut object = Object::in_memory(Bytes::copy_from_slice(call.body), call.now);
    object.metadata = address::metadata(call.params);
    let mut headers = vec![("etag", format!("\"{}\"", object.etag))];
    for (asked, name) in [
        ("x-amz-server-side-encryption", "x-amz-server-side-encryption"),
        ("x-amz-server-side-encryption-aws-kms-key-id", "x-amz-server-side-encryption-aws-kms-key-id"),
    ] {
        headers.extend(given(asked).map(|value| (name, value.to_owned())));
    }
    bucket.objects.insert(key.to_owned(), object);
    Ok(RawResponse { status: 200, content_type: "application/xml", headers, metadata: Vec::new(), body: Bytes::new() })
}

pub(super) fn get_versioning(call: &Call<'_>) -> Result<RawResponse, Failure> {
    let bucket = open(call, &resource(call, bucket_arn), "s3:GetBucketVersioning")?;
    let mut xml = Xml::with_capacity(200);
    xml.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.open("VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"");
    if bucket.versioned {
        xml.text("Status", "Enabled");
    }
    xml.close("VersioningConfiguration");
    let body = Bytes::from(xml.finish());
    Ok(RawResponse { status: 200, content_type: "application/xml", headers: Vec::new(), metadata: Vec::new(), body })
}
