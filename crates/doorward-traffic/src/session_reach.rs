//! The session policies of traffic: in each account, a session may read only the buckets that are needed there.

use std::collections::{BTreeMap, BTreeSet};

use doorward_aws::{Access, ClientProvider, Purpose};
use doorward_model::{AccountId, Grant, LoadBalancer, session_policy};

use crate::{Capability, Reach, TrafficSettings, log_bucket};

/// Most characters of a session policy. STS accepts 2,048, and also limits the packed size, which depends on the text.
const LONGEST: usize = 1_900;

/// The buckets and capabilities of sessions by account, and the role.
pub struct Reaches {
    role: Purpose,
    capabilities: &'static [Capability],
    /// The resources in every account, without buckets.
    everywhere: Reach,
    buckets: BTreeMap<AccountId, BTreeSet<String>>,
}

impl Reaches {
    /// Logs and metrics of load balancers, counted by Athena.
    ///
    /// # Errors
    /// The location of its results is not set.
    pub fn of_athena(settings: &TrafficSettings, load_balancers: &[&LoadBalancer]) -> Result<Self, String> {
        let everywhere = Reach { athena: Some(settings.athena.reach(false)?), ..Reach::default() };
        // Athena's grants include listing and reading the logs.
        let capabilities = &[Capability::Athena, Capability::Metrics];
        Ok(Self { capabilities, everywhere, ..Self::of_logs(settings, load_balancers) })
    }

    /// Logs and metrics of load balancers, read here.
    pub fn of_logs(settings: &TrafficSettings, load_balancers: &[&LoadBalancer]) -> Self {
        let mut buckets: BTreeMap<AccountId, BTreeSet<String>> = BTreeMap::new();
        for lb in load_balancers {
            let Some((bucket, _)) = log_bucket(lb).filter(|(bucket, _)| is_bucket(bucket)) else { continue };
            let reader = settings.log_account.as_ref().unwrap_or(&lb.account);
            buckets.entry(reader.clone()).or_default().insert(bucket.to_owned());
        }
        let capabilities = &[Capability::Logs, Capability::Metrics];
        Self { role: settings.role(), capabilities, everywhere: Reach::default(), buckets }
    }

    /// Metrics alone.
    pub fn of_metrics(settings: &TrafficSettings) -> Self {
        Self {
            role: settings.role(),
            capabilities: &[Capability::Metrics],
            everywhere: Reach::default(),
            buckets: BTreeMap::new(),
        }
    }

    /// Calls with the sessions of the traffic role, each limited to what is read in its account.
    pub fn provider(self, access: &Access) -> ClientProvider {
        let partition = access.partition().to_owned();
        access.provider_by(move |account| self.purpose(account, &partition))
    }

    /// The role and the grants of the session in an account.
    fn purpose(&self, account: &AccountId, partition: &str) -> Purpose {
        let buckets = self.buckets.get(account).cloned().unwrap_or_default();
        let grants =
            |reach: &Reach| -> Vec<Grant> { self.capabilities.iter().flat_map(|one| one.grants(reach)).collect() };
        let fits = |reach: &Reach| session_policy(&grants(reach), partition, account.as_str()).len() <= LONGEST;
        let reach = Reach { buckets, ..self.everywhere.clone() }.fitted(fits);
        Purpose { grants: grants(&reach), ..self.role.clone() }
    }
}

/// Whether a text from a load balancer's attribute is one bucket name, and not a pattern, in a policy.
fn is_bucket(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_reaches_its_accounts_buckets_and_fits_sts() {
        let [here, there] = ["111122223333", "444455556666"].map(|id| AccountId::new(id).expect("an account"));
        let buckets = |count: usize| (0..count).map(|n| format!("acme-access-logs-{n:04}")).collect::<BTreeSet<_>>();
        for (count, exact) in [(1, true), (8, true), (2_000, false)] {
            let role_name = "doorward-traffic".to_owned().try_into().expect("a role");
            let reaches = Reaches {
                role: Purpose { role_name, external_id: None, grants: Vec::new() },
                capabilities: &[Capability::Logs, Capability::Metrics],
                everywhere: Reach::default(),
                buckets: BTreeMap::from([(here.clone(), buckets(count))]),
            };
            let policy = session_policy(&reaches.purpose(&here, "aws").grants, "aws", here.as_str());
            assert!(policy.len() <= LONGEST, "{count}: {} characters", policy.len());
            assert_eq!(policy.contains("acme-access-logs-0000\""), exact, "{count}: {policy}");
            assert!(policy.contains("/*AWSLogs/*/elasticloadbalancing/*") && policy.contains(":::acme-access-logs-"));
            // Nothing of it in another account.
            let policy = session_policy(&reaches.purpose(&there, "aws").grants, "aws", there.as_str());
            assert!(!policy.contains("s3:"), "{policy}");
        }
    }

    #[test]
    fn a_bucket_of_an_attribute_is_no_pattern() {
        for (text, good) in [("logs-1.example", true), ("*", false), ("logs*", false), ("", false), ("a/../b", false)] {
            assert_eq!(is_bucket(text), good, "{text}");
        }
    }
}
