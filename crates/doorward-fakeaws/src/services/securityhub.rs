//! Security Hub CSPM: imports, reads and updates findings in ASFF, with AWS's checks of every finding.

mod filters;
mod shape;

use serde_json::{Value, json};

use super::paging::{page, size};
use crate::failure::Failure;
use crate::request::Params;
use crate::service::{Call, Limit, Operation, Protocol, Scene, Service};
use crate::world::security_hub::text;

pub(crate) const SERVICE: Service = Service {
    label: "securityhub",
    signing: "securityhub",
    prefix: "securityhub",
    protocol: Protocol::Rest,
    throttle: "TooManyRequestsException",
    invalid: "InvalidInputException",
    global: false,
    operations: &[
        Operation::new("BatchImportFindings", import, products, &[Limit::regional("securityhub:import", 30.0, 10.0)])
            .at("POST /findings/import"),
        Operation::new("GetFindings", get, security_hub_arn, &[Limit::regional("securityhub:get", 6.0, 3.0)])
            .at("POST /findings"),
        Operation::new(
            "BatchUpdateFindings",
            update,
            security_hub_arn,
            &[Limit::regional("securityhub:update", 30.0, 10.0)],
        )
        .at("PATCH /findings/batchupdate"),
    ],
};

/// Most findings in a call, of any of the three operations.
const BATCH: usize = 100;
/// Largest finding and largest call, in bytes of JSON.
const FINDING_BYTES: usize = 240_000;
const CALL_BYTES: usize = 6_000_000;

fn default_product(scene: &Scene<'_>) -> String {
    let Scene { partition, account, region, .. } = scene;
    format!("arn:{partition}:securityhub:{region}:{account}:product/{account}/default")
}

/// The products that a batch names, each once.
fn products(params: &Params, scene: &Scene<'_>) -> Vec<String> {
    let mut named: Vec<String> = list(params, "Findings")
        .iter()
        .map(|finding| text(finding, "ProductArn").map_or_else(|| default_product(scene), str::to_owned))
        .collect();
    named.sort();
    named.dedup();
    if named.is_empty() { vec![default_product(scene)] } else { named }
}

fn security_hub_arn(_: &Params, scene: &Scene<'_>) -> Vec<String> {
    let Scene { partition, account, region, .. } = scene;
    vec![format!("arn:{partition}:securityhub:{region}:{account}:security_hub/default")]
}

fn list<'a>(params: &'a Params, name: &str) -> &'a [Value] {
    params.document().and_then(|document| document.get(name)).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Refuses calls where Security Hub is not enabled.
fn enabled(call: &Call<'_>) -> Result<(), Failure> {
    if call.world.read(call.cell()).security_hub.disabled {
        return Err(Failure::with_status(
            401,
            "InvalidAccessException",
            format!("Account {} is not subscribed to AWS Security Hub", call.account.id),
        ));
    }
    Ok(())
}

/// Why one finding of a batch is not imported.
struct Refused {
    code: &'static str,
    message: String,
}

fn import(call: &Call<'_>) -> Result<String, Failure> {
    enabled(call)?;
    let findings = list(call.params, "Findings");
    if findings.is_empty() || findings.len() > BATCH {
        return Err(Failure::Invalid(format!(
            "Invalid parameter 'Findings'. The number of findings must be from 1 to {BATCH}, and is {}.",
            findings.len()
        )));
    }
    let sizes: Vec<usize> = findings.iter().map(|finding| finding.to_string().len()).collect();
    if sizes.iter().sum::<usize>() > CALL_BYTES {
        return Err(Failure::Invalid("The batch is larger than 6 MB.".to_owned()));
    }
    for (number, finding) in findings.iter().enumerate() {
        let odd = call.forbidden.filter(|part| text(finding, "Id").is_some_and(|id| id.contains(part)));
        if let Some(part) = odd {
            return Err(Failure::Invalid(format!(
                "Invalid parameter 'Findings[{number}].Id'. A fault forbids {part}."
            )));
        }
        shape::check(finding)
            .map_err(|problem| Failure::Invalid(format!("Invalid parameter 'Findings[{number}].{problem}")))?;
    }
    let account = findings.first().and_then(|finding| text(finding, "AwsAccountId"));
    if findings.iter().any(|finding| text(finding, "AwsAccountId") != account) {
        return Err(Failure::Invalid("All findings of a batch must be of one AwsAccountId.".to_owned()));
    }
    let mut failed = Vec::new();
    let mut cell = call.world.write(call.cell());
    cell.security_hub.expire(call.now);
    for (number, (finding, size)) in findings.iter().zip(sizes).enumerate() {
        let by_fault = (call.fail_some && number % 2 == 0)
            .then(|| Refused { code: "InternalFailure", message: "An internal error has occurred.".to_owned() });
        match by_fault.map_or_else(|| admit(call, finding, size), Err) {
            Ok(()) => cell.security_hub.import(finding.clone(), call.now),
            Err(Refused { code, message }) => failed.push(json!({
                "Id": text(finding, "Id").unwrap_or_default(),
                "ErrorCode": code,
                "ErrorMessage": message,
            })),
        }
    }
    let (failures, successes) = (failed.len(), findings.len() - failed.len());
    Ok(json!({"FailedCount": failures, "SuccessCount": successes, "FailedFindings": failed}).to_string())
}

/// Checks one finding by the rules that do not make the whole batch invalid.
fn admit(call: &Call<'_>, finding: &Value, size: usize) -> Result<(), Refused> {
    let refuse = |code, message: String| Err(Refused { code, message });
    let own = default_product(&Scene {
        partition: call.partition(),
        account: &call.account.id,
        region: call.region_name,
        world: call.world,
    });
    if text(finding, "AwsAccountId") != Some(call.account.id.as_str()) {
        return refuse(
            "InvalidAccess",
            format!("Account {} may not import findings for this account", call.account.id),
        );
    }
    if text(finding, "ProductArn") != Some(own.as_str()) {
        return refuse("InvalidInput", format!("The ProductArn must be {own}, of this account and Region."));
    }
    if size > FINDING_BYTES {
        return refuse("InvalidInput", "Finding size exceeds the maximum of 240 KB.".to_owned());
    }
    Ok(())
}

fn get(call: &Call<'_>) -> Result<String, Failure> {
    enabled(call)?;
    let filters = call.params.document().and_then(|document| document.get("Filters"));
    let wanted = filters::Filters::parse(filters.unwrap_or(&Value::Null)).map_err(Failure::Invalid)?;
    let found: Vec<Value> = {
        let mut cell = call.world.write(call.cell());
        cell.security_hub.expire(call.now);
        cell.security_hub.findings().filter(|finding| wanted.fit(finding)).cloned().collect()
    };
    let size = size(call.params.number("MaxResults"), BATCH, call.world.organization.page_size, "maxResults")?;
    let page = page(&found, call.params.get("NextToken"), size, false)
        .ok_or_else(|| Failure::Invalid("The NextToken is not valid.".to_owned()))?;
    Ok(page.document("Findings", "NextToken", Value::clone))
}

/// Fields that a customer may update.
const CUSTOMER_FIELDS: [&str; 9] = [
    "Note",
    "Severity",
    "VerificationState",
    "Confidence",
    "Criticality",
    "Types",
    "UserDefinedFields",
    "Workflow",
    "RelatedFindings",
];

fn update(call: &Call<'_>) -> Result<String, Failure> {
    enabled(call)?;
    let wanted = list(call.params, "FindingIdentifiers");
    if wanted.is_empty() || wanted.len() > BATCH {
        return Err(Failure::Invalid(format!("FindingIdentifiers must have from 1 to {BATCH} entries.")));
    }
    let document = call.params.document().unwrap_or(&Value::Null);
    let changes: Vec<(&str, Value)> = CUSTOMER_FIELDS
        .iter()
        .filter_map(|name| {
            let mut value = document.get(*name)?.clone();
            if *name == "Note" {
                value["UpdatedAt"] = json!(format!("{:.3}", call.now));
            }
            Some((*name, value))
        })
        .collect();
    let mut cell = call.world.write(call.cell());
    let (mut processed, mut unprocessed) = (Vec::new(), Vec::new());
    for identifier in wanted {
        if cell.security_hub.overwrite(&crate::world::security_hub::key_of(identifier), &changes) {
            processed.push(identifier.clone());
        } else {
            unprocessed.push(json!({
                "FindingIdentifier": identifier,
                "ErrorCode": "FindingNotFound",
                "ErrorMessage": "The finding does not exist.",
            }));
        }
    }
    Ok(json!({"ProcessedFindings": processed, "UnprocessedFindings": unprocessed}).to_string())
}
