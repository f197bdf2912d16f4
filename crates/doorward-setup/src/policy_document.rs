//! Plain JSON: policies and trust policies, in the order in which people read them.

use doorward_model::{Condition, Grant};
use serde_json::{Value, json};

use super::capability::Role;
use super::{Ask, Document, label, usage};
use crate::cli::Capability;
use crate::exit::{Exit, Failure};

/// Characters that IAM takes of the inline policies of a role.
const LONGEST: usize = 10_240;

/// The role's policy, what the base identity needs for it, and whom the role trusts.
pub(super) fn documents(role: &Role, ask: &Ask) -> Result<Vec<Document>, Failure> {
    let base = match role.capability {
        Capability::Scan => "base-identity.policy.json".to_owned(),
        capability => format!("{}-base-identity.policy.json", label(capability)),
    };
    let mut all = vec![Document { name: base, text: policy(&role.base, ask)? }];
    if role.name.is_some() {
        all.push(Document { name: role.file("policy.json"), text: policy(&role.grants, ask)? });
        if let Some(caller) = &ask.caller_arn {
            ask.admission()?;
            let trust = trust(caller, ask.external_id.as_deref(), ask.organization_id.as_deref());
            all.push(Document { name: role.file("trust.json"), text: pretty(&trust)? });
        }
    }
    Ok(all)
}

/// A policy document, in the order in which people read one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Policy {
    version: &'static str,
    pub(crate) statement: Vec<Rule>,
}

/// A statement of a policy document.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Rule {
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'static str>,
    pub(crate) effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<Value>,
    pub(crate) action: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

impl Policy {
    pub(crate) fn of(statement: Vec<Rule>) -> Self {
        Self { version: "2012-10-17", statement }
    }
}

impl Rule {
    /// Actions on resources, without conditions.
    pub(crate) fn on(effect: &'static str, action: Vec<String>, resources: &[String]) -> Self {
        let resource = if let [one] = resources { json!(one) } else { json!(resources) };
        Self { sid: None, effect, principal: None, action, resource: Some(resource), condition: None }
    }

    /// The same under a condition, if there is one.
    pub(crate) fn when(self, condition: Option<Condition>) -> Self {
        let grant = condition.map(|condition| Grant::on("X", &[], &["*"]).when(condition));
        Self { condition: grant.and_then(|grant| grant.condition_block()), ..self }
    }

    fn of(grant: &Grant, partition: &str) -> Self {
        let effect = if grant.deny { "Deny" } else { "Allow" };
        let actions = grant.actions.iter().map(|action| (*action).to_owned()).collect();
        let rule = Self::on(effect, actions, &grant.resources_anywhere(partition));
        Self { sid: Some(grant.sid), condition: grant.condition_block(), ..rule }
    }
}

/// Whom a role admits: one principal, with an external id and from an organization where these are given.
pub(crate) fn trust(caller: &str, external_id: Option<&str>, organization_id: Option<&str>) -> Policy {
    let mut equals = serde_json::Map::new();
    equals.extend(external_id.map(|id| ("sts:ExternalId".to_owned(), json!(id))));
    equals.extend(organization_id.map(|id| ("aws:PrincipalOrgID".to_owned(), json!(id))));
    Policy::of(vec![Rule {
        sid: None,
        effect: "Allow",
        principal: Some(json!({"AWS": caller})),
        action: vec!["sts:AssumeRole".to_owned()],
        resource: None,
        condition: (!equals.is_empty()).then(|| json!({"StringEquals": equals})),
    }])
}

fn policy(grants: &[Grant], ask: &Ask) -> Result<String, Failure> {
    let document = Policy::of(grants.iter().map(|grant| Rule::of(grant, &ask.partition)).collect());
    let length = serde_json::to_string(&document).map_or(0, |text| text.len());
    if length > LONGEST {
        return Err(usage(&format!(
            "the policy would have {length} characters, and IAM takes {LONGEST} in a role: name fewer buckets (--bucket), or a \
             scan of fewer accounts (--scan)"
        )));
    }
    pretty(&document)
}

fn pretty(document: &Policy) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(document).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
    Ok(text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trust_policy_has_the_conditions_that_were_asked_for() {
        let of = |external, organization| trust("arn:x", external, organization).statement[0].condition.clone();
        assert_eq!(of(None, None), None);
        assert_eq!(of(Some("e1"), None), Some(json!({"StringEquals": {"sts:ExternalId": "e1"}})));
        let both = json!({"StringEquals": {"sts:ExternalId": "e1", "aws:PrincipalOrgID": "o-1"}});
        assert_eq!(of(Some("e1"), Some("o-1")), Some(both));
    }
}
