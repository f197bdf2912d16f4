//! Builds load balancers from their declarations, also while a world is being served.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::World;
use super::super::attributes;
use super::super::kind::Kind;
use super::super::load_balancer::{Listener, LoadBalancer, Pairs, TargetGroup};
use super::super::spec::LoadBalancerSpec;
use super::timestamp;
use crate::digest::{digest, spell};

/// Adds one declared load balancer, or `count` alike that share everything but name and id.
pub(super) fn add_load_balancer(world: &World, spec: &LoadBalancerSpec) -> Result<(), String> {
    let account = world.find_account(&spec.account)?;
    let index = world.cell(account, world.find_region(&spec.region)?);
    let kind_name = spec.kind.as_deref().unwrap_or("application");
    let kind: Kind = kind_name.parse().map_err(|_| format!("type {kind_name:?} does not exist"))?;
    let internal = match spec.scheme.as_deref() {
        None => kind == Kind::Gateway,
        Some("internet-facing") => false,
        Some("internal") => true,
        Some(other) => return Err(format!("scheme {other:?} does not exist")),
    };
    let mut overrides: BTreeMap<&str, &str> =
        spec.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    if let Some(mode) = &spec.mode {
        let key = attributes::mode_key(kind).ok_or_else(|| format!("type {kind_name} has no mode"))?;
        overrides.insert(key, mode);
    }
    let default_vpc = || format!("vpc-0{}", spell(digest(&[&spec.account, &spec.region]), b"0123456789abcdef", 16));
    let template = LoadBalancer {
        name: spec.name.as_str().into(),
        id: 0,
        kind,
        internal,
        state: spec.state.as_deref().unwrap_or("active").into(),
        vpc: spec.vpc.clone().unwrap_or_else(default_vpc).into(),
        created: timestamp(spec.created.as_deref())?,
        overrides: pairs(overrides),
        omitted: spec.omit_attributes.iter().map(|key| key.as_str().into()).collect(),
        tags: pairs(spec.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))),
        listeners: listeners(spec.listeners.as_deref(), kind)?,
        vended_logs: spec.vended_logs,
        target_groups: target_groups(spec.target_groups.as_deref())?,
        alb_targets: texts(&spec.alb_targets),
        vpc_origins: texts(&spec.vpc_origins),
        apis: texts(&spec.apis),
    };
    let mut cell = world.write(index);
    let names: Vec<String> = match spec.count {
        None => vec![spec.name.clone()],
        Some(count) => (1..=count).map(|number| format!("{}-{number}", spec.name)).collect(),
    };
    for name in names {
        if name.is_empty() || name.len() > 32 {
            return Err(format!("name {name:?} must have 1 to 32 characters"));
        }
        let id = digest(&[&spec.account, &spec.region, kind.segment(), &name]);
        let load_balancer = LoadBalancer { name: name.as_str().into(), id, ..template.clone() };
        let replaced = match kind {
            Kind::Classic => cell.classic.insert(name.as_str().into(), load_balancer),
            _ => cell.current.insert(id, load_balancer),
        };
        if replaced.is_some() {
            return Err(format!("{name} exists already in {} {}", spec.account, spec.region));
        }
    }
    Ok(())
}

fn texts(declared: &[String]) -> Arc<[Box<str>]> {
    declared.iter().map(|text| text.as_str().into()).collect()
}

fn pairs<'a>(items: impl IntoIterator<Item = (&'a str, &'a str)>) -> Pairs {
    Arc::new(items.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
}

fn listeners(declared: Option<&[String]>, kind: Kind) -> Result<Arc<[Listener]>, String> {
    let default = match kind {
        Kind::Application => "HTTPS:443",
        Kind::Network => "TCP:443",
        Kind::Gateway => "GENEVE:6081",
        Kind::Classic => "HTTP:80",
    };
    let default = [default.to_owned()];
    declared
        .unwrap_or(&default)
        .iter()
        .map(|text| {
            let (protocol, port) = text.split_once(':').unwrap_or((text, ""));
            let port = port.parse().map_err(|_| format!("listener {text:?} must be PROTOCOL:PORT"))?;
            Ok(Listener { protocol: protocol.into(), port })
        })
        .collect()
}

fn target_groups(declared: Option<&[String]>) -> Result<Option<Arc<[TargetGroup]>>, String> {
    let group = |text: &String| {
        let mut parts = text.split(':').filter(|part| !part.is_empty());
        let (Some(name), Some(target_type)) = (parts.next(), parts.next()) else {
            return Err(format!("target group {text:?} must be NAME:TYPE or NAME:TYPE:VERSION"));
        };
        Ok(TargetGroup { name: name.into(), target_type: target_type.into(), version: parts.next().map(Into::into) })
    };
    declared.map(|declared| declared.iter().map(group).collect()).transpose()
}
