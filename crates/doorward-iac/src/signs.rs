//! Words by which a text that cannot be evaluated is judged: whether it may declare a load balancer.

/// Words of the Kubernetes controllers that create load balancers, in lower case.
const OF_CONTROLLERS: [&str; 12] = [
    "alb.ingress.kubernetes.io",
    "ingress.k8s.aws",
    "eks.amazonaws.com/alb",
    "gateway.k8s.aws",
    "service.beta.kubernetes.io/aws-load-balancer",
    "service.k8s.aws/",
    "ingress.class: alb",
    "ingress.class: \"alb\"",
    "ingress.class: 'alb'",
    "classname: alb",
    "classname: \"alb\"",
    "classname: 'alb'",
];

/// Words of declarations in the other dialects, in lower case.
const OF_DECLARATIONS: [&str; 17] = [
    "aws_alb",
    "aws_elastic_beanstalk",
    "aws_elb",
    "aws_lb",
    "desync",
    "elasticbeanstalk",
    "elasticloadbalancing",
    "elb_application_lb",
    "elb_classic_lb",
    "elbv2",
    "helm_release",
    "hostsharedalb",
    "kubectl_manifest",
    "kubernetes_ingress",
    "kubernetes_manifest",
    "module \"",
    "aws::cloudformation::stack",
];

/// Words of files in the dialects that may declare a load balancer, in lower case.
const OF_DIALECTS: [&str; 7] = [
    "::module",
    "awstemplateformatversion",
    "kind: gateway",
    "kind: ingress",
    "planned_values",
    "resource_changes",
    "urn:pulumi:",
];

/// Whether a file that is not well-formed may be one that declares load balancers.
pub(crate) fn of_dialect(text: &str) -> bool {
    of_any(text) || contains(text, &OF_DIALECTS)
}

/// Whether a text contains a word of a Kubernetes controller that creates load balancers.
pub(crate) fn of_controller(text: &str) -> bool {
    contains(text, &OF_CONTROLLERS)
}

/// Whether a text may declare a load balancer in any dialect.
pub(crate) fn of_any(text: &str) -> bool {
    contains(text, &OF_CONTROLLERS) || contains(text, &OF_DECLARATIONS)
}

fn contains(text: &str, words: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    words.iter().any(|word| text.contains(word))
}

/// Whether a text is a template that another program renders: Helm, Jinja, `templatefile`.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("%{") || text.contains("<%")
}
