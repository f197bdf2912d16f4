//! Paginated lists: every page of one operation.

use std::future::Future;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

use doorward_model::Gap;

use crate::access::Access;
use crate::actions::Operation;
use crate::call::Route;
use crate::failure::Failure;
use crate::pace::Family;

/// Reads every page of the operation of `route`.
///
/// `send` sends the request for one page, given the token of the page. `take` takes the entries and the token of the next page
/// from a response; without entries the response is malformed, because AWS returns an empty list instead. `what` names the
/// entries in that gap: "accounts". The entries that arrived before a failure are returned beside its gap.
pub(crate) async fn pages<T, R, E, Sent>(
    access: &Access,
    route: Route<'_>,
    what: &str,
    send: impl Fn(Credentials, Option<String>) -> Sent,
    take: impl Fn(R) -> (Option<Vec<T>>, Option<String>),
) -> (Vec<T>, Option<Gap>)
where
    Sent: Future<Output = Result<R, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + std::error::Error + 'static,
    SdkError<E, HttpResponse>: RequestId,
{
    let operation = route.operation;
    let take = &take;
    access
        .caller
        .pages(route, |credentials, token| {
            let sent = send(credentials, token);
            async move {
                let response = sent.await.map_err(|error| Failure::of(operation, &error))?;
                let (entries, next) = take(response);
                let lacking = || Failure::malformed(operation, &format!("the response lists no {what}"));
                Ok((entries.ok_or_else(lacking)?, next))
            }
        })
        .await
}

/// The route of a call by the base identity in its home Region.
pub(crate) fn home(access: &Access, operation: Operation) -> Route<'_> {
    Route {
        session: access.base(),
        region: access.home_region(),
        told_enabled: true,
        family: family(operation),
        operation,
    }
}

/// The quota that an operation counts against.
pub(crate) fn family(operation: Operation) -> Family {
    match operation {
        Operation::GetCallerIdentity | Operation::AssumeRole => Family::Sts,
        Operation::ListAccounts | Operation::DescribeOrganization => Family::OrganizationAccounts,
        Operation::DescribeAccount => Family::OrganizationDescribe,
        Operation::ListTagsForResource => Family::OrganizationTags,
        Operation::ListRoots | Operation::ListOrganizationalUnitsForParent => Family::OrganizationUnits,
        Operation::ListParents => Family::OrganizationParents,
        Operation::ListRegions => Family::AccountRegions,
        Operation::DescribeLoadBalancers
        | Operation::DescribeLoadBalancerAttributes
        | Operation::DescribeTags
        | Operation::DescribeListeners => Family::Elb,
        Operation::DescribeClassicLoadBalancers
        | Operation::DescribeClassicLoadBalancerAttributes
        | Operation::DescribeClassicTags => Family::ElbClassic,
        Operation::DescribeDeliverySources | Operation::DescribeDeliveries => Family::Logs,
        Operation::ModifyLoadBalancerAttributes => Family::ElbChange,
        Operation::ModifyClassicLoadBalancerAttributes => Family::ElbClassicChange,
    }
}
