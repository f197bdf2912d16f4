//! Load balancers as AWS would describe them, from the few words of a case.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_model::{
    AccountId, AppliedChange, Arn, ChangeStatus, EntryPoint, EntryService, Evidence, Gap, GapReason, InFront, Kind,
    Listener, LoadBalancer, LogDestination, Manager, Mode, Observed, ObservedTime, OuPath, Owner, OwnerSource,
    Reachability, Region, Scheme, TargetGroup, TextMap, Traffic, TrafficBasis, TrafficSource, TrafficStep, Usage,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Value;

/// What a case says of its load balancer. Every observation may also be the word `absent`, or `unread:` and a reason such
/// as `unread:access-denied`. What is not said is ordinary: an internet-facing application load balancer of an owner,
/// in defensive mode, without a manager, whose listeners nobody asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    kind: Option<Kind>,
    name: Option<String>,
    account: Option<AccountId>,
    mode: Option<Value>,
    scheme: Option<Value>,
    /// The names of internet-facing network load balancers that forward to it; none where nothing is said.
    reached_through: Option<Value>,
    /// The ids of CloudFront VPC origins that lead to it; not asked where nothing is said.
    vpc_origins: Option<Value>,
    /// The ids of APIs of API Gateway that lead to it; not asked where nothing is said.
    api_integrations: Option<Value>,
    /// `["NAME:TYPE:VERSION"]`; one group of instances that are sent HTTP/1.1 where nothing is said.
    target_groups: Option<Value>,
    /// `["HTTPS:443"]`
    listeners: Option<Value>,
    tags: Option<Value>,
    /// A path of names: `/Workloads/Prod`.
    ou: Option<Value>,
    environment: Option<Value>,
    application: Option<Value>,
    /// `cloud-formation = "stack"`, as the model spells it.
    managed_by: Option<Value>,
    /// A name, by the tag `owner`.
    owner: Option<Value>,
    /// `nowhere`, `{ s3 = { bucket = "b", prefix = "p" } }` or `{ delivery = ["arn"] }`.
    access_logs: Option<Value>,
    drop_invalid_headers: Option<Value>,
    /// What the traffic advises: a step, the mode to be in after it, why, and the clients to fix.
    traffic: Option<Said>,
    /// What Doorward did to the mode, the oldest first.
    #[serde(default)]
    changes: Vec<Done>,
    /// When the attributes were read; not reported where nothing is said.
    read_at: Option<Timestamp>,
    /// How much it was used: the days from 2026-02-01 that were wanted, those that were read, and the traffic.
    usage: Option<[u64; 3]>,
    /// When it was created; `2025-01-01T00:00:00Z` where nothing is said, and absent where it is an empty text.
    created: Option<String>,
}

/// One change of the mode: from monitor to defensive, on the first of February, unless it says otherwise.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Done {
    change: String,
    status: ChangeStatus,
    from: Option<Mode>,
    to: Option<Mode>,
    at: Option<Timestamp>,
}

/// Traffic evidence, as far as a rule reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    step: TrafficStep,
    recommended: Option<Mode>,
    because: String,
    /// All logs, where nothing is said.
    basis: Option<TrafficBasis>,
    #[serde(default)]
    clients: Vec<String>,
    /// Saved by a version that did not record which days were observed.
    #[serde(default)]
    unobserved: bool,
}

/// The load balancer of a case.
pub(crate) fn load_balancer(given: &Given) -> LoadBalancer {
    let kind = given.kind.unwrap_or(Kind::Application);
    let account = given.account.clone().unwrap_or_else(|| AccountId::new("111122223333").expect("an account id"));
    let name = given.name.clone().unwrap_or_else(|| "web".to_owned());
    let mode = observed(&given.mode, Observed::Known(Mode::Defensive));
    let drop_invalid_headers = observed(&given.drop_invalid_headers, Observed::Known(false));
    let access_logs = observed(&given.access_logs, Observed::Known(LogDestination::Nowhere));
    let usual_listeners = match kind {
        Kind::Classic => Observed::Known(vec!["HTTPS:443".to_owned()]),
        _ => unread("not-asked", "elasticloadbalancing:DescribeListeners"),
    };
    let usual_groups = match kind {
        Kind::Application => Observed::Known(vec!["web:instance:HTTP1".to_owned()]),
        _ => Observed::Absent,
    };
    let scheme = observed(&given.scheme, Observed::Known(Scheme::InternetFacing));
    let through = observed::<Vec<String>>(&given.reached_through, Observed::Known(Vec::new()))
        .map(|names| names.iter().map(|name| arn(Kind::Network, &account, name)).collect());
    let entries = |given: &Option<Value>, service: EntryService, operation: &str| {
        let ids = observed::<Vec<String>>(given, unread("not-asked", operation));
        ids.map(|ids| ids.into_iter().map(|id| EntryPoint { service, id, through: None }).collect::<Vec<_>>())
    };
    let vpc_origins = entries(&given.vpc_origins, EntryService::CloudFront, "cloudfront:ListVpcOrigins");
    let api_integrations = entries(&given.api_integrations, EntryService::ApiGateway, "apigateway:GET");
    let front =
        InFront { network_load_balancers: &through, vpc_origins: &vpc_origins, api_integrations: &api_integrations };
    LoadBalancer {
        arn: arn(kind, &account, &name),
        account,
        account_name: Observed::Known("shop-prod".to_owned()),
        ou: observed::<String>(&given.ou, Observed::Known("/Workloads/Prod".to_owned()))
            .map(|names| OuPath { names, ids: vec!["r-ab12".to_owned(), "ou-ab12-11111111".to_owned()] }),
        region: Region::new("eu-west-1").expect("a Region"),
        name,
        kind,
        reachability: Reachability::of(kind, &scheme, front),
        target_groups: observed::<Vec<String>>(&given.target_groups, usual_groups)
            .map(|groups| groups.iter().map(|text| target_group(text)).collect()),
        scheme,
        vpc: Some("vpc-0a1b2c3d".into()),
        dns_name: Some("web-1234567890.eu-west-1.elb.amazonaws.com".to_owned()),
        created: match given.created.as_deref() {
            None => Some("2025-01-01T00:00:00Z".parse().expect("a time")),
            Some("") => None,
            Some(at) => Some(at.parse().expect("a time")),
        },
        state: (kind != Kind::Classic).then(|| "active".into()),
        drop_invalid_headers: drop_invalid_headers.clone(),
        waf_fail_open: Observed::Known(false),
        listeners: observed::<Vec<String>>(&given.listeners, usual_listeners)
            .map(|listeners| listeners.iter().map(|text| listener(text)).collect()),
        tags: observed(&given.tags, Observed::Known(TextMap::default())),
        managed_by: observed::<Manager>(&given.managed_by, Observed::Absent),
        owner: observed::<String>(&given.owner, Observed::Known("team-checkout".to_owned())).map(|name| Owner {
            name,
            source: OwnerSource::ResourceTag("owner".to_owned()),
            conflicting: Vec::new(),
        }),
        environment: observed(&given.environment, Observed::Absent),
        application: observed(&given.application, Observed::Absent),
        attributes: attributes(kind, &mode, &drop_invalid_headers, &access_logs),
        mode,
        access_logs,
        evidence: given.read_at.map(|at| Evidence {
            operation: "elasticloadbalancing:DescribeLoadBalancerAttributes".into(),
            at,
            request_id: None,
        }),
        security_groups: vec!["sg-0a1b2c3d".into()],
        zones: vec!["eu-west-1a".into(), "eu-west-1b".into()],
        edited: None,
        tracked_sources: Vec::new(),
        placeholder: None,
        declared: None,
        policy: None,
        cost: None,
        usage: given.usage.map(|[days, read, count]| {
            let from: jiff::civil::Date = "2026-02-01".parse().expect("a day");
            let span = i64::try_from(days).expect("small") - 1;
            let until = from + jiff::Span::new().days(span);
            let small = |n: u64| u32::try_from(n).expect("small");
            let last_traffic = (count > 0).then_some(until);
            Arc::new(Usage { from, until, days: small(days), days_read: small(read), count, last_traffic })
        }),
        traffic: given.traffic.clone().map(|said| Arc::new(traffic(said))),
        changes: given.changes.iter().map(applied).collect(),
    }
}

fn applied(done: &Done) -> AppliedChange {
    AppliedChange {
        change: done.change.clone(),
        at: done.at.unwrap_or_else(|| "2026-02-01T12:00:00Z".parse().expect("a timestamp")),
        from: done.from.unwrap_or(Mode::Monitor),
        to: done.to.unwrap_or(Mode::Defensive),
        status: done.status,
        by: "Kim Stone".to_owned(),
        why: "the policy requires it".to_owned(),
        detail: String::new(),
        request_id: Some("50dc6c49-5c0c-9188".to_owned()),
    }
}

fn traffic(said: Said) -> Traffic {
    let source = |address: String| TrafficSource {
        address,
        agent: "legacy-client/1".to_owned(),
        tier: "Ambiguous".to_owned(),
        reason: "UndefinedContentLengthSemantics".to_owned(),
        requests: 12,
        served: 12,
        fix: Some("Update the client.".to_owned()),
        protected: false,
    };
    Traffic {
        basis: said.basis.unwrap_or(TrafficBasis::FullLogs),
        observed: (!said.unobserved).then(ObservedTime::default),
        from: None,
        until: None,
        requests: 10_000,
        denominator: "requests logged with a classification".to_owned(),
        tiers: BTreeMap::new(),
        modes: Vec::new(),
        cross_check: String::new(),
        recommended: said.recommended,
        step: said.step,
        because: vec![said.because],
        sources: said.clients.into_iter().map(source).collect(),
    }
}

/// An observation that failed for a reason, by its code.
pub(crate) fn unread<T>(reason: &str, operation: &str) -> Observed<T> {
    let reason = GapReason::ALL.into_iter().find(|known| known.code() == reason).expect("a reason that exists");
    Observed::unread(Gap::new(reason, operation))
}

fn observed<T: DeserializeOwned>(said: &Option<Value>, otherwise: Observed<T>) -> Observed<T> {
    match said {
        None => otherwise,
        Some(Value::String(word)) if word == "absent" => Observed::Absent,
        Some(Value::String(word)) if word.starts_with("unread:") => {
            unread(word.trim_start_matches("unread:"), "elasticloadbalancing:Describe")
        }
        Some(value) => Observed::Known(value.clone().try_into().expect("a value of the right type")),
    }
}

fn listener(text: &str) -> Listener {
    let (protocol, port) = text.split_once(':').expect("PROTOCOL:PORT");
    Listener { protocol: protocol.into(), port: Some(port.parse().expect("a port")) }
}

fn target_group(text: &str) -> TargetGroup {
    let mut parts = text.split(':').map(str::to_owned);
    let mut next = || parts.next().filter(|part| !part.is_empty());
    TargetGroup {
        name: next().expect("a name"),
        target_type: next().expect("a type of targets").into(),
        protocol_version: next().map(Into::into),
    }
}

fn arn(kind: Kind, account: &AccountId, name: &str) -> Arn {
    let resource = match kind {
        Kind::Classic => name.to_owned(),
        Kind::Network => format!("net/{name}/50dc6c495c0c9188"),
        Kind::Gateway => format!("gwy/{name}/50dc6c495c0c9188"),
        Kind::Application | Kind::Unrecognized => format!("app/{name}/50dc6c495c0c9188"),
    };
    Arn::new(&format!("arn:aws:elasticloadbalancing:eu-west-1:{account}:loadbalancer/{resource}")).expect("an ARN")
}

/// The attributes as AWS returns them for the kind, all of them: a fixture that leaves some out proves too little.
fn attributes(
    kind: Kind,
    mode: &Observed<Mode>,
    drop_invalid_headers: &Observed<bool>,
    access_logs: &Observed<LogDestination>,
) -> Observed<TextMap> {
    let mode = match mode {
        Observed::Known(mode) => Some(mode.as_str()),
        Observed::Absent => None,
        Observed::Unread(gap) if gap.reason == GapReason::Malformed => Some("paranoid"),
        Observed::Unread(gap) => return Observed::Unread(gap.clone()),
    };
    let (enabled, bucket, prefix) = match access_logs {
        Observed::Known(LogDestination::S3 { bucket, prefix }) => ("true", bucket.as_str(), prefix.as_str()),
        _ => ("false", "", ""),
    };
    let drop_invalid_headers = drop_invalid_headers.known().is_some_and(|drop| *drop).to_string();
    let logs = [
        ("access_logs.s3.enabled", enabled),
        ("access_logs.s3.bucket", bucket),
        ("access_logs.s3.prefix", prefix),
        ("idle_timeout.timeout_seconds", "60"),
        ("load_balancing.cross_zone.enabled", "true"),
    ];
    let application = [
        ("client_keep_alive.seconds", "3600"),
        ("connection_logs.s3.bucket", ""),
        ("connection_logs.s3.enabled", "false"),
        ("connection_logs.s3.prefix", ""),
        ("deletion_protection.enabled", "false"),
        ("health_check_logs.s3.bucket", ""),
        ("health_check_logs.s3.enabled", "false"),
        ("health_check_logs.s3.prefix", ""),
        ("ipv6.deny_all_igw_traffic", "false"),
        ("routing.http.drop_invalid_header_fields.enabled", drop_invalid_headers.as_str()),
        ("routing.http.preserve_host_header.enabled", "false"),
        ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false"),
        ("routing.http.xff_client_port.enabled", "false"),
        ("routing.http.xff_header_processing.mode", "append"),
        ("routing.http2.enabled", "true"),
        ("waf.fail_open.enabled", "false"),
        ("zonal_shift.config.enabled", "false"),
    ];
    let own: &[(&str, &str)] = if kind == Kind::Application { &application } else { &[] };
    let all = logs.iter().chain(own).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let mode = mode.filter(|_| kind.can_parse_http()).map(|mode| (kind.mode_attribute().to_owned(), mode.to_owned()));
    Observed::Known(all.chain(mode).collect())
}
