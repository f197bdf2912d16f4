//! Every API operation that Doorward calls: its IAM action, what it is throttled with, and whether it may be repeated.

use crate::rate_limit::Family;

/// How often a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repetition {
    /// Until the deadline: a read, or a write that has the same effect twice.
    Always,
    /// Only after the credentials were renewed: AWS refuses expired credentials before it does anything.
    AfterRenewal,
    /// Never. The caller reads what the request did before it decides to send another.
    Never,
}

/// Declares the operations, one in a row: name, IAM action, API family.
macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $action:literal, $family:ident;)*) => {
        /// An API operation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {
            $($(#[$doc])* $name,)*
        }

        impl Operation {
            /// Every operation, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The IAM action, as in a policy document. Operations of different APIs may share one.
            pub const fn action(self) -> &'static str {
                match self {
                    $(Self::$name => $action,)*
                }
            }

            /// The operations that AWS throttles together with this one.
            pub const fn family(self) -> Family {
                match self {
                    $(Self::$name => Family::$family,)*
                }
            }
        }
    };
}

operations! {
    /// The account and ARN of the caller. Needs no permission.
    GetCallerIdentity = "sts:GetCallerIdentity", Sts;
    /// Opens a session in another account.
    AssumeRole = "sts:AssumeRole", Sts;
    /// The organization's id and management account.
    DescribeOrganization = "organizations:DescribeOrganization", OrganizationAccounts;
    /// The accounts of the organization.
    ListAccounts = "organizations:ListAccounts", OrganizationAccounts;
    /// One account, where an earlier scan read it and the list lacks it.
    DescribeAccount = "organizations:DescribeAccount", OrganizationDescribe;
    /// The root of the organization.
    ListRoots = "organizations:ListRoots", OrganizationUnits;
    /// The organizational units below another.
    ListOrganizationalUnitsForParent = "organizations:ListOrganizationalUnitsForParent", OrganizationUnits;
    /// The organizational unit of an account, where the account itself does not name it.
    ListParents = "organizations:ListParents", OrganizationParents;
    /// The tags of an account.
    ListTagsForResource = "organizations:ListTagsForResource", OrganizationTags;
    /// The Regions of an account with their opt-in state.
    ListRegions = "account:ListRegions", AccountRegions;
    /// Application, network and gateway load balancers.
    DescribeLoadBalancers = "elasticloadbalancing:DescribeLoadBalancers", Elb;
    /// Their attributes.
    DescribeLoadBalancerAttributes = "elasticloadbalancing:DescribeLoadBalancerAttributes", Elb;
    /// Their tags.
    DescribeTags = "elasticloadbalancing:DescribeTags", Elb;
    /// Their listeners.
    DescribeListeners = "elasticloadbalancing:DescribeListeners", Elb;
    /// Target groups, with the load balancers that forward to them.
    DescribeTargetGroups = "elasticloadbalancing:DescribeTargetGroups", Elb;
    /// The targets of a target group, where they are application load balancers.
    DescribeTargetHealth = "elasticloadbalancing:DescribeTargetHealth", Elb;
    /// Classic load balancers. IAM has the same actions for both APIs.
    DescribeClassicLoadBalancers = "elasticloadbalancing:DescribeLoadBalancers", ElbClassic;
    /// Attributes of a classic load balancer.
    DescribeClassicLoadBalancerAttributes = "elasticloadbalancing:DescribeLoadBalancerAttributes", ElbClassic;
    /// Tags of classic load balancers.
    DescribeClassicTags = "elasticloadbalancing:DescribeTags", ElbClassic;
    /// The sources of CloudWatch Logs deliveries.
    DescribeDeliverySources = "logs:DescribeDeliverySources", Logs;
    /// The destinations of CloudWatch Logs deliveries.
    DescribeDeliveries = "logs:DescribeDeliveries", Logs;
    /// CloudFront VPC origins, which name load balancers of the account.
    ListVpcOrigins = "cloudfront:ListVpcOrigins", CloudFront;
    /// HTTP and WebSocket APIs of API Gateway. Its permission is `GET` on their list.
    GetApis = "apigateway:GET", ApiGateway;
    /// Integrations of such an API. Its permission is `GET` on them.
    GetIntegrations = "apigateway:GET", ApiGateway;
    /// Sets attributes of a load balancer. No scan calls it.
    ModifyLoadBalancerAttributes = "elasticloadbalancing:ModifyLoadBalancerAttributes", ElbChange;
    /// Sets attributes of a classic load balancer. No scan calls it.
    ModifyClassicLoadBalancerAttributes = "elasticloadbalancing:ModifyLoadBalancerAttributes", ElbClassicChange;
    /// Keys of a bucket. Its permission is `s3:ListBucket`, on the bucket.
    ListObjectsV2 = "s3:ListBucket", S3;
    /// An object. Its permission is on the objects.
    GetObject = "s3:GetObject", S3;
    /// Writes an object, under a condition where the caller states one. Its permission is on the objects.
    PutObject = "s3:PutObject", S3Write;
    /// Whether a bucket keeps earlier versions. Its permission is on the bucket.
    GetBucketVersioning = "s3:GetBucketVersioning", S3;
    /// Points of metrics.
    GetMetricData = "cloudwatch:GetMetricData", Metrics;
    /// Starts a query.
    StartQueryExecution = "athena:StartQueryExecution", AthenaControl;
    /// The state of a query.
    GetQueryExecution = "athena:GetQueryExecution", AthenaRead;
    /// The rows of a query's result.
    GetQueryResults = "athena:GetQueryResults", AthenaRead;
    /// Ends a query whose result is no longer needed.
    StopQueryExecution = "athena:StopQueryExecution", AthenaControl;
    /// Writes findings to Security Hub.
    BatchImportFindings = "securityhub:BatchImportFindings", FindingsImport;
    /// Reads findings of Security Hub.
    GetFindings = "securityhub:GetFindings", FindingsRead;
    /// Publishes a message to an SNS topic.
    Publish = "sns:Publish", Sns;
}

impl Operation {
    /// Whether a repeated request may change something a second time. An import replaces the finding of the same id, and the
    /// start of a query carries a client token, so both may be repeated (decision 125).
    pub const fn changes_something(self) -> bool {
        !matches!(self.repetition(), Repetition::Always)
    }

    pub(crate) const fn repetition(self) -> Repetition {
        match self {
            Self::ModifyLoadBalancerAttributes | Self::ModifyClassicLoadBalancerAttributes => Repetition::Never,
            // A caller whose write got no answer reads the object before it writes again.
            Self::Publish | Self::PutObject => Repetition::AfterRenewal,
            _ => Repetition::Always,
        }
    }

    /// Whether the scanned account's Region answers, rather than an endpoint for the whole account or organization.
    pub(crate) const fn is_regional(self) -> bool {
        !self.family().is_global()
    }

    /// Whether the call is made with a session in the account that it reads, rather than by the base identity.
    pub const fn is_in_account(self) -> bool {
        self.is_regional() || matches!(self, Self::ListRegions | Self::ListVpcOrigins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_that_changes_something_is_not_repeated() {
        for operation in Operation::ALL {
            let verb = operation.action().split(':').nth(1).expect("service:Verb");
            let reads = ["Describe", "List", "Get", "GET", "AssumeRole"].iter().any(|read| verb.starts_with(read));
            // The same effect twice, each for a reason of its own (decision 125).
            let same_twice = ["BatchImportFindings", "StartQueryExecution", "StopQueryExecution"].contains(&verb);
            assert_eq!(operation.changes_something(), !reads && !same_twice, "{}", operation.action());
            let sets_a_mode = verb == "ModifyLoadBalancerAttributes";
            assert_eq!(operation.repetition() == Repetition::Never, sets_a_mode, "{}", operation.action());
        }
    }

    #[test]
    fn sts_and_organizations_are_called_by_the_base_identity() {
        for operation in Operation::ALL {
            let by_base = ["sts:", "organizations:"].iter().any(|service| operation.action().starts_with(service));
            assert_eq!(operation.is_in_account(), !by_base, "{}", operation.action());
        }
    }
}
