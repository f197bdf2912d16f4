//! The IAM actions that reading traffic needs, by capability, and on which resources: declared once, for role templates, session
//! policies and gaps.

use std::collections::BTreeSet;

use doorward_aws::Operation;
use doorward_model::{ACCOUNT, CALLERS_ORGANIZATION, Condition, Grant, PARTITION};

use super::athena::ParquetPlace;

/// The keys of access logs, as AWS lays them out below any prefix.
const LOG_KEYS: &str = "*AWSLogs/*/elasticloadbalancing/*";

/// Where tables of access logs begin. Athena looks whether that is there when it makes a table.
const LOG_ROOTS: &str = "*AWSLogs/";

/// The beginning of the names of the tables that are made.
pub(super) const TABLES: &str = "doorward_alb_logs_";

/// The buckets that access logs lie in, and where Athena works: what the grants are about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Buckets with logs in AWS's layout. A `*` stands for any characters.
    pub buckets: BTreeSet<String>,
    /// Where Athena works, if it counts.
    pub athena: Option<AthenaReach>,
}

/// Where Athena works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AthenaReach {
    /// The workgroup.
    pub workgroup: String,
    /// The database of the data catalogue.
    pub database: String,
    /// Where results are written.
    pub output: AthenaOutput,
    /// Where deliveries write Parquet, if they do.
    pub vended: Option<ParquetPlace>,
    /// Whether the output place has to belong to the caller's organization.
    pub within_organization: bool,
}

/// Where Athena writes results: `s3://bucket/prefix/`, with `{account}` and `{region}` where they belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AthenaOutput {
    bucket: String,
    /// Without slashes at its ends; may be empty.
    prefix: String,
}

impl TryFrom<&str> for AthenaOutput {
    type Error = String;
    fn try_from(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("s3://").ok_or_else(|| format!("{text:?} does not begin with s3://"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |part: &str| part.replace("{account}", "0").replace("{region}", "0");
        let in_bucket = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
        let in_key = |b: u8| b.is_ascii_alphanumeric() || b"!-_.()/=".contains(&b);
        if bucket.is_empty() || !plain(bucket).bytes().all(in_bucket) || !plain(prefix).bytes().all(in_key) {
            return Err(format!(
                "{text:?} is not s3://BUCKET/PREFIX/ of letters, digits and !-_.()/=, with {{account}} and {{region}}"
            ));
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.trim_matches('/').to_owned() })
    }
}

impl AthenaOutput {
    /// The bucket and the keys in it, as patterns of a policy. The Region of the query is not known there.
    fn patterns(&self) -> (String, String) {
        let any = |text: &str| text.replace("{region}", "*");
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        (any(&self.bucket), format!("{}{slash}*", any(&self.prefix)))
    }
}

/// Something an operator switches on, with the permissions it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Reading access logs from S3.
    Logs,
    /// Reading metrics from CloudWatch.
    Metrics,
    /// Counting access logs by Athena.
    Athena,
}

impl Capability {
    /// All capabilities.
    pub const ALL: [Self; 3] = [Self::Logs, Self::Metrics, Self::Athena];

    /// The operations it calls.
    pub const fn operations(self) -> &'static [Operation] {
        match self {
            Self::Logs => &[Operation::ListObjectsV2, Operation::GetObject],
            Self::Metrics => &[Operation::GetMetricData],
            Self::Athena => &[
                Operation::StartQueryExecution,
                Operation::GetQueryExecution,
                Operation::GetQueryResults,
                Operation::StopQueryExecution,
            ],
        }
    }

    /// What Athena does in the caller's name, besides the operations: it reads the logs and the table, and writes results.
    const fn on_behalf(self) -> &'static [&'static str] {
        match self {
            Self::Logs | Self::Metrics => &[],
            Self::Athena => &[
                "glue:CreateTable",
                "glue:GetDatabase",
                "glue:GetTable",
                "s3:AbortMultipartUpload",
                "s3:GetBucketLocation",
                "s3:GetObject",
                "s3:ListBucket",
                "s3:PutObject",
            ],
        }
    }

    /// The IAM actions it needs, sorted, each once.
    pub fn actions(self) -> Vec<&'static str> {
        let own = self.operations().iter().map(|operation| operation.action());
        let mut actions: Vec<&'static str> = own.chain(self.on_behalf().iter().copied()).collect();
        actions.sort_unstable();
        actions.dedup();
        actions
    }

    /// The permissions of a role for this purpose, and the limit of its sessions.
    pub fn grants(self, reach: &Reach) -> Vec<Grant> {
        let mut grants = match self {
            Self::Metrics => vec![Grant::on("ReadMetrics", &["cloudwatch:GetMetricData"], &["*"])],
            Self::Logs => {
                vec![
                    Grant::on("ListAccessLogs", &["s3:ListBucket"], &reach.bucket_arns("")).when(listing_logs()),
                    Grant::on("ReadAccessLogs", &["s3:GetObject"], &reach.bucket_arns(&format!("/{LOG_KEYS}"))),
                ]
            }
            Self::Athena => reach.athena.as_ref().map(|athena| reach.counting(athena)).unwrap_or_default(),
        };
        // A statement without resources is no statement.
        grants.retain(|grant| !grant.resources.is_empty());
        grants
    }
}

/// Only access logs are listed.
pub fn listing_logs() -> Condition {
    Condition::listing(vec![LOG_KEYS.to_owned()])
}

impl Reach {
    fn bucket_arns(&self, end: &str) -> Vec<String> {
        self.buckets.iter().map(|bucket| s3(bucket, end)).collect()
    }

    /// What Athena needs, which reads logs and writes results in its caller's name. The database `default` and the catalogue are
    /// looked at whatever database is named.
    fn counting(&self, athena: &AthenaReach) -> Vec<Grant> {
        let arn = |service: &str, end: &str| format!("arn:{PARTITION}:{service}:*:{ACCOUNT}:{end}");
        let AthenaReach { workgroup, database, output, vended, within_organization } = athena;
        let (mut logs, mut keys) = (self.bucket_arns(""), self.bucket_arns(&format!("/{LOG_KEYS}")));
        let mut listed: Vec<String> = Vec::new();
        if !logs.is_empty() {
            listed.extend([LOG_ROOTS, LOG_KEYS].map(str::to_owned));
        }
        if let Some((bucket, root, folder)) = vended.as_ref().map(ParquetPlace::patterns) {
            logs.push(s3(&bucket, ""));
            keys.push(s3(&bucket, &format!("/{folder}/*")));
            listed.extend([root, format!("{folder}/*")]);
        }
        let (bucket, results) = output.patterns();
        let own = s3(&bucket, "");
        let located: Vec<String> = logs.iter().cloned().chain([own.clone()]).collect();
        let keep = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"];
        let keep = Grant::on("KeepResults", &keep, &[s3(&bucket, &format!("/{results}"))]);
        let calls: Vec<&str> = Capability::Athena.operations().iter().map(|one| one.action()).collect();
        let tables = [
            arn("glue", "catalog"),
            arn("glue", "database/default"),
            arn("glue", &format!("database/{database}")),
            arn("glue", &format!("table/{database}/{TABLES}*")),
        ];
        vec![
            Grant::on("RunQueries", &calls, &[arn("athena", &format!("workgroup/{workgroup}"))]),
            Grant::on("KeepTable", &["glue:CreateTable", "glue:GetDatabase", "glue:GetTable"], &tables),
            Grant::on("LocateBuckets", &["s3:GetBucketLocation"], &located),
            Grant::on("ListAccessLogs", &["s3:ListBucket"], &logs).when(Condition::listing(listed)),
            Grant::on("ReadAccessLogs", &["s3:GetObject"], &keys),
            Grant::on("ListResults", &["s3:ListBucket"], &[own]).when(Condition::listing(vec![results])),
            if *within_organization { keep.when(Condition::resource_in(CALLERS_ORGANIZATION)) } else { keep },
        ]
    }

    /// The same with fewer patterns for buckets, so that `fits` holds of the grants: buckets whose names begin alike become one
    /// pattern, those with the most in common first. The role's own policy still names each bucket.
    #[must_use]
    pub fn fitted(mut self, fits: impl Fn(&Self) -> bool) -> Self {
        while self.buckets.len() > 1 && !fits(&self) {
            let names: Vec<&String> = self.buckets.iter().collect();
            let closest = names.windows(2).max_by_key(|pair| common(pair[0], pair[1]).len());
            let Some(pair) = closest else { break };
            let joined = format!("{}*", common(pair[0], pair[1]));
            self.buckets.retain(|name| !name.starts_with(joined.trim_end_matches('*')));
            self.buckets.insert(joined);
        }
        self
    }
}

/// What two names begin with alike, without the star that one may end in.
fn common<'a>(one: &'a str, other: &str) -> &'a str {
    let same = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b && *a != b'*').count();
    one.get(..same).unwrap_or_default()
}

fn s3(bucket: &str, end: &str) -> String {
    format!("arn:{PARTITION}:s3:::{bucket}{end}")
}

#[cfg(test)]
mod tests {
    use doorward_aws::Family;

    use super::*;

    #[test]
    fn every_operation_belongs_to_a_capability() {
        let of_traffic = |operation: &&Operation| {
            matches!(operation.family(), Family::S3 | Family::Metrics | Family::AthenaControl | Family::AthenaRead)
                // Those of a ledger in S3.
                && !matches!(operation, Operation::PutObject | Operation::GetBucketVersioning)
        };
        for operation in Operation::ALL.iter().filter(of_traffic) {
            let homes = Capability::ALL.iter().filter(|capability| capability.operations().contains(operation));
            assert_eq!(homes.count(), 1, "{operation:?}");
        }
    }

    fn reach(buckets: &[&str], output: &str) -> Reach {
        let athena = AthenaReach {
            workgroup: "primary".to_owned(),
            database: "traffic".to_owned(),
            output: output.try_into().expect("a place"),
            vended: Some("s3://vended-{region}/alb/{account}/{region}/{day}".to_owned().try_into().expect("a place")),
            within_organization: true,
        };
        Reach { buckets: buckets.iter().map(|&name| name.to_owned()).collect(), athena: Some(athena) }
    }

    #[test]
    fn grants_have_the_declared_actions_and_name_what_they_are_about() {
        let reach = reach(&["logs"], "s3://results-{account}-{region}/doorward/");
        for capability in Capability::ALL {
            let grants = capability.grants(&reach);
            let actions: BTreeSet<&str> = grants.iter().flat_map(|grant| grant.actions.clone()).collect();
            assert_eq!(Vec::from_iter(actions), capability.actions(), "{capability:?}");
            for grant in grants {
                assert_eq!(grant.resources == ["*"], capability == Capability::Metrics, "{grant:?}");
            }
        }
        let of = |action: &str| {
            let grants = Capability::Athena.grants(&reach).into_iter();
            grants.filter(|grant| grant.actions.contains(&action)).flat_map(|grant| grant.resources).collect::<Vec<_>>()
        };
        assert_eq!(of("s3:PutObject"), ["arn:{partition}:s3:::results-{account}-*/doorward/*"]);
        assert_eq!(
            of("s3:GetObject"),
            [
                "arn:{partition}:s3:::logs/*AWSLogs/*/elasticloadbalancing/*",
                "arn:{partition}:s3:::vended-*/alb/*/*/*/*",
                "arn:{partition}:s3:::results-{account}-*/doorward/*",
            ]
        );
    }

    #[test]
    fn outputs_are_places_without_patterns() {
        for bad in ["results", "s3://", "s3:///x", "s3://b*/x", "s3://b/${x}", "s3://b/x*", "s3://B/x", "s3://b/x y"] {
            assert!(AthenaOutput::try_from(bad).is_err(), "{bad}");
        }
        let patterns = |text: &str| AthenaOutput::try_from(text).expect("a place").patterns();
        assert_eq!(patterns("s3://b"), ("b".to_owned(), "*".to_owned()));
        assert_eq!(patterns("s3://b-{region}/a/{account}/"), ("b-*".to_owned(), "a/{account}/*".to_owned()));
    }

    #[test]
    fn many_buckets_become_patterns_until_they_fit() {
        let names: Vec<String> =
            (0..40).flat_map(|n| [format!("acme-alb-{n:02}"), format!("shop-{n:02}-logs")]).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for most in [1, 2, 5, 30, 80] {
            let fitted = reach(&names, "s3://b").fitted(|reach| reach.buckets.len() <= most);
            assert!(fitted.buckets.len() <= most, "{most}: {:?}", fitted.buckets);
            for name in &names {
                let covered = |pattern: &String| match pattern.strip_suffix('*') {
                    Some(beginning) => name.starts_with(beginning),
                    None => pattern == name,
                };
                assert!(fitted.buckets.iter().any(covered), "{most}: {name}");
            }
        }
        // What fits stays exact.
        assert_eq!(reach(&names, "s3://b").fitted(|_| true), reach(&names, "s3://b"));
    }

    #[test]
    fn logs_and_metrics_only_read() {
        for action in Capability::Logs.actions().into_iter().chain(Capability::Metrics.actions()) {
            let verb = action.split(':').nth(1).expect("service:Verb");
            assert!(verb.starts_with("Get") || verb.starts_with("List"), "{action}");
        }
    }
}
