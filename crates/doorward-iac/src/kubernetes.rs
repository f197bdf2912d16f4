//! Kubernetes manifests for the AWS Load Balancer Controller and EKS Auto Mode. They are evaluated together across files: an
//! IngressClassParams overrides the annotations of an Ingress, the Ingresses of a group share a load balancer, and a Gateway
//! is also configured by its class.
//!
//! The controller sends only the attributes that are set, so that an unset attribute keeps its value: <https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/>

use std::ops::Range;

use doorward_model::{GapReason, Observed};

use crate::attributes::Attributes;
use crate::builder::gap;
use crate::source_text::SourceText;
use crate::tree::{Data, Document, Node};
use crate::{Deployment, FileError, ParseOutput};

mod gateway;
mod ingress;
mod service;

/// The names of key and value in the controller's lists.
const NAMES: (&str, &str) = ("key", "value");
/// The kinds of objects that are evaluated.
const KINDS: [&str; 7] = [
    "Ingress",
    "IngressClass",
    "IngressClassParams",
    "Service",
    "Gateway",
    "GatewayClass",
    "LoadBalancerConfiguration",
];
const MODE: &str = "routing.http.desync_mitigation_mode";

/// The documents of all manifests.
#[derive(Default)]
pub(crate) struct Manifests<'a> {
    documents: Vec<(&'a SourceText<'a>, Document)>,
}

impl<'a> Manifests<'a> {
    pub(crate) fn add(&mut self, text: &'a SourceText<'a>, document: Document) {
        self.documents.push((text, document));
    }

    /// Evaluates all documents together.
    pub(crate) fn parse(&self, deployment: &Deployment, output: &mut ParseOutput) {
        let mut objects = Vec::new();
        for (text, document) in &self.documents {
            let root = &document.root;
            if let Err(error) = root.check_unique_keys(text) {
                output.errors.push(error);
                continue;
            }
            let items = root.get("items").and_then(Node::as_seq);
            match items.filter(|_| root.text_at(&["kind"]).is_some_and(|kind| kind.ends_with("List"))) {
                Some(items) => objects.extend(items.iter().map(|node| Object { text, document, node })),
                None => objects.push(Object { text, document, node: root }),
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
        ingress::parse(&objects, deployment, output);
        service::parse(&objects, deployment, output);
        gateway::parse(&objects, deployment, output);
    }
}

/// One object of a manifest.
#[derive(Clone, Copy)]
struct Object<'a> {
    text: &'a SourceText<'a>,
    document: &'a Document,
    node: &'a Node,
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

    /// `Ingress shop/web`; `Ingress web` if the manifest does not set a namespace.
    fn address(&self) -> String {
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
