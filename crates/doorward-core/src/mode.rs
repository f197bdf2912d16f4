//! The mode of one load balancer outside a scan: read before and after a change, and set.
//!
//! [`set`] sends one request and never repeats it. A repeated write could overwrite a mode that another party has set since the
//! first request took effect; the caller reads the mode and decides.
//!
//! The session policy of a scan does not allow the action that sets attributes; [`set`] needs a session of a different role.

use std::sync::Arc;

use aws_sdk_elasticloadbalancing::types as classic_types;
use aws_sdk_elasticloadbalancingv2::types as v2_types;
use aws_types::request_id::RequestId;

use doorward_aws::{Access, CallFailure, Operation, Session, classic_as, elb_as};
use doorward_model::{AccountId, AccountRegion, Arn, Evidence, Gap, GapReason, Kind, Region, RegionInventory, TextMap};

use crate::collect::{CollectContext, CollectSettings, classic, read_one, v2};
use crate::discover::Target;

/// The load balancer to read or change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeSubject {
    /// Its ARN; composed for classic load balancers.
    pub arn: Arn,
    /// Its kind.
    pub kind: Kind,
}

impl ModeSubject {
    /// The name of a classic load balancer, from its composed ARN.
    pub(crate) fn classic_name(&self) -> Option<&str> {
        (self.kind == Kind::Classic).then(|| name(&self.arn))
    }
}

/// Attributes and the call that returned them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadAttributes {
    /// Every attribute in the response; those of a classic load balancer under the same flat keys as in a scan. The response to
    /// a change of a classic load balancer contains the changed attribute only.
    pub values: TextMap,
    /// The call.
    pub evidence: Evidence,
}

/// Reads the attributes; none if the load balancer was deleted. `session` belongs to the load balancer's account.
///
/// # Errors
///
/// The gap of the failed call.
pub async fn read(
    access: &Access,
    session: Arc<Session>,
    subject: &ModeSubject,
) -> Result<Option<ReadAttributes>, Gap> {
    let target = target(session, subject, Operation::DescribeLoadBalancerAttributes)?;
    let context = context(access, &target);
    let answer = match subject.kind {
        Kind::Classic => classic::attributes(context, name(&subject.arn)).await,
        _ => v2::attributes(context, &subject.arn).await,
    };
    Ok(answer?.map(|(values, evidence)| ReadAttributes { values, evidence }))
}

/// Reads a load balancer with its attributes and tags like a scan, to decide whether it may be changed. The result contains the
/// load balancer, names it in `gone`, or has the gap why it could not be read.
///
/// # Errors
///
/// A gap if `session` belongs to another account than the load balancer.
pub async fn look(access: &Access, session: Arc<Session>, subject: &ModeSubject) -> Result<RegionInventory, Gap> {
    let target = target(session, subject, Operation::DescribeLoadBalancers)?;
    Ok(read_one(context(access, &target), subject).await)
}

/// A request to set a mode that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotSet {
    /// The error of the response, or why nothing was sent.
    pub gap: Gap,
    /// Whether the request certainly had no effect. False if it may have taken effect, or still may.
    pub refused: bool,
}

impl From<CallFailure> for NotSet {
    fn from(failure: CallFailure) -> Self {
        Self { gap: failure.gap, refused: failure.refused }
    }
}

/// Sets one attribute, by at most one request. Returns the attributes in AWS's response.
///
/// # Errors
///
/// An error proves that nothing was changed only if [`NotSet::refused`] is set: a response may be lost after the request took
/// effect.
pub async fn set(
    access: &Access,
    session: Arc<Session>,
    subject: &ModeSubject,
    attribute: &str,
    value: &str,
) -> Result<ReadAttributes, NotSet> {
    let target = target(session, subject, Operation::ModifyLoadBalancerAttributes)
        .map_err(|gap| NotSet { gap, refused: true })?;
    let context = context(access, &target);
    let set = match subject.kind {
        Kind::Classic => set_classic(context, name(&subject.arn), attribute, value).await,
        _ => set_v2(context, &subject.arn, attribute, value).await,
    };
    set.map_err(NotSet::from)
}

async fn set_v2(
    context: CollectContext<'_>,
    arn: &Arn,
    attribute: &str,
    value: &str,
) -> Result<ReadAttributes, CallFailure> {
    let operation = Operation::ModifyLoadBalancerAttributes;
    let client = context.access.clients.elb(&context.target.place.region);
    let attribute = v2_types::LoadBalancerAttribute::builder().key(attribute).value(value).build();
    context
        .access
        .caller
        .send(context.route(operation), |credentials| {
            let request = client
                .modify_load_balancer_attributes()
                .load_balancer_arn(arn.as_str())
                .attributes(attribute.clone())
                .customize()
                .config_override(elb_as(credentials));
            async move {
                let answer = request.send().await.map_err(|e| CallFailure::of(operation, &e))?;
                let evidence = evidence(context, operation, answer.request_id());
                let given = answer
                    .attributes
                    .ok_or_else(|| CallFailure::malformed(operation, "the response contains no attributes"))?;
                let values = v2::unambiguous(given.into_iter().map(|one| (one.key, one.value)))
                    .map_err(|problem| CallFailure::malformed(operation, &problem))?;
                Ok(ReadAttributes { values, evidence })
            }
        })
        .await
}

async fn set_classic(
    context: CollectContext<'_>,
    name: &str,
    attribute: &str,
    value: &str,
) -> Result<ReadAttributes, CallFailure> {
    let operation = Operation::ModifyClassicLoadBalancerAttributes;
    let client = context.access.clients.classic(&context.target.place.region);
    let attribute = classic_types::AdditionalAttribute::builder().key(attribute).value(value).build();
    let attributes = classic_types::LoadBalancerAttributes::builder().additional_attributes(attribute).build();
    context
        .access
        .caller
        .send(context.route(operation), |credentials| {
            let request = client
                .modify_load_balancer_attributes()
                .load_balancer_name(name)
                .load_balancer_attributes(attributes.clone())
                .customize()
                .config_override(classic_as(credentials));
            async move {
                let answer = request.send().await.map_err(|e| CallFailure::of(operation, &e))?;
                let evidence = evidence(context, operation, answer.request_id());
                let given = answer
                    .load_balancer_attributes
                    .ok_or_else(|| CallFailure::malformed(operation, "the response contains no attributes"))?;
                let values = classic::flat(given).map_err(|problem| CallFailure::malformed(operation, &problem))?;
                Ok(ReadAttributes { values, evidence })
            }
        })
        .await
}

fn evidence(context: CollectContext<'_>, operation: Operation, request_id: Option<&str>) -> Evidence {
    Evidence {
        operation: operation.action().into(),
        at: (context.access.clock)(),
        request_id: request_id.map(str::to_owned),
    }
}

/// The name of a classic load balancer, from its composed ARN.
fn name(arn: &Arn) -> &str {
    arn.resource().strip_prefix("loadbalancer/").unwrap_or(arn.resource())
}

fn target(session: Arc<Session>, subject: &ModeSubject, operation: Operation) -> Result<Target, Gap> {
    let malformed = |problem: String| Gap::new(GapReason::Malformed, operation.action()).with_message(problem);
    let account = AccountId::new(subject.arn.account()).map_err(|e| malformed(e.to_string()))?;
    let region = Region::new(subject.arn.region()).map_err(|e| malformed(e.to_string()))?;
    if session.account() != &account {
        return Err(malformed(format!(
            "the session belongs to account {}, but the load balancer is in {account}",
            session.account()
        )));
    }
    Ok(Target { place: AccountRegion { account, region }, region_enabled: true, session })
}

fn context<'a>(access: &'a Access, target: &'a Target) -> CollectContext<'a> {
    // The optional reads of a scan are not needed here.
    CollectContext {
        access,
        target,
        settings: CollectSettings {
            alb_listeners: false,
            vended_logs: false,
            target_groups: false,
            reachability: false,
        },
        most: usize::MAX,
    }
}
