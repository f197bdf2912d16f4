//! Account Management: which Regions an account has enabled.

use serde_json::json;

use super::paging::{page, size};
use crate::failure::Failure;
use crate::request::Params;
use crate::service::{Call, Operation, Protocol, Scene, Service};

pub(crate) const SERVICE: Service = Service {
    label: "account",
    signing: "account",
    prefix: "account",
    protocol: Protocol::Rest,
    throttle: "TooManyRequestsException",
    invalid: "ValidationException",
    global: true,
    operations: &[Operation::new("ListRegions", list_regions, account_arn, &[]).at("POST /listRegions")],
};

/// Largest page of ListRegions.
const PAGE: usize = 50;

fn account_arn(params: &Params, scene: &Scene<'_>) -> Vec<String> {
    let Scene { partition, account, .. } = scene;
    vec![match params.get("AccountId") {
        None => format!("arn:{partition}:account::{account}:account"),
        Some(other) => format!("arn:{partition}:account::{account}:account/*/{other}"),
    }]
}

fn list_regions(call: &Call<'_>) -> Result<String, Failure> {
    let organization = &call.world.organization;
    let account = match call.params.get("AccountId") {
        None => call.account,
        Some(id) => {
            let management = call.principal.account == organization.management;
            let own_id = management && id == call.account.id;
            if own_id || !(management || call.account.delegated_admin) {
                return Err(Failure::Denied(format!(
                    "User: {} is not authorized to perform: account:ListRegions (The management account and member \
                     accounts that are not delegated administrators must leave out AccountId)",
                    call.principal.arn
                )));
            }
            match call.world.account_by_id(id) {
                Some((_, account)) => account,
                None => return Err(Failure::Invalid(format!("account {id} is not in the organization"))),
            }
        }
    };
    let wanted = call.params.list("RegionOptStatusContains");
    let regions: Vec<(&str, &str)> = (0_u16..)
        .zip(&organization.regions)
        .map(|(index, region)| (region.name.as_str(), organization.region_state(account, index).name()))
        .filter(|(_, state)| wanted.is_empty() || wanted.contains(state))
        .collect();
    let size = size(call.params.number("MaxResults"), PAGE, organization.page_size, "maxResults")?;
    let page = page(&regions, call.params.get("NextToken"), size, false)
        .ok_or_else(|| Failure::Invalid("the NextToken is not valid".to_owned()))?;
    Ok(page.document("Regions", "NextToken", |(name, state)| json!({"RegionName": name, "RegionOptStatus": state})))
}
