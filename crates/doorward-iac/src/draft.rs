//! From what a dialect says to a load balancer that the rules can judge: the one place that knows what an unset value means.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use doorward_model::{
    AccountId, Arn, Gap, GapReason, Kind, Listener, LoadBalancer, LogDestination, Manager, Observed,
    PlaceholderIdentity, Region, Scheme,
};

use crate::text::Text;
use crate::{Action, Declared, Dialect, Edit, Marks, Options, Place, Subject};

pub(crate) const DROP_INVALID: &str = "routing.http.drop_invalid_header_fields.enabled";
pub(crate) const WAF_FAIL_OPEN: &str = "waf.fail_open.enabled";
pub(crate) const LOGS_ENABLED: &str = "access_logs.s3.enabled";
pub(crate) const LOGS_BUCKET: &str = "access_logs.s3.bucket";
pub(crate) const LOGS_PREFIX: &str = "access_logs.s3.prefix";

/// A stand-in for the account of a load balancer whose account is not known; AWS gives none of this number.
const NO_ACCOUNT: &str = "000000000000";

/// What a dialect found out about one load balancer. Attributes stand under AWS's keys, whatever the dialect calls them.
pub(crate) struct Draft<'t> {
    pub(crate) text: &'t Text<'t>,
    pub(crate) dialect: Dialect,
    pub(crate) address: String,
    /// What is underlined where the value is not written.
    pub(crate) head: Range<usize>,
    /// Where the value is written.
    pub(crate) value: Option<Range<usize>>,
    pub(crate) action: Action,
    pub(crate) kind: Kind,
    /// Why the kind, and with it everything else, is not certain.
    pub(crate) kind_gap: Option<Arc<Gap>>,
    pub(crate) name: Observed<String>,
    /// The ARN of one that exists.
    pub(crate) arn: Observed<String>,
    pub(crate) scheme: Observed<Scheme>,
    pub(crate) attributes: BTreeMap<String, Observed<String>>,
    /// Why attributes that are not named may be named after all.
    pub(crate) rest: Option<Arc<Gap>>,
    pub(crate) listeners: Observed<Vec<Listener>>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) more_tags: Option<Arc<Gap>>,
    /// Whether the same files declare deliveries of logs, which may be this one's.
    pub(crate) deliveries: bool,
    pub(crate) managed_by: Observed<Manager>,
    pub(crate) note: Option<String>,
    pub(crate) way: String,
    pub(crate) logs_way: String,
    pub(crate) fix: Result<Edit, String>,
    /// The Region that its provider works in.
    pub(crate) region: Option<Region>,
    pub(crate) marks: Marks,
}

impl<'t> Draft<'t> {
    /// A load balancer of which nothing but its place is known.
    pub(crate) fn new(text: &'t Text<'t>, dialect: Dialect, address: String, head: Range<usize>) -> Self {
        Self {
            text,
            dialect,
            address,
            head,
            value: None,
            action: Action::Unsaid,
            kind: Kind::Application,
            kind_gap: None,
            name: Observed::Absent,
            arn: Observed::Absent,
            scheme: Observed::Absent,
            attributes: BTreeMap::new(),
            rest: None,
            listeners: Observed::Absent,
            tags: BTreeMap::new(),
            more_tags: None,
            deliveries: false,
            managed_by: Observed::Absent,
            note: None,
            way: String::new(),
            logs_way: String::new(),
            fix: Err("there is no safe place for it".to_owned()),
            region: None,
            marks: Marks::default(),
        }
    }

    /// A gap at a stretch of the file.
    pub(crate) fn gap(&self, reason: GapReason, span: Range<usize>, message: impl Into<String>) -> Arc<Gap> {
        gap(self.text, reason, span, message)
    }

    /// Why a value that is left out is not known: it depends on whether the load balancer exists.
    fn kept(&self, what: &str) -> Arc<Gap> {
        let unsure = match self.action {
            Action::Unsaid => " if it exists already",
            _ => "",
        };
        let message = format!("{what} is not named here, so that the load balancer keeps what it has{unsure}");
        self.gap(GapReason::KeepsLiveValue, self.head.clone(), message)
    }

    /// An attribute: as it is named, as AWS sets it for a new load balancer, or not known.
    fn attribute(&self, key: &str, default: &str) -> Observed<String> {
        if let Some(gap) = &self.kind_gap {
            return Observed::Unread(gap.clone());
        }
        match (self.attributes.get(key), &self.rest) {
            (Some(Observed::Absent) | None, Some(gap)) => Observed::Unread(gap.clone()),
            (Some(Observed::Absent) | None, None) => match self.action {
                // https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
                Action::Create => Observed::Known(default.to_owned()),
                Action::Update | Action::Keep | Action::Unsaid => Observed::Unread(self.kept(key)),
            },
            (Some(named), _) => named.clone(),
        }
    }

    fn parsed<T: std::str::FromStr>(&self, key: &str, default: &str) -> Observed<T> {
        self.attribute(key, default).and_then(|text| match text.parse() {
            Ok(value) => Observed::Known(value),
            Err(_) => {
                let span = self.value.clone().unwrap_or_else(|| self.head.clone());
                Observed::Unread(self.gap(GapReason::Malformed, span, format!("{key} cannot be {text:?}")))
            }
        })
    }

    /// "Nowhere" takes knowing that no delivery exists either: so it is only where the load balancer is still to be made.
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
                "access logs may go by a CloudWatch Logs delivery, which the load balancer's declaration does not show",
            )),
        })
    }

    /// Puts the load balancer together.
    pub(crate) fn finish(mut self, options: &Options) -> Declared {
        if options.new && self.action == Action::Unsaid {
            self.action = Action::Create;
        }
        let (kind, mode_key) = (self.kind, self.kind.mode_attribute());
        let mode = self.parsed(mode_key, "defensive");
        let drop_invalid_headers = self.parsed(DROP_INVALID, "false");
        let waf_fail_open = self.parsed(WAF_FAIL_OPEN, "false");
        let access_logs = self.access_logs();
        let undeclared = |what: &str| self.gap(GapReason::Undeclared, self.head.clone(), format!("{what} is not said"));
        let arn = self.arn.known().and_then(|text| Arn::new(text).ok());
        let of_arn = |field: fn(&Arn) -> &str| arn.as_ref().map(|arn| field(arn).to_owned());
        let account = of_arn(Arn::account).and_then(|id| AccountId::new(&id).ok()).or_else(|| options.account.clone());
        let region = of_arn(Arn::region).and_then(|name| Region::new(&name).ok()).or_else(|| self.region.clone());
        let region = region.or_else(|| options.region.clone());
        let no_account = undeclared("the account");
        let placeholder = PlaceholderIdentity {
            // One that is still to be made will have an ARN that nobody can have named.
            arn: (arn.is_none() && self.action != Action::Create).then(|| undeclared("the ARN")),
            account: account.is_none().then(|| no_account.clone()),
            region: region.is_none().then(|| undeclared("the Region")),
            name: match &self.name {
                Observed::Known(_) => None,
                Observed::Absent => Some(undeclared("the name")),
                Observed::Unread(gap) => Some(gap.clone()),
            },
        };
        let stand_ins = || {
            let (account, region) = (AccountId::new(NO_ACCOUNT).ok()?, Region::new("un-declared-0").ok()?);
            let arn = Arn::new("arn:aws:elasticloadbalancing:::loadbalancer/declared").ok()?;
            Some((account, region, arn))
        };
        let place = self.text.place(self.value.clone().unwrap_or_else(|| self.head.clone()));
        let subject = match stand_ins() {
            None => Subject::Incapable("The stand-ins for its identity are not well-formed.".to_owned()),
            Some((stand_in, no_region, no_arn)) => Subject::LoadBalancer(Box::new(LoadBalancer {
                arn: arn.unwrap_or(no_arn),
                account: account.unwrap_or(stand_in),
                account_name: Observed::Unread(no_account),
                ou: Observed::Unread(undeclared("the organizational unit")),
                region: region.unwrap_or(no_region),
                name: self.name.known().cloned().unwrap_or_else(|| self.address.clone()),
                kind,
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
                tags: Observed::Known(self.tags.clone()),
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
                placeholder: Some(Arc::new(placeholder)),
                declared: None,
            })),
        };
        let mut tags = self.tags;
        tags.extend(options.tags.iter().map(|(key, value)| (key.clone(), value.clone())));
        Declared {
            dialect: self.dialect,
            address: self.address,
            place,
            action: self.action,
            subject,
            tags,
            more_tags: self.more_tags.filter(|_| options.tags.is_empty()),
            note: self.note,
            way: self.way,
            logs_way: self.logs_way,
            fix: self.fix,
            marks: self.marks,
        }
    }
}

/// The scheme by AWS's word for it, which is internet-facing where none is named:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
pub(crate) fn scheme(named: Observed<String>) -> Observed<Scheme> {
    match named {
        Observed::Absent => Observed::Known(Scheme::InternetFacing),
        Observed::Known(word) if word == "internet-facing" => Observed::Known(Scheme::InternetFacing),
        Observed::Known(word) if word == "internal" => Observed::Known(Scheme::Internal),
        Observed::Known(_) => Observed::Absent,
        Observed::Unread(gap) => Observed::Unread(gap),
    }
}

/// A gap at a stretch of a file.
pub(crate) fn gap(text: &Text<'_>, reason: GapReason, span: Range<usize>, message: impl Into<String>) -> Arc<Gap> {
    let place: Place = text.place(span);
    Arc::new(Gap::new(reason, place.to_string()).with_message(message))
}

/// A declaration of something that makes a load balancer and cannot carry a mode.
pub(crate) fn incapable(
    text: &Text<'_>,
    dialect: Dialect,
    address: String,
    head: Range<usize>,
    because: String,
) -> Declared {
    Declared {
        dialect,
        address,
        place: text.place(head),
        action: Action::Unsaid,
        subject: Subject::Incapable(because),
        tags: BTreeMap::new(),
        more_tags: None,
        note: None,
        way: String::new(),
        logs_way: String::new(),
        fix: Err("it cannot carry a mode".to_owned()),
        marks: Marks::default(),
    }
}
