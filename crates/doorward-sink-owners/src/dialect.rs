//! The setting to copy, in the dialect of the tool that manages the load balancer.
//!
//! The verdict's remedy says where the change belongs, with the AWS CLI command where nothing manages the load balancer.
//! This adds the text to paste there. A snippet holds keys and modes only: names and tags never enter one.

use doorward_model::{Kind, LoadBalancer, Manager, Mode, Observed};
use serde::Serialize;

/// One way to write the setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snippet {
    /// The dialect, as a heading.
    pub dialect: &'static str,
    /// The language of the code, for highlighting; empty for plain steps.
    pub language: &'static str,
    /// The text to copy.
    pub code: String,
}

/// Snippets that set the mode of this load balancer, most likely dialect first.
pub fn snippets(lb: &LoadBalancer, mode: Mode) -> Vec<Snippet> {
    let key = lb.kind.mode_attribute();
    match (&lb.managed_by, lb.kind) {
        (Observed::Known(Manager::Terraform(_)), kind) => vec![terraform(kind, mode)],
        // No other manager has a setting for it on a classic load balancer.
        (Observed::Absent | Observed::Unread(_), _) | (_, Kind::Classic) => vec![console(lb.kind, mode)],
        (Observed::Known(Manager::CloudFormation(_)), _) => vec![
            Snippet {
                dialect: "CloudFormation",
                language: "yaml",
                code: format!(
                    "# in the Properties of the AWS::ElasticLoadBalancingV2::LoadBalancer\nLoadBalancerAttributes:\n  - Key: \
                     {key}\n    Value: {mode}\n"
                ),
            },
            Snippet {
                dialect: "CDK (TypeScript), if the stack is made by the CDK",
                language: "ts",
                code: format!(
                    "// in the properties of the ApplicationLoadBalancer\ndesyncMitigationMode: \
                     elbv2.DesyncMitigationMode.{},\n",
                    mode.as_str().to_uppercase()
                ),
            },
        ],
        (Observed::Known(Manager::Kubernetes(_)), _) => vec![
            Snippet {
                dialect: "Annotation of the Ingress",
                language: "yaml",
                code: format!(
                    "# the value is a comma-separated list: keep its existing entries\nmetadata:\n  annotations:\n    \
                     alb.ingress.kubernetes.io/load-balancer-attributes: {key}={mode}\n"
                ),
            },
            Snippet {
                dialect: "IngressClassParams, for every Ingress of the class",
                language: "yaml",
                code: format!(
                    "# overrides the annotation\napiVersion: elbv2.k8s.aws/v1beta1\nkind: IngressClassParams\nspec:\n  \
                     loadBalancerAttributes:\n    - key: {key}\n      value: {mode}\n"
                ),
            },
        ],
        (Observed::Known(Manager::EcsGateway(_)), _) => vec![Snippet {
            dialect: "ECS gateway (ecs:UpdateGateway)",
            language: "json",
            code: format!("{{ \"configuration\": {{ \"hostSharedAlb\": {{ \"httpDesync\": \"{mode}\" }} }} }}\n"),
        }],
        (Observed::Known(Manager::ElasticBeanstalk(_)), _) => vec![Snippet {
            dialect: "Elastic Beanstalk (.ebextensions/desync.config)",
            language: "yaml",
            code: format!(
                "Resources:\n  AWSEBV2LoadBalancer:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    \
                 Properties:\n      LoadBalancerAttributes:\n        - Key: {key}\n          Value: {mode}\n"
            ),
        }],
    }
}

fn terraform(kind: Kind, mode: Mode) -> Snippet {
    let resource = if kind == Kind::Classic { "aws_elb" } else { "aws_lb" };
    Snippet {
        dialect: "Terraform",
        language: "hcl",
        code: format!("# in the resource \"{resource}\"\ndesync_mitigation_mode = \"{mode}\"\n"),
    }
}

fn console(kind: Kind, mode: Mode) -> Snippet {
    let section = match kind {
        Kind::Classic => "Attributes > Edit > Desync mitigation mode",
        _ => "Attributes > Edit > Packet handling > Desync mitigation mode",
    };
    Snippet {
        dialect: "Console",
        language: "",
        code: format!("EC2 > Load Balancers > the load balancer > {section} > {mode} > Save changes\n"),
    }
}
