//! Parses events: EventBridge events, CloudTrail records and files of them, and messages that hold one.

use doorward_model::{AccountId, Arn, Edit, Kind, Mode, RawLoadBalancer, Region, data_problem};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::EventError;
use crate::envelopes::{is_message, wrapped};

/// The version of the older generation's API. Both generations have calls of the same names; only the version distinguishes them.
const CLASSIC: &str = "2012-06-01";
/// Longest text that is kept of an event, in characters.
const TEXT: usize = 512;
/// Most records of a file: CloudTrail's files have at most 50 MB, at a kilobyte or more for each record.
const MOST_RECORDS: usize = 100_000;
/// Most bytes of one record, or of an event that is no file of records: EventBridge and CloudTrail allow at most 1 MB. As a tree of
/// values an event takes up to forty times its size.
const LARGEST: usize = 4 << 20;

/// A parsed event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParsedEvent {
    /// A call that may have set a mode.
    Change(Box<ModeChangeEvent>),
    /// A scheduled invocation: it requests a scan.
    Schedule,
    /// An event that names no load balancer to read again.
    Nothing {
        /// The name of the event or call, as in the event.
        what: String,
        /// Why it is ignored.
        why: String,
    },
}

/// A call about one load balancer, as CloudTrail recorded it. Its texts are cut to 512 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ModeChangeEvent {
    /// CloudTrail's id of the event.
    pub event: String,
    /// The call.
    pub call: String,
    /// When it was made, UTC.
    pub at: Timestamp,
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// The load balancer.
    pub load_balancer: NamedLoadBalancer,
    /// The mode that the call names, verbatim; absent where it names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sets: Option<String>,
    /// The identity that made it.
    pub by: String,
    /// The role or user behind a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The AWS service that made it on behalf of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The source address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The caller's user agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// AWS's request id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl ModeChangeEvent {
    /// The mode that the call left: the one that was read afterwards, if the call named it, or created the load balancer and it is the
    /// mode in which AWS creates load balancers. None if the mode that was read is not due to this call, as far as the event shows.
    pub fn left_mode(&self, raw: &RawLoadBalancer) -> Option<Mode> {
        let read: Mode = raw.attributes.known()?.get(raw.kind.mode_attribute())?.parse().ok()?;
        let named = self.sets.as_deref() == Some(read.as_str());
        // A call that creates cannot name a mode: any other mode is of a later call.
        let created = self.call == "CreateLoadBalancer"
            && read == Mode::Defensive
            && matches!(raw.kind, Kind::Application | Kind::Classic);
        (named || created).then_some(read)
    }

    /// The call as the edit of a mode; `change` is the change of Doorward's that made it, if one did.
    pub fn edit(&self, left: Mode, change: Option<String>) -> Edit {
        Edit {
            event: self.event.clone(),
            call: self.call.clone(),
            at: self.at,
            by: self.by.clone(),
            issuer: self.issuer.clone(),
            service: self.service.clone(),
            source: self.source.clone(),
            agent: self.agent.clone(),
            request_id: self.request_id.clone(),
            change,
            left,
        }
    }
}

/// A load balancer as an event names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NamedLoadBalancer {
    /// By ARN.
    Arn(Arn),
    /// A classic one, by name.
    Classic(String),
}

impl NamedLoadBalancer {
    /// Its ARN and kind; a classic one's ARN is composed.
    pub fn subject(&self, partition: &str, account: &AccountId, region: &Region) -> Option<(Arn, Kind)> {
        match self {
            Self::Arn(arn) => Some((arn.clone(), Kind::Application)),
            Self::Classic(name) => {
                let arn = format!("arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/{name}");
                Some((Arn::new(&arn).ok()?, Kind::Classic))
            }
        }
    }
}

impl std::fmt::Display for NamedLoadBalancer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Arn(arn) => f.write_str(arn.as_str()),
            Self::Classic(name) => write!(f, "classic load balancer {name}"),
        }
    }
}

/// Most envelopes within each other that are opened. AWS's own chains (an event in a message of a topic in a message of a queue in the
/// record of a function) have four.
const DEPTH: usize = 8;

/// Parses an EventBridge event, a CloudTrail record, a CloudTrail file, or messages that hold one of them.
///
/// A file of records is parsed one record after the other, so that memory holds one of them at a time.
///
/// # Errors
/// The text is no such event, or a member that is needed is missing, malformed, or contradicts another one.
pub fn parse_text(text: &str) -> Result<Vec<ParsedEvent>, EventError> {
    let not_json =
        |e: serde_json::Error| EventError(format!("the event is not JSON: {}", data_problem(&e.to_string())));
    if text.trim_start().starts_with('{')
        && let Some(records) = serde_json::from_str::<File<'_>>(text).map_err(not_json)?.records
        && records.get().starts_with('[')
        && !begins_with_a_message(records.get())
    {
        let mut events = Vec::new();
        let mut problem = None;
        let mut list = serde_json::Deserializer::from_str(records.get());
        let each = |number: usize, record: &RawValue| match listed(number, record.get()) {
            Ok(one) => {
                events.push(one);
                true
            }
            Err(why) => {
                problem = Some(why);
                false
            }
        };
        let read = list.deserialize_seq(Each(each));
        return match problem {
            Some(why) => Err(why),
            None => read.map(|()| events).map_err(not_json),
        };
    }
    parse_json(&tree(text)?)
}

/// The only member of a CloudTrail file that is used.
#[derive(Deserialize)]
struct File<'a> {
    #[serde(rename = "Records", borrow, default)]
    records: Option<&'a RawValue>,
}

/// Passes each element of a list on, with its number, until one is refused.
struct Each<F>(F);

impl<'a, F: FnMut(usize, &'a RawValue) -> bool> Visitor<'a> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(record) = list.next_element::<&'a RawValue>()? {
            if !(self.0)(number, record) {
                // The rest of the list is not parsed; the caller has the reason.
                return Err(serde::de::Error::custom("a record was refused"));
            }
            number += 1;
        }
        Ok(())
    }
}

/// Whether a list of records begins with a message of a queue or a topic: a handful of them are opened as a whole.
fn begins_with_a_message(records: &str) -> bool {
    let mut first = None;
    let take = |_, record: &RawValue| {
        first = tree(record.get()).ok();
        false
    };
    // The error only says that the rest was not parsed.
    let _ = serde_json::Deserializer::from_str(records).deserialize_seq(Each(take));
    first.is_some_and(|record| is_message(&record))
}

/// One record of a file.
fn listed(number: usize, text: &str) -> Result<ParsedEvent, EventError> {
    if number >= MOST_RECORDS {
        let problem = format!("`Records` has more than {MOST_RECORDS} entries, the maximum for one document; split it");
        return Err(problem.into());
    }
    let at = |error: EventError| error.below(&format!("Records[{number}]"));
    record(&tree(text).map_err(at)?, None).map_err(at)
}

/// An event of limited size as a tree of values.
fn tree(text: &str) -> Result<Value, EventError> {
    if text.len() > LARGEST {
        return Err(format!("the event has {} bytes, but AWS's events have at most 1 MB", text.len()).into());
    }
    serde_json::from_str(text)
        .map_err(|e| EventError(format!("the event is not JSON: {}", data_problem(&e.to_string()))))
}

/// The same for an event that is JSON already.
///
/// # Errors
/// See [`parse_text`].
pub fn parse_json(event: &Value) -> Result<Vec<ParsedEvent>, EventError> {
    open(event, DEPTH)
}

fn open(event: &Value, depth: usize) -> Result<Vec<ParsedEvent>, EventError> {
    if let Some(inner) = wrapped(event)? {
        let depth = depth.checked_sub(1).ok_or_else(|| {
            format!(
                "more than {DEPTH} envelopes are nested in each \
             other"
            )
        })?;
        let opened = inner.into_iter().map(|(place, value)| open(&value, depth).map_err(|error| error.below(&place)));
        return Ok(opened.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect());
    }
    if let Some(records) = event.get("Records") {
        let records = records.as_array().ok_or("`Records` is not a list, as it is in a CloudTrail file")?;
        let each = records.iter().enumerate();
        return each.map(|(n, one)| record(one, None).map_err(|error| error.below(&format!("Records[{n}]")))).collect();
    }
    if let Some(kind) = event.get("detail-type") {
        let kind = kind.as_str().ok_or("`detail-type` is not text, as it is in an EventBridge event")?;
        return match kind {
            "AWS API Call via CloudTrail" => {
                let detail = event.get("detail").ok_or("`detail` is missing, the CloudTrail record of the event")?;
                Ok(vec![record(detail, Some(event))?])
            }
            "Scheduled Event" => Ok(vec![ParsedEvent::Schedule]),
            other => Ok(vec![nothing(other, "it is not an API call that CloudTrail recorded")]),
        };
    }
    if event.get("eventSource").is_some() || event.get("eventName").is_some() {
        return Ok(vec![record(event, None)?]);
    }
    Err("the event is neither an EventBridge event (detail-type), nor a CloudTrail record (eventSource), nor a CloudTrail \
         file (Records)"
        .into())
}

fn nothing(what: &str, why: &str) -> ParsedEvent {
    ParsedEvent::Nothing { what: clip(what), why: why.to_owned() }
}

fn record(record: &Value, envelope: Option<&Value>) -> Result<ParsedEvent, EventError> {
    let need = |key: &str| text(record, key).ok_or_else(|| format!("`{key}` is missing or not text"));
    let (source, call) = (need("eventSource")?, need("eventName")?);
    if source != "elasticloadbalancing.amazonaws.com" {
        return Ok(nothing(&format!("{source} {call}"), "it is of another service"));
    }
    if !matches!(call.as_str(), "ModifyLoadBalancerAttributes" | "CreateLoadBalancer") {
        return Ok(nothing(&call, "it sets no mode"));
    }
    if let Some(code) = text(record, "errorCode") {
        return Ok(nothing(&call, &format!("AWS refused the call ({code}), so it changed nothing")));
    }
    let at = need("eventTime")?;
    let at: Timestamp = at.parse().map_err(|_| format!("`eventTime` {at:?} is not a time"))?;
    let account = text(record, "recipientAccountId").or_else(|| text(envelope?, "account"));
    let account = account.ok_or("`recipientAccountId` is missing, the account of the call")?;
    let account = AccountId::new(&account).map_err(|e| format!("`recipientAccountId`: {e}"))?;
    let region = Region::new(&need("awsRegion")?).map_err(|e| format!("`awsRegion`: {e}"))?;
    for (key, own) in [("account", account.as_str()), ("region", region.as_str())] {
        if let Some(other) = envelope.and_then(|envelope| text(envelope, key)).filter(|other| other != own) {
            return Err(format!("the event names {key} {other}, but its record names {own}").into());
        }
    }
    let load_balancer = named(record, &call)?;
    if let NamedLoadBalancer::Arn(arn) = &load_balancer
        && (arn.account() != account.as_str() || arn.region() != region.as_str())
    {
        return Err(format!("the event is from account {account} in {region}, but names {arn}").into());
    }
    let identity = record.get("userIdentity").unwrap_or(&Value::Null);
    let who = ["arn", "invokedBy", "principalId", "type"].iter().find_map(|key| text(identity, key));
    let by = who.unwrap_or_else(|| "(not in the event)".to_owned());
    let issuer = identity.pointer("/sessionContext/sessionIssuer").and_then(|issuer| text(issuer, "arn"));
    Ok(ParsedEvent::Change(Box::new(ModeChangeEvent {
        event: need("eventID")?,
        sets: sets(record),
        at,
        account,
        region,
        load_balancer,
        issuer: issuer.filter(|issuer| *issuer != by),
        service: text(identity, "invokedBy").filter(|service| *service != by),
        source: text(record, "sourceIPAddress"),
        agent: text(record, "userAgent"),
        request_id: text(record, "requestID"),
        call,
        by,
    })))
}

/// The load balancer that a call was about.
fn named(record: &Value, call: &str) -> Result<NamedLoadBalancer, EventError> {
    let asked = record.get("requestParameters").unwrap_or(&Value::Null);
    let classic = text(record, "apiVersion").is_some_and(|version| version == CLASSIC);
    if classic || (asked.get("loadBalancerName").is_some() && asked.get("loadBalancerArn").is_none()) {
        let name =
            text(asked, "loadBalancerName").ok_or("`requestParameters.loadBalancerName` is missing or not text")?;
        let usable =
            !name.is_empty() && name.len() <= 32 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        return usable.then(|| NamedLoadBalancer::Classic(name.clone())).ok_or_else(|| {
            format!("`requestParameters.loadBalancerName` {name:?} is not the name of a load balancer").into()
        });
    }
    let (place, named) = match call {
        "CreateLoadBalancer" => (
            "responseElements.loadBalancers[0].loadBalancerArn",
            record.pointer("/responseElements/loadBalancers/0").and_then(|made| text(made, "loadBalancerArn")),
        ),
        _ => ("requestParameters.loadBalancerArn", text(asked, "loadBalancerArn")),
    };
    let named = named.ok_or_else(|| format!("`{place}` is missing or not text"))?;
    let arn = Arn::new(&named).map_err(|e| format!("`{place}`: {e}"))?;
    let fits = arn.as_str().split(':').nth(2) == Some("elasticloadbalancing")
        && arn.resource().strip_prefix("loadbalancer/").is_some_and(|rest| rest.split('/').count() == 3);
    if fits {
        Ok(NamedLoadBalancer::Arn(arn))
    } else {
        Err(format!("`{place}` {named:?} is not the ARN of a load balancer").into())
    }
}

/// The mode that a call names, in the spelling of either generation.
fn sets(record: &Value) -> Option<String> {
    let asked = record.get("requestParameters")?;
    let newer = asked.get("attributes");
    let older = asked.pointer("/loadBalancerAttributes/additionalAttributes");
    let attributes = [newer, older].into_iter().flatten().filter_map(Value::as_array).flatten();
    let keys = [Kind::Application.mode_attribute(), Kind::Classic.mode_attribute()];
    attributes
        .filter(|one| text(one, "key").is_some_and(|key| keys.contains(&key.as_str())))
        .filter_map(|one| text(one, "value"))
        .next_back()
}

/// A text member, cut to a length.
fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(clip)
}

fn clip(text: &str) -> String {
    match text.char_indices().nth(TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
