//! Tags, twenty load balancers per call. One deleted load balancer fails its whole batch, so a failed batch is halved.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use futures::StreamExt;

use doorward_aws::{CallFailure, Operation, classic_as, elb_as};
use doorward_model::{Arn, Gap, GapReason, Observed, TextMap};

use super::CollectContext;
use super::v2::unambiguous;

/// The maximum of one call.
const BATCH: usize = 20;

type Tags = TextMap;

/// The tags of application load balancers. A failed batch leaves only the tags of its members unread.
pub(super) async fn read(context: CollectContext<'_>, wanted: Vec<Arn>) -> HashMap<Arn, Observed<Tags>> {
    let operation = Operation::DescribeTags;
    let client = context.access.clients.elb(&context.target.place.region);
    batched(wanted, operation, |batch| {
        let client = client.clone();
        async move {
            let batch = &batch;
            let ask = context.access.caller.call(context.route(operation), |credentials| {
                let arns = batch.iter().map(|arn| arn.as_str().to_owned()).collect();
                let request = client
                    .describe_tags()
                    .set_resource_arns(Some(arns))
                    .customize()
                    .config_override(elb_as(credentials));
                async move {
                    let answer = request.send().await.map_err(|e| CallFailure::of(operation, &e))?;
                    let given = answer
                        .tag_descriptions
                        .ok_or_else(|| CallFailure::malformed(operation, "the response lists no tags"))?;
                    let pairs = given.into_iter().map(|one| {
                        let arn = one.resource_arn.and_then(|arn| Arn::new(&arn).ok());
                        (arn, one.tags.map(|tags| tags.into_iter().map(|tag| (tag.key, tag.value)).collect()))
                    });
                    described(batch, pairs).map_err(|problem| CallFailure::malformed(operation, &problem))
                }
            });
            ask.await
        }
    })
    .await
}

/// Tags of classic load balancers, by name.
pub(super) async fn read_classic(context: CollectContext<'_>, wanted: Vec<String>) -> HashMap<String, Observed<Tags>> {
    let operation = Operation::DescribeClassicTags;
    let client = context.access.clients.classic(&context.target.place.region);
    batched(wanted, operation, |batch| {
        let client = client.clone();
        async move {
            let batch = &batch;
            let ask = context.access.caller.call(context.route(operation), |credentials| {
                let request = client
                    .describe_tags()
                    .set_load_balancer_names(Some(batch.clone()))
                    .customize()
                    .config_override(classic_as(credentials));
                async move {
                    let answer = request.send().await.map_err(|e| CallFailure::of(operation, &e))?;
                    let given = answer
                        .tag_descriptions
                        .ok_or_else(|| CallFailure::malformed(operation, "the response lists no tags"))?;
                    let pairs = given.into_iter().map(|one| {
                        // The SDK puts an empty text in the place of a missing key, which is no key.
                        let tags =
                            one.tags.map(|tags| tags.into_iter().map(|tag| (Some(tag.key), tag.value)).collect());
                        (one.load_balancer_name, tags)
                    });
                    described(batch, pairs).map_err(|problem| CallFailure::malformed(operation, &problem))
                }
            });
            ask.await
        }
    })
    .await
}

/// Keys and values of tags, as in a response.
type Pairs = Vec<(Option<String>, Option<String>)>;

/// The tags of each requested load balancer in a response. A description without a list of tags counts as missing. A load
/// balancer that was not requested, or is described twice, makes the response unusable.
fn described<K: Clone + Eq + Hash>(
    asked: &[K],
    given: impl Iterator<Item = (Option<K>, Option<Pairs>)>,
) -> Result<Vec<(K, Tags)>, String> {
    let mut seen = HashMap::new();
    for (key, pairs) in given {
        let key = key
            .filter(|key| asked.contains(key))
            .ok_or("the response describes a load balancer that was not requested")?;
        let tags = pairs.map(|pairs| unambiguous(pairs.into_iter())).transpose()?;
        if seen.insert(key, tags).is_some() {
            return Err("the response describes a load balancer twice".to_owned());
        }
    }
    Ok(seen.into_iter().filter_map(|(key, tags)| Some((key, tags?))).collect())
}

/// Requests batch by batch, halves a batch with a deleted load balancer, and marks load balancers that a response lacks.
async fn batched<K, Asked>(
    wanted: Vec<K>,
    operation: Operation,
    ask: impl Fn(Vec<K>) -> Asked,
) -> HashMap<K, Observed<Tags>>
where
    K: Clone + Eq + Hash,
    Asked: Future<Output = Result<Vec<(K, Tags)>, Gap>>,
{
    let ask = &ask;
    let batches: Vec<Vec<K>> = wanted.chunks(BATCH).map(<[K]>::to_vec).collect();
    let answers = futures::stream::iter(batches).map(|batch| halving(batch, operation, ask)).buffered(2);
    answers.collect::<Vec<_>>().await.into_iter().flatten().collect()
}

async fn halving<K, Asked>(
    batch: Vec<K>,
    operation: Operation,
    ask: &impl Fn(Vec<K>) -> Asked,
) -> Vec<(K, Observed<Tags>)>
where
    K: Clone + Eq + Hash,
    Asked: Future<Output = Result<Vec<(K, Tags)>, Gap>>,
{
    let mut settled = Vec::with_capacity(batch.len());
    let mut pending = vec![batch];
    while let Some(mut batch) = pending.pop() {
        match ask(batch.clone()).await {
            Ok(answer) => {
                let mut answer: HashMap<K, Tags> = answer.into_iter().collect();
                settled.extend(batch.into_iter().map(|key| {
                    let tags = answer.remove(&key).map(Observed::Known).unwrap_or_else(|| {
                        Observed::unread(
                            Gap::new(GapReason::Malformed, operation.action())
                                .with_message("the response lacks this load balancer"),
                        )
                    });
                    (key, tags)
                }));
            }
            Err(gap) if batch.len() > 1 && not_found(&gap) => {
                let rest = batch.split_off(batch.len() / 2);
                pending.push(rest);
                pending.push(batch);
            }
            Err(gap) => {
                let gap = Arc::new(gap);
                settled.extend(batch.into_iter().map(|key| (key, Observed::Unread(gap.clone()))));
            }
        }
    }
    settled
}

fn not_found(gap: &Gap) -> bool {
    gap.code.as_deref().is_some_and(|code| code.contains("NotFound"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    async fn read(count: u32, deleted: &[u32]) -> (HashMap<u32, Observed<Tags>>, usize) {
        let calls = AtomicUsize::new(0);
        let answer = batched((0..count).collect(), Operation::DescribeTags, |batch: Vec<u32>| {
            calls.fetch_add(1, Ordering::Relaxed);
            let result = if batch.iter().any(|key| deleted.contains(key)) {
                let mut gap = Gap::new(GapReason::Malformed, "elasticloadbalancing:DescribeTags");
                gap.code = Some("LoadBalancerNotFound".into());
                Err(gap)
            } else {
                Ok(batch.into_iter().map(|key| (key, Tags::from([("n", key.to_string())]))).collect())
            };
            async move { result }
        })
        .await;
        (answer, calls.into_inner())
    }

    #[test]
    fn an_answer_describes_each_load_balancer_once() {
        let tags = |pairs: &[(&str, &str)]| {
            let pair = |(key, value): &(&str, &str)| (Some((*key).to_owned()), Some((*value).to_owned()));
            Some(pairs.iter().map(pair).collect::<Pairs>())
        };
        let read = |given: Vec<(Option<u32>, Option<Pairs>)>| described(&[1, 2], given.into_iter());
        let good = read(vec![(Some(1), tags(&[("owner", "web")])), (Some(2), None)]).expect("usable");
        assert_eq!(good, [(1, Tags::from([("owner", "web")]))]);
        for bad in [
            vec![(Some(1), tags(&[])), (Some(1), tags(&[("owner", "web")]))],
            vec![(Some(3), tags(&[]))],
            vec![(None, tags(&[]))],
            vec![(Some(1), tags(&[("owner", "web"), ("owner", "shop")]))],
            vec![(Some(1), tags(&[("", "web")]))],
        ] {
            read(bad.clone()).expect_err(&format!("{bad:?}"));
        }
    }

    #[tokio::test]
    async fn twenty_a_call() {
        let (answer, calls) = read(45, &[]).await;
        assert_eq!((answer.len(), calls), (45, 3));
    }

    #[tokio::test]
    async fn a_deleted_load_balancer_costs_no_other_its_tags() {
        let (answer, calls) = read(40, &[7]).await;
        assert_eq!(answer.len(), 40);
        assert!((0..40).all(|key| answer[&key].known().is_some() == (key != 7)));
        assert!(calls <= 2 + 2 * 5, "{calls} calls");
    }
}
