//! Builds what is added to a world one by one: buckets, metrics, and prepared answers of Athena.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;

use super::super::World;
use super::super::bucket::{Bucket, Object};
use super::super::spec::{AthenaSpec, BucketSpec, MetricSpec};
use super::timestamp;

pub(super) fn bucket(world: &World, spec: &BucketSpec) -> Result<Bucket, String> {
    let named = (3..=63).contains(&spec.name.len())
        && spec.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte));
    if !named {
        return Err(format!("name {:?} must be 3 to 63 lower-case letters, digits, dots and hyphens", spec.name));
    }
    let account = world.find_account(&spec.account)?;
    let mut objects = BTreeMap::new();
    if let Some(folder) = &spec.folder {
        gather(folder, folder, &mut objects)?;
    }
    for entry in &spec.object {
        let modified = timestamp(entry.modified.as_deref())?;
        let content = Bytes::from(entry.text.clone().into_bytes());
        if objects.insert(entry.key.clone(), Object::in_memory(content, modified)).is_some() {
            return Err(format!("object {:?} is declared twice", entry.key));
        }
    }
    let region = world.find_region(&spec.region)?;
    Ok(Bucket { account, region, readers: spec.readers.clone(), objects, versioned: spec.versioned })
}

/// Every file below `folder`; its path from `top` is its key.
fn gather(top: &Path, folder: &Path, objects: &mut BTreeMap<String, Object>) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            gather(top, &path, objects)?;
            continue;
        }
        let below = path.strip_prefix(top).unwrap_or(&path);
        let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
        let key = parts.ok_or_else(|| format!("{} is not UTF-8", path.display()))?.join("/");
        objects.insert(key, Object::file(&path)?);
    }
    Ok(())
}

const STATUSES: [&str; 4] = ["Complete", "InternalError", "PartialData", "Forbidden"];

/// Adds the points of one declaration to their series.
pub(super) fn metric(world: &World, spec: &MetricSpec) -> Result<(), String> {
    let account = world.find_account(&spec.account)?;
    let cell = world.cell(account, world.find_region(&spec.region)?);
    let mut namespace = "AWS/ApplicationELB";
    let mut dimensions = spec.dimensions.clone();
    if let Some(name) = &spec.load_balancer {
        let arn = world
            .arn(&spec.account, &spec.region, name)
            .ok_or_else(|| format!("there is no load balancer {name:?} in {} {}", spec.account, spec.region))?;
        let resource = arn.split_once("loadbalancer/").map_or("", |(_, resource)| resource);
        if resource.contains('/') {
            dimensions.insert("LoadBalancer".to_owned(), resource.to_owned());
        } else {
            namespace = "AWS/ELB";
            dimensions.insert("LoadBalancerName".to_owned(), resource.to_owned());
        }
    }
    if let Some(status) = spec.status.as_deref().filter(|status| !STATUSES.contains(status)) {
        return Err(format!("status {status:?} is not a status of a query"));
    }
    let from = timestamp(spec.from.as_deref())?.as_second();
    let every = i64::from(spec.every.unwrap_or(60).max(1));
    let key = (spec.namespace.clone().unwrap_or_else(|| namespace.to_owned()), spec.name.clone(), dimensions);
    let mut cell = world.write(cell);
    let series = cell.metrics.entry(key).or_default();
    series.status = spec.status.clone().or(series.status.take());
    for (number, value) in (0_i64..).zip(&spec.values) {
        *series.points.entry(from + number * every).or_default() += value;
    }
    Ok(())
}

pub(super) fn athena(world: &World, spec: &AthenaSpec) -> Result<(), String> {
    let account = world.find_account(&spec.account)?;
    let cell = world.cell(account, world.find_region(&spec.region)?);
    if let Some(row) = spec.rows.iter().find(|row| row.len() != spec.columns.len()) {
        return Err(format!("a row has {} values for {} columns", row.len(), spec.columns.len()));
    }
    world.write(cell).athena.prepared.push(spec.clone());
    Ok(())
}
