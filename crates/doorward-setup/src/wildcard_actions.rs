//! The actions that a policy may allow on every resource, because AWS supports no narrower one for them.

use doorward_model::Grant;

use crate::SetupError;

/// Reasons, by AWS's service authorization reference.
const LISTS: &str = "it lists resources, and IAM supports no resource type for a list";
const READS: &str = "IAM supports no resource type for it: it reads resources of the account by the ids in the request";
const ORGANIZATION: &str = "it reads the caller's own organization, and the request names none";

/// Actions that the policies of Doorward and of the stacks in `examples/` allow on `*`, each with the reason.
const WILDCARD_ACTIONS: [(&str, &str); 14] = [
    ("cloudfront:ListVpcOrigins", LISTS),
    ("cloudwatch:GetMetricData", "IAM supports no resource type for metrics"),
    ("ecr:GetAuthorizationToken", "the token is for the registry of the account, not for one repository"),
    ("elasticloadbalancing:DescribeListeners", READS),
    ("elasticloadbalancing:DescribeLoadBalancerAttributes", READS),
    ("elasticloadbalancing:DescribeLoadBalancers", LISTS),
    ("elasticloadbalancing:DescribeTags", READS),
    ("elasticloadbalancing:DescribeTargetGroups", LISTS),
    ("elasticloadbalancing:DescribeTargetHealth", READS),
    ("logs:DescribeDeliveries", LISTS),
    ("logs:DescribeDeliverySources", LISTS),
    ("organizations:DescribeOrganization", ORGANIZATION),
    ("organizations:ListAccounts", ORGANIZATION),
    ("organizations:ListRoots", ORGANIZATION),
];

/// Refuses grants that allow an action on every resource although a narrower one exists.
pub(crate) fn check(grants: &[Grant]) -> Result<(), SetupError> {
    let open = grants.iter().filter(|grant| !grant.deny && grant.resources.iter().any(|one| one == "*"));
    let too_wide = open.flat_map(|grant| &grant.actions).find(|action| reason(action).is_none());
    too_wide.map_or(Ok(()), |action| Err(SetupError::WildcardResource((*action).to_owned())))
}

/// Why an action is allowed on every resource.
fn reason(action: &str) -> Option<&'static str> {
    WILDCARD_ACTIONS.iter().find(|(known, _)| *known == action).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

    /// The actions that statements of a template allow on `*`. A statement with a principal belongs to a resource policy, in which `*`
    /// is the resource that it is attached to.
    fn wildcard_actions_of(text: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let blocks = text.split("- Sid:").skip(1);
        for block in blocks {
            let own: Vec<&str> = block.lines().map(str::trim).collect();
            let end = own.iter().position(|line| line.starts_with("- PolicyName") || line.starts_with("Type:"));
            let own = own.get(..end.unwrap_or(own.len())).unwrap_or_default();
            let has = |wanted: &str| own.contains(&wanted);
            if has("Effect: Allow") && has("Resource: \"*\"") && !own.iter().any(|line| line.starts_with("Principal:"))
            {
                let words = own.iter().filter_map(|line| {
                    let word = line.strip_prefix("- ").or_else(|| line.strip_prefix("Action: "))?;
                    word.contains(':').then(|| word.to_owned())
                });
                found.extend(words);
            }
        }
        found
    }

    #[test]
    fn only_listed_actions_are_allowed_on_every_resource() {
        let mut all = BTreeSet::new();
        for folder in ["config/iam", "examples/lambda", "examples/fargate"] {
            for entry in std::fs::read_dir(format!("{REPOSITORY}/{folder}")).expect("the folder") {
                let path = entry.expect("a file").path();
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let found = match path.extension().and_then(|end| end.to_str()) {
                    Some("yaml") => wildcard_actions_of(&text),
                    Some("json") => {
                        let policy: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                        let statements = policy["Statement"].as_array().expect("statements").iter();
                        let open = statements.filter(|one| one["Effect"] == "Allow" && one["Resource"] == "*");
                        let actions = open.flat_map(|one| one["Action"].as_array().expect("actions").clone());
                        actions.map(|action| action.as_str().expect("an action").to_owned()).collect()
                    }
                    _ => continue,
                };
                for action in &found {
                    assert!(
                        reason(action).is_some_and(|reason| !reason.is_empty()),
                        "{}: {action} on *",
                        path.display()
                    );
                }
                all.extend(found);
            }
        }
        // Every entry of the list is used; this also proves that the statements are found.
        let listed: BTreeSet<String> = WILDCARD_ACTIONS.iter().map(|(action, _)| (*action).to_owned()).collect();
        assert_eq!(all, listed);
    }

    #[test]
    fn actions_with_a_narrower_resource_are_refused() {
        for (action, resource, good) in [
            ("elasticloadbalancing:DescribeTags", "*", true),
            ("s3:GetObject", "*", false),
            ("s3:GetObject", "arn:aws:s3:::logs/*", true),
            ("elasticloadbalancing:ModifyLoadBalancerAttributes", "*", false),
        ] {
            let grant = Grant::on("X", &[action], &[resource]);
            assert_eq!(check(std::slice::from_ref(&grant)).is_ok(), good, "{action} on {resource}");
            assert!(check(&[Grant { deny: true, ..grant }]).is_ok());
        }
    }
}
