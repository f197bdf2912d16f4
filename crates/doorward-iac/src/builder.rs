//! Builds a load balancer that the rules can judge from the properties that a dialect sets. Every dialect uses it, so that the
//! meaning of an unset property is defined here only.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use doorward_model::{
    AccountId, Arn, Gap, GapReason, InFront, Kind, Listener, LoadBalancer, LogDestination, Manager, Observed,
    PlaceholderIdentity, Reachability, Region, Scheme,
};

use crate::attributes::Attributes;
use crate::source_text::SourceText;
use crate::{Action, Declared, Deployment, Dialect, MatchHints, ModeEdit, Subject};

pub(crate) const DROP_INVALID: &str = "routing.http.drop_invalid_header_fields.enabled";
pub(crate) const WAF_FAIL_OPEN: &str = "waf.fail_open.enabled";
pub(crate) const LOGS_ENABLED: &str = "access_logs.s3.enabled";
pub(crate) const LOGS_BUCKET: &str = "access_logs.s3.bucket";
pub(crate) const LOGS_PREFIX: &str = "access_logs.s3.prefix";

/// The placeholder for an unknown account. AWS assigns no account this id.
const NO_ACCOUNT: &str = "000000000000";

/// The gap of the target groups of every declaration.
static NO_TARGET_GROUPS: LazyLock<Arc<Gap>> =
    LazyLock::new(|| Arc::new(Gap::new(GapReason::NotAsked, "elasticloadbalancing:DescribeTargetGroups")));

/// The maximum number of outcomes of one load balancer.
const MAX_POSSIBLE: usize = 64;

/// The properties of one load balancer, as its dialect sets them.
#[derive(Clone)]
pub(crate) struct LoadBalancerBuilder<'t> {
    pub(crate) text: &'t SourceText<'t>,
    pub(crate) dialect: Dialect,
    pub(crate) address: String,
    /// The place of the declaration, for findings if the mode is not set.
    pub(crate) head: Range<usize>,
    /// The place where the mode is set.
    pub(crate) value: Option<Range<usize>>,
    pub(crate) action: Action,
    pub(crate) kind: Kind,
    /// The reason why the kind, and with it every other property, is unknown.
    pub(crate) kind_gap: Option<Arc<Gap>>,
    pub(crate) name: Observed<String>,
    /// The ARN of a load balancer that exists.
    pub(crate) arn: Observed<String>,
    pub(crate) scheme: Observed<Scheme>,
    /// By AWS's keys, whatever the dialect calls them.
    pub(crate) attributes: BTreeMap<String, Observed<String>>,
    /// The possible values of attributes that are unread, by AWS's keys.
    pub(crate) outcomes: BTreeMap<String, Vec<Observed<String>>>,
    /// The possible kinds, if the kind is unread.
    pub(crate) kind_outcomes: Vec<Kind>,
    /// The reason why attributes that are missing here may be set nevertheless.
    pub(crate) incomplete: Option<Arc<Gap>>,
    pub(crate) listeners: Observed<Vec<Listener>>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) more_tags: Option<Arc<Gap>>,
    /// Whether the same files declare log deliveries of CloudWatch Logs, which may belong to this load balancer.
    pub(crate) deliveries: bool,
    pub(crate) managed_by: Observed<Manager>,
    pub(crate) note: Option<String>,
    pub(crate) mode_instruction: String,
    pub(crate) logs_instruction: String,
    pub(crate) fix: Result<ModeEdit, String>,
    /// The Region of its provider.
    pub(crate) region: Option<Region>,
    pub(crate) match_hints: MatchHints,
}

impl<'t> LoadBalancerBuilder<'t> {
    /// A load balancer with every property unset.
    pub(crate) fn new(text: &'t SourceText<'t>, dialect: Dialect, address: String, head: Range<usize>) -> Self {
        Self {
            text,
            dialect,
            address,
            head,
            value: None,
            action: Action::Unspecified,
            kind: Kind::Application,
            kind_gap: None,
            name: Observed::Absent,
            arn: Observed::Absent,
            scheme: Observed::Absent,
            attributes: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            kind_outcomes: Vec::new(),
            incomplete: None,
            listeners: Observed::Absent,
            tags: BTreeMap::new(),
            more_tags: None,
            deliveries: false,
            managed_by: Observed::Absent,
            note: None,
            mode_instruction: String::new(),
            logs_instruction: String::new(),
            fix: Err("there is no safe place to set it".to_owned()),
            region: None,
            match_hints: MatchHints::default(),
        }
    }

    /// Sets the kind from AWS's name for it. If `kind_gap` is set already, the name may be replaced at deployment.
    pub(crate) fn set_kind(&mut self, name: Observed<String>) {
        match name {
            Observed::Absent => {}
            Observed::Known(_) if self.kind_gap.is_some() => {}
            Observed::Known(name) => {
                self.kind = match name.as_str() {
                    "application" => Kind::Application,
                    "network" => Kind::Network,
                    "gateway" => Kind::Gateway,
                    _ => Kind::Unrecognized,
                }
            }
            Observed::Unread(gap) => self.kind_gap = Some(gap),
        }
    }

    /// Sets the attributes, and the place of the mode among them.
    pub(crate) fn set_attributes(&mut self, attributes: Attributes) {
        self.value = attributes.spans.get(self.kind.mode_attribute()).cloned();
        self.attributes = attributes.named;
        self.incomplete = attributes.incomplete;
    }

    /// Adds the tags of a list `key=value,key=value`.
    pub(crate) fn add_tags(&mut self, list: &str) {
        let pairs = list.split(',').filter_map(|pair| pair.split_once('='));
        self.tags.extend(pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())));
    }

    /// The instruction for a classic load balancer in a dialect that has no setting for its mode.
    pub(crate) fn without_setting(&mut self, reason: &str) {
        self.mode_instruction = format!(
            "{reason}: once {} is deployed, set {} by elasticloadbalancing:ModifyLoadBalancerAttributes to",
            self.address,
            Kind::Classic.mode_attribute()
        );
    }

    /// A gap at a range of the file.
    pub(crate) fn gap(&self, reason: GapReason, span: Range<usize>, message: impl Into<String>) -> Arc<Gap> {
        gap(self.text, reason, span, message)
    }

    /// The gap of an attribute that is not set: an existing load balancer keeps its value.
    fn kept(&self, what: &str) -> Arc<Gap> {
        let condition = match self.action {
            Action::Unspecified => " if it exists already",
            _ => "",
        };
        let message = format!("{what} is not set here, so that the load balancer keeps its value{condition}");
        self.gap(GapReason::KeepsLiveValue, self.head.clone(), message)
    }

    /// The value of an attribute: as set, AWS's default for a new load balancer, or unread.
    fn attribute(&self, key: &str, default: &str) -> Observed<String> {
        if let Some(gap) = &self.kind_gap {
            return Observed::Unread(gap.clone());
        }
        match (self.attributes.get(key), &self.incomplete) {
            (Some(Observed::Absent) | None, Some(gap)) => Observed::Unread(gap.clone()),
            (Some(Observed::Absent) | None, None) => match self.action {
                // https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
                Action::Create => Observed::Known(default.to_owned()),
                Action::Update | Action::Keep | Action::Unspecified => Observed::Unread(self.kept(key)),
            },
            (Some(set), _) => set.clone(),
        }
    }

    fn parsed<T: std::str::FromStr>(&self, key: &str, default: &str) -> Observed<T> {
        self.attribute(key, default).and_then(|text| match text.parse() {
            Ok(value) => Observed::Known(value),
            Err(_) => {
                let span = self.value.clone().unwrap_or_else(|| self.head.clone());
                let folded = text.trim().to_lowercase();
                let hint = match folded.parse::<T>() {
                    Ok(_) => format!(" (did you mean {folded:?}?)"),
                    Err(_) => String::new(),
                };
                Observed::Unread(self.gap(GapReason::Malformed, span, format!("{key} cannot be {text:?}{hint}")))
            }
        })
    }

    /// The destination of access logs. It is "nowhere" only for a new load balancer: others may have deliveries of CloudWatch Logs.
    fn access_logs(&self) -> Observed<LogDestination> {
        let enabled: Observed<bool> = self.parsed(LOGS_ENABLED, "false");
        enabled.and_then(|enabled| match enabled {
            true => {
                let text = |key: &str| self.attributes.get(key).and_then(Observed::known).cloned().unwrap_or_default();
                Observed::Known(LogDestination::S3 { bucket: text(LOGS_BUCKET), prefix: text(LOGS_PREFIX) })
            }
            false if self.kind == Kind::Classic => Observed::Known(LogDestination::Nowhere),
            false if self.action == Action::Create && !self.deliveries => Observed::Known(LogDestination::Nowhere),
            false => Observed::Unread(self.gap(
                GapReason::Undeclared,
                self.head.clone(),
                "access logs may be sent by a CloudWatch Logs delivery, which the declaration of the load balancer does not show",
            )),
        })
    }

    /// Builds the declaration.
    pub(crate) fn finish(mut self, deployment: &Deployment) -> Declared {
        if deployment.new && self.action == Action::Unspecified {
            self.action = Action::Create;
        }
        let subject = self.subject(deployment);
        let outcomes = self.possible(deployment);
        let place = self.text.place(self.value.clone().unwrap_or_else(|| self.head.clone()));
        let mut tags = self.tags;
        tags.extend(deployment.tags.iter().map(|(key, value)| (key.clone(), value.clone())));
        Declared {
            dialect: self.dialect,
            address: self.address,
            place,
            action: self.action,
            subject,
            outcomes,
            tags,
            more_tags: self.more_tags.filter(|_| deployment.tags.is_empty()),
            note: self.note,
            mode_instruction: self.mode_instruction,
            logs_instruction: self.logs_instruction,
            fix: self.fix,
            match_hints: self.match_hints,
            root: None,
        }
    }

    /// The load balancer for every combination of possible values; empty if nothing is open or there are too many.
    fn possible(&self, deployment: &Deployment) -> Vec<LoadBalancer> {
        if self.outcomes.is_empty() && self.kind_outcomes.is_empty() {
            return Vec::new();
        }
        let mut all = vec![Self { outcomes: BTreeMap::new(), kind_outcomes: Vec::new(), ..self.clone() }];
        if !self.kind_outcomes.is_empty() {
            let of = |kind: &Kind| Self { kind: *kind, kind_gap: None, ..all[0].clone() };
            all = self.kind_outcomes.iter().map(of).collect();
        }
        for (key, values) in &self.outcomes {
            if all.len() * values.len() > MAX_POSSIBLE {
                return Vec::new();
            }
            let with = |one: &Self| {
                let one = one.clone();
                values.iter().map(move |value| {
                    let mut one = one.clone();
                    one.attributes.insert(key.clone(), value.clone());
                    one
                })
            };
            all = all.iter().flat_map(with).collect();
        }
        let load_balancer = |one: &Self| match one.subject(deployment) {
            Subject::LoadBalancer(lb) => Some(*lb),
            Subject::Incapable(_) => None,
        };
        all.iter().map(load_balancer).collect::<Option<Vec<_>>>().unwrap_or_default()
    }

    /// The load balancer as the rules judge it.
    fn subject(&self, deployment: &Deployment) -> Subject {
        let (kind, mode_key) = (self.kind, self.kind.mode_attribute());
        let mode = self.parsed(mode_key, "defensive");
        let drop_invalid_headers = self.parsed(DROP_INVALID, "false");
        let waf_fail_open = self.parsed(WAF_FAIL_OPEN, "false");
        let access_logs = self.access_logs();
        let undeclared = |what: &'static str| self.text.undeclared(what);
        let beyond = Observed::Unread(undeclared("a network load balancer in front of it"));
        let entry_points = Observed::Unread(undeclared("CloudFront or API Gateway in front of it"));
        let front =
            InFront { network_load_balancers: &beyond, vpc_origins: &entry_points, api_integrations: &entry_points };
        let arn = self.arn.known().and_then(|text| Arn::new(text).ok());
        let of_arn = |field: fn(&Arn) -> &str| arn.as_ref().map(|arn| field(arn).to_owned());
        let account =
            of_arn(Arn::account).and_then(|id| AccountId::new(&id).ok()).or_else(|| deployment.account.clone());
        let region = of_arn(Arn::region).and_then(|name| Region::new(&name).ok()).or_else(|| self.region.clone());
        let region = region.or_else(|| deployment.region.clone());
        let no_account = undeclared("the account");
        let placeholder = PlaceholderIdentity {
            // The ARN of a load balancer that does not exist yet cannot be declared anywhere.
            arn: (arn.is_none() && self.action != Action::Create).then(|| undeclared("the ARN")),
            account: account.is_none().then(|| no_account.clone()),
            region: region.is_none().then(|| undeclared("the Region")),
            name: match &self.name {
                Observed::Known(_) => None,
                Observed::Absent => Some(undeclared("the name")),
                Observed::Unread(gap) => Some(gap.clone()),
            },
        };
        let undeclared_identity = || {
            let (account, region) = (AccountId::new(NO_ACCOUNT).ok()?, Region::new("un-declared-0").ok()?);
            let arn = Arn::new("arn:aws:elasticloadbalancing:::loadbalancer/declared").ok()?;
            Some((account, region, arn))
        };
        match undeclared_identity() {
            None => Subject::Incapable("The identity of a declaration without an ARN is not well-formed.".to_owned()),
            Some((no_account_id, no_region, no_arn)) => Subject::LoadBalancer(Box::new(LoadBalancer {
                arn: arn.unwrap_or(no_arn),
                account: account.unwrap_or(no_account_id),
                account_name: Observed::Unread(no_account),
                ou: Observed::Unread(undeclared("the organizational unit")),
                region: region.unwrap_or(no_region),
                name: self.name.known().cloned().unwrap_or_else(|| self.address.clone()),
                kind,
                reachability: Reachability::of(kind, &self.scheme, front),
                target_groups: Observed::Unread(NO_TARGET_GROUPS.clone()),
                scheme: self.scheme.clone(),
                vpc: None,
                dns_name: None,
                created: None,
                state: None,
                mode,
                drop_invalid_headers,
                waf_fail_open,
                access_logs,
                listeners: match (kind, &self.listeners) {
                    (Kind::Classic, Observed::Absent) => Observed::Unread(undeclared("the listeners")),
                    (_, listeners) => listeners.clone(),
                },
                tags: Observed::Unread(undeclared("the full set of tags")),
                managed_by: self.managed_by.clone(),
                owner: Observed::Absent,
                environment: Observed::Absent,
                application: Observed::Absent,
                attributes: Observed::Unread(undeclared("the full set of attributes")),
                evidence: None,
                security_groups: Vec::new(),
                zones: Vec::new(),
                traffic: None,
                changes: Vec::new(),
                edited: None,
                tracked_sources: Vec::new(),
                placeholder: Some(Arc::new(placeholder)),
                declared: None,
                policy: None,
                usage: None,
                cost: None,
            })),
        }
    }
}

/// The scheme from AWS's name for it. The default is internet-facing:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
pub(crate) fn scheme(name: Observed<String>) -> Observed<Scheme> {
    match name {
        Observed::Absent => Observed::Known(Scheme::InternetFacing),
        Observed::Known(name) if name == "internet-facing" => Observed::Known(Scheme::InternetFacing),
        Observed::Known(name) if name == "internal" => Observed::Known(Scheme::Internal),
        Observed::Known(_) => Observed::Absent,
        Observed::Unread(gap) => Observed::Unread(gap),
    }
}

/// A listener of a classic load balancer. A port that is not a number is left out: no verdict depends on it.
pub(crate) fn listener(protocol: &str, port: Option<&str>) -> Listener {
    Listener { protocol: protocol.to_uppercase().into(), port: port.and_then(|port| port.parse().ok()) }
}

/// A gap at a range of a file.
pub(crate) fn gap(
    text: &SourceText<'_>,
    reason: GapReason,
    span: Range<usize>,
    message: impl Into<String>,
) -> Arc<Gap> {
    // Each declaration has several gaps, and a plan a hundred thousand declarations: no text has room to spare.
    let (mut place, mut message): (String, String) = (text.place(span).to_string(), message.into());
    place.shrink_to_fit();
    message.shrink_to_fit();
    Arc::new(Gap::new(reason, place).with_message(message))
}
