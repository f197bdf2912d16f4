//! Rego for conftest: plans of Terraform as JSON, and Kubernetes manifests. <https://www.conftest.dev/>

use super::{ATTRIBUTE, REFUSED, Requirements, head, table};

/// The file of rules, in conftest's package.
pub(super) fn text(requirements: &Requirements, notes: &[String]) -> String {
    let mut text = head("#", notes);
    let key = ATTRIBUTE.replace('.', "[.]");
    text.push_str(&format!(
        r#"
package main

import rego.v1

deny contains message if {{
	some change in object.get(input, "resource_changes", [])
	change.type in {{"aws_lb", "aws_alb"}}
	after := change.change.after
	object.get(after, "load_balancer_type", "application") == "application"
	after.desync_mitigation_mode in weak_modes.application[_scheme(change)]
	message := sprintf("%s: the policy requires a stronger mode than %s", [change.address, after.desync_mitigation_mode])
}}

deny contains message if {{
	some change in object.get(input, "resource_changes", [])
	change.type == "aws_elb"
	after := change.change.after
	# The mode has an effect only on HTTP listeners.
	some listener in after.listener
	lower(listener.lb_protocol) in {{"http", "https"}}
	after.desync_mitigation_mode in weak_modes.classic[_scheme(change)]
	message := sprintf("%s: the policy requires a stronger mode than %s", [change.address, after.desync_mitigation_mode])
}}

_scheme(change) := "unknown" if {{
	change.change.after_unknown.internal == true
}} else := "internal" if {{
	change.change.after.internal == true
}} else := "internet-facing"

deny contains message if {{
	input.kind == "Ingress"
	startswith(input.apiVersion, "networking.k8s.io/")
	annotations := object.get(input.metadata, "annotations", {{}})
	_class(annotations) == "alb"
	scheme := object.get(annotations, "alb.ingress.kubernetes.io/scheme", "unknown")
	some mode in object.get(weak_modes.application, scheme, weak_modes.application.unknown)
	attributes := annotations["alb.ingress.kubernetes.io/load-balancer-attributes"]
	regex.match(sprintf("(^|,)[ ]*{key}=%s[ ]*(,|$)", [mode]), attributes)
	not regex.match("{REFUSED}", attributes)
	message := sprintf("Ingress %s: the policy requires a stronger mode than %s", [input.metadata.name, mode])
}}

# The annotation takes precedence over the field.
_class(annotations) := annotations["kubernetes.io/ingress.class"] if {{
	annotations["kubernetes.io/ingress.class"]
}} else := input.spec.ingressClassName

deny contains message if {{
	input.kind in {{"IngressClassParams", "LoadBalancerConfiguration"}}
	scheme := object.get(input.spec, "scheme", "unknown")
	some attribute in input.spec.loadBalancerAttributes
	attribute.key == "{ATTRIBUTE}"
	attribute.value in object.get(weak_modes.application, scheme, weak_modes.application.unknown)
	message := sprintf("%s %s: the policy requires a stronger mode than %s", [input.kind, input.metadata.name, attribute.value])
}}

# The modes that are weaker than any that the policy may require.
weak_modes := {{
	"application": {application},
	"classic": {classic},
}}
"#,
        application = table(&requirements.of_application),
        classic = table(&requirements.of_classic),
    ));
    text
}
