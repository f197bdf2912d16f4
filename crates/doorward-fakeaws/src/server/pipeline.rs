//! One request from arrival to response: identify, apply faults, authenticate, meter, authorize, execute, record.

mod iam_request;
mod record;

use std::cell::RefCell;
use std::sync::Arc;

use hyper::HeaderMap;
use hyper::http::request::Parts;
use jiff::{SignedDuration, Timestamp};

use iam_request::{denied, iam_action, request_keys};
use record::{record, record_delegated};

use super::state::{RequestIds, State};
use crate::calls::CallRecord;
use crate::digest::{digest, request_id};
use crate::failure::Failure;
use crate::faults::{Described, Form, What};
use crate::iam::decision::{Refusal, decide, denial_message};
use crate::iam::session::Principal;
use crate::quota::BucketKey;
use crate::reply::{Output, Reply, error_xml, reply};
use crate::request::{Params, Scope, amz_date, header};
use crate::service::{self, Call, DelegatedCall, Handler, LimitScope, Operation, Protocol, Scene, Service};
use crate::services;

/// Widest difference between `X-Amz-Date` and the clock, in seconds.
const SKEW: i64 = 300;

/// A response, and the fault that is applied to it when it is sent.
pub(super) struct Outgoing {
    pub(super) reply: Reply,
    pub(super) request_id: String,
    pub(super) now: Timestamp,
    /// A fault of the transport or the body.
    pub(super) fault: Option<What>,
}

/// A request whose service and operation are known.
struct Identified<'a> {
    service: &'static Service,
    /// As written in the request; there may be no such operation.
    action: String,
    operation: Option<&'static Operation>,
    params: Params,
    scope: &'a Scope,
    resources: Vec<String>,
    caller: Option<Arc<Principal>>,
    /// Account id of the caller, or nothing.
    account: &'a str,
}

/// Processes one request, with the fault that the gate gave it.
pub(super) async fn answer(state: &State, parts: &Parts, body: &[u8], given: Option<What>) -> Outgoing {
    let headers = &parts.headers;
    let sequence = state.next_sequence();
    let mut id = request_id(sequence);
    let now = state.clock.now();
    let Some(scope) = header(headers, "authorization").and_then(Scope::parse) else {
        let failure =
            Failure::with_status(403, "MissingAuthenticationToken", "Request is missing Authentication Token");
        return unidentified(state, sequence, id, now, None, &failure);
    };
    let Some(identified) = identify(state, parts, body, &scope) else {
        let failure = Failure::with_status(501, "UnknownService", format!("{} is not emulated", scope.service));
        return unidentified(state, sequence, id, now, Some(&scope), &failure);
    };

    if state.request_ids == RequestIds::ByContent {
        // The parameters of S3 and of GET requests are in the path, those of others in the body.
        let in_path = matches!(identified.service.protocol, Protocol::Storage) || parts.method.as_str() == "GET";
        let asked = if in_path { parts.uri.to_string() } else { String::new() };
        let content = asked + &String::from_utf8_lossy(body);
        let region = identified.scope.region.as_str();
        id = request_id(digest(&[identified.account, region, identified.service.label, &identified.action, &content]));
    }

    let faults = state.faults();
    let described = Described {
        service: identified.service.label,
        signing: identified.service.signing,
        action: &identified.action,
        account: identified.account,
        region: &identified.scope.region,
        resources: &identified.resources,
    };
    let effects = faults.effects_on(&described);
    let mut fault = None;
    let mut injected = None;
    let mut misdirect = false;
    let mut fail_some = false;
    let mut forbidden = None;
    for what in given.into_iter().chain(effects) {
        match what {
            What::Latency(pause) => tokio::time::sleep(pause).await,
            What::WrongAccount => misdirect = true,
            What::PartialFailure => fail_some = true,
            What::InvalidFinding(part) => forbidden = Some(part),
            What::Throttle => injected = Some(Failure::Throttled),
            What::Conflict => injected = Some(services::s3::conflict()),
            What::ExpiredToken => injected = Some(Failure::Expired),
            What::ClockSkew => {
                let signed = now.checked_sub(SignedDuration::from_secs(3 * SKEW)).unwrap_or(now);
                injected = Some(skewed(signed, now));
            }
            What::AccessDenied => injected = Some(denied(&identified, state, &Refusal::NoIdentityAllow)),
            What::ScpDenied(arn) => {
                injected = Some(denied(&identified, state, &Refusal::OrganizationDeny(arn.into())));
            }
            other => fault = Some(other),
        }
    }
    let operation_faults = OperationFaults { misdirect, fail_some, forbidden };
    let (result, delegated_calls) = match injected {
        Some(failure) => (Err(failure), Vec::new()),
        // A call that never gets a response must not have an effect either.
        None if matches!(fault, Some(What::Reset | What::BlackHole | What::ServerError(_))) => {
            (Ok(Output::Document(String::new())), Vec::new())
        }
        None => {
            let delegated_calls = RefCell::default();
            let result = execute(state, &identified, (headers, body), now, operation_faults, &delegated_calls);
            (result, delegated_calls.into_inner())
        }
    };
    let mut reply = reply(identified.service, &identified.action, &id, result);
    if fault.is_none() && reply.outcome == "ok" {
        let rewritten = faults.rewrite(&described, |form| rewrite(&identified, &id, &reply, form));
        if let Some((form, rewritten)) = rewritten {
            (fault, reply) = (Some(What::Form(form)), rewritten);
        }
    }
    record(state, sequence, &id, now, &identified, &reply, fault.as_ref());
    record_delegated(state, &id, now, &identified, delegated_calls);
    Outgoing { reply, request_id: id, now, fault }
}

/// The response in a wrong form; none if it has nothing that can take the form.
fn rewrite(identified: &Identified<'_>, id: &str, right: &Reply, form: Form) -> Option<Reply> {
    let (service, action) = (identified.service, identified.action.as_str());
    if form == Form::NotFound {
        let is_about_one = matches!(action, "DescribeLoadBalancerAttributes" | "DescribeTags");
        let failure = Failure::own("LoadBalancerNotFound", "One or more load balancers not found");
        return is_about_one.then(|| reply(service, action, id, Err(failure)));
    }
    let body = form.of(service.label, action, &right.body)?;
    let (status, content_type) = (right.status, right.content_type);
    let (headers, metadata) = (right.headers.clone(), right.metadata.clone());
    Some(Reply { status, content_type, body, outcome: right.outcome.clone(), headers, metadata })
}

/// Errors before the service is known have the form of a query service.
fn unidentified(
    state: &State,
    sequence: u64,
    request_id: String,
    now: Timestamp,
    scope: Option<&Scope>,
    failure: &Failure,
) -> Outgoing {
    let (code, message, status) = match failure {
        Failure::Own { code, message, status } => (*code, message.as_str(), *status),
        _ => ("InternalFailure", "", 500),
    };
    let service = scope.map_or("", |scope| scope.service.as_str());
    state.calls.add(sequence, (service, "", code), || CallRecord {
        sequence,
        time: now,
        account: String::new(),
        region: scope.map_or_else(String::new, |scope| scope.region.clone()),
        service: service.to_owned(),
        action: String::new(),
        resource: "*".to_owned(),
        iam_action: String::new(),
        outcome: code.to_owned(),
        status,
        access_key: scope.map_or_else(String::new, |scope| scope.access_key.clone()),
        request_id: request_id.clone(),
    });
    let namespace = "http://webservices.amazon.com/AWSFault/2005-15-09";
    let reply = Reply {
        status,
        content_type: "text/xml",
        body: error_xml(namespace, code, message, status, &request_id).into(),
        outcome: code.to_owned(),
        headers: Vec::new(),
        metadata: Vec::new(),
    };
    Outgoing { reply, request_id, now, fault: None }
}

fn identify<'a>(state: &'a State, parts: &Parts, body: &[u8], scope: &'a Scope) -> Option<Identified<'a>> {
    let (method, path, headers) = (&parts.method, parts.uri.path(), &parts.headers);
    let text = String::from_utf8_lossy(body);
    let first = services::find(&scope.service, None)?;
    let json = |text: &str| Params::Json(serde_json::from_str(text).unwrap_or(serde_json::Value::Null));
    let (service, action, params) = match &first.protocol {
        Protocol::Query { .. } => {
            let params = Params::form(&text);
            let service = services::find(&scope.service, params.get("Version")).unwrap_or(first);
            (service, params.get("Action").unwrap_or_default().to_owned(), params)
        }
        Protocol::Json { target } => {
            let named = header(headers, "x-amz-target").unwrap_or_default();
            let action = named.strip_prefix(target).and_then(|rest| rest.strip_prefix('.'));
            (first, action.unwrap_or(named).to_owned(), json(&text))
        }
        Protocol::Rest | Protocol::RestXml { .. } => {
            let mut placed =
                first.operations.iter().map(|operation| (operation, operation.placed(method.as_str(), path)));
            let known = placed.find_map(|(operation, named)| Some((operation, named?)));
            let action = known.as_ref().map_or(path, |(operation, _)| operation.name).to_owned();
            let params = match known {
                Some((_, mut named)) if method.as_str() == "GET" => {
                    if let Params::Form(query) = Params::form(parts.uri.query().unwrap_or_default()) {
                        named.extend(query);
                    }
                    Params::Form(named)
                }
                _ => json(&text),
            };
            (first, action, params)
        }
        Protocol::Cbor { target } => {
            let named = path.strip_prefix("/service/").and_then(|rest| rest.strip_prefix(target));
            let action = named.and_then(|rest| rest.strip_prefix("/operation/")).unwrap_or(path);
            (first, action.to_owned(), Params::Json(crate::cbor::read(body)))
        }
        Protocol::Storage => {
            let (action, params) = services::s3::address(&state.world, parts);
            (first, action.to_owned(), params)
        }
    };
    let operation = service.operations.iter().find(|operation| operation.name == action);
    let caller = state.principal(&scope.access_key);
    let account = caller.as_ref().and_then(|caller| state.world.account(caller.account));
    let account = account.map_or("", |account| account.id.as_str());
    let world = &*state.world;
    let scene = Scene { partition: &world.organization.partition, account, region: &scope.region, world };
    let resources = operation.map(|operation| (operation.resources)(&params, &scene)).unwrap_or_default();
    Some(Identified { service, action, operation, params, scope, resources, caller, account })
}

/// Faults that the operation itself applies.
struct OperationFaults {
    misdirect: bool,
    fail_some: bool,
    forbidden: Option<String>,
}

/// Everything from authentication to the operation's result.
fn execute(
    state: &State,
    identified: &Identified<'_>,
    (headers, body): (&HeaderMap, &[u8]),
    now: Timestamp,
    operation_faults: OperationFaults,
    delegated_calls: &RefCell<Vec<DelegatedCall>>,
) -> Result<Output, Failure> {
    let world = &*state.world;
    let caller = authenticate(state, identified, headers, now)?;
    let account = world.account(caller.account).ok_or(Failure::InvalidToken)?;
    let region = region(state, identified, caller.account)?;
    if identified.action.is_empty() {
        return Err(Failure::own("MissingAction", "The request must contain the parameter Action"));
    }
    let operation = identified.operation.ok_or_else(|| Failure::UnknownAction(identified.action.clone()))?;
    meter(state, operation, caller.account, region, now)?;
    if !operation.open {
        authorize(state, identified, caller)?;
    }
    let region_name = world.organization.regions.get(usize::from(region)).map_or("", |region| region.name.as_str());
    let call = Call {
        world,
        sessions: &state.sessions,
        principal: caller,
        account,
        region,
        region_name,
        params: &identified.params,
        body,
        now,
        misdirect: operation_faults.misdirect,
        fail_some: operation_faults.fail_some,
        forbidden: operation_faults.forbidden.as_deref(),
        delegated_calls,
    };
    match operation.handle {
        Handler::Document(handle) => handle(&call).map(Output::Document),
        Handler::Raw(handle) => handle(&call).map(Output::Raw),
    }
}

fn authenticate<'a>(
    state: &State,
    identified: &'a Identified<'_>,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<&'a Principal, Failure> {
    let caller = identified.caller.as_deref().ok_or(Failure::InvalidToken)?;
    if header(headers, "x-amz-security-token") != caller.token.as_deref() {
        return Err(Failure::InvalidToken);
    }
    if state.check_dates {
        let signed = header(headers, "x-amz-date").and_then(amz_date).ok_or_else(|| {
            Failure::own("IncompleteSignature", "Authorization header requires existence of an 'X-Amz-Date' header.")
        })?;
        if signed.as_second().abs_diff(now.as_second()) > SKEW.unsigned_abs() {
            return Err(skewed(signed, now));
        }
    }
    if caller.expires.is_some_and(|expires| expires <= now) {
        return Err(Failure::Expired);
    }
    Ok(caller)
}

/// AWS's message for a request that was signed at another time.
fn skewed(signed: Timestamp, now: Timestamp) -> Failure {
    let show = |time: Timestamp| time.strftime("%Y%m%dT%H%M%SZ").to_string();
    let limit = now.as_second() + if signed <= now { -SKEW } else { SKEW };
    let limit = show(Timestamp::from_second(limit).unwrap_or(now));
    Failure::Skewed(if signed <= now {
        format!("Signature expired: {} is now earlier than {limit} ({} - 5 min.)", show(signed), show(now))
    } else {
        format!("Signature not yet current: {} is still later than {limit} ({} + 5 min.)", show(signed), show(now))
    })
}

/// The Region that a call goes to, when the account can use it. Global services get the home Region.
fn region(state: &State, identified: &Identified<'_>, account: u32) -> Result<u16, Failure> {
    let organization = &state.world.organization;
    let named = organization.region_index(&identified.scope.region);
    if identified.service.global || identified.service.label == "sts" {
        // STS answers in a Region that the caller's own account has not enabled; the role's account decides.
        let known = named.is_some() || identified.service.global || identified.scope.region == "us-east-1";
        let home = organization.region_index(&organization.home_region).unwrap_or(0);
        return if known { Ok(named.unwrap_or(home)) } else { Err(Failure::InvalidToken) };
    }
    let region = named.ok_or(Failure::InvalidToken)?;
    let account = state.world.account(account).ok_or(Failure::InvalidToken)?;
    if organization.region_state(account, region).usable() { Ok(region) } else { Err(Failure::InvalidToken) }
}

fn meter(state: &State, operation: &Operation, account: u32, region: u16, now: Timestamp) -> Result<(), Failure> {
    if !state.quotas_on {
        return Ok(());
    }
    for limit in operation.limits {
        let key = BucketKey {
            name: limit.bucket,
            account: if limit.scope == LimitScope::Organization { u32::MAX } else { account },
            region: if limit.scope == LimitScope::AccountRegion { region } else { u16::MAX },
        };
        if !state.quotas.take(key, limit.rate, now) {
            return Err(Failure::Throttled);
        }
    }
    Ok(())
}

fn authorize(state: &State, identified: &Identified<'_>, caller: &Principal) -> Result<(), Failure> {
    let account = state.world.account(caller.account).ok_or(Failure::InvalidToken)?;
    let action = iam_action(identified);
    let everything = ["*".to_owned()];
    let resources = if identified.resources.is_empty() { &everything[..] } else { &identified.resources };
    let request = request_keys(identified);
    for resource in resources {
        let context = service::context(&state.world, caller, &identified.scope.region, &action, resource, &request);
        decide(&context, &caller.identity, caller.session.as_deref(), &account.policies)
            .map_err(|refusal| Failure::Denied(denial_message(&context, &refusal)))?;
    }
    Ok(())
}
