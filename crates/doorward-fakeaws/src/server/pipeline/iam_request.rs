//! What IAM is asked about a request: the action, the condition keys, and the text of a denial.

use super::super::state::State;
use super::Identified;
use crate::failure::Failure;
use crate::iam::decision::{Refusal, denial_message};
use crate::iam::policy::Context;
use crate::service::Protocol;
use crate::services;

/// The condition keys of a request.
pub(super) fn request_keys(identified: &Identified<'_>) -> Vec<(&'static str, String)> {
    let keys = [("ListObjectsV2", "prefix", "s3:prefix"), ("AssumeRole", "ExternalId", "sts:externalid")];
    let own = keys.into_iter().filter(|(action, ..)| *action == identified.action);
    own.filter_map(|(_, name, key)| Some((key, identified.params.get(name)?.to_owned()))).collect()
}

/// The IAM action of a request.
pub(super) fn iam_action(identified: &Identified<'_>) -> String {
    let action = match identified.service.protocol {
        Protocol::Storage => services::s3::permission(&identified.action),
        _ => identified.operation.and_then(|operation| operation.permission).unwrap_or(&identified.action),
    };
    format!("{}:{action}", identified.service.prefix)
}

/// A denial by a fault, with AWS's message.
pub(super) fn denied(identified: &Identified<'_>, state: &State, refusal: &Refusal) -> Failure {
    let context = Context {
        action: &iam_action(identified),
        resource: identified.resources.first().map_or("*", String::as_str),
        region: &identified.scope.region,
        principal_arn: identified.caller.as_ref().map_or("anonymous", |caller| caller.arn.as_str()),
        principal_account: identified.account,
        organization: &state.world.organization.id,
        resource_account: None,
        resource_organization: None,
        request: &[],
    };
    Failure::Denied(denial_message(&context, refusal))
}
