//! Kubernetes manifests for the AWS Load Balancer Controller and EKS Auto Mode. They are evaluated together across files: an
//! IngressClassParams overrides the annotations of an Ingress, the Ingresses of a group share a load balancer, and a Gateway
//! is also configured by its class.
//!
//! The controller sends only the attributes that are set, so that an unset attribute keeps its value: <https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/>

use std::collections::BTreeSet;
use std::ops::Range;

use doorward_model::{GapReason, Observed};

use crate::attributes::Attributes;
use crate::builder::{LoadBalancerBuilder, gap};
use crate::source_text::SourceText;
use crate::tree::{Data, Document, Node};
use crate::{Action, Deployment, Dialect, FileError, ModeEdit, ParseOutput};

mod backend_groups;
mod classes;
mod custom_resources;
mod embedded;
mod gateway;
mod helm_values;
mod ingress;
mod kustomize;
mod nearest;
mod remote;
mod service;

pub(crate) use helm_values::{is_disabled, is_values, of_values, unknown};
pub(crate) use kustomize::{
    build as build_kustomizations, is_kustomization, mark as mark_kustomizations, mark_missing, patch_sources,
    resource_sources,
};
pub(crate) use remote::mark_deployed;

/// The names of key and value in the controller's lists.
const NAMES: (&str, &str) = ("key", "value");
/// The kinds of objects that are evaluated.
const KINDS: [&str; 13] = [
    "Application",
    "ApplicationSet",
    "ELB",
    "Gateway",
    "GatewayClass",
    "HelmRelease",
    "Ingress",
    "IngressClass",
    "IngressClassParams",
    "LB",
    "LoadBalancer",
    "LoadBalancerConfiguration",
    "Service",
];
const MODE: &str = "routing.http.desync_mitigation_mode";

/// The documents of all manifests.
#[derive(Default)]
pub(crate) struct Manifests<'a> {
    documents: Vec<(&'a SourceText<'a>, Document, Option<ManifestOrigin>)>,
    /// Values files of Helm charts.
    values: Vec<(&'a SourceText<'a>, Document)>,
}

/// The declaration that a manifest stands in, if it is no file of manifests: a resource of Terraform or Pulumi, the values of
/// a Helm chart, a kustomization.
#[derive(Debug, Clone)]
pub(crate) struct ManifestOrigin {
    /// Its address: `kubernetes_ingress_v1.web`.
    pub(crate) address: String,
    /// What deployment does with it.
    pub(crate) action: Action,
    /// The group of files that are deployed together; Ingresses of different groups share no load balancer. Empty for files
    /// of manifests.
    pub(crate) scope: String,
    /// Why `--fix` does not edit it.
    pub(crate) unfixable: &'static str,
    /// Where the mode may come from besides the place that is shown.
    pub(crate) note: Option<String>,
}

impl<'a> Manifests<'a> {
    pub(crate) fn add(&mut self, text: &'a SourceText<'a>, document: Document) {
        self.documents.push((text, document, None));
    }

    /// Adds the manifest of a declaration in another dialect.
    pub(crate) fn add_from(&mut self, text: &'a SourceText<'a>, document: Document, origin: ManifestOrigin) {
        self.documents.push((text, document, Some(origin)));
    }

    /// Adds a values file.
    pub(crate) fn add_values(&mut self, text: &'a SourceText<'a>, document: Document) {
        self.values.push((text, document));
    }

    /// Leaves out the documents of files that are no manifests of their own.
    fn leave_out(&mut self, files: &BTreeSet<String>) {
        self.documents.retain(|(text, _, origin)| origin.is_some() || !files.contains(text.path));
    }

    /// Evaluates all documents together.
    pub(crate) fn parse(&self, deployment: &Deployment, output: &mut ParseOutput) {
        let mut objects = Vec::new();
        for (text, document, origin) in &self.documents {
            let root = &document.root;
            if let Err(error) = root.check_unique_keys(text).or_else(|error| unless_of_other_kinds(root, error)) {
                output.errors.push(error);
                continue;
            }
            kustomize::mark_by_controllers(text, root, output);
            embedded::mark(text, root, output);
            let items = root.get("items").and_then(Node::as_seq);
            let origin = origin.as_ref();
            let object = |node| Object { text, document, node, origin };
            match items.filter(|_| root.text_at(&["kind"]).is_some_and(|kind| kind.ends_with("List"))) {
                Some(items) => {
                    objects.extend(items.iter().map(object));
                    let others = items.iter().filter(|item| !is_evaluated(item));
                    others.for_each(|item| nested(item, &mut |node| objects.push(object(node))));
                }
                None if is_evaluated(root) => objects.push(object(root)),
                None => nested(root, &mut |node| objects.push(object(node))),
            }
        }
        // Objects of other kinds may have repeated keys: they are not evaluated.
        objects.retain(|object| match object.check_unique_keys() {
            Ok(()) => true,
            Err(error) => {
                output.errors.push(error);
                false
            }
        });
        let rendered = helm_values::ingresses(&objects, &self.values, output);
        let rendered = rendered.iter().map(|(text, document, origin)| Object {
            text,
            document,
            node: &document.root,
            origin: Some(origin),
        });
        let rendered: Vec<Object<'_>> = rendered.collect();
        objects.extend(rendered);
        custom_resources::parse(&objects, deployment, output);
        ingress::parse(&objects, deployment, output);
        service::parse(&objects, deployment, output);
        gateway::parse(&objects, deployment, output);
    }
}

/// The error of a repeated key, unless every kind that the document gives is one that creates no load balancer, as where the line
/// between two objects is missing.
fn unless_of_other_kinds(root: &Node, error: FileError) -> Result<(), FileError> {
    let is_other = |kind: &Node| kind.as_str().is_some_and(|kind| !KINDS.contains(&kind) && !kind.ends_with("List"));
    let mut kinds = root.all("kind").peekable();
    if kinds.peek().is_some() && kinds.all(is_other) { Ok(()) } else { Err(error) }
}

/// Whether an object is of a kind that is evaluated.
pub(crate) fn is_evaluated(node: &Node) -> bool {
    node.text_at(&["kind"]).is_some_and(|kind| {
        // Other projects have applications as well, whose objects are within them.
        let is_argo = || node.text_at(&["apiVersion"]).is_some_and(|version| version.starts_with("argoproj.io/"));
        KINDS.contains(&kind) && (!kind.starts_with("Application") || is_argo())
    })
}

/// Calls a function for the objects within an object of another kind: a composition, a template, a resource graph.
fn nested<'n>(node: &'n Node, found: &mut dyn FnMut(&'n Node)) {
    let mut visit = |inner: &'n Node| {
        if inner.text_at(&["apiVersion"]).is_some() && is_evaluated(inner) {
            found(inner);
        } else {
            nested(inner, found);
        }
    };
    match &*node.data {
        Data::Scalar { .. } => {}
        Data::Seq(nodes) => nodes.iter().for_each(visit),
        Data::Map(pairs) => pairs.iter().for_each(|(_, value)| visit(value)),
    }
}

/// One object of a manifest.
#[derive(Clone, Copy)]
struct Object<'a> {
    text: &'a SourceText<'a>,
    document: &'a Document,
    node: &'a Node,
    origin: Option<&'a ManifestOrigin>,
}

impl<'a> Object<'a> {
    /// Complains about a key that is there duplicate_key, in an object of a kind that is read.
    fn check_unique_keys(&self) -> Result<(), FileError> {
        self.node.check_unique_keys(self.text)?;
        match self.node.text_at(&["kind"]) {
            Some(kind) if KINDS.contains(&kind) => self.node.check_unique_keys_below(self.text),
            _ => Ok(()),
        }
    }

    fn is(&self, kind: &str, group: &str) -> bool {
        let version = self.node.text_at(&["apiVersion"]).unwrap_or_default();
        self.node.text_at(&["kind"]) == Some(kind)
            && (group.is_empty() || version.split('/').next().is_some_and(|own| own == group))
    }

    fn name(&self) -> &'a str {
        self.node.text_at(&["metadata", "name"]).unwrap_or("(unnamed)")
    }

    fn namespace(&self) -> &'a str {
        self.node.text_at(&["metadata", "namespace"]).unwrap_or("default")
    }

    /// The files that it is deployed with.
    fn scope(&self) -> &'a str {
        self.origin.map_or("", |origin| &origin.scope)
    }

    /// A builder for the load balancer of this object, whose mode is set in `setter`.
    fn builder(&self, setter: Object<'a>) -> LoadBalancerBuilder<'a> {
        let mut builder = LoadBalancerBuilder::new(setter.text, Dialect::Kubernetes, self.address(), setter.head());
        if let Some(origin) = self.origin {
            builder.action = origin.action;
            builder.note.clone_from(&origin.note);
        }
        builder
    }

    /// An edit of this object, unless another program writes it.
    fn fix(&self, edit: impl FnOnce() -> Result<ModeEdit, String>) -> Result<ModeEdit, String> {
        self.origin.map_or_else(edit, |origin| Err(origin.unfixable.to_owned()))
    }

    /// `Ingress shop/web`; `Ingress web` if the manifest does not set a namespace; the address of the declaration that the
    /// object stands in.
    fn address(&self) -> String {
        if let Some(origin) = self.origin {
            return origin.address.clone();
        }
        let kind = self.node.text_at(&["kind"]).unwrap_or_default();
        match self.node.text_at(&["metadata", "namespace"]) {
            Some(namespace) => format!("{kind} {namespace}/{}", self.name()),
            None => format!("{kind} {}", self.name()),
        }
    }

    /// `shop/web`, as the controllers write it into tags.
    fn full_name(&self) -> String {
        format!("{}/{}", self.namespace(), self.name())
    }

    /// The place of the object: its name.
    fn head(&self) -> Range<usize> {
        let name = self.node.at(&["metadata", "name"]).or_else(|| self.node.get("kind"));
        name.map_or_else(|| self.node.span.start..self.node.span.start, |node| node.span.clone())
    }

    fn annotation(&self, key: &str) -> Option<&'a Node> {
        self.node.at(&["metadata", "annotations", key])
    }

    /// A value in its annotations.
    fn annotated(&self, key: &str) -> Observed<String> {
        self.annotation(key).map_or(Observed::Absent, |node| literal(self.text, node))
    }

    /// The attributes of a list in an object of the controller's own kinds.
    fn listed(&self, path: &[&str]) -> Attributes {
        match self.node.at(path).filter(|list| !list.is_null()) {
            Some(list) => Attributes::of_list(self.text, list, NAMES, &|node| literal(self.text, node)),
            None => Attributes::default(),
        }
    }
}

/// The value of a field. A template expression that is still to be rendered is not a value.
fn literal(text: &SourceText<'_>, node: &Node) -> Observed<String> {
    if node.is_null() {
        return Observed::Absent;
    }
    match &*node.data {
        Data::Scalar { text: value, .. } => rendered(text, value, &node.span),
        _ => {
            let message = "a single value is expected here";
            Observed::Unread(gap(text, GapReason::Malformed, node.span.clone(), message))
        }
    }
}

fn rendered(text: &SourceText<'_>, value: &str, span: &Range<usize>) -> Observed<String> {
    if value.contains("{{") || value.contains("${") || value.contains("$(") {
        let message = format!("{value:?} is substituted when the manifest is rendered");
        return Observed::Unread(gap(text, GapReason::Unresolved, span.clone(), message));
    }
    Observed::Known(value.to_owned())
}
