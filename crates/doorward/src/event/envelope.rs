//! What an event says: which load balancer to look at, and who made which call. It is outside text: it says where to look, and
//! what is there is read.

use doorward_model::{AccountId, Arn, Kind, Region};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::wrapping::wrapped;

/// The version of the older generation's API, by which its calls are told from the newer one's of the same name.
const CLASSIC: &str = "2012-06-01";
/// Longest text that is kept of an event, in characters.
const TEXT: usize = 512;

/// One event, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// A call that may have set a mode.
    Change(Box<Notice>),
    /// Time for a scan.
    Schedule,
    /// Nothing to look at, and why.
    Nothing {
        /// What it was, as it calls itself.
        what: String,
        /// Why there is nothing to look at.
        why: String,
    },
}

/// A call about one load balancer, as CloudTrail told it. Its texts are cut to 512 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Notice {
    /// CloudTrail's id of the event.
    pub(super) event: String,
    /// The call.
    pub(super) call: String,
    /// When it was made, UTC.
    pub(super) at: Timestamp,
    /// The account.
    pub(super) account: AccountId,
    /// The Region.
    pub(super) region: Region,
    /// The load balancer.
    pub(super) load_balancer: Named,
    /// The mode that the call names, verbatim; absent where it names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sets: Option<String>,
    /// Who made it.
    pub(super) by: String,
    /// The role or user behind a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) issuer: Option<String>,
    /// The AWS service that made it for somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service: Option<String>,
    /// Where it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    /// What the caller called its program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) agent: Option<String>,
    /// AWS's request id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<String>,
}

/// A load balancer as an event names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Named {
    /// By ARN.
    Arn(Arn),
    /// A classic one, by name.
    Classic(String),
}

impl Named {
    /// Its ARN and kind; a classic one's ARN is composed.
    pub(super) fn subject(&self, partition: &str, account: &AccountId, region: &Region) -> Option<(Arn, Kind)> {
        match self {
            Self::Arn(arn) => Some((arn.clone(), Kind::Application)),
            Self::Classic(name) => {
                let arn = format!("arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/{name}");
                Some((Arn::new(&arn).ok()?, Kind::Classic))
            }
        }
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Arn(arn) => f.write_str(arn.as_str()),
            Self::Classic(name) => write!(f, "classic load balancer {name}"),
        }
    }
}

/// Envelopes within envelopes that are opened. AWS's own chains (an event in a message of a topic in a message of a queue in the
/// record of a function) have four.
const DEPTH: usize = 8;

/// Reads an EventBridge event, a CloudTrail record, a CloudTrail file, or messages that hold one of them, and says in one sentence
/// what is wrong with it.
pub(super) fn read(text: &str) -> Result<Vec<Heard>, String> {
    let event: Value = serde_json::from_str(text).map_err(|e| format!("the event is not JSON: {e}"))?;
    understand(&event)
}

/// The same for what is parsed already.
pub(super) fn understand(event: &Value) -> Result<Vec<Heard>, String> {
    open(event, DEPTH)
}

fn open(event: &Value, depth: usize) -> Result<Vec<Heard>, String> {
    if let Some(inner) = wrapped(event)? {
        let depth = depth.checked_sub(1).ok_or_else(|| format!("more than {DEPTH} envelopes are within each other"))?;
        let opened =
            inner.into_iter().map(|(place, value)| open(&value, depth).map_err(|why| format!("{place}: {why}")));
        return Ok(opened.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect());
    }
    if let Some(records) = event.get("Records") {
        let records = records.as_array().ok_or("`Records` is no list, as a CloudTrail file has it")?;
        let each = records.iter().enumerate();
        return each.map(|(n, one)| record(one, None).map_err(|why| format!("Records[{n}]: {why}"))).collect();
    }
    if let Some(kind) = event.get("detail-type") {
        let kind = kind.as_str().ok_or("`detail-type` is no text, as an EventBridge event has it")?;
        return match kind {
            "AWS API Call via CloudTrail" => {
                let detail = event.get("detail").ok_or("`detail` is missing, the CloudTrail record of the event")?;
                Ok(vec![record(detail, Some(event))?])
            }
            "Scheduled Event" => Ok(vec![Heard::Schedule]),
            other => Ok(vec![nothing(other, "it is no API call that CloudTrail recorded")]),
        };
    }
    if event.get("eventSource").is_some() || event.get("eventName").is_some() {
        return Ok(vec![record(event, None)?]);
    }
    Err("the event is neither an EventBridge event (detail-type), nor a CloudTrail record (eventSource), nor a CloudTrail \
         file (Records)"
        .to_owned())
}

fn nothing(what: &str, why: &str) -> Heard {
    Heard::Nothing { what: clip(what), why: why.to_owned() }
}

fn record(record: &Value, envelope: Option<&Value>) -> Result<Heard, String> {
    let need = |key: &str| text(record, key).ok_or_else(|| format!("`{key}` is missing or no text"));
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
    let at: Timestamp = at.parse().map_err(|_| format!("`eventTime` {at:?} is no time"))?;
    let account = text(record, "recipientAccountId").or_else(|| text(envelope?, "account"));
    let account = account.ok_or("`recipientAccountId` is missing, the account of the call")?;
    let account = AccountId::new(&account).map_err(|e| format!("`recipientAccountId`: {e}"))?;
    let region = Region::new(&need("awsRegion")?).map_err(|e| format!("`awsRegion`: {e}"))?;
    for (key, own) in [("account", account.as_str()), ("region", region.as_str())] {
        if let Some(other) = envelope.and_then(|envelope| text(envelope, key)).filter(|other| other != own) {
            return Err(format!("the event is of {key} {other}, and its record of {own}"));
        }
    }
    let load_balancer = named(record, &call)?;
    if let Named::Arn(arn) = &load_balancer
        && (arn.account() != account.as_str() || arn.region() != region.as_str())
    {
        return Err(format!("the event is of account {account} in {region}, and names {arn}"));
    }
    let identity = record.get("userIdentity").unwrap_or(&Value::Null);
    let who = ["arn", "invokedBy", "principalId", "type"].iter().find_map(|key| text(identity, key));
    let by = who.unwrap_or_else(|| "(the event does not say)".to_owned());
    let issuer = identity.pointer("/sessionContext/sessionIssuer").and_then(|issuer| text(issuer, "arn"));
    Ok(Heard::Change(Box::new(Notice {
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

/// Which load balancer a call was about.
fn named(record: &Value, call: &str) -> Result<Named, String> {
    let asked = record.get("requestParameters").unwrap_or(&Value::Null);
    let classic = text(record, "apiVersion").is_some_and(|version| version == CLASSIC);
    if classic || (asked.get("loadBalancerName").is_some() && asked.get("loadBalancerArn").is_none()) {
        let name =
            text(asked, "loadBalancerName").ok_or("`requestParameters.loadBalancerName` is missing or no text")?;
        let usable =
            !name.is_empty() && name.len() <= 32 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        return usable
            .then(|| Named::Classic(name.clone()))
            .ok_or_else(|| format!("`requestParameters.loadBalancerName` {name:?} is no name of a load balancer"));
    }
    let (place, told) = match call {
        "CreateLoadBalancer" => (
            "responseElements.loadBalancers[0].loadBalancerArn",
            record.pointer("/responseElements/loadBalancers/0").and_then(|made| text(made, "loadBalancerArn")),
        ),
        _ => ("requestParameters.loadBalancerArn", text(asked, "loadBalancerArn")),
    };
    let told = told.ok_or_else(|| format!("`{place}` is missing or no text"))?;
    let arn = Arn::new(&told).map_err(|e| format!("`{place}`: {e}"))?;
    let fits = arn.as_str().split(':').nth(2) == Some("elasticloadbalancing")
        && arn.resource().strip_prefix("loadbalancer/").is_some_and(|rest| rest.split('/').count() == 3);
    if fits { Ok(Named::Arn(arn)) } else { Err(format!("`{place}` {told:?} is no ARN of a load balancer")) }
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
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A record of the newer generation, of which parts can be replaced.
    fn whole() -> Value {
        json!({
            "eventVersion": "1.08", "eventID": "e-1", "eventTime": "2026-11-02T09:00:00Z", "requestID": "r-1",
            "eventSource": "elasticloadbalancing.amazonaws.com", "eventName": "ModifyLoadBalancerAttributes",
            "awsRegion": "eu-west-1", "recipientAccountId": "111122223333", "sourceIPAddress": "203.0.113.9",
            "userAgent": "aws-cli", "apiVersion": "2015-12-01",
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ada"},
            "requestParameters": {
                "loadBalancerArn":
                    "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/web/50dc6c495c0c9188",
                "attributes": [{"key": "routing.http.desync_mitigation_mode", "value": "monitor"}]
            }
        })
    }

    /// Any JSON, small.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-zA-Z-]{0,12}", inner, 0..4).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn an_event_is_the_same_in_any_envelopes(chain in proptest::collection::vec(0..7_usize, 0..=DEPTH)) {
            let bare = understand(&whole()).expect("understood");
            let mut event = whole();
            for envelope in &chain {
                let text = event.to_string();
                event = match envelope {
                    0 => json!({"version": "1.0", "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": event}),
                    1 => json!({"Records": [{"eventSource": "aws:sqs", "body": text}]}),
                    2 => json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": text}}]}),
                    3 => json!({"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:1:x", "Message": text}),
                    4 => json!({"Messages": [{"MessageId": "m", "ReceiptHandle": "r", "Body": text}]}),
                    5 => json!({"MessageId": "m", "Body": text}),
                    _ => json!({"detail-type": "Lambda Function Invocation Result - Failure", "detail": {"requestPayload": event}}),
                };
            }
            prop_assert_eq!(understand(&event).expect("understood"), bare);
            let one_more = (0..=DEPTH - chain.len()).fold(event, |event, _| json!({"requestPayload": event}));
            prop_assert!(understand(&one_more).expect_err("too deep").contains("envelopes"));
        }

        #[test]
        fn whatever_stands_in_an_event_is_understood_or_refused(part in 0..13_usize, with in any_json()) {
            let mut event = whole();
            let keys: Vec<String> = event.as_object().map(|o| o.keys().cloned().collect()).unwrap_or_default();
            event[keys[part % keys.len()].as_str()] = with.clone();
            for event in [event.clone(), json!({"detail-type": "AWS API Call via CloudTrail", "detail": event}), with] {
                match understand(&event) {
                    Ok(heard) => for one in heard {
                        if let Heard::Change(notice) = one {
                            prop_assert!(notice.by.chars().count() <= TEXT + 1);
                            let subject = notice.load_balancer.subject("aws", &notice.account, &notice.region);
                            let (arn, _) = subject.expect("a name that composes an ARN");
                            prop_assert_eq!(arn.account(), notice.account.as_str());
                            prop_assert_eq!(arn.region(), notice.region.as_str());
                        }
                    },
                    Err(problem) => prop_assert!(!problem.is_empty()),
                }
            }
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let mut event = whole();
        event["userIdentity"]["arn"] = "x".repeat(5000).into();
        let heard = understand(&event).expect("understood");
        let Some(Heard::Change(notice)) = heard.first() else { panic!("{heard:?}") };
        assert_eq!(notice.by.chars().count(), TEXT + 1);
    }
}
