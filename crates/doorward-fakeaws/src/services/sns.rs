//! Simple Notification Service: publishing to topics. There are no subscriptions; messages are kept for tests to read.

use serde_json::{Value, json};

use crate::digest::{BASE36, digest, spell};
use crate::failure::Failure;
use crate::request::Params;
use crate::service::{Call, Operation, Protocol, Scene, Service};
use crate::xml::Xml;

pub(crate) const SERVICE: Service = Service {
    label: "sns",
    signing: "sns",
    prefix: "sns",
    protocol: Protocol::Query { version: "2010-03-31", namespace: "http://sns.amazonaws.com/doc/2010-03-31/" },
    throttle: "Throttled",
    invalid: "InvalidParameter",
    global: false,
    operations: &[Operation::new("Publish", publish, topic, &[])],
};

/// Largest message, in bytes, and longest subject, in characters.
const MESSAGE: usize = 262_144;
const SUBJECT: usize = 100;
/// Seconds for which a FIFO topic remembers a deduplication id.
const DEDUPLICATION_SECONDS: i64 = 300;

fn topic(params: &Params, _: &Scene<'_>) -> Vec<String> {
    params.get("TopicArn").map(str::to_owned).into_iter().collect()
}

fn invalid<T>(what: &str) -> Result<T, Failure> {
    Err(Failure::own("InvalidParameter", format!("Invalid parameter: {what}")))
}

fn publish(call: &Call<'_>) -> Result<String, Failure> {
    let message = call.required("Message")?;
    if message.len() > MESSAGE {
        return invalid("Message too long");
    }
    let subject = call.params.get("Subject");
    let plain = |subject: &str| {
        subject.chars().all(|c| c.is_ascii_graphic() || c == ' ')
            && subject.starts_with(|c: char| c.is_ascii_alphanumeric() || c.is_ascii_punctuation())
    };
    if subject.is_some_and(|subject| subject.len() > SUBJECT || !plain(subject)) {
        return invalid("Subject");
    }
    let own = format!("arn:{}:sns:{}:{}:", call.partition(), call.region_name, call.account.id);
    let Some(name) = call.required("TopicArn")?.strip_prefix(&own) else { return invalid("TopicArn") };
    let mut cell = call.world.write(call.cell());
    let missing = || Failure::with_status(404, "NotFound", "Topic does not exist");
    let kept = cell.topics.get_mut(name).ok_or_else(missing)?;
    let (group, once) = (call.params.get("MessageGroupId"), call.params.get("MessageDeduplicationId"));
    if name.ends_with(".fifo") && (group.is_none() || once.is_none()) {
        return invalid("The MessageGroupId parameter is required for FIFO topics");
    }
    let now = call.now.as_second();
    let again = |one: &&Value| {
        once.is_some()
            && one["deduplication_id"].as_str() == once
            && one["second"].as_i64() > Some(now - DEDUPLICATION_SECONDS)
    };
    let id = match kept.iter().find(again) {
        Some(known) => known["id"].as_str().unwrap_or_default().to_owned(),
        None => {
            let id = spell(digest(&[name, message, &kept.len().to_string()]), BASE36, 20);
            let named = call.params.get("MessageAttributes.entry.1.Name");
            let value = call.params.get("MessageAttributes.entry.1.Value.StringValue");
            kept.push(json!({
                "id": id, "subject": subject, "message": message, "group_id": group, "deduplication_id": once,
                "attribute": [named, value], "second": now,
            }));
            id
        }
    };
    let mut xml = Xml::with_capacity(80);
    xml.text("MessageId", &id);
    Ok(xml.finish())
}
