//! The IAM actions a scan calls, and on which resources: declared once, from here into session policies, role templates and gaps.

pub use doorward_aws::Operation;
use doorward_model::Grant;

/// The operations of a scan. Those that change something are not among them.
pub const SCAN: [Operation; 24] = [
    Operation::GetCallerIdentity,
    Operation::AssumeRole,
    Operation::DescribeOrganization,
    Operation::ListAccounts,
    Operation::DescribeAccount,
    Operation::ListRoots,
    Operation::ListOrganizationalUnitsForParent,
    Operation::ListParents,
    Operation::ListTagsForResource,
    Operation::ListRegions,
    Operation::DescribeLoadBalancers,
    Operation::DescribeLoadBalancerAttributes,
    Operation::DescribeTags,
    Operation::DescribeListeners,
    Operation::DescribeTargetGroups,
    Operation::DescribeTargetHealth,
    Operation::DescribeClassicLoadBalancers,
    Operation::DescribeClassicLoadBalancerAttributes,
    Operation::DescribeClassicTags,
    Operation::DescribeDeliverySources,
    Operation::DescribeDeliveries,
    Operation::ListVpcOrigins,
    Operation::GetApis,
    Operation::GetIntegrations,
];

/// The operations of a change: everything that decides is read again, the mode is set, and read again.
const CHANGE: [Operation; 8] = [
    Operation::DescribeLoadBalancers,
    Operation::DescribeClassicLoadBalancers,
    Operation::DescribeTags,
    Operation::DescribeClassicTags,
    Operation::DescribeLoadBalancerAttributes,
    Operation::DescribeClassicLoadBalancerAttributes,
    Operation::ModifyLoadBalancerAttributes,
    Operation::ModifyClassicLoadBalancerAttributes,
];

/// The actions the scan role needs in every account, sorted, each once.
pub fn scan_role_actions() -> Vec<&'static str> {
    sorted(SCAN.into_iter().filter(|op| op.is_in_account()))
}

/// The actions the base identity needs, sorted, each once: it reads the organization, opens the sessions, and scans its
/// own account itself. `sts:GetCallerIdentity` needs no permission and is not among them.
pub fn base_identity_actions() -> Vec<&'static str> {
    sorted(SCAN.into_iter().filter(|op| *op != Operation::GetCallerIdentity))
}

/// The actions the change role needs in every account, sorted, each once.
pub fn change_role_actions() -> Vec<&'static str> {
    sorted(CHANGE.into_iter())
}

/// The actions the base identity needs to learn whose accounts it may change, sorted, each once: the organization's part of
/// [`base_identity_actions`].
fn organization_actions() -> Vec<&'static str> {
    let of_organizations = |operation: &Operation| operation.action().starts_with("organizations:");
    sorted(SCAN.into_iter().filter(of_organizations))
}

/// What the base identity is allowed of the organization before it changes anything: whose account it is decides whether a role
/// is assumed there at all. `organization` is its id, or `o-*` where it is not known.
pub fn organization_grants(organization: &str) -> Vec<Grant> {
    grants(&organization_actions(), organization)
}

/// The permissions of the scan role in every account, and the limit of every session of a scan: even a role with
/// administrator permissions can only read through it.
pub fn scan_role_grants() -> Vec<Grant> {
    grants(&scan_role_actions(), "")
}

/// What the base identity is allowed: it reads the organization, assumes the roles of these names, and scans its own account by
/// itself. `organization` is the organization's id, or `o-*` where it is not known; `enter` is how it assumes roles.
pub fn base_identity_grants(organization: &str, enter: Grant) -> Vec<Grant> {
    let own = scan_role_actions();
    let (own, others): (Vec<&str>, Vec<&str>) = base_identity_actions().into_iter().partition(|a| own.contains(a));
    let read: Vec<&str> = others.into_iter().filter(|action| !action.starts_with("sts:")).collect();
    let own = grants(&own, "").into_iter().map(|grant| match grant.sid {
        "ReadLoadBalancers" => Grant { sid: "ReadOwnAccount", ..grant },
        _ => grant,
    });
    grants(&read, organization).into_iter().chain([enter]).chain(own).collect()
}

/// What the change role is allowed in every account, and what its sessions are limited to. A pattern for classic load
/// balancers, whose ARNs have no kind in them, fits every other load balancer too; so those that have no mode are denied.
pub fn change_role_grants() -> Vec<Grant> {
    let (writes, reads): (Vec<&str>, Vec<&str>) =
        change_role_actions().into_iter().partition(|action| action.contains(":Modify"));
    let arn = |end: &str| format!("arn:{{partition}}:elasticloadbalancing:*:{{account}}:loadbalancer/{end}");
    let others = Grant { deny: true, ..Grant::on("LeaveOthersAlone", &writes, &[arn("net/*/*"), arn("gwy/*/*")]) };
    vec![
        Grant::on("ReadLoadBalancers", &reads, &["*"]),
        Grant::on("ChangeLoadBalancers", &writes, &[arn("app/*/*"), arn("*")]),
        others,
    ]
}

/// The resources on which a scan's action is allowed, as in a grant: `*` if AWS has no narrower resource.
pub fn resources_of(action: &str) -> Vec<String> {
    let known = SCAN.into_iter().map(Operation::action).find(|one| *one == action);
    let granted = known.and_then(|action| grants(&[action], "o-*").into_iter().next());
    granted.map_or_else(|| vec!["*".to_owned()], |grant| grant.resources)
}

/// Actions that read, each on the narrowest resources that AWS knows for it.
fn grants(actions: &[&'static str], organization: &str) -> Vec<Grant> {
    let of_organization = |kind: &str| format!("arn:{{partition}}:organizations::*:{kind}");
    let placed = |action: &str| -> (&'static str, Vec<String>) {
        match action {
            "account:ListRegions" => ("ListRegions", vec!["arn:{partition}:account::{account}:account".to_owned()]),
            "organizations:ListOrganizationalUnitsForParent" => (
                "ListUnits",
                vec![
                    of_organization(&format!("root/{organization}/r-*")),
                    of_organization(&format!("ou/{organization}/ou-*")),
                ],
            ),
            "organizations:DescribeAccount" | "organizations:ListParents" | "organizations:ListTagsForResource" => {
                ("ReadAccounts", vec![of_organization(&format!("account/{organization}/*"))])
            }
            "apigateway:GET" => (
                "ReadApis",
                vec![
                    "arn:{partition}:apigateway:*::/apis".to_owned(),
                    "arn:{partition}:apigateway:*::/apis/*/integrations".to_owned(),
                ],
            ),
            action if action.starts_with("organizations:") => ("ReadOrganization", vec!["*".to_owned()]),
            _ => ("ReadLoadBalancers", vec!["*".to_owned()]),
        }
    };
    let mut all: Vec<Grant> = Vec::new();
    for action in actions {
        let (sid, resources) = placed(action);
        match all.iter_mut().find(|grant| grant.sid == sid) {
            Some(grant) => grant.actions.push(action),
            None => all.push(Grant::on(sid, &[action], &resources)),
        }
    }
    all
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
            assert!(["Describe", "List", "Get", "GET"].iter().any(|read| verb.starts_with(read)), "{action}");
            assert!(!action.contains('*'), "{action}");
        }
    }

    #[test]
    fn session_policies_fit_sts_and_name_resources_where_aws_knows_some() {
        for grants in [scan_role_grants(), change_role_grants()] {
            let policy = doorward_model::session_policy(&grants, "aws-us-gov", "111122223333");
            assert!(policy.len() <= 2048, "{policy}");
            for grant in grants {
                // AWS's reference knows no resource for these.
                let bare = |action: &&str| {
                    ["elasticloadbalancing:Describe", "logs:Describe", "cloudfront:List"]
                        .iter()
                        .any(|head| action.starts_with(head))
                };
                assert_eq!(grant.resources == ["*"], grant.actions.iter().all(bare), "{grant:?}");
            }
        }
    }

    #[test]
    fn the_base_identity_is_granted_what_it_calls() {
        let enter = Grant::on("EnterAccounts", &["sts:AssumeRole"], &["arn:aws:iam::*:role/x"]);
        let all = base_identity_grants("o-*", enter);
        let mut actions: Vec<&str> = all.iter().flat_map(|grant| grant.actions.clone()).collect();
        actions.sort_unstable();
        assert_eq!(actions, base_identity_actions());
    }
}
