//! Plain JSON: policies and trust policies, in the order in which people read them.

use serde_json::{Value, json};

use super::capability::{ACCOUNT, PARTITION, Role, Statement};
use super::{Ask, Document, label};
use crate::cli::Capability;
use crate::exit::{Exit, Failure};

/// The role's policy, what the base identity needs for it, and whom the role trusts.
pub(super) fn documents(role: &Role, ask: &Ask) -> Result<Vec<Document>, Failure> {
    let base = match role.capability {
        Capability::Scan => "base-identity.policy.json".to_owned(),
        capability => format!("{}-base-identity.policy.json", label(capability)),
    };
    let mut all = vec![Document { name: base, text: policy(&role.base, ask)? }];
    if role.name.is_some() {
        all.push(Document { name: role.file("policy.json"), text: policy(&role.statements, ask)? });
        if let Some(caller) = &ask.caller_arn {
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

fn policy(statements: &[Statement], ask: &Ask) -> Result<String, Failure> {
    let plain = |resource: &String| resource.replace(PARTITION, &ask.partition).replace(ACCOUNT, "*");
    let statements = statements.iter().map(|statement| {
        let resources: Vec<String> = statement.resources.iter().map(plain).collect();
        Rule { sid: Some(statement.sid), ..Rule::on(statement.effect, statement.actions.clone(), &resources) }
    });
    pretty(&Policy::of(statements.collect()))
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
