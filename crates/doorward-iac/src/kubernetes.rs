//! Kubernetes manifests for the AWS Load Balancer Controller and EKS Auto Mode. They belong together across files: an
//! IngressClassParams overrides what an Ingress says, members of a group share a load balancer, and a Gateway is
//! configured by its class as well.
//!
//! The controller sends the attributes that are named and leaves all others as they are, so that one that is not named
//! keeps its value: <https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/>

use std::ops::Range;

use doorward_model::{GapReason, Observed};

use crate::attributes::Attributes;
use crate::draft::gap;
use crate::text::Text;
use crate::tree::{Data, Document, Node};
use crate::{Options, Problem, Reading};

mod gateway;
mod ingress;
mod service;

/// The names of key and value in the controller's lists.
const NAMES: (&str, &str) = ("key", "value");
/// The kinds of objects that are read.
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

/// Everything that the manifests declare.
#[derive(Default)]
pub(crate) struct Manifests<'a> {
    documents: Vec<(&'a Text<'a>, Document)>,
}

impl<'a> Manifests<'a> {
    pub(crate) fn add(&mut self, text: &'a Text<'a>, document: Document) {
        self.documents.push((text, document));
    }

    /// Reads them all together.
    pub(crate) fn read(&self, options: &Options, reading: &mut Reading) {
        let mut objects = Vec::new();
        for (text, document) in &self.documents {
            let root = &document.root;
            if let Err(problem) = root.once(text) {
                reading.problems.push(problem);
                continue;
            }
            let items = root.get("items").and_then(Node::as_seq);
            match items.filter(|_| root.text_at(&["kind"]).is_some_and(|kind| kind.ends_with("List"))) {
                Some(items) => objects.extend(items.iter().map(|node| Object { text, document, node })),
                None => objects.push(Object { text, document, node: root }),
            }
        }
        // Of the objects that decide nothing here, a key that is there twice is left alone.
        objects.retain(|object| match object.once() {
            Ok(()) => true,
            Err(problem) => {
                reading.problems.push(problem);
                false
            }
        });
        ingress::read(&objects, options, reading);
        service::read(&objects, options, reading);
        gateway::read(&objects, options, reading);
    }
}

/// One object of a manifest.
#[derive(Clone, Copy)]
struct Object<'a> {
    text: &'a Text<'a>,
    document: &'a Document,
    node: &'a Node,
}

impl<'a> Object<'a> {
    /// Complains about a key that is there twice, in an object of a kind that is read.
    fn once(&self) -> Result<(), Problem> {
        self.node.once(self.text)?;
        match self.node.text_at(&["kind"]) {
            Some(kind) if KINDS.contains(&kind) => self.node.once_within(self.text),
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

    /// `Ingress shop/web`; a kind without a namespace leaves it out.
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

    /// What is underlined where nothing better is written.
    fn head(&self) -> Range<usize> {
        let name = self.node.at(&["metadata", "name"]).or_else(|| self.node.get("kind"));
        name.map_or_else(|| self.node.span.start..self.node.span.start, |node| node.span.clone())
    }

    fn annotation(&self, key: &str) -> Option<&'a Node> {
        self.node.at(&["metadata", "annotations", key])
    }

    /// The attributes of a list of the controller's own kinds.
    fn listed(&self, path: &[&str]) -> Attributes {
        match self.node.at(path).filter(|list| !list.is_null()) {
            Some(list) => Attributes::of_list(self.text, list, NAMES, &|node| literal(self.text, node)),
            None => Attributes::default(),
        }
    }
}

/// The value of a field. What a renderer has still to fill in is not a value.
fn literal(text: &Text<'_>, node: &Node) -> Observed<String> {
    if node.is_null() {
        return Observed::Absent;
    }
    match &*node.data {
        Data::Scalar { text: value, .. } => filled(text, value, &node.span),
        _ => {
            let message = "a single value is expected here";
            Observed::Unread(gap(text, GapReason::Malformed, node.span.clone(), message))
        }
    }
}

fn filled(text: &Text<'_>, value: &str, span: &Range<usize>) -> Observed<String> {
    if value.contains("{{") || value.contains("${") || value.contains("$(") {
        let message = format!("{value:?} is filled in when the manifest is rendered");
        return Observed::Unread(gap(text, GapReason::Unresolved, span.clone(), message));
    }
    Observed::Known(value.to_owned())
}
