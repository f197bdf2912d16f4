//! Mending: the exact policy documents that would make the rest readable.

use std::collections::{BTreeMap, BTreeSet};

use doorward_core::access::Entry;
use doorward_core::actions::{Operation, resources_of};
use doorward_model::{AccountId, Arn, GapReason, Grant, Observed, Organization};
use doorward_traffic::listing_logs;
use serde::Serialize;
use serde_json::{Value, json};

use super::missing::{Missing, Stage};
use crate::setup::{Policy, Rule, trust};

/// One change to make, with the accounts to make it in.
#[derive(Debug, PartialEq)]
pub(super) struct Patch {
    /// What to do, in one sentence.
    pub(super) what: String,
    pub(super) accounts: BTreeSet<AccountId>,
    pub(super) document: Document,
}

/// What to write where.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Document {
    /// A policy.
    Policy(Policy),
    /// The condition of a statement that is there.
    Condition(Value),
}

/// Who lacks something: the role's name without its account, or the base identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Whom {
    Base,
    Role(String),
}

/// All changes, in a stable order: roles to deploy, actions to allow, statements to lift, policies to exempt from.
pub(super) fn patches(missing: &[Missing], caller: &Arn, organization: &Observed<Organization>) -> Vec<Patch> {
    let organization = match organization {
        Observed::Known(known) => Some(known.id.as_str()),
        Observed::Absent => None,
        Observed::Unread(_) => Some("THE ID OF THE ORGANIZATION (o-...)"),
    };
    let mut all = deployments(missing, caller, organization);
    all.extend(allowances(missing, caller));
    all.extend(exemptions(missing));
    all
}

/// What follows `role/` in the ARN, with the account's id taken out, so that the same role of all accounts is one.
fn role_name(entry: &Entry, account: Option<&AccountId>) -> String {
    let name = entry.role_arn.split_once(":role/").map_or(entry.role_arn.as_str(), |(_, name)| name);
    account.map_or_else(|| name.to_owned(), |account| name.replace(account.as_str(), "{account}"))
}

fn deployments(missing: &[Missing], caller: &Arn, organization: Option<&str>) -> Vec<Patch> {
    let mut roles: BTreeMap<(Stage, String, bool), BTreeSet<AccountId>> = BTreeMap::new();
    for one in missing.iter().filter(|one| one.gap.reason == GapReason::RoleMissing) {
        let (Some(entry), Some(account)) = (&one.role, &one.account) else { continue };
        let key = (one.stage, role_name(entry, Some(account)), entry.with_external_id);
        roles.entry(key).or_default().insert(account.clone());
    }
    let deploy = |((stage, name, external_id), accounts): ((Stage, String, bool), BTreeSet<AccountId>)| {
        let capability = if stage == Stage::Spare { Stage::Scan } else { stage }.code();
        let external_id = external_id.then_some("THE EXTERNAL ID OF THE SETTINGS");
        Patch {
            what: format!(
                "deploy the role {name} (`doorward setup stackset --for {capability}`), with this trust policy; where it is there already, compare the trust policy, and let the base identity call sts:AssumeRole on it"
            ),
            accounts,
            document: Document::Policy(trust(&principal(caller), external_id, organization)),
        }
    };
    roles.into_iter().map(deploy).collect()
}

fn allowances(missing: &[Missing], caller: &Arn) -> Vec<Patch> {
    type Needs = BTreeMap<Vec<String>, BTreeSet<String>>;
    let mut by_account: BTreeMap<(Whom, bool, Option<AccountId>), Needs> = BTreeMap::new();
    for one in missing.iter().filter(|one| one.gap.reason == GapReason::AccessDenied) {
        let Some(action) = &one.gap.action else { continue };
        let of_organization = action.starts_with("organizations:");
        let (whom, account) = match &one.role {
            Some(entry) if !of_organization => {
                (Whom::Role(role_name(entry, one.account.as_ref())), one.account.clone())
            }
            _ => (Whom::Base, None),
        };
        let needs = by_account.entry((whom, one.is_explicit(), account)).or_default();
        let resources = if one.is_explicit() { vec![refused(one)] } else { allowed(one, action, caller.partition()) };
        needs.entry(resources).or_default().insert(action.clone());
    }
    // Accounts that lack the same are one change.
    let mut same: BTreeMap<(Whom, bool, Needs), BTreeSet<AccountId>> = BTreeMap::new();
    for ((whom, explicit, account), needs) in by_account {
        same.entry((whom, explicit, needs)).or_default().extend(account);
    }
    let patch = |((whom, explicit, needs), accounts): ((Whom, bool, Needs), BTreeSet<AccountId>)| {
        let whom = match whom {
            Whom::Base => format!("the base identity {caller}"),
            Whom::Role(name) => format!("the role {name}"),
        };
        let what = if explicit {
            format!(
                "a policy of {whom}, or its permissions boundary, denies this explicitly: take it out of that statement"
            )
        } else {
            format!("add this to the policy of {whom}")
        };
        let effect = if explicit { "Deny" } else { "Allow" };
        let statements = needs
            .into_iter()
            .map(|(resources, actions)| {
                let condition = (!explicit && actions.contains("s3:ListBucket")).then(listing_logs);
                Rule::on(effect, actions.into_iter().collect(), &resources).when(condition)
            })
            .collect();
        Patch { what, accounts, document: Document::Policy(Policy::of(statements)) }
    };
    same.into_iter().map(patch).collect()
}

/// The narrowest resources that the action can be allowed on.
fn allowed(one: &Missing, action: &str, partition: &str) -> Vec<String> {
    if one.resource != "*" {
        return vec![one.resource.clone()];
    }
    let Some(known) = Operation::ALL.into_iter().map(Operation::action).find(|known| *known == action) else {
        return vec!["*".to_owned()];
    };
    Grant::on("X", &[known], &resources_of(known)).resources_anywhere(partition)
}

/// What AWS says it refused the action on, where it says so.
fn refused(one: &Missing) -> String {
    let message = one.gap.message.as_deref().unwrap_or_default();
    let named = message.split_once("on resource: ").and_then(|(_, rest)| rest.split_whitespace().next());
    named.unwrap_or(&one.resource).to_owned()
}

fn exemptions(missing: &[Missing]) -> Vec<Patch> {
    type Refusal = (BTreeSet<String>, BTreeSet<String>, BTreeSet<AccountId>);
    let mut policies: BTreeMap<Option<String>, Refusal> = BTreeMap::new();
    for one in missing.iter().filter(|one| one.gap.reason == GapReason::DeniedByOrganizationPolicy) {
        let (actions, principals, accounts) = policies.entry(one.gap.policy.clone()).or_default();
        actions.extend(one.gap.action.clone());
        accounts.extend(one.account.clone());
        if let Some(entry) = &one.role {
            let (partition, _) = entry.role_arn.split_once(":iam::").unwrap_or(("arn:aws", ""));
            let name = role_name(entry, one.account.as_ref()).replace("{account}", "*");
            principals.insert(format!("{partition}:iam::*:role/{name}"));
        }
    }
    let exempt = |(policy, (actions, principals, accounts)): (Option<String>, Refusal)| {
        let named = policy.map_or_else(
            || "the organization policy (SCP or RCP) that AWS did not name".to_owned(),
            |arn| format!("the organization policy {arn}"),
        );
        let actions = Vec::from_iter(actions).join(", ");
        Patch {
            what: format!(
                "exempt the role in {named}: add this to the condition of the statement that denies {actions}"
            ),
            accounts,
            document: Document::Condition(json!({"Condition": {"ArnNotLike": {"aws:PrincipalArn": principals}}})),
        }
    };
    policies.into_iter().map(exempt).collect()
}

/// Who a trust policy has to name for a session of this ARN: of a role session its role. STS leaves the role's path out.
fn principal(caller: &Arn) -> String {
    let role = caller.resource().strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
    match role {
        Some(role) => format!("arn:{}:iam::{}:role/{role}", caller.partition(), caller.account()),
        None => caller.to_string(),
    }
}

impl Patch {
    /// As programs read it.
    pub(super) fn json(&self) -> Value {
        json!({"what": self.what, "accounts": self.accounts, "document": self.document})
    }
}

#[cfg(test)]
mod tests {
    use doorward_model::Gap;

    use super::*;

    fn denied(account: &str, action: &str, message: &str) -> Missing {
        let mut gap = Gap::new(GapReason::AccessDenied, action).with_message(message);
        gap.action = Some(action.to_owned());
        let role_arn = format!("arn:aws:iam::{account}:role/security/scan-{account}");
        Missing {
            stage: Stage::Scan,
            account: Some(AccountId::new(account).expect("an id")),
            place: account.to_owned(),
            role: Some(Entry { role_arn, with_external_id: false }),
            resource: "*".to_owned(),
            gap,
        }
    }

    #[test]
    fn accounts_that_lack_the_same_are_one_change() {
        let caller = Arn::new("arn:aws:sts::111111111111:assumed-role/Security/me").expect("an ARN");
        assert_eq!(principal(&caller), "arn:aws:iam::111111111111:role/Security");
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
        let made = patches(&all, &caller, &Observed::Absent);
        let told = made
            .iter()
            .map(|p| (p.accounts.len(), serde_json::to_value(&p.document).expect("JSON")["Statement"][0].clone()));
        let wanted = [
            (0, json!({"Effect": "Allow", "Action": ["organizations:ListRoots"], "Resource": "*"})),
            (2, json!({"Effect": "Allow", "Action": ["a:DescribeTags"], "Resource": "*"})),
            (1, json!({"Effect": "Deny", "Action": ["a:DescribeTags"], "Resource": "arn:x"})),
        ];
        assert_eq!(told.collect::<Vec<_>>(), wanted, "{made:#?}");
        assert!(made[1].what.contains("role security/scan-{account}"), "{}", made[1].what);
    }
}
