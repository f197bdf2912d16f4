//! Target groups of application load balancers, and the internet-facing network load balancers that forward to internal ones.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use aws_sdk_elasticloadbalancingv2::operation::describe_target_groups::DescribeTargetGroupsOutput;

use doorward_aws::{CallFailure, Operation, elb_as};
use doorward_model::{Arn, Gap, GapReason, Kind, Observed, RawLoadBalancer, SharedText, TargetGroup};

use super::entry_points::EntryPoints;
use super::{CollectContext, foreign, listed, v2};
use crate::pages::pages;

/// The largest page that AWS documents.
const PAGE: i32 = 400;

/// A target group with the load balancers that forward to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReadGroup {
    arn: String,
    group: TargetGroup,
    load_balancers: BTreeSet<Arn>,
}

/// Adds target groups and reachability: one list for the account-Region, read only if it has an application load balancer; and the targets
/// of each group through which an internet-facing load balancer, or one that CloudFront or API Gateway leads to, may forward to an internal
/// one, only if there is an internal one.
pub(super) async fn add(
    context: CollectContext<'_>,
    load_balancers: &mut [RawLoadBalancer],
    entry_points: Option<&EntryPoints>,
) -> HashMap<Arn, BTreeSet<Arn>> {
    if !load_balancers.iter().any(|raw| raw.kind == Kind::Application) {
        return HashMap::new();
    }
    let groups = read(context).await.map_err(Arc::new);
    let internal = load_balancers.iter().any(may_be_reached);
    let through = match &groups {
        Ok(groups) if internal => reached(context, groups, load_balancers, entry_points).await.map_err(Arc::new),
        Ok(_) => Ok(Fronts::default()),
        Err(gap) => Err(gap.clone()),
    };
    for raw in load_balancers.iter_mut().filter(|raw| raw.kind == Kind::Application) {
        raw.target_groups = match &groups {
            Ok(groups) => {
                let own = groups.iter().filter(|one| one.load_balancers.contains(&raw.arn));
                let mut own: Vec<TargetGroup> = own.map(|one| one.group.clone()).collect();
                own.sort();
                Observed::Known(own)
            }
            Err(gap) => Observed::Unread(gap.clone()),
        };
        raw.reached_through = match &through {
            _ if !may_be_reached(raw) => Observed::Absent,
            Ok(through) => {
                Observed::Known(through.public.get(&raw.arn).cloned().unwrap_or_default().into_iter().collect())
            }
            Err(gap) => Observed::Unread(gap.clone()),
        };
    }
    through.map(|through| through.private).unwrap_or_default()
}

/// The network load balancers in front of application load balancers, by the ARN of the one behind.
#[derive(Default)]
struct Fronts {
    /// The internet-facing ones.
    public: HashMap<Arn, BTreeSet<Arn>>,
    /// The internal ones that CloudFront or API Gateway leads to.
    private: HashMap<Arn, BTreeSet<Arn>>,
}

/// Whether it matters which load balancers forward to this one.
pub(super) fn may_be_reached(raw: &RawLoadBalancer) -> bool {
    raw.kind == Kind::Application && raw.scheme.as_deref() == Some("internal")
}

/// Every target group of the account-Region, each once.
pub(super) async fn read(context: CollectContext<'_>) -> Result<Vec<ReadGroup>, Gap> {
    let operation = Operation::DescribeTargetGroups;
    let client = context.access.clients.elb(&context.target.place.region);
    let send = |credentials, marker| {
        let request = client.describe_target_groups().page_size(PAGE).set_marker(marker);
        request.customize().config_override(elb_as(credentials)).send()
    };
    let take = |response: DescribeTargetGroupsOutput| {
        (response.target_groups, response.next_marker.filter(|marker| !marker.is_empty()))
    };
    let (found, gap) = pages(context.access, context.route(operation), "target groups", send, take).await;
    if let Some(gap) = gap {
        return Err(gap);
    }
    let place = &context.target.place;
    let head = format!(
        "arn:{}:elasticloadbalancing:{}:{}:targetgroup/",
        context.access.partition(),
        place.region,
        place.account
    );
    let mut groups: BTreeMap<String, ReadGroup> = BTreeMap::new();
    for given in found {
        let parts = given.target_group_arn.zip(given.target_group_name).zip(given.target_type);
        let Some(((arn, name), target_type)) = parts else {
            return Err(foreign(operation, "a target group without ARN, name or type"));
        };
        if !arn.starts_with(&head) {
            return Err(foreign(operation, &format!("{arn}, which is not a target group of this account and Region")));
        }
        let mut load_balancers = BTreeSet::new();
        for text in given.load_balancer_arns.unwrap_or_default() {
            let owner = Arn::new(&text).map_err(|error| foreign(operation, &error.to_string()))?;
            if context.check(&owner).is_err() {
                return Err(foreign(operation, &format!("a target group of {owner}, of another account or Region")));
            }
            load_balancers.insert(owner);
        }
        let group = TargetGroup {
            name,
            target_type: target_type.as_str().into(),
            protocol_version: given.protocol_version.filter(|version| !version.is_empty()).map(Into::into),
        };
        let group = ReadGroup { arn: arn.clone(), group, load_balancers };
        // Two pages overlap where a group was created between their calls.
        if groups.insert(arn, group.clone()).is_some_and(|earlier| earlier != group) {
            return Err(foreign(operation, &format!("the target group {} twice", group.arn)));
        }
    }
    Ok(groups.into_values().collect())
}

/// The network load balancers in front of each application load balancer.
async fn reached(
    context: CollectContext<'_>,
    groups: &[ReadGroup],
    load_balancers: &[RawLoadBalancer],
    entry_points: Option<&EntryPoints>,
) -> Result<Fronts, Gap> {
    let mut schemes: HashMap<Arn, Option<SharedText>> =
        load_balancers.iter().map(|raw| (raw.arn.clone(), raw.scheme.clone())).collect();
    let mut fronts = Fronts::default();
    for one in groups.iter().filter(|one| one.group.target_type == "alb") {
        let (mut public, mut private) = (BTreeSet::new(), BTreeSet::new());
        for arn in &one.load_balancers {
            if !schemes.contains_key(arn) {
                schemes.insert(arn.clone(), scheme(context, arn).await?);
            }
            match schemes.get(arn).and_then(|scheme| scheme.as_deref()) {
                Some("internal") if entry_points.is_some_and(|found| found.lead_to(arn)) => {
                    private.insert(arn.clone());
                }
                Some("internal") => {}
                Some("internet-facing") => {
                    public.insert(arn.clone());
                }
                _ => return Err(foreign(Operation::DescribeLoadBalancers, &format!("{arn} without a known scheme"))),
            }
        }
        if public.is_empty() && private.is_empty() {
            continue;
        }
        for target in targets(context, &one.arn).await? {
            fronts.public.entry(target.clone()).or_default().extend(public.iter().cloned());
            fronts.private.entry(target).or_default().extend(private.iter().cloned());
        }
    }
    Ok(fronts)
}

/// The scheme of a load balancer that the list lacks: it was created after the list, or only one load balancer is read. A load balancer
/// that does not exist any more forwards nothing, as an internal one does for the internet.
async fn scheme(context: CollectContext<'_>, arn: &Arn) -> Result<Option<SharedText>, Gap> {
    let operation = Operation::DescribeLoadBalancers;
    let (entries, gap) = v2::list(context, Some(arn)).await;
    match gap {
        Some(gap) if listed::is_missing(&gap) => Ok(Some("internal".into())),
        Some(gap) => Err(gap),
        None => {
            let mut found = entries.into_iter().filter_map(Result::ok).filter(|raw| raw.arn == *arn);
            let lacking = || Gap::new(GapReason::Malformed, operation.action());
            found.next().map(|raw| raw.scheme).ok_or_else(|| {
                lacking().with_message(format!("the response does not contain {arn}, which was requested"))
            })
        }
    }
}

/// The application load balancers that are targets of a group; none if the group was deleted in the meantime.
pub(super) async fn targets(context: CollectContext<'_>, group: &str) -> Result<Vec<Arn>, Gap> {
    let operation = Operation::DescribeTargetHealth;
    let client = context.access.clients.elb(&context.target.place.region);
    let read = context.access.caller.call(context.route(operation), |credentials| {
        let request =
            client.describe_target_health().target_group_arn(group).customize().config_override(elb_as(credentials));
        async move {
            let answer = match request.send().await {
                Ok(answer) => answer,
                Err(error) => {
                    let failure = CallFailure::of(operation, &error);
                    let gone = failure.code().is_some_and(|code| code.starts_with("TargetGroupNotFound"));
                    return if gone { Ok(Vec::new()) } else { Err(failure) };
                }
            };
            let listed = answer
                .target_health_descriptions
                .ok_or_else(|| CallFailure::malformed(operation, "the response lists no targets"))?;
            let ids = listed.into_iter().map(|one| one.target.and_then(|target| target.id));
            let arns = ids.map(|id| id.and_then(|id| Arn::new(&id).ok()));
            arns.collect::<Option<Vec<Arn>>>().ok_or_else(|| {
                CallFailure::malformed(operation, "the response contains a target that is not a load balancer")
            })
        }
    });
    read.await
}
