//! Policy changes: the exact documents that would make the gaps readable.

use std::collections::{BTreeMap, BTreeSet};

use doorward_aws::access::AssumedRole;
use doorward_core::actions::{Operation, SCAN, resources_of};
use doorward_model::{AccountId, Arn, GapReason, Grant, Observed, Organization};
use doorward_traffic::listing_logs;
use serde::Serialize;
use serde_json::{Value, json};

use super::gaps::{PlacedGap, Stage};
use crate::{PolicyDocument, Statement, trust_policy};

/// One change to make, and the accounts to make it in.
#[derive(Debug, PartialEq, Serialize)]
pub struct PolicyChange {
    /// The next step, in one sentence.
    pub what: String,
    /// The accounts; empty for the base identity.
    pub accounts: BTreeSet<AccountId>,
    /// The text to add or to remove.
    pub document: ChangeText,
}

/// The text of a change.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ChangeText {
    /// A policy document.
    Policy(PolicyDocument),
    /// The condition block of an existing statement.
    Condition(Value),
}

/// The identity that lacks a permission.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    Base,
    /// The role's name, with `{account}` for the account's id.
    Role(String),
}

/// All changes, in a stable order: roles to deploy, actions to allow or to stop denying, organization policies to exempt from.
pub fn policy_changes(gaps: &[PlacedGap], caller: &Arn, organization: &Observed<Organization>) -> Vec<PolicyChange> {
    let organization = match organization {
        Observed::Known(known) => Some(known.id.as_str()),
        Observed::Absent => None,
        Observed::Unread(_) => Some("THE ID OF THE ORGANIZATION (o-...)"),
    };
    let mut all = roles_to_deploy(gaps, caller, organization);
    all.extend(statements_to_change(gaps, caller));
    all.extend(exemptions(gaps));
    all
}

/// What follows `role/` in the ARN, with `{account}` for the account's id, so that the same role of all accounts is one.
fn role_name(entry: &AssumedRole, account: Option<&AccountId>) -> String {
    let name = entry.role_arn.split_once(":role/").map_or(entry.role_arn.as_str(), |(_, name)| name);
    account.map_or_else(|| name.to_owned(), |account| name.replace(account.as_str(), "{account}"))
}

fn roles_to_deploy(gaps: &[PlacedGap], caller: &Arn, organization: Option<&str>) -> Vec<PolicyChange> {
    let mut roles: BTreeMap<(Stage, String, bool), BTreeSet<AccountId>> = BTreeMap::new();
    for placed in gaps.iter().filter(|placed| placed.gap.reason == GapReason::RoleMissing) {
        let (Some(entry), Some(account)) = (&placed.role, &placed.account) else { continue };
        let key = (placed.stage, role_name(entry, Some(account)), entry.with_external_id);
        roles.entry(key).or_default().insert(account.clone());
    }
    let deploy = |((stage, name, with_external_id), accounts): ((Stage, String, bool), BTreeSet<AccountId>)| {
        let purpose = if stage == Stage::Optional { Stage::Scan } else { stage }.code();
        // The id itself is never printed.
        let external_id = with_external_id.then_some("THE EXTERNAL ID OF THE SETTINGS");
        PolicyChange {
            what: format!(
                "deploy the role {name} (`doorward setup stackset --for {purpose}`) with this trust policy. If the role exists, compare \
                 its trust policy with this one, and check that the base identity may call sts:AssumeRole on it"
            ),
            accounts,
            document: ChangeText::Policy(trust_policy(&trusted_principal(caller), external_id, organization)),
        }
    };
    roles.into_iter().map(deploy).collect()
}

fn statements_to_change(gaps: &[PlacedGap], caller: &Arn) -> Vec<PolicyChange> {
    /// Actions by the resources that they are needed on.
    type Needs = BTreeMap<Vec<String>, BTreeSet<String>>;
    let mut by_account: BTreeMap<(Identity, bool, Option<AccountId>), Needs> = BTreeMap::new();
    for placed in gaps.iter().filter(|placed| placed.gap.reason == GapReason::AccessDenied) {
        let Some(action) = &placed.gap.action else { continue };
        let of_organization = action.starts_with("organizations:");
        let (identity, account) = match &placed.role {
            Some(entry) if !of_organization => {
                (Identity::Role(role_name(entry, placed.account.as_ref())), placed.account.clone())
            }
            _ => (Identity::Base, None),
        };
        let is_deny = placed.is_explicit_deny();
        let resources =
            if is_deny { vec![denied_resource(placed)] } else { needed_resources(placed, action, caller.partition()) };
        let needs = by_account.entry((identity, is_deny, account)).or_default();
        needs.entry(resources).or_default().insert(action.clone());
    }
    // Accounts that lack the same permissions are one change.
    let mut changes: BTreeMap<(Identity, bool, Needs), BTreeSet<AccountId>> = BTreeMap::new();
    for ((identity, is_deny, account), needs) in by_account {
        changes.entry((identity, is_deny, needs)).or_default().extend(account);
    }
    let change = |((identity, is_deny, needs), accounts): ((Identity, bool, Needs), BTreeSet<AccountId>)| {
        let identity = match identity {
            Identity::Base => format!("the base identity {caller}"),
            Identity::Role(name) => format!("the role {name}"),
        };
        let what = if is_deny {
            format!(
                "a policy of {identity} or its permissions boundary denies this explicitly: remove it from that statement"
            )
        } else {
            format!("add this to the policy of {identity}")
        };
        let effect = if is_deny { "Deny" } else { "Allow" };
        let statements = needs
            .into_iter()
            .map(|(resources, actions)| {
                let condition = (!is_deny && actions.contains("s3:ListBucket")).then(listing_logs);
                Statement::on(effect, actions.into_iter().collect(), &resources).when(condition)
            })
            .collect();
        PolicyChange { what, accounts, document: ChangeText::Policy(PolicyDocument::of(statements)) }
    };
    changes.into_iter().map(change).collect()
}

/// The narrowest resources on which the action can be allowed.
fn needed_resources(placed: &PlacedGap, action: &str, partition: &str) -> Vec<String> {
    if placed.resource != "*" {
        return vec![placed.resource.clone()];
    }
    let Some(known) = SCAN.into_iter().map(Operation::action).find(|known| *known == action) else {
        return vec!["*".to_owned()];
    };
    Grant::on("X", &[known], &resources_of(known)).resources_anywhere(partition)
}

/// The resource that AWS's message names, else the one that was asked for.
fn denied_resource(placed: &PlacedGap) -> String {
    let message = placed.gap.message.as_deref().unwrap_or_default();
    let named = message.split_once("on resource: ").and_then(|(_, rest)| rest.split_whitespace().next());
    named.unwrap_or(&placed.resource).to_owned()
}

fn exemptions(gaps: &[PlacedGap]) -> Vec<PolicyChange> {
    /// Denied actions, ARN patterns of the roles to exempt, accounts.
    type Denial = (BTreeSet<String>, BTreeSet<String>, BTreeSet<AccountId>);
    let mut policies: BTreeMap<Option<String>, Denial> = BTreeMap::new();
    for placed in gaps.iter().filter(|placed| placed.gap.reason == GapReason::DeniedByOrganizationPolicy) {
        let (actions, principals, accounts) = policies.entry(placed.gap.policy.clone()).or_default();
        actions.extend(placed.gap.action.clone());
        accounts.extend(placed.account.clone());
        if let Some(entry) = &placed.role {
            let (partition, _) = entry.role_arn.split_once(":iam::").unwrap_or(("arn:aws", ""));
            let name = role_name(entry, placed.account.as_ref()).replace("{account}", "*");
            principals.insert(format!("{partition}:iam::*:role/{name}"));
        }
    }
    let exempt = |(policy, (actions, principals, accounts)): (Option<String>, Denial)| {
        let policy = policy.map_or_else(
            || "the organization policy (SCP or RCP) that denies it (AWS's response does not name it)".to_owned(),
            |arn| format!("the organization policy {arn}"),
        );
        let actions = Vec::from_iter(actions).join(", ");
        PolicyChange {
            what: format!(
                "exempt the role in {policy}: add this to the condition of the statement that denies {actions}"
            ),
            accounts,
            document: ChangeText::Condition(json!({"Condition": {"ArnNotLike": {"aws:PrincipalArn": principals}}})),
        }
    };
    policies.into_iter().map(exempt).collect()
}

/// The principal that a trust policy has to name for a caller: for a role session its role. STS leaves the role's path out of the
/// session's ARN, so that a role with a path has to be corrected by hand.
fn trusted_principal(caller: &Arn) -> String {
    let role = caller.resource().strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
    match role {
        Some(role) => format!("arn:{}:iam::{}:role/{role}", caller.partition(), caller.account()),
        None => caller.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use doorward_model::Gap;

    use super::*;

    fn denied(account: &str, action: &str, message: &str) -> PlacedGap {
        let mut gap = Gap::new(GapReason::AccessDenied, action).with_message(message);
        gap.action = Some(action.to_owned());
        let role_arn = format!("arn:aws:iam::{account}:role/security/scan-{account}");
        PlacedGap {
            stage: Stage::Scan,
            account: Some(AccountId::new(account).expect("an id")),
            place: account.to_owned(),
            role: Some(AssumedRole { role_arn, with_external_id: false }),
            resource: "*".to_owned(),
            gap,
        }
    }

    #[test]
    fn accounts_that_lack_the_same_permissions_are_one_change() {
        let caller = Arn::new("arn:aws:sts::111111111111:assumed-role/Security/me").expect("an ARN");
        assert_eq!(trusted_principal(&caller), "arn:aws:iam::111111111111:role/Security");
        let all = [
            denied("200000000001", "a:DescribeTags", "because no identity-based policy allows it"),
            denied("200000000002", "a:DescribeTags", "because no identity-based policy allows it"),
            denied(
                "200000000003",
                "a:DescribeTags",
                "on resource: arn:x with an explicit deny in an identity-based policy",
            ),
            denied("200000000003", "organizations:ListRoots", ""),
        ];
        let made = policy_changes(&all, &caller, &Observed::Absent);
        let documents = made.iter().map(|change| {
            (change.accounts.len(), serde_json::to_value(&change.document).expect("JSON")["Statement"][0].clone())
        });
        let wanted = [
            (0, json!({"Effect": "Allow", "Action": ["organizations:ListRoots"], "Resource": "*"})),
            (2, json!({"Effect": "Allow", "Action": ["a:DescribeTags"], "Resource": "*"})),
            (1, json!({"Effect": "Deny", "Action": ["a:DescribeTags"], "Resource": "arn:x"})),
        ];
        assert_eq!(documents.collect::<Vec<_>>(), wanted, "{made:#?}");
        assert!(made[1].what.contains("role security/scan-{account}"), "{}", made[1].what);
    }
}
