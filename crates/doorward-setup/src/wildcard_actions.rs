//! What is allowed on everything, because AWS knows no narrower resource for it. Nothing else may be.

use doorward_model::Grant;

use crate::exit::{Exit, Failure};

/// Why AWS's service authorization reference gives an action no resource.
const LISTS: &str = "it lists what there is, and IAM knows no resource for a list";
const READS: &str =
    "IAM knows no resource for it: it reads, by ids that it is given, what its service has in the account";
const ORGANIZATION: &str = "it is about the organization that the caller is in, and names none";

/// Actions that policies of Doorward, and those of the stacks in `examples/`, allow on `*`, each with the reason.
const ON_EVERYTHING: [(&str, &str); 13] = [
    ("cloudwatch:GetMetricData", "IAM knows no resource for metrics"),
    ("ec2:DescribeNetworkInterfaces", LISTS),
    ("ec2:DescribeSubnets", LISTS),
    ("ecr:GetAuthorizationToken", "the token is for the registry of the account, and of no repository"),
    ("elasticloadbalancing:DescribeListeners", READS),
    ("elasticloadbalancing:DescribeLoadBalancerAttributes", READS),
    ("elasticloadbalancing:DescribeLoadBalancers", LISTS),
    ("elasticloadbalancing:DescribeTags", READS),
    ("logs:DescribeDeliveries", LISTS),
    ("logs:DescribeDeliverySources", LISTS),
    ("organizations:DescribeOrganization", ORGANIZATION),
    ("organizations:ListAccounts", ORGANIZATION),
    ("organizations:ListRoots", ORGANIZATION),
];

/// Refuses grants that allow something on everything which could be allowed on less.
pub(super) fn check(grants: &[Grant]) -> Result<(), Failure> {
    let open = grants.iter().filter(|grant| !grant.deny && grant.resources.iter().any(|one| one == "*"));
    let too_wide = open.flat_map(|grant| &grant.actions).find(|action| why(action).is_none());
    match too_wide {
        None => Ok(()),
        Some(action) => Err(Failure::new(Exit::Internal, format!("{action} would be allowed on every resource"))),
    }
}

/// Why an action is allowed on everything.
fn why(action: &str) -> Option<&'static str> {
    ON_EVERYTHING.iter().find(|(known, _)| *known == action).map(|(_, why)| *why)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

    /// Statements of templates that allow something on `*`: their actions. Resource policies, which name a principal, are about the
    /// resource that they are attached to.
    fn open(text: &str) -> BTreeSet<String> {
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
    fn only_what_has_no_resource_is_allowed_on_everything() {
        let mut all = BTreeSet::new();
        for folder in ["config/iam", "examples/lambda", "examples/fargate"] {
            for entry in std::fs::read_dir(format!("{REPOSITORY}/{folder}")).expect("the folder") {
                let path = entry.expect("a file").path();
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let found = match path.extension().and_then(|end| end.to_str()) {
                    Some("yaml") => open(&text),
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
                    assert!(why(action).is_some_and(|why| !why.is_empty()), "{}: {action} on *", path.display());
                }
                all.extend(found);
            }
        }
        // The list has nothing that is not needed, which also shows that statements are found.
        let listed: BTreeSet<String> = ON_EVERYTHING.iter().map(|(action, _)| (*action).to_owned()).collect();
        assert_eq!(all, listed);
    }

    #[test]
    fn what_could_be_narrower_is_refused() {
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
