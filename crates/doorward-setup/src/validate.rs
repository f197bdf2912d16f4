//! Checks of texts that are written to templates: an accepted text cannot change the structure of YAML, JSON or Terraform.

use crate::SetupError;

/// Refuses the value of a flag that `is_valid` does not accept.
pub(crate) fn check(
    flag: &'static str,
    value: &str,
    is_valid: fn(&str) -> bool,
    expected: &'static str,
) -> Result<(), SetupError> {
    if is_valid(value) { Ok(()) } else { Err(SetupError::InvalidValue { flag, value: value.to_owned(), expected }) }
}

/// The ARN of an IAM role or user: `arn:aws:iam::111122223333:role/path/NAME`.
pub(crate) fn is_principal(text: &str) -> bool {
    let Some((partition, account, resource)) = iam_arn(text) else { return false };
    let name = resource.strip_prefix("role/").or_else(|| resource.strip_prefix("user/"));
    is_partition(partition)
        && is_account(account)
        && name.is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-/".contains(&b))
        })
}

/// Partition, account and resource of an IAM ARN, which has no Region.
fn iam_arn(text: &str) -> Option<(&str, &str, &str)> {
    let (partition, rest) = text.strip_prefix("arn:")?.split_once(":iam::")?;
    let (account, resource) = rest.split_once(':')?;
    Some((partition, account, resource))
}

/// The id of an organization: `o-` and 10 to 32 lower-case letters and digits.
pub(crate) fn is_organization(text: &str) -> bool {
    text.strip_prefix("o-").is_some_and(|rest| {
        (10..=32).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

/// The name of an S3 bucket, 3 to 63 characters.
pub(crate) fn is_bucket(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    (3..=63).contains(&text.len()) && text.bytes().all(inside)
}

/// A partition: `aws`, or `aws-` and lower-case letters.
pub(crate) fn is_partition(text: &str) -> bool {
    text == "aws"
        || text.strip_prefix("aws-").is_some_and(|rest| {
            !rest.is_empty() && rest.len() <= 20 && rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        })
}

/// The ARN of an event bus.
pub(crate) fn is_bus(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, bus] = parts[..] else { return false };
    let name = bus.strip_prefix("event-bus/");
    arn == "arn"
        && service == "events"
        && is_partition(partition)
        && is_account(account)
        && doorward_model::Region::new(region).is_ok()
        && name.is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-/".contains(&b))
        })
}

/// The ARN of an SNS topic.
pub(crate) fn is_topic(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let [arn, partition, service, region, account, name] = parts[..] else { return false };
    arn == "arn"
        && service == "sns"
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
    fn texts_of_another_form_are_refused() {
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
