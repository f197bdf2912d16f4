//! Organizations: the organization, its accounts, its tree, and tags. Read only.

use serde_json::{Value, json};

use super::paging::{page, size};
use crate::failure::Failure;
use crate::quota::Rate;
use crate::request::Params;
use crate::service::{Call, Limit, LimitScope, Operation, Protocol, Scene, Service, anything};
use crate::world::organization::{Account, Unit};

pub(crate) const SERVICE: Service = Service {
    label: "organizations",
    signing: "organizations",
    prefix: "organizations",
    protocol: Protocol::Json { target: "AWSOrganizationsV20161128" },
    throttle: "TooManyRequestsException",
    invalid: "InvalidInputException",
    global: true,
    operations: &[
        Operation::new("DescribeOrganization", describe_organization, anything, DESCRIBE_ORGANIZATION),
        Operation::new("ListAccounts", list_accounts, anything, LIST_ACCOUNTS),
        Operation::new("DescribeAccount", describe_account, account_resource, DESCRIBE_ACCOUNT),
        Operation::new("ListRoots", list_roots, anything, LIST_ROOTS),
        Operation::new("ListOrganizationalUnitsForParent", list_units, parent_resource, LIST_UNITS),
        Operation::new("ListAccountsForParent", list_accounts_for_parent, anything, LIST_FOR_PARENT),
        Operation::new("ListParents", list_parents, child_resource, LIST_PARENTS),
        Operation::new("ListChildren", list_children, anything, LIST_CHILDREN),
        Operation::new("DescribeOrganizationalUnit", describe_unit, anything, DESCRIBE_UNIT),
        Operation::new("ListTagsForResource", list_tags, tagged_resource, LIST_TAGS),
    ],
};

/// Published rate limits: rate and burst per account, and per organization.
macro_rules! limits {
    ($name:ident, $bucket:literal, $rate:literal, $burst:literal) => {
        const $name: &[Limit] = &[limit($bucket, $rate, $burst, LimitScope::Account)];
    };
    ($name:ident, $bucket:literal, $rate:literal, $burst:literal, $all_rate:literal, $all_burst:literal) => {
        const $name: &[Limit] = &[
            limit($bucket, $rate, $burst, LimitScope::Account),
            limit($bucket, $all_rate, $all_burst, LimitScope::Organization),
        ];
    };
}

const fn limit(bucket: &'static str, per_second: f64, burst: f64, scope: LimitScope) -> Limit {
    Limit { bucket, rate: Rate { burst, per_second }, scope }
}

limits!(DESCRIBE_ORGANIZATION, "DescribeOrganization", 1.0, 2.0);
limits!(LIST_ACCOUNTS, "ListAccounts", 8.0, 12.0, 9.0, 15.0);
limits!(DESCRIBE_ACCOUNT, "DescribeAccount", 20.0, 30.0, 24.0, 36.0);
limits!(LIST_ROOTS, "ListRoots", 1.0, 2.0, 1.0, 3.0);
limits!(LIST_UNITS, "ListOrganizationalUnitsForParent", 5.0, 8.0, 6.0, 10.0);
limits!(LIST_FOR_PARENT, "ListAccountsForParent", 5.0, 8.0, 6.0, 10.0);
limits!(LIST_PARENTS, "ListParents", 5.0, 8.0, 6.0, 10.0);
limits!(LIST_CHILDREN, "ListChildren", 6.0, 10.0, 7.0, 12.0);
limits!(DESCRIBE_UNIT, "DescribeOrganizationalUnit", 2.0, 2.0, 2.0, 3.0);
limits!(LIST_TAGS, "ListTagsForResource", 10.0, 15.0, 12.0, 18.0);

/// Largest page of every Organizations list.
const PAGE: usize = 20;

fn account_resource(params: &Params, scene: &Scene<'_>) -> Vec<String> {
    vec![arn_of(params.get("AccountId").unwrap_or_default(), scene)]
}

/// The ARN of an account, a root or an organizational unit, by its id.
fn arn_of(id: &str, scene: &Scene<'_>) -> String {
    let organization = &scene.world.organization;
    let owner = scene.world.account(organization.management).map_or("", |account| account.id.as_str());
    let kind = if id.starts_with("r-") {
        "root"
    } else if id.starts_with("ou-") {
        "ou"
    } else {
        "account"
    };
    format!("arn:{}:organizations::{owner}:{kind}/{}/{id}", scene.partition, organization.id)
}

fn parent_resource(params: &Params, scene: &Scene<'_>) -> Vec<String> {
    vec![arn_of(params.get("ParentId").unwrap_or_default(), scene)]
}

fn child_resource(params: &Params, scene: &Scene<'_>) -> Vec<String> {
    vec![arn_of(params.get("ChildId").unwrap_or_default(), scene)]
}

fn tagged_resource(params: &Params, scene: &Scene<'_>) -> Vec<String> {
    vec![arn_of(params.get("ResourceId").unwrap_or_default(), scene)]
}

/// All but DescribeOrganization need the management account or a delegated administrator.
fn administrators_only(call: &Call<'_>) -> Result<(), Failure> {
    if call.principal.account == call.world.organization.management || call.account.delegated_admin {
        return Ok(());
    }
    Err(Failure::Denied("You don't have permissions to access this resource.".to_owned()))
}

fn management<'a>(call: &Call<'a>) -> Option<&'a Account> {
    call.world.account(call.world.organization.management)
}

fn arn(call: &Call<'_>, kind: &str, rest: &str) -> String {
    let organization = &call.world.organization;
    let owner = management(call).map_or("", |account| account.id.as_str());
    format!("arn:{}:organizations::{owner}:{kind}/{}{rest}", organization.partition, organization.id)
}

fn describe_organization(call: &Call<'_>) -> Result<String, Failure> {
    let Some(owner) = management(call) else {
        return Err(Failure::own(
            "AWSOrganizationsNotInUseException",
            "Your account is not a member of an organization.",
        ));
    };
    Ok(json!({"Organization": {
        "Id": call.world.organization.id,
        "Arn": arn(call, "organization", ""),
        "FeatureSet": "ALL",
        "MasterAccountArn": arn(call, "account", &format!("/{}", owner.id)),
        "MasterAccountId": owner.id,
        "MasterAccountEmail": owner.email,
        "AvailablePolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}],
    }})
    .to_string())
}

fn account_json(call: &Call<'_>, account: &Account) -> Value {
    let organization = &call.world.organization;
    let mut value = json!({
        "Id": account.id,
        "Arn": arn(call, "account", &format!("/{}", account.id)),
        "Email": account.email,
        "Name": account.name,
        "State": account.state,
        "JoinedMethod": if account.invited { "INVITED" } else { "CREATED" },
        "JoinedTimestamp": account.joined.as_second(),
    });
    if let Some(fields) = value.as_object_mut() {
        if organization.legacy_status {
            // The retired field has no values for the two newer states.
            let status = match account.state.as_str() {
                "PENDING_ACTIVATION" => "ACTIVE",
                "CLOSED" => "SUSPENDED",
                state => state,
            };
            fields.insert("Status".to_owned(), json!(status));
        }
        if organization.paths {
            let above = organization.units.get(account.unit).map_or("", |unit| unit.id_path.as_str());
            fields.insert("Paths".to_owned(), json!([format!("{above}{}/", account.id)]));
        }
    }
    value
}

fn unit_json(call: &Call<'_>, unit: &Unit) -> Value {
    let mut value = json!({
        "Id": unit.id,
        "Arn": arn(call, "ou", &format!("/{}", unit.id)),
        "Name": unit.name,
    });
    if call.world.organization.paths
        && let Some(fields) = value.as_object_mut()
    {
        fields.insert("Path".to_owned(), json!(unit.id_path));
    }
    value
}

/// One page of `items` under `field`.
fn list<T>(call: &Call<'_>, field: &str, items: &[T], render: impl Fn(&T) -> Value) -> Result<String, Failure> {
    let organization = &call.world.organization;
    let size = size(call.params.number("MaxResults"), PAGE, organization.page_size, "maxResults")?;
    let page = page(items, call.params.get("NextToken"), size, organization.empty_pages).ok_or_else(|| {
        Failure::own("InvalidInputException", "You provided an invalid value for NextToken (INVALID_NEXT_TOKEN).")
    })?;
    Ok(page.document(field, "NextToken", render))
}

fn list_accounts(call: &Call<'_>) -> Result<String, Failure> {
    administrators_only(call)?;
    let own: Vec<&Account> = call.world.accounts.iter().filter(|account| !account.outside).collect();
    list(call, "Accounts", &own, |account| account_json(call, account))
}

fn describe_account(call: &Call<'_>) -> Result<String, Failure> {
    administrators_only(call)?;
    let (_, account) = call
        .world
        .account_by_id(call.required("AccountId")?)
        .filter(|(_, account)| !account.outside)
        .ok_or_else(|| Failure::own("AccountNotFoundException", "You specified an account that doesn't exist."))?;
    Ok(json!({"Account": account_json(call, account)}).to_string())
}

fn list_roots(call: &Call<'_>) -> Result<String, Failure> {
    administrators_only(call)?;
    let roots = call.world.organization.units.get(..1).unwrap_or_default();
    list(call, "Roots", roots, |root| {
        json!({
            "Id": root.id,
            "Arn": arn(call, "root", &format!("/{}", root.id)),
            "Name": root.name,
            "PolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}],
        })
    })
}

/// Index of the root or OU that `ParentId` names.
fn parent(call: &Call<'_>) -> Result<usize, Failure> {
    let id = call.required("ParentId")?;
    call.world
        .organization
        .units
        .iter()
        .position(|unit| unit.id == id)
        .ok_or_else(|| Failure::own("ParentNotFoundException", "You specified parent that doesn't exist."))
}

fn units_below<'a>(call: &Call<'a>, parent: usize) -> Vec<&'a Unit> {
    call.world.organization.units.iter().filter(|unit| unit.parent == Some(parent)).collect()
}

fn accounts_below<'a>(call: &Call<'a>, parent: usize) -> Vec<&'a Account> {
    call.world.accounts.iter().filter(|account| account.unit == parent && !account.outside).collect()
}

fn list_units(call: &Call<'_>) -> Result<String, Failure> {
    administrators_only(call)?;
    list(call, "OrganizationalUnits", &units_below(call, parent(call)?), |unit| unit_json(call, unit))
}

fn list_accounts_for_parent(call: &Call<'_>) -> Result<String, Failure> {
    administrators_only(call)?;
    list(call, "Accounts", &accounts_below(call, parent(call)?), |account| account_json(call, account))
}

fn list_children(call: &Call<'_>) -> Result<String, Failure> {
    administrators_only(call)?;
    let parent = parent(call)?;
    let kind = call.required("ChildType")?;
    let ids: Vec<&str> = match kind {
        "ACCOUNT" => accounts_below(call, parent).into_iter().map(|account| account.id.as_str()).collect(),
        "ORGANIZATIONAL_UNIT" => units_below(call, parent).into_iter().map(|unit| unit.id.as_str()).collect(),
        _ => return Err(Failure::own("InvalidInputException", "ChildType must be ACCOUNT or ORGANIZATIONAL_UNIT.")),
    };
    list(call, "Children", &ids, |id| json!({"Id": id, "Type": kind}))
}

fn list_parents(call: &Call<'_>) -> Result<String, Failure> {
    administrators_only(call)?;
    let id = call.required("ChildId")?;
    let units = &call.world.organization.units;
    let above = match call.world.account_by_id(id) {
        Some((_, account)) => Some(account.unit),
        None => units.iter().find(|unit| unit.id == id).and_then(|unit| unit.parent),
    };
    let unit = above
        .and_then(|index| units.get(index))
        .ok_or_else(|| Failure::own("ChildNotFoundException", "You specified child that doesn't exist."))?;
    let kind = if unit.parent.is_none() { "ROOT" } else { "ORGANIZATIONAL_UNIT" };
    list(call, "Parents", &[unit], |unit| json!({"Id": unit.id, "Type": kind}))
}

fn describe_unit(call: &Call<'_>) -> Result<String, Failure> {
    administrators_only(call)?;
    let id = call.required("OrganizationalUnitId")?;
    let unit = call.world.organization.units.iter().skip(1).find(|unit| unit.id == id).ok_or_else(|| {
        Failure::own("OrganizationalUnitNotFoundException", "You specified an organizational unit that doesn't exist.")
    })?;
    Ok(json!({"OrganizationalUnit": unit_json(call, unit)}).to_string())
}

fn list_tags(call: &Call<'_>) -> Result<String, Failure> {
    administrators_only(call)?;
    let id = call.required("ResourceId")?;
    let tags: Vec<(&String, &String)> = match call.world.account_by_id(id) {
        Some((_, account)) => account.tags.iter().collect(),
        None if call.world.organization.units.iter().any(|unit| unit.id == id) => Vec::new(),
        None => return Err(Failure::own("TargetNotFoundException", "You specified a target that doesn't exist.")),
    };
    let organization = &call.world.organization;
    // This list has no MaxResults; AWS returns up to 50 tags a page.
    let page = page(
        &tags,
        call.params.get("NextToken"),
        organization.page_size.unwrap_or(50).clamp(1, 50),
        organization.empty_pages,
    )
    .ok_or_else(|| Failure::own("InvalidInputException", "You provided an invalid value for NextToken."))?;
    Ok(page.document("Tags", "NextToken", |(key, value)| json!({"Key": key, "Value": value})))
}
