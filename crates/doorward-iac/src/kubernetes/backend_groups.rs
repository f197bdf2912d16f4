//! The target groups that the controller makes for an Ingress: one for each Service that it leads to.
//!
//! Annotations of a Service override those of the Ingress:
//! <https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/>. So a group is known only if its Service is
//! among the files.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{Observed, TargetGroup};

use super::Object;
use crate::declared_groups::group;
use crate::tree::Node;

const VERSION: &str = "alb.ingress.kubernetes.io/backend-protocol-version";
const PROTOCOL: &str = "alb.ingress.kubernetes.io/backend-protocol";
const TARGET_TYPE: &str = "alb.ingress.kubernetes.io/target-type";

/// The Services among the files, by the files that they are deployed with, namespace and name.
pub(super) struct Services<'a>(BTreeMap<(&'a str, &'a str, &'a str), Object<'a>>);

impl<'a> Services<'a> {
    pub(super) fn of(objects: &[Object<'a>]) -> Self {
        let services = objects.iter().filter(|object| object.is("Service", ""));
        Self(services.map(|one| ((one.scope(), one.namespace(), one.name()), *one)).collect())
    }

    /// The groups of an Ingress whose properties are known.
    pub(super) fn groups(&self, ingress: Object<'_>) -> Vec<TargetGroup> {
        if has_open_annotations(ingress) {
            return Vec::new();
        }
        let of_service = |name: &str| {
            let service = self.0.get(&(ingress.scope(), ingress.namespace(), name)).copied()?;
            if has_open_annotations(service) {
                return None;
            }
            let value = |key: &str| match service.annotated(key) {
                Observed::Absent => ingress.annotated(key),
                own => own,
            };
            // The default of the protocol is HTTP.
            let protocol = match value(PROTOCOL) {
                Observed::Absent => Observed::Known("HTTP".to_owned()),
                set => set,
            };
            group(&service.full_name(), value(TARGET_TYPE), &protocol, value(VERSION))
        };
        backends(ingress).into_iter().filter_map(of_service).collect()
    }
}

/// The names of the Services that an Ingress leads to.
fn backends(ingress: Object<'_>) -> BTreeSet<&str> {
    let Some(spec) = ingress.node.get("spec") else { return BTreeSet::new() };
    let rules = spec.get("rules").and_then(Node::as_seq).unwrap_or_default().iter();
    let paths = rules.flat_map(|rule| rule.at(&["http", "paths"]).and_then(Node::as_seq).unwrap_or_default());
    let default = spec.get("defaultBackend").or_else(|| spec.get("backend"));
    let all = default.into_iter().chain(paths.filter_map(|path| path.get("backend")));
    // As in version v1, and in v1beta1.
    all.filter_map(|one| one.text_at(&["service", "name"]).or_else(|| one.text_at(&["serviceName"]))).collect()
}

/// Whether annotations that are not known here may be added.
fn has_open_annotations(object: Object<'_>) -> bool {
    let annotations = object.node.at(&["metadata", "annotations"]).filter(|node| !node.is_null());
    annotations.is_some_and(|node| match node.as_map() {
        Some(pairs) => {
            pairs.iter().any(|(key, _)| key.as_str().is_none_or(|key| key.contains("${") || key.contains("{{")))
        }
        None => true,
    })
}
