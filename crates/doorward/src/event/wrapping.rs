//! The envelopes that an event arrives in: dead-letter records of Lambda, messages of SQS, notifications of SNS. What they say
//! besides the event is not looked at.

use serde_json::Value;

/// What lies in an envelope, each with its place; none where the event is no envelope.
///
/// Envelopes are: the record that Lambda sends to a destination (`requestPayload`), also as an EventBridge event; messages of SQS
/// as Lambda and the command line get them; notifications of SNS as Lambda gets them and as they lie in a queue.
pub(super) fn wrapped(event: &Value) -> Result<Option<Vec<(String, Value)>>, String> {
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
        let messages = messages.as_array().ok_or("`Messages` is no list, as SQS answers it")?;
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
    let is_message = |one: &Value| {
        one.get("eventSource").is_some_and(|source| source == "aws:sqs")
            || one.get("EventSource").is_some_and(|source| source == "aws:sns")
    };
    match records.iter().filter(|one| is_message(one)).count() {
        0 => Ok(None),
        count if count == records.len() => each.collect::<Result<_, _>>().map(Some),
        _ => Err("`Records` holds messages of a queue or topic, and other records too".to_owned()),
    }
}

/// The JSON in a text member of an envelope.
fn inner(envelope: &Value, key: &str, place: &str) -> Result<(String, Value), String> {
    let text = envelope.get(key).and_then(Value::as_str).ok_or_else(|| format!("`{place}` is missing or no text"))?;
    let value = serde_json::from_str(text).map_err(|e| format!("`{place}` is not JSON: {e}"))?;
    Ok((place.to_owned(), value))
}
