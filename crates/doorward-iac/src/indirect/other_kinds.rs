//! Kinds of Kubernetes objects that create no load balancer, and resources that deploy what another file or service defines.

use super::Indirect;
use crate::UnexaminedReason;
use crate::terraform::module_sources::words;
use crate::tree::Node;

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

/// A resource of the AWS Cloud Control API, whose desired state is a text.
pub(super) fn of_cloud_control(node: &Node) -> Option<Indirect> {
    let kind = node.text_at(&["type_name"]).unwrap_or("${type_name}");
    let may_be = kind.contains("::LoadBalancer") || kind.contains("${") || kind.ends_with("::MODULE");
    may_be.then(|| {
        let because = "Its desired state may declare a load balancer and is not evaluated; check the load balancer after \
                       deployment.";
        Indirect::Unread(because.to_owned())
    })
}

/// A product of AWS Service Catalog, or an application of the AWS Serverless Application Repository: its template is elsewhere.
/// `names` are the arguments that name it.
pub(super) fn of_catalogue(node: &Node, names: &[&str], address: &str) -> Indirect {
    let given: Vec<&str> = names.iter().filter_map(|name| node.text_at(&[name])).collect();
    let mut all = given.iter().copied().chain([address.rsplit('.').next().unwrap_or(address)]);
    let is_other = given.iter().any(|name| words::speaks_of_another(name));
    if is_other && !all.any(|name| words::names_one(name) || name.contains("${")) {
        return Indirect::Unexamined(UnexaminedReason::TemplateOfOtherResources, given.join(", "));
    }
    let because =
        "It deploys a template that is not among the files, and may create a load balancer; check that template.";
    Indirect::Unread(because.to_owned())
}
