//! The tool that manages a load balancer, from the tags that such tools set.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use doorward_model::{Manager, Observed, TextMap};

use super::{FoundTag, find_tag};

/// The tags that identify a manager, besides those that AWS and the Kubernetes controller always set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ManagerSettings {
    /// Tags that only Terraform sets in this organization: key to value; an empty value matches every value.
    #[serde(default)]
    pub terraform_tags: BTreeMap<String, String>,
    /// Tag keys that ECS sets on the load balancers of its gateways and Express Mode services.
    pub ecs_tags: Vec<String>,
}

impl ManagerSettings {
    /// Absent if no known tag is present. The most specific manager is checked first: Elastic Beanstalk and ECS use
    /// CloudFormation, so their load balancers also have its tags.
    pub(super) fn of(&self, tags: &Observed<TextMap>) -> Observed<Manager> {
        tags.as_ref().and_then(|tags| Observed::from_answer(self.sign(tags)))
    }

    fn sign(&self, tags: &TextMap) -> Option<Manager> {
        let tag = |key: &str| tags.get(key);
        if let Some(environment) = tag("elasticbeanstalk:environment-name") {
            return Some(Manager::ElasticBeanstalk(environment.to_owned()));
        }
        if let Some(FoundTag { key, value, .. }) = find_tag(tags, &self.ecs_tags) {
            return Some(Manager::EcsGateway(format!("{key}={value}")));
        }
        if let Some(cluster) = tag("elbv2.k8s.aws/cluster") {
            let stack =
                ["ingress.k8s.aws/stack", "gateway.k8s.aws/stack", "service.k8s.aws/stack"].into_iter().find_map(tag);
            return Some(Manager::Kubernetes(match stack {
                Some(stack) => format!("{cluster}: {stack}"),
                None => cluster.to_owned(),
            }));
        }
        if let Some(stack) = tag("aws:cloudformation:stack-name") {
            return Some(Manager::CloudFormation(stack.to_owned()));
        }
        let owned = tags.iter().find_map(|(key, value)| {
            (value == "owned").then(|| key.strip_prefix("kubernetes.io/cluster/")).flatten().map(str::to_owned)
        });
        if let Some(cluster) = owned {
            return Some(Manager::Kubernetes(cluster));
        }
        let terraform = self.terraform_tags.iter().find_map(|(key, wanted)| {
            let FoundTag { key, value, .. } = find_tag(tags, std::slice::from_ref(key))?;
            (wanted.is_empty() || wanted.eq_ignore_ascii_case(value.trim())).then(|| format!("{key}={value}"))
        });
        terraform.map(Manager::Terraform)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_sign_wins() {
        let settings = ManagerSettings {
            terraform_tags: [("managed-by".to_owned(), "terraform".to_owned())].into(),
            ecs_tags: vec!["AmazonECSManaged".into()],
        };
        for (pairs, expected) in [
            (&[("aws:cloudformation:stack-name", "web")][..], Some("CloudFormation stack web")),
            (
                &[("aws:cloudformation:stack-name", "awseb-e-1"), ("elasticbeanstalk:environment-name", "shop")],
                Some("Elastic Beanstalk environment shop"),
            ),
            (
                &[("elbv2.k8s.aws/cluster", "prod"), ("ingress.k8s.aws/stack", "shop/web")],
                Some("Kubernetes prod: shop/web"),
            ),
            (&[("kubernetes.io/cluster/old", "owned")], Some("Kubernetes old")),
            (&[("kubernetes.io/cluster/old", "shared")], None),
            (&[("AmazonECSManaged", "true")], Some("ECS gateway AmazonECSManaged=true")),
            (&[("Managed-By", "Terraform")], Some("Terraform (Managed-By=Terraform)")),
            (&[("managed-by", "hand")], None),
            (&[], None),
        ] {
            let tags = Observed::Known(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
            assert_eq!(settings.of(&tags).known().map(ToString::to_string).as_deref(), expected, "{pairs:?}");
        }
    }
}
