//! The IAM actions a scan calls: declared once, from here into session policies, role templates and gaps.

/// An API operation that a scan calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Who am I. Needs no permission.
    GetCallerIdentity,
    /// Opens a session in another account.
    AssumeRole,
    /// The organization's id and management account.
    DescribeOrganization,
    /// The accounts of the organization.
    ListAccounts,
    /// One account, where an earlier scan knew it and the list lacks it.
    DescribeAccount,
    /// The root of the organization.
    ListRoots,
    /// The units below a unit.
    ListOrganizationalUnitsForParent,
    /// The unit an account is in, where the account itself does not say.
    ListParents,
    /// The tags of an account.
    ListTagsForResource,
    /// The Regions of an account with their opt-in state.
    ListRegions,
    /// Application, network and gateway load balancers.
    DescribeLoadBalancers,
    /// Their attributes.
    DescribeLoadBalancerAttributes,
    /// Their tags.
    DescribeTags,
    /// Their listeners.
    DescribeListeners,
    /// Classic load balancers. IAM does not tell the two generations apart.
    DescribeClassicLoadBalancers,
    /// Attributes of a classic load balancer.
    DescribeClassicLoadBalancerAttributes,
    /// Tags of classic load balancers.
    DescribeClassicTags,
    /// What CloudWatch Logs delivers from.
    DescribeDeliverySources,
    /// Where CloudWatch Logs delivers to.
    DescribeDeliveries,
    /// Sets attributes of a load balancer. No scan calls it.
    ModifyLoadBalancerAttributes,
    /// Sets attributes of a classic load balancer. No scan calls it.
    ModifyClassicLoadBalancerAttributes,
}

impl Operation {
    /// All operations of a scan. Those that change something are not among them.
    pub const ALL: [Self; 19] = [
        Self::GetCallerIdentity,
        Self::AssumeRole,
        Self::DescribeOrganization,
        Self::ListAccounts,
        Self::DescribeAccount,
        Self::ListRoots,
        Self::ListOrganizationalUnitsForParent,
        Self::ListParents,
        Self::ListTagsForResource,
        Self::ListRegions,
        Self::DescribeLoadBalancers,
        Self::DescribeLoadBalancerAttributes,
        Self::DescribeTags,
        Self::DescribeListeners,
        Self::DescribeClassicLoadBalancers,
        Self::DescribeClassicLoadBalancerAttributes,
        Self::DescribeClassicTags,
        Self::DescribeDeliverySources,
        Self::DescribeDeliveries,
    ];

    /// The operations of a change: everything that decides is read again, the mode is set, and read again.
    const CHANGE: [Self; 8] = [
        Self::DescribeLoadBalancers,
        Self::DescribeClassicLoadBalancers,
        Self::DescribeTags,
        Self::DescribeClassicTags,
        Self::DescribeLoadBalancerAttributes,
        Self::DescribeClassicLoadBalancerAttributes,
        Self::ModifyLoadBalancerAttributes,
        Self::ModifyClassicLoadBalancerAttributes,
    ];

    /// The IAM action, as in a policy document.
    pub const fn action(self) -> &'static str {
        match self {
            Self::GetCallerIdentity => "sts:GetCallerIdentity",
            Self::AssumeRole => "sts:AssumeRole",
            Self::DescribeOrganization => "organizations:DescribeOrganization",
            Self::ListAccounts => "organizations:ListAccounts",
            Self::DescribeAccount => "organizations:DescribeAccount",
            Self::ListRoots => "organizations:ListRoots",
            Self::ListOrganizationalUnitsForParent => "organizations:ListOrganizationalUnitsForParent",
            Self::ListParents => "organizations:ListParents",
            Self::ListTagsForResource => "organizations:ListTagsForResource",
            Self::ListRegions => "account:ListRegions",
            Self::DescribeLoadBalancers | Self::DescribeClassicLoadBalancers => {
                "elasticloadbalancing:DescribeLoadBalancers"
            }
            Self::DescribeLoadBalancerAttributes | Self::DescribeClassicLoadBalancerAttributes => {
                "elasticloadbalancing:DescribeLoadBalancerAttributes"
            }
            Self::DescribeTags | Self::DescribeClassicTags => "elasticloadbalancing:DescribeTags",
            Self::DescribeListeners => "elasticloadbalancing:DescribeListeners",
            Self::DescribeDeliverySources => "logs:DescribeDeliverySources",
            Self::DescribeDeliveries => "logs:DescribeDeliveries",
            Self::ModifyLoadBalancerAttributes | Self::ModifyClassicLoadBalancerAttributes => {
                "elasticloadbalancing:ModifyLoadBalancerAttributes"
            }
        }
    }

    /// Whether the call changes something in an account. Such a call is sent once and never repeated by itself.
    pub(crate) const fn changes_something(self) -> bool {
        matches!(self, Self::ModifyLoadBalancerAttributes | Self::ModifyClassicLoadBalancerAttributes)
    }

    /// Whether the call goes to the scanned Region itself rather than to the home Region.
    pub(crate) const fn is_regional(self) -> bool {
        self.is_in_account() && !matches!(self, Self::ListRegions)
    }

    /// Whether the call is made inside each scanned account (by the scan role) rather than by the base identity.
    pub const fn is_in_account(self) -> bool {
        !matches!(
            self,
            Self::GetCallerIdentity
                | Self::AssumeRole
                | Self::DescribeOrganization
                | Self::ListAccounts
                | Self::DescribeAccount
                | Self::ListRoots
                | Self::ListOrganizationalUnitsForParent
                | Self::ListParents
                | Self::ListTagsForResource
        )
    }
}

/// The actions the scan role needs in every account, sorted, each once.
pub fn scan_role_actions() -> Vec<&'static str> {
    sorted(Operation::ALL.into_iter().filter(|op| op.is_in_account()))
}

/// The actions the base identity needs, sorted, each once: it reads the organization, opens the sessions, and scans its
/// own account itself. `sts:GetCallerIdentity` needs no permission and is not among them.
pub fn base_identity_actions() -> Vec<&'static str> {
    sorted(Operation::ALL.into_iter().filter(|op| *op != Operation::GetCallerIdentity))
}

/// The actions the change role needs in every account, sorted, each once.
pub fn change_role_actions() -> Vec<&'static str> {
    sorted(Operation::CHANGE.into_iter())
}

/// The actions the base identity needs to learn whose accounts it may change, sorted, each once: the organization's part of
/// [`base_identity_actions`].
pub fn organization_actions() -> Vec<&'static str> {
    let of_organizations = |operation: &Operation| operation.action().starts_with("organizations:");
    sorted(Operation::ALL.into_iter().filter(of_organizations))
}

/// The read-only policy that every assumed session carries: even an administrator's role can only read through it.
pub fn session_policy() -> String {
    policy_of(&scan_role_actions())
}

/// A policy that allows some actions and nothing else.
pub(crate) fn policy_of(actions: &[&str]) -> String {
    let actions: Vec<String> = actions.iter().map(|action| format!("\"{action}\"")).collect();
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{}],"Resource":"*"}}]}}"#,
        actions.join(",")
    )
}

fn sorted(operations: impl Iterator<Item = Operation>) -> Vec<&'static str> {
    let mut actions: Vec<&'static str> = operations.map(Operation::action).collect();
    actions.sort_unstable();
    actions.dedup();
    actions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_can_only_read() {
        for action in scan_role_actions() {
            let verb = action.split(':').nth(1).expect("service:Verb");
            assert!(["Describe", "List", "Get"].iter().any(|read| verb.starts_with(read)), "{action}");
            assert!(!action.contains('*'), "{action}");
        }
    }

    #[test]
    fn what_changes_something_is_known_by_its_verb() {
        for operation in Operation::ALL.into_iter().chain(Operation::CHANGE) {
            let verb = operation.action().split(':').nth(1).expect("service:Verb");
            let reads = ["Describe", "List", "Get", "AssumeRole"].iter().any(|read| verb.starts_with(read));
            assert_eq!(operation.changes_something(), !reads, "{}", operation.action());
        }
    }

    #[test]
    fn the_session_policy_fits_sts() {
        assert!(session_policy().len() <= 2048);
        let parsed: serde_json::Value = serde_json::from_str(&session_policy()).expect("JSON");
        assert_eq!(parsed["Statement"][0]["Effect"], "Allow");
    }
}
