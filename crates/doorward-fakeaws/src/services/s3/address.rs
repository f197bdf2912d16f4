//! Bucket, key and operation of an S3 request, in path style and in virtual-host style.

use hyper::http::request::Parts;

use crate::request::{Params, decode, header};
use crate::world::World;

/// Headers that operations read as parameters.
const HEADERS: [&str; 8] = [
    "range",
    "if-match",
    "if-none-match",
    "content-md5",
    "x-amz-checksum-sha256",
    "x-amz-expected-bucket-owner",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
];

/// The beginning of the names of a user's own metadata.
const METADATA: &str = "x-amz-meta-";

/// The name of the operation, or method and path if it is not emulated; and the parameters: bucket, key, query, headers.
pub(crate) fn address(world: &World, parts: &Parts) -> (String, Params) {
    let path = parts.uri.path();
    let path = path.strip_prefix('/').unwrap_or(path);
    let host = header(&parts.headers, "host").unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(name, _port)| name);
    let (bucket, key) = match of_host(world, host) {
        Some(bucket) => (bucket.to_owned(), path),
        None => {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            (plain(bucket), key)
        }
    };
    let mut pairs = vec![("Bucket".to_owned(), bucket), ("Key".to_owned(), plain(key))];
    let asked = Params::form(parts.uri.query().unwrap_or_default());
    let action = match (parts.method.as_str(), key.is_empty()) {
        ("GET", true) if asked.get("list-type") == Some("2") => "ListObjectsV2".to_owned(),
        ("HEAD", true) => "HeadBucket".to_owned(),
        ("GET", true) if asked.get("versioning").is_some() => "GetBucketVersioning".to_owned(),
        ("GET", false) => "GetObject".to_owned(),
        ("PUT", false) => "PutObject".to_owned(),
        ("HEAD", false) => "HeadObject".to_owned(),
        (method, _) => format!("{method} {}", parts.uri.path()),
    };
    if let Params::Form(query) = asked {
        pairs.extend(query.into_iter().filter(|(name, _)| name != "Bucket" && name != "Key"));
    }
    for name in HEADERS {
        if let Some(value) = header(&parts.headers, name) {
            pairs.push((name.to_owned(), value.to_owned()));
        }
    }
    // The metadata of an object, each as it was sent.
    for (name, value) in &parts.headers {
        if let (true, Ok(value)) = (name.as_str().starts_with(METADATA), value.to_str()) {
            pairs.push((name.as_str().to_owned(), value.to_owned()));
        }
    }
    (action, Params::Form(pairs))
}

/// The metadata that a request gives to an object, as header names and values.
pub(super) fn metadata(params: &Params) -> Vec<(String, String)> {
    let Params::Form(pairs) = params else { return Vec::new() };
    pairs.iter().filter(|(name, _)| name.starts_with(METADATA)).cloned().collect()
}

/// The bucket in a host name: a bucket of the world, or the part before the name of S3. IP addresses and plain host names have none.
fn of_host<'a>(world: &World, host: &'a str) -> Option<&'a str> {
    let known =
        host.match_indices('.').filter_map(|(at, _)| host.get(..at)).find(|name| world.buckets.contains_key(*name));
    known.or_else(|| {
        [".s3.", ".s3-", ".localhost"].iter().find_map(|mark| host.find(mark)).and_then(|at| host.get(..at))
    })
}

/// Decodes percent escapes; in a path, a plus sign is itself.
fn plain(text: &str) -> String {
    decode(&text.replace('+', "%2B"))
}
