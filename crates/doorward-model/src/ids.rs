//! Identifiers: validated once when created, and cheap to clone.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text that is not a valid identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {expected}")]
pub struct InvalidId {
    /// The text.
    pub value: String,
    /// The expected form; it continues a sentence after "is not".
    pub expected: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Validates a text.
            ///
            /// # Errors
            ///
            /// The text and the expected form.
            pub fn new(value: &str) -> Result<Self, InvalidId> {
                let check: fn(&str) -> bool = $check;
                if check(value) {
                    Ok(Self(value.into()))
                } else {
                    Err(InvalidId { value: value.to_owned(), expected: $expected })
                }
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(value: &str) -> Result<Self, InvalidId> {
                Self::new(value)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(value: String) -> Result<Self, InvalidId> {
                Self::new(&value)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

text_id!(
    /// An AWS account id: exactly twelve digits, as text, because of leading zeros.
    AccountId,
    "an AWS account id (12 digits)",
    |v| v.len() == 12 && v.bytes().all(|b| b.is_ascii_digit())
);

text_id!(
    /// An AWS Region name such as `eu-west-1` or `us-gov-west-1`. The set of Regions grows, so only the form is checked.
    Region,
    "an AWS Region name such as eu-west-1",
    |v| {
        let mut parts = v.split('-');
        let last_is_number = v.rsplit('-').next().is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
        v.len() <= 32
            && v.split('-').count() >= 3
            && last_is_number
            && parts.all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
    }
);

text_id!(
    /// The ARN of a load balancer. AWS's responses contain no ARNs of classic load balancers; these are composed from
    /// partition, Region, account and name in the form that IAM documents.
    Arn,
    "an ARN (arn:partition:service:region:account:resource)",
    |v| v.starts_with("arn:") && v.splitn(6, ':').count() == 6 && v.len() <= 2048 && !v.contains(|c: char| c.is_whitespace() || c.is_control())
);

impl Arn {
    /// The part after the account: `loadbalancer/app/web/50dc6c495c0c9188`.
    pub fn resource(&self) -> &str {
        self.field(5)
    }

    /// The load balancer's name: `web` of `loadbalancer/app/web/50dc6c495c0c9188`, and of the classic `loadbalancer/web`.
    pub fn load_balancer_name(&self) -> &str {
        let parts: Vec<&str> = self.resource().split('/').collect();
        match parts[..] {
            ["loadbalancer", name] | ["loadbalancer", _, name, _] => name,
            _ => self.resource(),
        }
    }

    /// The partition: `aws`, `aws-us-gov`, `aws-cn`, ...
    pub fn partition(&self) -> &str {
        self.field(1)
    }

    /// The Region field; empty for global resources.
    pub fn region(&self) -> &str {
        self.field(3)
    }

    /// The account field; empty if the service omits it.
    pub fn account(&self) -> &str {
        self.field(4)
    }

    fn field(&self, n: usize) -> &str {
        self.0.splitn(6, ':').nth(n).unwrap_or_default()
    }
}

/// One account in one Region, the unit of a scan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct AccountRegion {
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
}

impl fmt::Display for AccountRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_twelve_digits() {
        assert!(AccountId::new("012345678901").is_ok());
        for bad in ["12345678901", "1234567890123", "12345678901a", "", "１２３４５６７８９０１２"] {
            assert!(AccountId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn regions_keep_their_shape() {
        for good in ["eu-west-1", "us-gov-west-1", "eusc-de-east-1", "us-iso-east-1", "ap-southeast-7"] {
            assert!(Region::new(good).is_ok(), "{good}");
        }
        for bad in ["", "eu", "eu-west", "EU-WEST-1", "eu--1", "eu-west-1a", "eu-west-1/../..", "*"] {
            assert!(Region::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn arns_come_apart() {
        let arn =
            Arn::new("arn:aws-cn:elasticloadbalancing:cn-north-1:111122223333:loadbalancer/app/web/50dc6c495c0c9188")
                .expect("valid");
        assert_eq!(
            (arn.partition(), arn.region(), arn.account(), arn.resource()),
            ("aws-cn", "cn-north-1", "111122223333", "loadbalancer/app/web/50dc6c495c0c9188")
        );
    }
}
