//! Load balancers as logs and metrics name them.

use std::fmt;
use std::str::FromStr;

use doorward_model::{AccountId, Region};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A load balancer as the logs name it. Files outside AWS's key layout have neither account nor Region. Written
/// `account/region/app/name/id`, with `-` for an unknown part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct LoadBalancerKey {
    /// The account, if the key has it.
    pub account: Option<AccountId>,
    /// The Region, if the key has it.
    pub region: Option<Region>,
    /// As lines and metrics name it: `app/name/id`.
    pub id: String,
}

/// A text that names no load balancer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no load balancer; write account/region/app/name/id")]
pub struct NoLoadBalancer(String);

impl LoadBalancerKey {
    /// Its name, without kind and id.
    pub fn name(&self) -> &str {
        let mut parts = self.id.split('/');
        match (parts.next(), parts.next()) {
            (Some(_), Some(name)) => name,
            _ => &self.id,
        }
    }
}

impl fmt::Display for LoadBalancerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.account.as_ref().map_or("-", AccountId::as_str);
        write!(f, "{account}/{}/{}", self.region.as_ref().map_or("-", Region::as_str), self.id)
    }
}

impl FromStr for LoadBalancerKey {
    type Err = NoLoadBalancer;
    fn from_str(text: &str) -> Result<Self, NoLoadBalancer> {
        let wrong = || NoLoadBalancer(text.to_owned());
        let mut parts = text.splitn(3, '/');
        let (account, region, id) = (parts.next(), parts.next(), parts.next().filter(|id| !id.is_empty()));
        let account = account.filter(|text| *text != "-").map(AccountId::new).transpose().map_err(|_| wrong())?;
        let region = region.filter(|text| *text != "-").map(Region::new).transpose().map_err(|_| wrong())?;
        Ok(Self { account, region, id: id.ok_or_else(wrong)?.to_owned() })
    }
}

impl TryFrom<String> for LoadBalancerKey {
    type Error = NoLoadBalancer;
    fn try_from(text: String) -> Result<Self, NoLoadBalancer> {
        text.parse()
    }
}

impl From<LoadBalancerKey> for String {
    fn from(key: LoadBalancerKey) -> Self {
        key.to_string()
    }
}
