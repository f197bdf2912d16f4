//! Kustomizations that a controller in the cluster builds with changes of its own: those of Flux, and Applications of Argo CD.
//!
//! Their patches and annotations are applied to manifests that may be in another repository, so that the result is not built here:
//! <https://fluxcd.io/flux/components/kustomize/kustomizations/#patches>,
//! <https://argo-cd.readthedocs.io/en/stable/user-guide/kustomize/>

use super::{is_of_another_kind, mentions};
use crate::source_text::SourceText;
use crate::tree::{Data, Node};
use crate::{ParseOutput, UnreadPart};

/// Fields of changes, in the objects of both controllers.
const CHANGES: [&str; 5] = ["patches", "patchesStrategicMerge", "patchesJson6902", "commonAnnotations", "components"];

/// Lists an object whose changes may concern a load balancer as not read.
pub(crate) fn mark(text: &SourceText<'_>, root: &Node, output: &mut ParseOutput) {
    let version = root.text_at(&["apiVersion"]).unwrap_or_default();
    let kind = root.text_at(&["kind"]).unwrap_or_default();
    let changed = match kind {
        "Kustomization" if version.starts_with("kustomize.toolkit.fluxcd.io/") => root.get("spec").and_then(change),
        "Application" | "ApplicationSet" if version.starts_with("argoproj.io/") => within(root),
        _ => None,
    };
    let Some(changed) = changed else { return };
    let name = root.text_at(&["metadata", "name"]).unwrap_or("(unnamed)");
    output.unread.push(UnreadPart {
        address: format!("{kind} {name}"),
        place: text.place(changed.span.start..changed.span.start),
        because: "It changes manifests that may declare load balancers when the cluster deploys them; check the manifests that are \
                  deployed."
            .to_owned(),
    });
}

/// The first change below a key `kustomize`.
fn within(node: &Node) -> Option<&Node> {
    match &*node.data {
        Data::Scalar { .. } => None,
        Data::Seq(nodes) => nodes.iter().find_map(within),
        Data::Map(pairs) => pairs.iter().find_map(|(key, value)| match key.as_str() {
            Some("kustomize") => change(value),
            _ => within(value),
        }),
    }
}

/// The first field that may change a load balancer.
fn change(settings: &Node) -> Option<&Node> {
    CHANGES.iter().filter_map(|field| settings.get(field)).find(|changes| match changes.as_seq() {
        Some(entries) => entries.iter().any(|entry| {
            let kind = entry.text_at(&["target", "kind"]);
            !kind.is_some_and(is_of_another_kind) && mentions(entry)
        }),
        None => mentions(changes),
    })
}
