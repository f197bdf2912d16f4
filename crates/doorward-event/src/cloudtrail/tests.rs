//! Forms of events, and what is refused.

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
        let bare = parse_json(&whole()).expect("understood");
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
        prop_assert_eq!(parse_json(&event).expect("understood"), bare);
        let one_more = (0..=DEPTH - chain.len()).fold(event, |event, _| json!({"requestPayload": event}));
        prop_assert!(parse_json(&one_more).expect_err("too deep").to_string().contains("envelopes"));
    }

    #[test]
    fn whatever_stands_in_an_event_is_understood_or_refused(part in 0..13_usize, with in any_json()) {
        let mut event = whole();
        let keys: Vec<String> = event.as_object().map(|o| o.keys().cloned().collect()).unwrap_or_default();
        event[keys[part % keys.len()].as_str()] = with.clone();
        for event in [event.clone(), json!({"detail-type": "AWS API Call via CloudTrail", "detail": event}), with] {
            match parse_json(&event) {
                Ok(events) => for one in events {
                    if let ParsedEvent::Change(change) = one {
                        prop_assert!(change.by.chars().count() <= TEXT + 1);
                        let subject = change.load_balancer.subject("aws", &change.account, &change.region);
                        let (arn, _) = subject.expect("a name that composes an ARN");
                        prop_assert_eq!(arn.account(), change.account.as_str());
                        prop_assert_eq!(arn.region(), change.region.as_str());
                    }
                },
                Err(problem) => prop_assert!(!problem.to_string().is_empty()),
            }
        }
    }
}

#[test]
fn files_are_read_record_by_record_and_say_the_same() {
    let noise = json!({"eventSource": "ec2.amazonaws.com", "eventName": "RunInstances"});
    let rows = [
        json!({"Records": []}),
        json!({"Records": [whole(), noise, whole()]}),
        json!({"Records": [noise, {"eventSource": 1}]}),
        json!({"Records": [noise, 7, whole()]}),
        json!({"Records": {"0": noise}}),
        json!({"Records": null, "detail-type": "Scheduled Event"}),
        json!({"other": [1, {"Records": [7]}], "Records": [noise], "more": "\\"}),
        json!([{"Records": [noise]}]),
        json!([[noise]]),
    ];
    for event in rows {
        for text in [event.to_string(), serde_json::to_string_pretty(&event).expect("a text")] {
            assert_eq!(parse_text(&text), parse_json(&event), "{text}");
        }
    }
    for broken in
        [r#"{"Records": [{}, }"#, r#"{"Records": [] "#, r#"{"Records": []} x"#, r#"{"Records": [], "Records": []}"#]
    {
        let problem = parse_text(broken).expect_err("not JSON").to_string();
        assert!(problem.starts_with("the event is not JSON"), "{problem}");
    }
}

#[test]
fn what_no_event_of_aws_is_as_large_as_is_refused() {
    let record = r#"{"eventSource":"ec2.amazonaws.com","eventName":"RunInstances"},"#;
    let file = |records: usize| format!(r#"{{"Records":[{}]}}"#, record.repeat(records).trim_end_matches(','));
    assert_eq!(parse_text(&file(MOST_RECORDS)).expect("understood").len(), MOST_RECORDS);
    let problem = parse_text(&file(MOST_RECORDS + 1)).expect_err("refused").to_string();
    assert!(problem.contains("more than 100000 entries"), "{problem}");
    let long = "x".repeat(LARGEST);
    for text in [
        json!({"detail-type": "Scheduled Event", "detail": long}).to_string(),
        json!({"Records": [{"eventSource": "ec2.amazonaws.com", "eventName": long}]}).to_string(),
    ] {
        let problem = parse_text(&text).expect_err("refused").to_string();
        assert!(problem.contains("at most 1 MB"), "{}", problem.len());
    }
}

#[test]
fn long_texts_are_cut() {
    let mut event = whole();
    event["userIdentity"]["arn"] = "x".repeat(5000).into();
    let events = parse_json(&event).expect("understood");
    let Some(ParsedEvent::Change(change)) = events.first() else { panic!("{events:?}") };
    assert_eq!(change.by.chars().count(), TEXT + 1);
}
