//! Statements of IAM policies: actions on resources under conditions, used by session policies, role templates and tests.

use serde_json::{Map, Value, json};

/// Stands for the partition in the ARNs of a grant.
pub const PARTITION: &str = "{partition}";

/// Stands for the account that the session or role is in, in the ARNs of a grant.
pub const ACCOUNT: &str = "{account}";

/// The policy variable that IAM replaces with the organization of the caller.
pub const CALLERS_ORGANIZATION: &str = "${aws:PrincipalOrgID}";

/// The policy variable that IAM replaces with the account of the caller.
const CALLERS_ACCOUNT: &str = "${aws:PrincipalAccount}";

/// One statement of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The id of the statement: letters and digits.
    pub sid: &'static str,
    /// Whether the statement denies instead of allowing.
    pub deny: bool,
    /// IAM actions, sorted, each once.
    pub actions: Vec<&'static str>,
    /// ARNs that contain [`PARTITION`] and [`ACCOUNT`], or only `*` if AWS supports no narrower resource.
    pub resources: Vec<String>,
    /// The conditions; all of them must match.
    pub conditions: Vec<Condition>,
}

/// One condition of a statement: one of the values must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `StringEquals` or `StringLike`.
    pub operator: &'static str,
    /// The condition key.
    pub key: &'static str,
    /// The values; they may contain policy variables.
    pub values: Vec<String>,
}

impl Condition {
    /// The resource belongs to this organization.
    pub fn resource_in(organization: &str) -> Self {
        Self { operator: "StringEquals", key: "aws:ResourceOrgID", values: vec![organization.to_owned()] }
    }

    /// Only keys with one of these prefixes are listed.
    pub fn listing(prefixes: Vec<String>) -> Self {
        Self { operator: "StringLike", key: "s3:prefix", values: prefixes }
    }
}

impl Grant {
    /// Allows actions on resources, without conditions.
    pub fn on<S: AsRef<str>>(sid: &'static str, actions: &[&'static str], resources: &[S]) -> Self {
        let mut actions = actions.to_vec();
        actions.sort_unstable();
        actions.dedup();
        let mut kept: Vec<String> = Vec::with_capacity(resources.len());
        for resource in resources {
            if !kept.iter().any(|one| one == resource.as_ref()) {
                kept.push(resource.as_ref().to_owned());
            }
        }
        Self { sid, deny: false, actions, resources: kept, conditions: Vec::new() }
    }

    /// The same with an additional condition.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// The resources for a policy that is attached in any account: `*` in the place of the account, because an identity policy
    /// applies only within its own account if the ARN has an account field.
    pub fn resources_anywhere(&self, partition: &str) -> Vec<String> {
        let anywhere = |resource: &String| {
            let mut fields: Vec<String> =
                resource.replace(PARTITION, partition).splitn(6, ':').map(str::to_owned).collect();
            let last = fields.len().saturating_sub(1);
            for (number, field) in fields.iter_mut().enumerate() {
                *field = field.replace(ACCOUNT, if number == last { CALLERS_ACCOUNT } else { "*" });
            }
            fields.join(":")
        };
        self.resources.iter().map(anywhere).collect()
    }

    /// The resources in one account.
    pub fn resources_in(&self, partition: &str, account: &str) -> Vec<String> {
        self.resources.iter().map(|one| one.replace(PARTITION, partition).replace(ACCOUNT, account)).collect()
    }

    /// The condition block of the statement, if it has conditions.
    pub fn condition_block(&self) -> Option<Value> {
        let mut block: Map<String, Value> = Map::new();
        for Condition { operator, key, values } in &self.conditions {
            let keys = block.entry(*operator).or_insert_with(|| json!({}));
            keys[*key] = one_or_many(values);
        }
        (!block.is_empty()).then_some(Value::Object(block))
    }
}

/// A policy document for a session in one account, as short as possible, because STS limits its length.
pub fn session_policy(grants: &[Grant], partition: &str, account: &str) -> String {
    let statements = grants.iter().map(|grant| {
        let mut statement = json!({
            "Effect": if grant.deny { "Deny" } else { "Allow" },
            "Action": grant.actions,
            "Resource": one_or_many(&grant.resources_in(partition, account)),
        });
        if let Some(block) = grant.condition_block() {
            statement["Condition"] = block;
        }
        statement
    });
    json!({"Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>()}).to_string()
}

fn one_or_many(texts: &[String]) -> Value {
    if let [one] = texts { json!(one) } else { json!(texts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_put_in_where_it_belongs() {
        let arns = [
            "arn:{partition}:athena:*:{account}:workgroup/primary",
            "arn:{partition}:s3:::results-{account}/x/*",
            "arn:{partition}:account::{account}:account",
        ];
        let grant = Grant::on("X", &["a:B"], &arns);
        assert_eq!(
            grant.resources_anywhere("aws-cn"),
            [
                "arn:aws-cn:athena:*:*:workgroup/primary",
                "arn:aws-cn:s3:::results-${aws:PrincipalAccount}/x/*",
                "arn:aws-cn:account::*:account",
            ]
        );
        assert_eq!(
            grant.resources_in("aws", "111122223333"),
            [
                "arn:aws:athena:*:111122223333:workgroup/primary",
                "arn:aws:s3:::results-111122223333/x/*",
                "arn:aws:account::111122223333:account",
            ]
        );
    }

    #[test]
    fn a_session_policy_says_all_of_a_grant() {
        let listing = Condition::listing(vec!["a/*".to_owned(), "b/*".to_owned()]);
        let grant = Grant::on("X", &["s3:ListBucket"], &["arn:{partition}:s3:::b", "arn:{partition}:s3:::b"]);
        let grant = grant.when(Condition::resource_in("o-x")).when(listing);
        let deny = Grant { deny: true, ..Grant::on("Y", &["a:B", "a:A"], &["*"]) };
        let policy: Value = serde_json::from_str(&session_policy(&[grant, deny], "aws", "1")).expect("JSON");
        let wanted = json!([
            {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": "arn:aws:s3:::b", "Condition": {
                "StringEquals": {"aws:ResourceOrgID": "o-x"}, "StringLike": {"s3:prefix": ["a/*", "b/*"]}}},
            {"Effect": "Deny", "Action": ["a:A", "a:B"], "Resource": "*"},
        ]);
        assert_eq!(policy["Statement"], wanted);
    }
}
