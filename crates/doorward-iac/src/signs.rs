//! Words by which a text that cannot be evaluated is judged: whether it may declare a load balancer.

/// Words of the Kubernetes controllers that create load balancers, in lower case.
const OF_CONTROLLERS: [&str; 10] = [
    "alb.ingress.kubernetes.io",
    "ingress.k8s.aws",
    "eks.amazonaws.com/alb",
    "gateway.k8s.aws",
    "ingress.class: alb",
    "ingress.class: \"alb\"",
    "ingress.class: 'alb'",
    "classname: alb",
    "classname: \"alb\"",
    "classname: 'alb'",
];

/// Words of a Service that creates a load balancer, in lower case.
const OF_SERVICES: [&str; 2] = ["service.beta.kubernetes.io/aws-load-balancer", "service.k8s.aws/"];

/// The class of a Service for which the AWS Load Balancer Controller creates a Network Load Balancer:
/// <https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/nlb/>
const CLASS_OF_SERVICE: &str = "loadbalancerclass";

/// The annotation of a Service whose values `external`, `nlb` and `nlb-ip` ask for a Network Load Balancer, which has no mode.
const TYPE_OF_SERVICE: &str = "aws-load-balancer-type";

/// Words of the values of a chart that asks for an application load balancer, in lower case.
const OF_INGRESSES: [&str; 3] = ["ingress", "gateway", "alb."];

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
const OF_DIALECTS: [&str; 7] =
    ["::module", "transform", "kind: gateway", "kind: ingress", "planned_values", "resource_changes", "urn:pulumi:"];

/// Whether a file that is not well-formed may be one that declares load balancers.
pub(crate) fn of_dialect(text: &str) -> bool {
    of_any(text) || contains(text, &OF_DIALECTS)
}

/// Whether a text contains a word of a Kubernetes controller that creates load balancers with a mode.
pub(crate) fn of_controller(text: &str) -> bool {
    contains(text, &OF_CONTROLLERS) || (contains(text, &OF_SERVICES) && !is_of_network(text))
}

/// Whether the values of a chart may ask for a load balancer with a mode.
pub(crate) fn of_ingress(text: &str) -> bool {
    of_controller(text) || contains(text, &OF_INGRESSES)
}

/// Whether each type of a load balancer in a text is that of a Network Load Balancer, and there is one.
fn is_of_network(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let after = |word: &'static str| text.split(word).skip(1);
    let mut types = after(TYPE_OF_SERVICE).chain(after(CLASS_OF_SERVICE)).peekable();
    let is_network = |rest: &str| {
        let line: String = rest.chars().take(40).collect();
        line.contains("external") || line.contains("nlb")
    };
    types.peek().is_some() && types.all(is_network)
}

/// Whether a text may declare a load balancer in any dialect.
pub(crate) fn of_any(text: &str) -> bool {
    of_controller(text) || contains(text, &OF_DECLARATIONS)
}

fn contains(text: &str, words: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    words.iter().any(|word| text.contains(word))
}

/// Whether a text is a template that another program renders: Helm, Jinja, `templatefile`.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("%{") || text.contains("<%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_of_a_network_load_balancer_is_no_sign() {
        for (text, expected) in [
            ("service.beta.kubernetes.io/aws-load-balancer-internal: \"true\"", true),
            ("service.beta.kubernetes.io/aws-load-balancer-type: external", false),
            ("service.beta.kubernetes.io/aws-load-balancer-type = \"nlb-ip\"", false),
            ("service.beta.kubernetes.io/aws-load-balancer-type: classic", true),
            (
                "service.beta.kubernetes.io/aws-load-balancer-scheme: internal\n loadBalancerClass: service.k8s.aws/nlb",
                false,
            ),
            ("service.beta.kubernetes.io/aws-load-balancer-scheme: internal\n loadBalancerClass: other", true),
            (
                "a: {service.beta.kubernetes.io/aws-load-balancer-type: nlb}\nb: \
                 {service.beta.kubernetes.io/aws-load-balancer-type: x, more: 1234567890}",
                true,
            ),
            (
                "service.beta.kubernetes.io/aws-load-balancer-type: nlb\nalb.ingress.kubernetes.io/scheme: internal",
                true,
            ),
            ("ingressClassName: alb", true),
            ("", false),
        ] {
            assert_eq!(of_controller(text), expected, "{text}");
        }
    }
}
