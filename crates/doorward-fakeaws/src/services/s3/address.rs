//! Bucket, key and operation of an S3 request, in path style and in virtual-host style.

use hyper::http::request::Parts;

use crate::request::{Params, decode, header};
use crate::world::World;

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
        ("GET", false) => "GetObject".to_owned(),
        ("HEAD", false) => "HeadObject".to_owned(),
        (method, _) => format!("{method} {}", parts.uri.path()),
    };
    if let Params::Form(query) = asked {
        pairs.extend(query.into_iter().filter(|(name, _)| name != "Bucket" && name != "Key"));
    }
    for name in ["range", "if-match"] {
        if let Some(value) = header(&parts.headers, name) {
            pairs.push((name.to_owned(), value.to_owned()));
        }
    }
    (action, Params::Form(pairs))
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
