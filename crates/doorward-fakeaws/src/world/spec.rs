//! The description a world is built from: every key of the TOML file, and the same structs for building in code.
//! The file is long because every key of every table is documented here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::faults::FaultSpec;

/// A whole organization. In code: fill the vectors and hand it to [`World::build`](crate::World::build).
#[derive(Debug, Clone, Default)]
pub struct WorldSpec {
    /// `[organization]`.
    pub organization: OrganizationSpec,
    /// `[[caller]]`: long-lived identities that requests may be signed with.
    pub callers: Vec<CallerSpec>,
    /// `[[ou]]`: organizational units; the root `/` is implicit.
    pub units: Vec<UnitSpec>,
    /// `[[account]]`, the management account included.
    pub accounts: Vec<AccountSpec>,
    /// `[[role]]`: roles that exist in many accounts at once.
    pub roles: Vec<RoleSpec>,
    /// `[[scp]]`: service control policies (deny statements; FullAWSAccess is always attached as well).
    pub policies: Vec<PolicySpec>,
    /// `[[load_balancer]]`.
    pub load_balancers: Vec<LoadBalancerSpec>,
    /// `[[bucket]]`: S3 buckets with their objects.
    pub buckets: Vec<BucketSpec>,
    /// `[[metric]]`: points of CloudWatch metrics.
    pub metrics: Vec<MetricSpec>,
    /// `[[athena]]`: results of queries.
    pub athena: Vec<AthenaSpec>,
    /// `[[fault]]`: faults of calls.
    pub faults: Vec<FaultSpec>,
}

/// `[organization]`: the organization and how its APIs behave.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganizationSpec {
    /// Organization id, `o-` and 10 to 32 lower-case letters or digits.
    pub id: String,
    /// Partition; default `aws`.
    #[serde(default = "aws")]
    pub partition: String,
    /// Id of the management account; it must also be listed as an account.
    pub management: String,
    /// Region the demo's callers start in; must be one of `regions`.
    pub home_region: String,
    /// Every Region that the partition has, opt-in Regions included.
    pub regions: Vec<String>,
    /// The Regions of `regions` that an account has to opt in to.
    #[serde(default)]
    pub opt_in: Vec<String>,
    /// Accounts that are delegated administrators (may read the organization), besides those of delegated callers.
    #[serde(default)]
    pub delegated_admins: Vec<String>,
    /// Organizations lists insert empty pages that carry a NextToken, as AWS warns they may; default false.
    #[serde(default)]
    pub empty_pages: bool,
    /// Largest page of any list, whatever the caller requests; absent: AWS's own limits.
    pub page_size: Option<usize>,
    /// Published API quotas are enforced; default true.
    #[serde(default = "yes")]
    pub quotas: bool,
    /// Accounts still carry the retired `Status` field; default false.
    #[serde(default)]
    pub legacy_status: bool,
    /// Accounts and OUs carry `Paths` / `Path`; default true. False exercises the ListParents fallback.
    #[serde(default = "yes")]
    pub paths: bool,
    /// Seconds after which every assumed session ends, whatever the request asks for; absent: as requested.
    pub session_seconds: Option<u64>,
    /// AssumeRole returns the true end of a session that `session_seconds` shortens; default true.
    #[serde(default = "yes")]
    pub announce_expiry: bool,
}

impl Default for OrganizationSpec {
    fn default() -> Self {
        Self {
            id: String::new(),
            partition: aws(),
            management: String::new(),
            home_region: String::new(),
            regions: Vec::new(),
            opt_in: Vec::new(),
            delegated_admins: Vec::new(),
            empty_pages: false,
            page_size: None,
            quotas: true,
            legacy_status: false,
            paths: true,
            session_seconds: None,
            announce_expiry: true,
        }
    }
}

/// `[[caller]]`: an identity with a long-lived access key.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallerSpec {
    /// Access key id, for example `AKIAEXAMPLE000000001`.
    pub access_key: String,
    /// Secret access key. Signatures are not verified, so it only has to be well formed.
    pub secret: String,
    /// Account of the identity.
    pub account: String,
    /// ARN of an IAM user, or of a role session (`arn:aws:sts::…:assumed-role/…`), which makes AssumeRole chained.
    pub arn: String,
    /// The account is a delegated administrator of the organization; default false.
    #[serde(default)]
    pub delegated_admin: bool,
    /// What its identity policy allows.
    #[serde(default)]
    pub allow: Vec<Grant>,
    /// What its identity policy denies.
    #[serde(default)]
    pub deny: Vec<StatementSpec>,
    /// A complete IAM policy document in JSON, instead of `allow` and `deny`.
    pub policy: Option<String>,
}

/// `[[ou]]`: an organizational unit.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitSpec {
    /// Full path such as `/Workloads/Prod`; missing parents are created.
    pub path: String,
}

/// `[[account]]`: an account of the organization.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSpec {
    /// Twelve digits.
    pub id: String,
    /// Account name.
    pub name: String,
    /// Root e-mail address; default derived from the name.
    pub email: Option<String>,
    /// OU path; default `/`.
    pub ou: Option<String>,
    /// `ACTIVE` (default), `SUSPENDED`, `PENDING_CLOSURE`, `PENDING_ACTIVATION` or `CLOSED`.
    pub state: Option<String>,
    /// When it joined: a date or a timestamp in quotes.
    pub joined: Option<String>,
    /// Joined by invitation, so that OrganizationAccountAccessRole does not exist; default false.
    #[serde(default)]
    pub invited: bool,
    /// Tags of the account.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Opt-in Regions that this account has enabled.
    #[serde(default)]
    pub opted_in: Vec<String>,
    /// Other Region states: `{ "me-south-1" = "ENABLING" }`; `ENABLING`, `DISABLING`, `ENABLED`, `DISABLED`.
    #[serde(default)]
    pub region_states: BTreeMap<String, String>,
    /// It belongs to another organization and is in no list of this one; default false.
    #[serde(default)]
    pub outside: bool,
    /// Roles of this account only; they replace `[[role]]` entries of the same name.
    #[serde(default)]
    pub roles: Vec<RoleSpec>,
    /// Names of `[[role]]` entries that this account lacks.
    #[serde(default)]
    pub without_roles: Vec<String>,
    /// Regions in which Security Hub is not enabled in this account, or `*` for all; it is enabled everywhere else.
    #[serde(default)]
    pub without_security_hub: Vec<String>,
}

/// `[[role]]` or an entry of an account's `roles`: an IAM role.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleSpec {
    /// Role name, without path.
    pub name: String,
    /// Accounts that have it: account ids, OU paths (with everything below), or `*`; default `*`. `[[role]]` only.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// Principals that may assume it: account ids or ARNs (wildcards allowed).
    #[serde(default)]
    pub trusts: Vec<String>,
    /// External id that the trust policy requires.
    pub external_id: Option<String>,
    /// A complete trust policy in JSON, instead of `trusts` and `external_id`.
    pub trust_policy: Option<String>,
    /// The trust policy allows sts:SetSourceIdentity; default true.
    pub source_identity: Option<bool>,
    /// Longest session in seconds; default 43200.
    pub max_session: Option<u64>,
    /// What its identity policy allows.
    #[serde(default)]
    pub allow: Vec<Grant>,
    /// What its identity policy denies.
    #[serde(default)]
    pub deny: Vec<StatementSpec>,
    /// A complete IAM policy document in JSON, instead of `allow` and `deny`.
    pub policy: Option<String>,
}

/// One entry of an `allow` list: an action, or actions on certain resources.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Grant {
    /// An action on every resource; wildcards allowed.
    Action(String),
    /// A narrower statement.
    Statement(StatementSpec),
}

/// Actions, optionally narrowed to resources and Regions. Every present key has to match.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementSpec {
    /// Actions, wildcards allowed.
    #[serde(default)]
    pub actions: Vec<String>,
    /// Every action but these (`NotAction`); instead of `actions`.
    #[serde(default)]
    pub except_actions: Vec<String>,
    /// Resource ARNs, wildcards allowed; default all.
    #[serde(default)]
    pub resources: Vec<String>,
    /// Only in these Regions (`StringEquals aws:RequestedRegion`).
    #[serde(default)]
    pub regions: Vec<String>,
    /// Only outside these Regions (`StringNotEquals aws:RequestedRegion`).
    #[serde(default)]
    pub not_regions: Vec<String>,
}

/// `[[scp]]`: a service control policy. It never binds the management account.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// Policy id such as `p-deny0001`; its ARN is derived.
    pub id: String,
    /// OU paths (`/` is the root) and account ids it is attached to.
    pub targets: Vec<String>,
    /// Actions it denies, wildcards allowed.
    #[serde(default)]
    pub deny: Vec<String>,
    /// Denies every action but these; instead of `deny`.
    #[serde(default)]
    pub except_actions: Vec<String>,
    /// Only for these resources; default all.
    #[serde(default)]
    pub resources: Vec<String>,
    /// Only in these Regions.
    #[serde(default)]
    pub regions: Vec<String>,
    /// Only outside these Regions.
    #[serde(default)]
    pub not_regions: Vec<String>,
    /// A complete policy document in JSON, instead of the keys above; its Allow statements are ignored.
    pub policy: Option<String>,
}

/// `[[load_balancer]]`: one load balancer, or `count` alike.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancerSpec {
    /// Account id.
    pub account: String,
    /// Region; in one that the account has not enabled, no call can read it.
    pub region: String,
    /// Name; with `count`, the stem of `name-1` to `name-N`.
    pub name: String,
    /// `application` (default), `network`, `gateway` or `classic`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `internet-facing` (default) or `internal`.
    pub scheme: Option<String>,
    /// Desync mitigation mode; default `defensive`. Any text is accepted, such as a mode of the future.
    pub mode: Option<String>,
    /// State code; default `active`.
    pub state: Option<String>,
    /// When it was created: a date or a timestamp in quotes.
    pub created: Option<String>,
    /// Attributes that differ from AWS's defaults.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// Attributes that are missing from responses.
    #[serde(default)]
    pub omit_attributes: Vec<String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// `PROTOCOL:PORT` each; default one HTTPS:443 (application), TCP:443 (network), HTTP:80 (classic).
    pub listeners: Option<Vec<String>>,
    /// VPC id; default one per account and Region.
    pub vpc: Option<String>,
    /// How many alike; default 1.
    pub count: Option<u32>,
    /// Access logs go through CloudWatch Logs deliveries; default false.
    #[serde(default)]
    pub vended_logs: bool,
    /// `NAME:TYPE:VERSION` each, such as `api:ip:HTTP2` or `front:alb` with the targets in `alb_targets`; default one group of instances
    /// with the name of the load balancer.
    pub target_groups: Option<Vec<String>>,
    /// Names of the application load balancers that its groups of type `alb` have as targets.
    #[serde(default)]
    pub alb_targets: Vec<String>,
    /// Ids of the CloudFront VPC origins that lead to it; default none.
    #[serde(default)]
    pub vpc_origins: Vec<String>,
    /// Ids of the APIs of API Gateway that have an integration through a VPC link to its first listener; default none.
    #[serde(default)]
    pub apis: Vec<String>,
}

/// `[[bucket]]`: an S3 bucket.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketSpec {
    /// Name, unique among all accounts.
    pub name: String,
    /// Account that owns it.
    pub account: String,
    /// Region it is in; requests signed for another one are redirected.
    pub region: String,
    /// Other accounts that the bucket policy lets list and read, or `*`; their identities need the permission as well.
    #[serde(default)]
    pub readers: Vec<String>,
    /// Every file below is an object, its path from here the key. Relative to the world file, or to the current folder
    /// when the world comes from a text.
    pub folder: Option<PathBuf>,
    /// Whether it keeps earlier versions of its objects.
    #[serde(default)]
    pub versioned: bool,
    /// `[[bucket.object]]`: objects given inline.
    #[serde(default)]
    pub object: Vec<ObjectSpec>,
}

/// `[[bucket.object]]`: one object.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectSpec {
    /// Key.
    pub key: String,
    /// Content; other bytes are put by [`World::put_object`](crate::World::put_object).
    #[serde(default)]
    pub text: String,
    /// When it was written: a date or a timestamp in quotes.
    pub modified: Option<String>,
}

/// `[[metric]]`: points of one metric; several entries of the same metric add up.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricSpec {
    /// Account id.
    pub account: String,
    /// Region.
    pub region: String,
    /// Namespace; default `AWS/ApplicationELB`, or `AWS/ELB` for a classic load balancer.
    pub namespace: Option<String>,
    /// Metric name, such as `RequestCount`.
    pub name: String,
    /// Name of the load balancer that it is about; adds its dimension.
    pub load_balancer: Option<String>,
    /// Dimensions; a query has to name exactly these.
    #[serde(default)]
    pub dimensions: BTreeMap<String, String>,
    /// Time of the first value: a date or a timestamp in quotes.
    pub from: Option<String>,
    /// Seconds from one value to the next; default 60.
    pub every: Option<u32>,
    /// The values. None at all leaves the metric without data.
    #[serde(default)]
    pub values: Vec<f64>,
    /// Status that queries of it get instead of values: `Forbidden`, `InternalError` or `PartialData`.
    pub status: Option<String>,
}

/// `[[athena]]`: the result of queries that contain a text. The first matching entry is used, any number of times.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AthenaSpec {
    /// Account id.
    pub account: String,
    /// Region.
    pub region: String,
    /// Text that the query contains; default any.
    #[serde(default)]
    pub contains: String,
    /// Column names of the result.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Rows of the result, each as long as `columns`.
    #[serde(default)]
    pub rows: Vec<Vec<String>>,
    /// Bytes that the query scans.
    #[serde(default)]
    pub scanned: u64,
    /// The query fails with this reason.
    pub fails: Option<String>,
    /// The query runs until it is stopped.
    #[serde(default)]
    pub endless: bool,
}

fn aws() -> String {
    "aws".to_owned()
}

fn yes() -> bool {
    true
}
