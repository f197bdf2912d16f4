//! Paginated lists: every page of one operation.

use std::future::Future;

use aws_sdk_organizations::config::http::HttpResponse;
use aws_sdk_organizations::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_organizations::operation::RequestId;

use doorward_aws::{Access, CallFailure, CallRoute, Credentials, Operation};
use doorward_model::Gap;

/// Reads every page of the operation of `route`.
///
/// `send` sends the request for one page, given the token of the page. `take` takes the entries and the token of the next page
/// from a response; without entries the response is malformed, because AWS returns an empty list instead. `what` names the
/// entries in that gap: "accounts". The entries that arrived before a failure are returned beside its gap.
pub(crate) async fn pages<T, R, E, Sent>(
    access: &Access,
    route: CallRoute<'_>,
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
                let response = sent.await.map_err(|error| CallFailure::of(operation, &error))?;
                let (entries, next) = take(response);
                let lacking = || CallFailure::malformed(operation, &format!("the response lists no {what}"));
                Ok((entries.ok_or_else(lacking)?, next))
            }
        })
        .await
}

/// The route of a call by the base identity in its home Region.
pub(crate) fn home(access: &Access, operation: Operation) -> CallRoute<'_> {
    CallRoute { session: access.base(), region: access.home_region(), region_enabled: true, operation }
}
