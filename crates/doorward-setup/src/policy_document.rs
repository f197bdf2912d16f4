//! Policy documents: role policies, trust policies and suggested statements, with keys in the order people read them.

use doorward_model::{Condition, Grant};
use serde_json::{Value, json};

use crate::{GeneratedFile, Role, RolePurpose, RoleRequest, SetupError};

/// Characters, without white space, that IAM accepts in the inline policies of a role.
const MAXIMUM_LENGTH: usize = 10_240;

/// Plain JSON: what the base identity may do, the role's policy, and the trust policy where a caller is named.
///
/// # Errors
/// A policy would be too long, or the trust policy would have no condition.
pub fn iam_documents(role: &Role, request: &RoleRequest) -> Result<Vec<GeneratedFile>, SetupError> {
    let base = match role.purpose {
        RolePurpose::Scan => "base-identity.policy.json".to_owned(),
        purpose => format!("{purpose}-base-identity.policy.json"),
    };
    let mut files = vec![GeneratedFile { name: base, text: policy(&role.base_identity_grants, request)? }];
    if role.name.is_some() {
        files.push(GeneratedFile { name: role.file_name("policy.json"), text: policy(&role.grants, request)? });
        if let Some(caller) = &request.caller_arn {
            request.require_trust_condition()?;
            let trust = trust_policy(caller, request.external_id(), request.organization_id.as_deref());
            files.push(GeneratedFile { name: role.file_name("trust.json"), text: trust.to_json()? });
        }
    }
    Ok(files)
}

fn policy(grants: &[Grant], request: &RoleRequest) -> Result<String, SetupError> {
    let statements = grants.iter().map(|grant| Statement::from_grant(grant, &request.partition)).collect();
    let document = PolicyDocument::of(statements);
    let length = serde_json::to_string(&document)?.len();
    if length > MAXIMUM_LENGTH {
        return Err(SetupError::PolicyTooLong { length, limit: MAXIMUM_LENGTH });
    }
    document.to_json()
}

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument {
    version: &'static str,
    statement: Vec<Statement>,
}

/// A statement of a policy document.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'static str>,
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<Value>,
    action: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

impl PolicyDocument {
    /// A document of these statements.
    pub fn of(statement: Vec<Statement>) -> Self {
        Self { version: "2012-10-17", statement }
    }

    /// Indented JSON that ends with a line feed.
    fn to_json(&self) -> Result<String, SetupError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl Statement {
    /// Actions on resources, without conditions. `effect` is `Allow` or `Deny`.
    pub fn on(effect: &'static str, action: Vec<String>, resources: &[String]) -> Self {
        let resource = if let [one] = resources { json!(one) } else { json!(resources) };
        Self { sid: None, effect, principal: None, action, resource: Some(resource), condition: None }
    }

    /// The same statement under a condition, if there is one.
    #[must_use]
    pub fn when(self, condition: Option<Condition>) -> Self {
        let grant = condition.map(|condition| Grant::on("X", &[], &["*"]).when(condition));
        Self { condition: grant.and_then(|grant| grant.condition_block()), ..self }
    }

    fn from_grant(grant: &Grant, partition: &str) -> Self {
        let effect = if grant.deny { "Deny" } else { "Allow" };
        let actions = grant.actions.iter().map(|action| (*action).to_owned()).collect();
        let statement = Self::on(effect, actions, &grant.resources_anywhere(partition));
        Self { sid: Some(grant.sid), condition: grant.condition_block(), ..statement }
    }
}

/// A trust policy that admits one principal, on condition of an external id and of an organization where these are given.
pub fn trust_policy(caller: &str, external_id: Option<&str>, organization_id: Option<&str>) -> PolicyDocument {
    let mut equals = serde_json::Map::new();
    equals.extend(external_id.map(|id| ("sts:ExternalId".to_owned(), json!(id))));
    equals.extend(organization_id.map(|id| ("aws:PrincipalOrgID".to_owned(), json!(id))));
    PolicyDocument::of(vec![Statement {
        sid: None,
        effect: "Allow",
        principal: Some(json!({"AWS": caller})),
        action: vec!["sts:AssumeRole".to_owned()],
        resource: None,
        condition: (!equals.is_empty()).then(|| json!({"StringEquals": equals})),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trust_policy_has_the_requested_conditions() {
        let of = |external, organization| trust_policy("arn:x", external, organization).statement[0].condition.clone();
        assert_eq!(of(None, None), None);
        assert_eq!(of(Some("e1"), None), Some(json!({"StringEquals": {"sts:ExternalId": "e1"}})));
        let both = json!({"StringEquals": {"sts:ExternalId": "e1", "aws:PrincipalOrgID": "o-1"}});
        assert_eq!(of(Some("e1"), Some("o-1")), Some(both));
    }
}
