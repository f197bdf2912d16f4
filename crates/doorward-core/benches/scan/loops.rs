//! The walk that both yardsticks make: sessions first, then every account-Region, each question once.

use std::future::Future;

use futures::{StreamExt, TryStreamExt};

use crate::{IN_FLIGHT, Outcome};

/// Does something with every item, [`IN_FLIGHT`] at once, and adds up the answers in any order. The first error ends it.
pub(crate) async fn all<I, T, F>(items: impl IntoIterator<Item = I>, ask: impl Fn(I) -> F) -> Outcome<Vec<T>>
where
    F: Future<Output = Outcome<T>>,
{
    futures::stream::iter(items).map(ask).buffer_unordered(IN_FLIGHT).try_collect().await
}

/// One of the two APIs for load balancers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    /// Application, network and gateway load balancers.
    Current,
    /// Classic ones.
    Classic,
}

/// Both, so that a walk can go through account-Regions and APIs in one stream with one request in flight for each item.
pub(crate) const APIS: [Api; 2] = [Api::Current, Api::Classic];
