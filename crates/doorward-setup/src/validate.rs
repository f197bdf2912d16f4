//! What may go into a template: texts of a known shape, so that nothing in them means anything to YAML, JSON or Terraform.

/// `arn:aws:iam::111122223333:role/path/NAME`, or of a user.
pub(super) fn is_principal(text: &str) -> bool {
    let Some((partition, account, resource)) = iam(text) else { return false };
    let name = resource.strip_prefix("role/").or_else(|| resource.strip_prefix("user/"));
    is_partition(partition)
        && is_account(account)
        && name.is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-/".contains(&b))
        })
}

fn iam(text: &str) -> Option<(&str, &str, &str)> {
    let (partition, rest) = text.strip_prefix("arn:")?.split_once(":iam::")?;
    let (account, resource) = rest.split_once(':')?;
    Some((partition, account, resource))
}

/// What STS accepts as an external id.
pub(super) fn is_external_id(text: &str) -> bool {
    (2..=1224).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b))
}

/// `o-` and 10 to 32 letters and digits.
pub(super) fn is_organization(text: &str) -> bool {
    text.strip_prefix("o-").is_some_and(|rest| {
        (10..=32).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

/// A bucket's name.
pub(super) fn is_bucket(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    (3..=63).contains(&text.len()) && text.bytes().all(inside)
}

/// `aws`, or `aws-` and more.
pub(super) fn is_partition(text: &str) -> bool {
    text == "aws"
        || text.strip_prefix("aws-").is_some_and(|rest| {
            !rest.is_empty() && rest.len() <= 20 && rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        })
}

/// The ARN of an event bus.
pub(super) fn is_bus(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, events, region, account, bus] = parts[..] else { return false };
    let name = bus.strip_prefix("event-bus/");
    arn == "arn"
        && events == "events"
        && is_partition(partition)
        && is_account(account)
        && doorward_model::Region::new(region).is_ok()
        && name.is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-/".contains(&b))
        })
}

/// The ARN of an SNS topic.
pub(super) fn is_topic(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let [arn, partition, sns, region, account, name] = parts[..] else { return false };
    arn == "arn"
        && sns == "sns"
        && is_partition(partition)
        && is_account(account)
        && doorward_model::Region::new(region).is_ok()
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_of_the_shape_is_refused() {
        for (check, good, bad) in [
            (
                is_principal as fn(&str) -> bool,
                vec!["arn:aws:iam::111122223333:role/ops/doorward", "arn:aws-cn:iam::111122223333:user/x"],
                vec![
                    "",
                    "arn:aws:iam::111122223333:root",
                    "arn:aws:iam::111122223333:role/a\"b",
                    "arn:aws:iam::111122223333:role/${x}",
                    "arn:aws:sts::111122223333:assumed-role/a/b",
                    "*",
                ],
            ),
            (is_organization, vec!["o-acme000001"], vec!["o-", "o-short", "r-acme000001", "o-ACME000001"]),
            (is_bucket, vec!["logs-1.example"], vec!["", "a", "Logs", "logs*", "logs/x"]),
            (is_partition, vec!["aws", "aws-us-gov"], vec!["", "gcp", "aws-", "aws:x"]),
            (
                is_bus,
                vec!["arn:aws:events:eu-west-1:111122223333:event-bus/doorward"],
                vec![
                    "arn:aws:events:eu-west-1:111122223333:rule/x",
                    "doorward",
                    "arn:aws:events::111122223333:event-bus/x",
                ],
            ),
            (is_topic, vec!["arn:aws:sns:eu-west-1:111122223333:owners.fifo"], vec!["arn:aws:sns:eu-west-1:1:x", "x"]),
            (is_external_id, vec!["ab", "a:b/c"], vec!["a", "a b", "a\nb", "a\"b"]),
        ] {
            for text in good {
                assert!(check(text), "{text}");
            }
            for text in bad {
                assert!(!check(text), "{text}");
            }
        }
    }
}
