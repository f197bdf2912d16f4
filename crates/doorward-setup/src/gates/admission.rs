//! Kubernetes ValidatingAdmissionPolicy with its binding, for the objects of the AWS Load Balancer Controller:
//! <https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/>
//!
//! The expressions use only functions of the CEL standard library.

use super::{ATTRIBUTE, REFUSED, SchemeModes, head};

const ANNOTATIONS: &str = "object.metadata.annotations";
const PREFIX: &str = "alb.ingress.kubernetes.io/";

/// An object that sets the mode.
struct GatedObject {
    name: &'static str,
    group: &'static str,
    versions: &'static str,
    resource: &'static str,
}

const OBJECTS: [GatedObject; 3] = [
    GatedObject { name: "ingress", group: "networking.k8s.io", versions: "v1", resource: "ingresses" },
    GatedObject { name: "class", group: "elbv2.k8s.aws", versions: "v1beta1", resource: "ingressclassparams" },
    GatedObject {
        name: "gateway",
        group: "gateway.k8s.aws",
        versions: "v1beta1",
        resource: "loadbalancerconfigurations",
    },
];

/// The policies and their bindings.
pub(super) fn text(modes: &SchemeModes, notes: &[String]) -> String {
    let mut text = head("#", notes);
    for object in OBJECTS {
        text.push_str(&of_object(&object, modes));
    }
    text
}

fn of_object(object: &GatedObject, modes: &SchemeModes) -> String {
    let GatedObject { name, group, versions, resource } = object;
    let mut validations = String::new();
    let mut add = |condition: Option<String>, denied: &[&str]| {
        let Some(last) = denied.last() else { return };
        let denies = match *name {
            "ingress" => of_annotation(denied),
            _ => of_list(denied),
        };
        let expression = match condition {
            Some(condition) => format!("!({condition} && {denies})"),
            None => format!("!({denies})"),
        };
        validations.push_str(&format!(
            "    - expression: >-\n        {expression}\n      message: The policy requires a desync mitigation mode above {last}.\n"
        ));
    };
    add(None, &modes.denied());
    if let Some((scheme, denied)) = modes.denied_in_one_scheme() {
        let condition = match *name {
            "ingress" => format!(
                "has({ANNOTATIONS}) && '{PREFIX}scheme' in {ANNOTATIONS} && {ANNOTATIONS}['{PREFIX}scheme'] == '{scheme}'"
            ),
            _ => format!("has(object.spec.scheme) && object.spec.scheme == '{scheme}'"),
        };
        add(Some(condition), &denied);
    }
    let conditions = if *name == "ingress" {
        format!(
            "  matchConditions:
    # The annotation takes precedence over the field.
    - name: is-of-the-controller
      expression: >-
        has({ANNOTATIONS}) && 'kubernetes.io/ingress.class' in {ANNOTATIONS}
        ? {ANNOTATIONS}['kubernetes.io/ingress.class'] == 'alb'
        : has(object.spec.ingressClassName) && object.spec.ingressClassName == 'alb'
"
        )
    } else {
        String::new()
    };
    format!(
        "---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: doorward-desync-mode-{name}
spec:
  # An expression that cannot be evaluated is unknown, so the object is accepted.
  failurePolicy: Ignore
  matchConstraints:
    resourceRules:
      - apiGroups: [{group}]
        apiVersions: [{versions}]
        operations: [CREATE, UPDATE]
        resources: [{resource}]
{conditions}  validations:
{validations}---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: doorward-desync-mode-{name}
spec:
  policyName: doorward-desync-mode-{name}
  validationActions: [Deny]
"
    )
}

/// Whether the annotation with attributes, `KEY=VALUE,KEY=VALUE`, names one of the modes.
fn of_annotation(denied: &[&str]) -> String {
    let (key, attribute) = (format!("{PREFIX}load-balancer-attributes"), ATTRIBUTE.replace('.', "[.]"));
    let modes = denied.join("|");
    format!(
        "has({ANNOTATIONS}) && '{key}' in {ANNOTATIONS}
        && {ANNOTATIONS}['{key}'].matches('(^|,)[ ]*{attribute}=({modes})[ ]*(,|$)')
        && !{ANNOTATIONS}['{key}'].matches('{REFUSED}')"
    )
}

/// Whether the list of attributes names one of the modes.
fn of_list(denied: &[&str]) -> String {
    let modes = super::quoted(denied, '\'');
    format!(
        "has(object.spec.loadBalancerAttributes)
        && object.spec.loadBalancerAttributes.exists(one, one.key == '{ATTRIBUTE}' && one.value in [{modes}])"
    )
}
