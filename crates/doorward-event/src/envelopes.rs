//! The envelopes that an event arrives in: dead-letter records of Lambda, messages of SQS, notifications of SNS. Their other members
//! are ignored.

use doorward_model::data_problem;
use serde_json::Value;

use crate::EventError;

/// The contents of an envelope, each with its place; none if the event is not an envelope.
///
/// Envelopes are: the record that Lambda sends to a destination (`requestPayload`), also as an EventBridge event; messages of SQS
/// as Lambda and the AWS CLI receive them; notifications of SNS as Lambda receives them and as a queue holds them.
pub(super) fn wrapped(event: &Value) -> Result<Option<Vec<(String, Value)>>, EventError> {
    if let Some(payload) = event.get("requestPayload") {
        return Ok(Some(vec![("requestPayload".to_owned(), payload.clone())]));
    }
    if let Some(payload) = event.pointer("/detail/requestPayload") {
        return Ok(Some(vec![("detail.requestPayload".to_owned(), payload.clone())]));
    }
    if event.get("Type").is_some_and(|kind| kind == "Notification") {
        return Ok(Some(vec![inner(event, "Message", "Message")?]));
    }
    for name in ["Body", "body"] {
        if event.get(name).is_some_and(Value::is_string) {
            return Ok(Some(vec![inner(event, name, name)?]));
        }
    }
    if let Some(messages) = event.get("Messages") {
        let messages = messages.as_array().ok_or("`Messages` is not a list, as it is in a response of SQS")?;
        let each = messages.iter().enumerate();
        return each
            .map(|(n, one)| inner(one, "Body", &format!("Messages[{n}].Body")))
            .collect::<Result<_, _>>()
            .map(Some);
    }
    let Some(records) = event.get("Records").and_then(Value::as_array) else { return Ok(None) };
    let each = records.iter().enumerate().map(|(n, one)| {
        if one.get("eventSource").is_some_and(|source| source == "aws:sqs") {
            return inner(one, "body", &format!("Records[{n}].body"));
        }
        inner(one.get("Sns").unwrap_or(&Value::Null), "Message", &format!("Records[{n}].Sns.Message"))
    });
    match records.iter().filter(|one| is_message(one)).count() {
        0 => Ok(None),
        count if count == records.len() => each.collect::<Result<_, _>>().map(Some),
        _ => Err("`Records` holds messages of a queue or topic, and other records too".into()),
    }
}

/// Whether a record is a message of a queue or a topic.
pub(super) fn is_message(record: &Value) -> bool {
    record.get("eventSource").is_some_and(|source| source == "aws:sqs")
        || record.get("EventSource").is_some_and(|source| source == "aws:sns")
}

/// The JSON in a text member of an envelope.
fn inner(envelope: &Value, key: &str, place: &str) -> Result<(String, Value), EventError> {
    let text = envelope.get(key).and_then(Value::as_str).ok_or_else(|| format!("`{place}` is missing or not text"))?;
    let value = serde_json::from_str(text)
        .map_err(|e| EventError(format!("`{place}` is not JSON: {}", data_problem(&e.to_string()))))?;
    Ok((place.to_owned(), value))
}
