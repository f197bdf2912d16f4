//! S3: lists by pages, objects whole and in ranges, conditional writes, with bucket policies and the redirects between Regions.

mod address;
mod writing;

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use jiff::fmt::rfc2822::DateTimePrinter;

pub(crate) use address::address;
pub(crate) use writing::conflict;

use super::paging::{decode_token, encode_token};
use crate::failure::{Failure, RawResponse};
use crate::iam::decision::{Refusal, decide, denial_message};
use crate::request::Params;
use crate::service::{Call, Operation, Protocol, Scene, Service};
use crate::world::bucket::{Bucket, Object};
use crate::xml::Xml;

pub(crate) const SERVICE: Service = Service {
    label: "s3",
    signing: "s3",
    prefix: "s3",
    protocol: Protocol::Storage,
    throttle: "SlowDown",
    invalid: "InvalidArgument",
    global: false,
    operations: &[
        Operation::raw("ListObjectsV2", list_objects, bucket_arn, &[]),
        Operation::raw("GetObject", get_object, object_arn, &[]),
        Operation::raw("HeadObject", get_object, object_arn, &[]),
        Operation::raw("HeadBucket", head_bucket, bucket_arn, &[]),
        Operation::raw("PutObject", writing::put_object, object_arn, &[]),
        Operation::raw("GetBucketVersioning", writing::get_versioning, bucket_arn, &[]),
    ],
};

/// Largest page of a list.
const PAGE: usize = 1000;

/// The permission that an operation needs; some have other names than the operation.
pub(crate) fn permission(action: &str) -> &str {
    match action {
        "ListObjectsV2" | "HeadBucket" => "ListBucket",
        "HeadObject" => "GetObject",
        other => other,
    }
}

fn bucket_arn(params: &Params, scene: &Scene<'_>) -> Vec<String> {
    params.get("Bucket").map(|bucket| format!("arn:{}:s3:::{bucket}", scene.partition)).into_iter().collect()
}

fn object_arn(params: &Params, scene: &Scene<'_>) -> Vec<String> {
    let (bucket, key) = (params.get("Bucket").unwrap_or_default(), params.get("Key").unwrap_or_default());
    vec![format!("arn:{}:s3:::{bucket}/{key}", scene.partition)]
}

/// The bucket that a call names, if it is in the call's Region and admits the caller.
fn open<'a>(call: &Call<'a>, resource: &str, action: &str) -> Result<RwLockReadGuard<'a, Bucket>, Failure> {
    Ok(admitted(call, resource, action)?.read().unwrap_or_else(PoisonError::into_inner))
}

/// The same, for calls that write it.
fn admitted<'a>(call: &Call<'a>, resource: &str, action: &str) -> Result<&'a RwLock<Bucket>, Failure> {
    let name = call.required("Bucket")?;
    let shared = call
        .world
        .buckets
        .get(name)
        .ok_or_else(|| Failure::with_status(404, "NoSuchBucket", "The specified bucket does not exist"))?;
    let bucket = shared.read().unwrap_or_else(PoisonError::into_inner);
    if bucket.region != call.region {
        let region = call.world.organization.regions.get(usize::from(bucket.region));
        return Err(Failure::OtherRegion(region.map_or_else(String::new, |region| region.name.clone())));
    }
    if bucket.account != call.principal.account && !bucket.admits(&call.account.id) {
        return Err(Failure::Denied(denial_message(&call.context(action, resource, &[]), &Refusal::NoResourceAllow)));
    }
    let owner = call.world.account(bucket.account).map_or("", |account| account.id.as_str());
    if call.params.get("x-amz-expected-bucket-owner").is_some_and(|expected| expected != owner) {
        return Err(Failure::Denied("Access Denied".to_owned()));
    }
    drop(bucket);
    Ok(shared)
}

fn resource(call: &Call<'_>, of: fn(&Params, &Scene<'_>) -> Vec<String>) -> String {
    let (account, region) = (&call.account.id, call.region_name);
    let scene = Scene { partition: call.partition(), account, region, world: call.world };
    of(call.params, &scene).into_iter().next().unwrap_or_default()
}

fn head_bucket(call: &Call<'_>) -> Result<RawResponse, Failure> {
    drop(open(call, &resource(call, bucket_arn), "s3:ListBucket")?);
    let headers = vec![("x-amz-bucket-region", call.region_name.to_owned())];
    Ok(RawResponse { status: 200, content_type: "application/xml", headers, metadata: Vec::new(), body: Bytes::new() })
}

/// An entry of a list: an object, or a group of keys with a common prefix.
enum Entry<'a> {
    Object(&'a str, &'a Object),
    Group(&'a str),
}

fn list_objects(call: &Call<'_>) -> Result<RawResponse, Failure> {
    let bucket = open(call, &resource(call, bucket_arn), "s3:ListBucket")?;
    let text = |name: &str| call.params.get(name).unwrap_or_default();
    let (prefix, delimiter, start_after) = (text("prefix"), text("delimiter"), text("start-after"));
    let most = match call.params.number("max-keys") {
        None => PAGE,
        Some(Ok(number)) if number >= 0 => usize::try_from(number).unwrap_or(PAGE).min(PAGE),
        Some(_) => return Err(Failure::Invalid("Provided max-keys not an integer or within integer range".to_owned())),
    };
    let most = most.min(call.world.organization.page_size.unwrap_or(PAGE));
    let token = call.params.get("continuation-token");
    let position = token
        .map(|token| {
            decode_token(token)
                .ok_or_else(|| Failure::Invalid("The continuation token provided is incorrect".to_owned()))
        })
        .transpose()?;
    let (entries, next) = entries(&bucket, prefix, delimiter, position.as_deref().unwrap_or(start_after), most);

    let mut xml = Xml::with_capacity(300 + entries.len() * 250);
    xml.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.open("ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"");
    xml.text("Name", text("Bucket"));
    xml.text("Prefix", prefix);
    for (tag, value) in [("Delimiter", delimiter), ("StartAfter", start_after)] {
        if !value.is_empty() {
            xml.text(tag, value);
        }
    }
    xml.text("MaxKeys", &most.to_string());
    xml.text("KeyCount", &entries.len().to_string());
    xml.text("IsTruncated", if next.is_some() { "true" } else { "false" });
    if let Some(token) = token {
        xml.text("ContinuationToken", token);
    }
    if let Some(next) = next {
        xml.text("NextContinuationToken", &encode_token(&next));
    }
    for entry in &entries {
        if let Entry::Object(key, object) = entry {
            xml.within("Contents", |xml| {
                xml.text("Key", key);
                xml.text("LastModified", &object.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string());
                xml.text("ETag", &format!("\"{}\"", object.etag));
                xml.text("Size", &object.size.to_string());
                xml.text("StorageClass", "STANDARD");
            });
        }
    }
    for entry in &entries {
        if let Entry::Group(group) = entry {
            xml.within("CommonPrefixes", |xml| xml.text("Prefix", group));
        }
    }
    xml.close("ListBucketResult");
    let body = Bytes::from(xml.finish());
    Ok(RawResponse { status: 200, content_type: "application/xml", headers: Vec::new(), metadata: Vec::new(), body })
}

/// One page after the key `after`, and the key after which the next page starts.
fn entries<'a>(
    bucket: &'a Bucket,
    prefix: &str,
    delimiter: &str,
    after: &str,
    most: usize,
) -> (Vec<Entry<'a>>, Option<String>) {
    let mut page: Vec<Entry<'a>> = Vec::new();
    let mut last = String::new();
    let from = if after > prefix { after } else { prefix };
    for (key, object) in bucket.objects.range(from.to_owned()..) {
        let Some(rest) = key.strip_prefix(prefix) else { break };
        if !after.is_empty() && key.as_str() <= after {
            continue;
        }
        let group = (!delimiter.is_empty()).then(|| rest.find(delimiter)).flatten();
        let group = group.and_then(|at| key.get(..prefix.len() + at + delimiter.len()));
        let same = |group| matches!(page.last(), Some(Entry::Group(known)) if *known == group);
        // A page that starts after a group must not contain that group again.
        if group.is_some_and(|group| same(group) || (!after.is_empty() && after.starts_with(group))) {
            last.clone_from(key);
            continue;
        }
        if page.len() == most {
            return (page, (most > 0).then_some(last));
        }
        last.clone_from(key);
        page.push(group.map_or(Entry::Object(key, object), Entry::Group));
    }
    (page, None)
}

fn get_object(call: &Call<'_>) -> Result<RawResponse, Failure> {
    let bucket = open(call, &resource(call, object_arn), "s3:GetObject")?;
    let Some(object) = bucket.objects.get(call.required("Key")?) else {
        let container = resource(call, bucket_arn);
        let context = call.context("s3:ListBucket", &container, &[]);
        // Without permission to list, AWS denies access instead of reporting that the key does not exist.
        decide(&context, &call.principal.identity, call.principal.session.as_deref(), &call.account.policies)
            .map_err(|refusal| Failure::Denied(denial_message(&context, &refusal)))?;
        return Err(Failure::with_status(404, "NoSuchKey", "The specified key does not exist."));
    };
    let wanted = call.params.get("if-match").map(|tag| tag.trim_matches('"'));
    if wanted.is_some_and(|wanted| wanted != "*" && wanted != object.etag) {
        let message = "At least one of the pre-conditions you specified did not hold";
        return Err(Failure::with_status(412, "PreconditionFailed", message));
    }
    if call.params.get("if-none-match").is_some_and(|tag| tag == "*" || tag.trim_matches('"') == object.etag) {
        return Err(Failure::with_status(304, "NotModified", "Not Modified"));
    }
    let body = object.read().ok_or_else(|| {
        Failure::with_status(500, "InternalError", "We encountered an internal error. Please try again.")
    })?;
    let mut headers = vec![("etag", format!("\"{}\"", object.etag)), ("accept-ranges", "bytes".to_owned())];
    if let Ok(date) = DateTimePrinter::new().timestamp_to_rfc9110_string(&object.modified) {
        headers.push(("last-modified", date));
    }
    let (content_type, metadata) = ("binary/octet-stream", object.metadata.clone());
    let Some(range) = call.params.get("range") else {
        return Ok(RawResponse { status: 200, content_type, headers, metadata, body });
    };
    let (first, end) = byte_range(range, body.len())
        .ok_or_else(|| Failure::with_status(416, "InvalidRange", "The requested range is not satisfiable"))?;
    headers.push(("content-range", format!("bytes {first}-{}/{}", end - 1, body.len())));
    Ok(RawResponse { status: 206, content_type, headers, metadata, body: body.slice(first..end) })
}

/// First byte and end of `bytes=a-b`, `bytes=a-` or `bytes=-n` in a body; none if the body has no byte of it.
fn byte_range(range: &str, length: usize) -> Option<(usize, usize)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (first, end) = match (from, to) {
        ("", last) => (length.saturating_sub(last.parse().ok()?), length),
        (from, "") => (from.parse().ok()?, length),
        (from, to) => (from.parse().ok()?, to.parse::<usize>().ok()?.saturating_add(1).min(length)),
    };
    (first < end).then_some((first, end))
}

#[cfg(test)]
mod tests {
    use super::byte_range;

    #[test]
    fn ranges() {
        for (range, expected) in [
            ("bytes=0-0", Some((0, 1))),
            ("bytes=3-", Some((3, 10))),
            ("bytes=3-99", Some((3, 10))),
            ("bytes=-4", Some((6, 10))),
            ("bytes=10-", None),
            ("bytes=5-4", None),
            ("lines=1-2", None),
        ] {
            assert_eq!(byte_range(range, 10), expected, "{range}");
        }
    }
}
