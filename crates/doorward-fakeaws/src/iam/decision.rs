//! Evaluates identity policy, session policy and organization policies, and writes the denial message as AWS does.

use std::sync::Arc;

use super::policy::{Context, Policy};

/// A service control policy that applies to an account, with the ARN that a denial names.
#[derive(Debug)]
pub(crate) struct OrganizationPolicy {
    pub(crate) arn: Arc<str>,
    pub(crate) policy: Policy,
}

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    OrganizationDeny(Arc<str>),
    IdentityDeny,
    SessionDeny,
    NoIdentityAllow,
    NoSessionAllow,
    /// The resource belongs to another account, and its policy does not admit this one.
    NoResourceAllow,
}

/// Explicit denies first (organization, identity, session), then the missing allows: the order of AWS's evaluation.
pub(crate) fn decide(
    context: &Context<'_>,
    identity: &Policy,
    session: Option<&Policy>,
    organization: &[Arc<OrganizationPolicy>],
) -> Result<(), Refusal> {
    if let Some(policy) = organization.iter().find(|policy| policy.policy.denies(context)) {
        return Err(Refusal::OrganizationDeny(Arc::clone(&policy.arn)));
    }
    if identity.denies(context) {
        return Err(Refusal::IdentityDeny);
    }
    if session.is_some_and(|session| session.denies(context)) {
        return Err(Refusal::SessionDeny);
    }
    if !identity.allows(context) {
        return Err(Refusal::NoIdentityAllow);
    }
    if session.is_some_and(|session| !session.allows(context)) {
        return Err(Refusal::NoSessionAllow);
    }
    Ok(())
}

/// The message of AWS's access denied errors. ELB leaves out "on resource" when the resource is `*`.
pub(crate) fn denial_message(context: &Context<'_>, refusal: &Refusal) -> String {
    let action = context.action;
    let mut message = format!("User: {} is not authorized to perform: {action}", context.principal_arn);
    if context.resource != "*" {
        // S3 puts its resources in quotes.
        let quote = if action.starts_with("s3:") { "\"" } else { "" };
        message.push_str(&format!(" on resource: {quote}{}{quote}", context.resource));
    }
    match refusal {
        Refusal::OrganizationDeny(arn) => {
            message.push_str(" with an explicit deny in a service control policy: ");
            message.push_str(arn);
        }
        Refusal::IdentityDeny => message.push_str(" with an explicit deny in an identity-based policy"),
        Refusal::SessionDeny => message.push_str(" with an explicit deny in a session policy"),
        Refusal::NoIdentityAllow => {
            message.push_str(&format!(" because no identity-based policy allows the {action} action"));
        }
        Refusal::NoSessionAllow => {
            message.push_str(&format!(" because no session policy allows the {action} action"));
        }
        Refusal::NoResourceAllow => {
            message.push_str(&format!(" because no resource-based policy allows the {action} action"));
        }
    }
    message
}
