//! API Gateway, version 2 of its API: HTTP APIs and their integrations.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::elbv2::listener_arn;
use super::paging::{page, size};
use crate::failure::Failure;
use crate::request::Params;
use crate::service::{Call, Operation, Protocol, Scene, Service};

pub(crate) const SERVICE: Service = Service {
    label: "apigateway",
    signing: "apigateway",
    prefix: "apigateway",
    protocol: Protocol::Rest,
    throttle: "TooManyRequestsException",
    invalid: "BadRequestException",
    global: false,
    operations: &[
        Operation::new("GetApis", apis, all_apis, &[]).at("GET /v2/apis").permitted_as("GET"),
        Operation::new("GetIntegrations", integrations, integrations_of, &[])
            .at("GET /v2/apis/{ApiId}/integrations")
            .permitted_as("GET"),
    ],
};

/// Largest page of both lists.
const PAGE: usize = 100;

fn all_apis(_: &Params, scene: &Scene<'_>) -> Vec<String> {
    let Scene { partition, region, .. } = scene;
    vec![format!("arn:{partition}:apigateway:{region}::/apis")]
}

fn integrations_of(params: &Params, scene: &Scene<'_>) -> Vec<String> {
    let Scene { partition, region, .. } = scene;
    vec![format!("arn:{partition}:apigateway:{region}::/apis/{}/integrations", params.get("ApiId").unwrap_or_default())]
}

/// Listeners of load balancers by the API that leads to them.
fn targets(call: &Call<'_>) -> Vec<(String, String)> {
    let cell = call.world.read(call.cell());
    let of_one = cell.current.values().flat_map(|load_balancer| {
        let arn = load_balancer.arn(call.partition(), &call.account.id, call.region_name);
        let listener = load_balancer.listeners.first().map(|listener| listener_arn(&arn, listener));
        load_balancer.apis.iter().map(move |api| (api.to_string(), listener.clone().unwrap_or_default()))
    });
    of_one.collect()
}

fn list(call: &Call<'_>, items: &[Value]) -> Result<String, Failure> {
    let size = size(call.params.number("maxResults"), PAGE, call.world.organization.page_size, "maxResults")?;
    let page = page(items, call.params.get("nextToken"), size, false)
        .ok_or_else(|| Failure::Invalid("Invalid next token".to_owned()))?;
    Ok(page.document("items", "nextToken", Value::clone))
}

fn apis(call: &Call<'_>) -> Result<String, Failure> {
    let ids: BTreeSet<String> = targets(call).into_iter().map(|(api, _)| api).collect();
    let items: Vec<Value> =
        ids.into_iter().map(|id| json!({"apiId": id, "name": id, "protocolType": "HTTP"})).collect();
    list(call, &items)
}

fn integrations(call: &Call<'_>) -> Result<String, Failure> {
    let wanted = call.required("ApiId")?;
    let own: Vec<String> =
        targets(call).into_iter().filter(|(api, _)| api == wanted).map(|(_, target)| target).collect();
    if own.is_empty() {
        return Err(Failure::with_status(
            404,
            "NotFoundException",
            format!("Invalid API identifier specified {wanted}"),
        ));
    }
    // Every API has an integration of another kind too.
    let public =
        json!({"integrationId": "pub0001", "connectionType": "INTERNET", "integrationUri": "https://example.com"});
    let private = own.iter().zip(1..).map(|(target, number)| {
        json!({
            "integrationId": format!("int{number:04}"),
            "connectionType": "VPC_LINK",
            "connectionId": "vpclnk",
            "integrationType": "HTTP_PROXY",
            "integrationUri": target,
        })
    });
    list(call, &std::iter::once(public).chain(private).collect::<Vec<_>>())
}
