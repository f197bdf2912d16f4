//! Kinds of Kubernetes objects that create no load balancer.

/// Words of Kubernetes objects that create no load balancer, as names of resources contain them.
const OTHER_KINDS: [&str; 43] = [
    "clusterissuer",
    "clusterrole",
    "configmap",
    "constraint",
    "constraints",
    "crd",
    "crds",
    "cronjob",
    "cwagent",
    "daemonset",
    "deployment",
    "ec2nodeclass",
    "externalsecret",
    "externalsecrets",
    "fluentbit",
    "gitrepository",
    "helmrepository",
    "horizontalpodautoscaler",
    "hpa",
    "imagepolicy",
    "imagerepository",
    "imageupdateautomation",
    "issuer",
    "karpenter",
    "namespace",
    "networkpolicy",
    "nodeclass",
    "nodepool",
    "ocirepository",
    "pdb",
    "poddisruptionbudget",
    "policy",
    "provisioner",
    "pvc",
    "rolebinding",
    "sealedsecret",
    "sealedsecrets",
    "secretstore",
    "serviceaccount",
    "servicemonitor",
    "statefulset",
    "storageclass",
    "targetgroupbinding",
];

/// Whether the name of a resource contains a word of objects that create no load balancer.
pub(crate) fn is_named_after_other_kinds(address: &str) -> bool {
    let name = address.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| OTHER_KINDS.contains(&word))
}
