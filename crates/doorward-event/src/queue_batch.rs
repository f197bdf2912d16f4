//! Batches of messages that Lambda receives from a queue, and the answer that names those to receive again.
//!
//! The answer counts only where the event source mapping reports batch item failures (`FunctionResponseTypes:
//! ReportBatchItemFailures`); without it, Lambda deletes the whole batch.

use serde_json::{Value, json};

use crate::{EventError, ParsedEvent, parse_json};

/// A message of a queue, and the events in it.
#[derive(Debug)]
pub struct QueuedMessage {
    /// The id by which the answer names it.
    pub id: String,
    /// Its events; the problem of a message that holds none.
    pub events: Result<Vec<ParsedEvent>, EventError>,
}

/// The messages of a batch as Lambda receives it from SQS; none if this is no such batch. A message that cannot be parsed is a problem
/// of that message alone.
pub fn queue_batch(payload: &Value) -> Option<Vec<QueuedMessage>> {
    let records = payload.get("Records")?.as_array().filter(|records| !records.is_empty())?;
    records.iter().map(message).collect()
}

fn message(record: &Value) -> Option<QueuedMessage> {
    record.get("eventSource").filter(|source| *source == "aws:sqs")?;
    let id = record.get("messageId")?.as_str().filter(|id| !id.is_empty())?.to_owned();
    Some(QueuedMessage { id, events: parse_json(record) })
}

/// The answer to a batch: Lambda leaves these messages in the queue, and deletes all others.
pub fn batch_answer<'a>(failed: impl IntoIterator<Item = &'a str>) -> Value {
    let failed: Vec<Value> = failed.into_iter().map(|id| json!({"itemIdentifier": id})).collect();
    json!({"batchItemFailures": failed})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, body: &str) -> Value {
        json!({"messageId": id, "receiptHandle": "h", "body": body, "eventSource": "aws:sqs", "awsRegion": "eu-west-1"})
    }

    #[test]
    fn a_message_that_cannot_be_parsed_is_alone() {
        let other = json!({"detail-type": "Something", "detail": {}}).to_string();
        let scheduled = json!({"detail-type": "Scheduled Event"}).to_string();
        let texts =
            [("a", other.as_str()), ("b", "not JSON"), ("c", "{}"), ("d", scheduled.as_str()), ("e", "[]"), ("f", "")];
        let batch = json!({"Records": texts.map(|(id, body)| message(id, body))});
        let messages = queue_batch(&batch).expect("a batch");
        let bad: Vec<&str> = messages.iter().filter(|one| one.events.is_err()).map(|one| one.id.as_str()).collect();
        assert_eq!((messages.len(), bad.clone()), (6, vec!["b", "c", "e", "f"]));
        assert_eq!(
            batch_answer(bad).to_string(),
            r#"{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"c"},{"itemIdentifier":"e"},{"itemIdentifier":"f"}]}"#
        );
        assert_eq!(
            batch_answer([]),
            json!({"batchItemFailures": []}),
            "an empty list, by which Lambda deletes the batch"
        );
    }

    #[test]
    fn other_payloads_are_no_batch() {
        for payload in [
            json!({}),
            json!({"Records": []}),
            json!({"Records": "x"}),
            json!({"Records": [{"eventSource": "elasticloadbalancing.amazonaws.com"}]}),
            json!({"Records": [message("a", "{}"), {"EventSource": "aws:sns"}]}),
            json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}),
            json!({"Messages": [{"Body": "{}"}]}),
            json!({"messageId": "a", "body": "{}", "eventSource": "aws:sqs"}),
        ] {
            assert!(queue_batch(&payload).is_none(), "{payload}");
        }
    }
}
