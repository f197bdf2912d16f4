//! No patch of a kustomization that sets monitor is passed over: the result fails, or the kustomization is listed as not read.

use doorward_iac::{Deployment, SourceFile, Subject, parse};
use doorward_model::{Mode, Observed};
use proptest::prelude::*;

const KEY: &str = "alb.ingress.kubernetes.io/load-balancer-attributes";
const MONITOR: &str = "routing.http.desync_mitigation_mode=monitor";

/// An Ingress, with the mode strictest or without any mode.
fn ingress(has_mode: bool, namespace: bool) -> String {
    let annotation = format!("  annotations:\n    {KEY}: routing.http.desync_mitigation_mode=strictest\n");
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n{}{}spec: {{ingressClassName: alb}}\n",
        if namespace { "  namespace: shop\n" } else { "" },
        if has_mode { &annotation } else { "  annotations: {a: b}\n" },
    )
}

/// A target of a patch, all of which select the Ingress.
fn target() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{kind: Ingress}",
        "{kind: Ingress, name: web}",
        "{kind: Ingress, name: w.*}",
        "{kind: Ingress, name: .*}",
        "{name: web}",
        "{group: networking.k8s.io, version: v1, kind: Ingress, name: web}",
        "{kind: Ing.*}",
        "{kind: Ingress, annotationSelector: a=b}",
    ])
}

/// The fields of a kustomization that set the annotation, and the files that they name.
fn change() -> impl Strategy<Value = (String, Vec<(&'static str, String)>)> {
    let merge = format!("kind: Ingress\nmetadata:\n  name: web\n  annotations:\n    {KEY}: {MONITOR}\n");
    let operations =
        format!("- op: add\n  path: /metadata/annotations/{}\n  value: {MONITOR}\n", KEY.replace('/', "~1"));
    let flow = format!("[{{op: add, path: /metadata/annotations/{}, value: {MONITOR}}}]\n", KEY.replace('/', "~1"));
    let indented = |text: &str| text.lines().map(|line| format!("      {line}\n")).collect::<String>();
    let inline_merge = format!("patches:\n  - patch: |-\n{}", indented(&merge));
    let (inline, named) = (indented(&operations), operations.clone());
    prop_oneof![
        Just((inline_merge.clone(), vec![])),
        Just((format!("patchesStrategicMerge:\n  - |-\n{}", indented(&merge)), vec![])),
        Just(("patchesStrategicMerge: [patch.yaml]\n".to_owned(), vec![("patch.yaml", merge.clone())])),
        Just(("patches: [{path: patch.yaml}]\n".to_owned(), vec![("patch.yaml", merge)])),
        Just((format!("commonAnnotations:\n  {KEY}: {MONITOR}\n"), vec![])),
        target().prop_map(move |target| (format!("patches:\n  - target: {target}\n    patch: |-\n{inline}"), vec![])),
        target().prop_map(move |target| {
            (format!("patches:\n  - target: {target}\n    path: patch.yaml\n"), vec![("patch.yaml", named.clone())])
        }),
        target().prop_map(move |target| {
            (
                format!("patchesJson6902:\n  - target: {target}\n    path: patch.yaml\n"),
                vec![("patch.yaml", flow.clone())],
            )
        }),
        // The file of the patch is outside the files.
        target().prop_map(|target| (format!("patches:\n  - {{target: {target}, path: gone.yaml}}\n"), vec![])),
        Just((
            "replacements:\n  - targets: [{select: {kind: Ingress}, fieldPaths: [metadata.annotations]}]\n".to_owned(),
            vec![]
        )),
    ]
}

proptest! {
    #[test]
    fn a_patch_that_sets_monitor_is_not_passed_over(
        (fields, files) in change(),
        has_mode: bool,
        namespace: bool,
        layers in 0_usize..3,
        is_component: bool,
        extra in prop::sample::select(vec!["", "namePrefix: a-\n", "namespace: other\n", "images: [{name: x, newTag: y}]\n"]),
    ) {
        let source = |path: &str, text: String| SourceFile::new(path, text.into_bytes(), false).unwrap();
        let mut sources = vec![source("base/ingress.yaml", ingress(has_mode, namespace))];
        sources.push(source("base/kustomization.yaml", "resources: [ingress.yaml]\n".to_owned()));
        let mut below = "base".to_owned();
        for layer in 0..layers {
            let folder = format!("layer{layer}");
            sources.push(source(&format!("{folder}/kustomization.yaml"), format!("resources: [../{below}]\n{extra}")));
            below = folder;
        }
        let (resources, kind) = if is_component {
            sources.push(source("top/kustomization.yaml", format!("resources: [../{below}]\ncomponents: [../part]\n")));
            (String::new(), "kind: Component\n")
        } else {
            (format!("resources: [../{below}]\n"), "")
        };
        let folder = if is_component { "part" } else { "top" };
        sources.push(source(&format!("{folder}/kustomization.yaml"), format!("{kind}{resources}{fields}")));
        sources.extend(files.into_iter().map(|(name, text)| source(&format!("{folder}/{name}"), text)));
        let output = parse(&sources, &Deployment::default(), &|_| Ok(Vec::new()));
        prop_assert_eq!(&output.errors, &[]);
        let is_in_monitor = output.declared.iter().any(|declared| match &declared.subject {
            Subject::LoadBalancer(lb) => {
                declared.address.starts_with("top/") && lb.mode == Observed::Known(Mode::Monitor)
            }
            Subject::Incapable(_) => false,
        });
        let is_unread = output.unread.iter().any(|unread| unread.address.starts_with("top/"));
        prop_assert!(is_in_monitor || is_unread, "{:?} {:?}", output.declared, output.unread);
    }
}
