//! Inputs whose evaluation would take time or memory out of proportion to their size.

use doorward_iac::{Deployment, ParseOutput, SourceFile, parse};

fn read(files: impl Iterator<Item = (String, String)>) -> ParseOutput {
    let source = |(path, text): (String, String)| SourceFile::new(path, text.into_bytes(), false).unwrap();
    let sources: Vec<SourceFile> = files.map(source).collect();
    parse(&sources, &Deployment::default(), &|_| Ok(Vec::new()))
}

/// Each of 120 kustomizations uses eight others, so that there are more paths between them than can be followed.
#[test]
fn kustomizations_that_share_others() {
    let text = |number: usize| {
        let others: Vec<String> = (number + 1..(number + 9).min(120)).map(|other| format!("../k{other}")).collect();
        let annotations = "commonAnnotations: {alb.ingress.kubernetes.io/scheme: internal}";
        format!("resources: [{}]\n{annotations}\n", others.join(", "))
    };
    let output = read((0..120).map(|number| (format!("k{number}/kustomization.yaml"), text(number))));
    assert!(output.errors.is_empty() && output.declared.is_empty(), "{:?}", output.errors);
}

/// A component at the end of a chain of shared kustomizations is found on every path.
#[test]
fn components_below_shared_kustomizations() {
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n  annotations: {alb.ingress.kubernetes.io/load-balancer-attributes: routing.http.desync_mitigation_mode=strictest}\nspec: {ingressClassName: alb}\n";
    let component = "kind: Component\npatches:\n- target: {kind: Ingress}\n  patch: '[{op: replace, path: /metadata/annotations/alb.ingress.kubernetes.io~1load-balancer-attributes, value: routing.http.desync_mitigation_mode=monitor}]'\n";
    let files = [
        ("base/kustomization.yaml", "resources: [web.yaml]\n"),
        ("base/web.yaml", ingress),
        ("part/kustomization.yaml", component),
        ("one/kustomization.yaml", "resources: [../base]\ncomponents: [../part]\n"),
        ("two/kustomization.yaml", "resources: [../base]\ncomponents: [../part]\n"),
    ];
    let output = read(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    let addresses: Vec<&str> = output.declared.iter().map(|declared| declared.address.as_str()).collect();
    assert_eq!(
        addresses,
        ["one/kustomization.yaml: Ingress web", "two/kustomization.yaml: Ingress web", "Ingress web"],
        "{:?}",
        output.unread
    );
}

/// The Ingresses of one group are compared once for each group, not for each Ingress.
#[test]
fn a_group_of_many_ingresses() {
    let text = |number: usize| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: i{number}, annotations: {{alb.ingress.kubernetes.io/group.name: g}}}}\nspec: {{ingressClassName: alb}}\n"
        )
    };
    let output = read((0..4_000).map(|number| (format!("i{number}.yaml"), text(number))));
    assert_eq!((output.declared.len(), output.errors.len()), (4_000, 0));
}

/// Nested loops keep what they make: their elements count.
#[test]
fn loops_within_loops() {
    let text = "locals { r = range(300) }\nresource \"aws_lb\" \"a\" {\n  desync_mitigation_mode = length([for a in local.r : [for b in local.r : [for c in local.r : a]]]) > 0 ? \"monitor\" : \"strictest\"\n}\n";
    let output = read(std::iter::once(("main.tf".to_owned(), text.to_owned())));
    let mode = &output.declared[0].load_balancer().unwrap().mode;
    let message = mode.gap().and_then(|gap| gap.message.clone()).unwrap();
    assert!(message.contains("limit of evaluation steps"), "{message}");
}

/// A chain of operators is a tree as deep as the chain is long.
#[test]
fn chains_of_operators() {
    let text = |operators: usize| {
        format!(
            "resource \"aws_lb\" \"a\" {{\n  desync_mitigation_mode = (1{}) > 2 ? \"monitor\" : \"strictest\"\n}}\n",
            " + 1".repeat(operators)
        )
    };
    let output = read(std::iter::once(("main.tf".to_owned(), text(400))));
    assert_eq!((output.declared.len(), output.unread.len()), (1, 0));
    let output = read(std::iter::once(("main.tf".to_owned(), text(100_000))));
    assert_eq!((output.declared.len(), output.broken.len()), (0, 1));
}

/// The attributes of one group count together.
#[test]
fn a_group_of_many_attributes() {
    let attributes: Vec<String> = (0..200).map(|number| format!("k{number}=v")).collect();
    let text = |number: usize| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: i{number}\n  annotations:\n    alb.ingress.kubernetes.io/group.name: g\n    alb.ingress.kubernetes.io/load-balancer-attributes: {}\nspec: {{ingressClassName: alb}}\n",
            attributes.join(",")
        )
    };
    let output = read((0..400).map(|number| (format!("i{number}.yaml"), text(number))));
    assert_eq!((output.declared.len(), output.errors.len()), (400, 0));
}

/// Classes and parameters of one name are compared for a few of them only.
#[test]
fn many_objects_of_one_name() {
    let text = |number: usize| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: i{number}}}\nspec: {{ingressClassName: alb}}\n---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {{name: alb}}\nspec: {{controller: ingress.k8s.aws/alb, parameters: {{kind: IngressClassParams, name: p}}}}\n---\napiVersion: elbv2.k8s.aws/v1beta1\nkind: IngressClassParams\nmetadata: {{name: p}}\nspec: {{loadBalancerAttributes: [{{key: routing.http.desync_mitigation_mode, value: strictest}}]}}\n"
        )
    };
    let output = read((0..2_000).map(|number| (format!("i{number}.yaml"), text(number))));
    let is_ingress = |declared: &&doorward_iac::Declared| declared.address.starts_with("Ingress i");
    assert_eq!((output.declared.iter().filter(is_ingress).count(), output.errors.len()), (2_000, 0));
}
