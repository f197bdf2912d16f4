//! Render: scan report -> findings in ASFF. Pure: the same report gives the same bytes.
//!
//! What Security Hub's words stand for here:
//!
//! | verdict | Compliance.Status | severity |
//! |---|---|---|
//! | pass | `PASSED` | `INFORMATIONAL` |
//! | fail | `FAILED` | the verdict's |
//! | excepted | `FAILED`, or as [`ExceptedAs`] says | `INFORMATIONAL`; the verdict's own as `Severity.Original` |
//! | unknown because something could not be read | `NOT_AVAILABLE` ("could not be performed because of ... an API error") | the rule's |
//! | unknown because AWS's answer lacks it | `WARNING` ("some information is missing") | the rule's |
//!
//! An excepted load balancer still fails its rule, and that is accepted until a date. So the default sends Security Hub
//! `FAILED` with no severity to speak of, and nothing changes but the severity when the exception ends. `PASSED` is not
//! offered: it would be untrue. A rule that does not apply makes no finding, nor does one that was not asked: that it has no new
//! answer says nothing of the last one.

mod answer;
mod details;
mod of_settings;

pub(crate) use answer::plain_title;
pub use of_settings::renderer;

use std::collections::BTreeMap;

use jiff::Timestamp;

use doorward_model::{
    AccountId, AccountRegion, Finding, Frameworks, LoadBalancer, Observed, Region, RuleMeta, ScanReport, Verdict,
};

use crate::asff::{Asff, FIRST_SEEN, LAST_SEEN, ProviderFields, SCAN_ID, digest};
use crate::limits::{Cuts, fit, texts};

/// Longest finding id, in UTF-16 units.
const ID: usize = 512;
/// Most related requirements.
const REQUIREMENTS: usize = 32;

/// The Security Hub to which a finding is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Into the load balancer's own account and Region. Delegated administrators see it there by themselves.
    Member,
    /// Into one account, in one Region, for every load balancer. Security Hub accepts such a finding only as one of that
    /// account, so its account and Region filters show the Security Hub; the load balancer's are in the resource and in
    /// ProductFields. That Security Hub's limit of ten calls a second then holds for the whole organization.
    Central(AccountRegion),
}

impl Delivery {
    /// The Security Hub for what is in an account-Region.
    pub fn security_hub(&self, account: &AccountId, region: &Region) -> AccountRegion {
        match self {
            Self::Member => AccountRegion { account: account.clone(), region: region.clone() },
            Self::Central(security_hub) => security_hub.clone(),
        }
    }
}

/// The status of an excepted failure. The choice can be changed at any time; the findings follow with the next scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExceptedAs {
    /// `FAILED`, without severity.
    #[default]
    Failed,
    /// `WARNING`, without severity: for those whose score must not count what was accepted.
    Warning,
}

/// The register's data about an exception, for the finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Who approved it.
    pub approver: String,
    /// Why.
    pub reason: String,
}

/// A finding ready to be sent, with what deciding about it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The Security Hub to which it is sent.
    pub security_hub: AccountRegion,
    /// Where the load balancer is.
    pub subject: AccountRegion,
    /// The finding. Its dates are those of a finding that was not sent before.
    pub finding: Asff,
    /// See [`Asff::content`].
    pub content: String,
    /// When what it says was read.
    pub observed_at: Timestamp,
}

/// Everything besides the report that decides what findings look like.
pub struct FindingRenderer {
    delivery: Delivery,
    excepted: ExceptedAs,
    rules: BTreeMap<&'static str, &'static RuleMeta>,
    approvals: BTreeMap<String, Approval>,
    frameworks: Frameworks,
    overdue_raises: bool,
}

impl FindingRenderer {
    /// A renderer that knows these rules, and these exceptions by their ids.
    pub fn new(
        delivery: Delivery,
        excepted: ExceptedAs,
        rules: &[&'static RuleMeta],
        approvals: BTreeMap<String, Approval>,
    ) -> Self {
        Self {
            delivery,
            excepted,
            rules: rules.iter().map(|meta| (meta.id, *meta)).collect(),
            approvals,
            frameworks: Frameworks::default(),
            overdue_raises: false,
        }
    }

    /// The same with overdue failures one severity step higher, or not.
    #[must_use]
    pub fn raising_overdue(self, overdue_raises: bool) -> Self {
        Self { overdue_raises, ..self }
    }

    /// The same with the frameworks of the user besides those that come with Doorward.
    #[must_use]
    pub fn mapped_to(self, frameworks: Frameworks) -> Self {
        Self { frameworks, ..self }
    }

    /// The frameworks whose controls findings name.
    pub(crate) fn frameworks(&self) -> &Frameworks {
        &self.frameworks
    }

    /// Which Security Hub findings go to.
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// The rule of a finding; none when this version does not know it.
    pub(crate) fn rule(&self, id: &str) -> Option<&'static RuleMeta> {
        self.rules.get(id).copied()
    }

    /// Renders one finding. None where the rule does not apply or was not asked, and where the report has no such load balancer or this
    /// version no such rule: the caller accounts for both.
    pub fn render(&self, index: &ReportIndex<'_>, finding: &Finding) -> Option<Rendered> {
        if matches!(*finding.verdict, Verdict::NotApplicable { .. } | Verdict::NotAsked { .. }) {
            return None;
        }
        let meta = self.rule(&finding.rule)?;
        let lb = index.load_balancer(finding)?;
        let security_hub = self.delivery.security_hub(&finding.account, &finding.region);
        let partition = finding.load_balancer.partition();
        let mut cuts = Cuts::default();
        let answer = answer::answer(self, meta, finding, &mut cuts);
        let run = &index.report.run;
        let observed_at = finding.observed_at.unwrap_or(run.started);
        let history = finding.history.as_ref();
        let first = history.map_or(observed_at, |history| history.first_seen.min(observed_at));
        // Of what could not be read, the ledger knows when it was last seen.
        let unseen = history.filter(|_| matches!(*finding.verdict, Verdict::Unknown { .. }));
        let last = unseen.map_or(observed_at, |history| history.last_seen.min(observed_at));
        let name = lb.account_name.known().filter(|_| security_hub.account == finding.account);
        let mut rendered = Asff {
            schema_version: "2018-10-08".to_owned(),
            id: id(&finding.id),
            product_arn: product_arn(partition, &security_hub),
            product_name: "Doorward".to_owned(),
            company_name: "Doorward".to_owned(),
            generator_id: format!("{}{}/v{}", GENERATOR, meta.id, meta.version),
            aws_account_id: security_hub.account.to_string(),
            aws_account_name: name.map(|name| cuts.text("AwsAccountName", name, 50)),
            first_observed_at: stamp(first),
            last_observed_at: stamp(last),
            created_at: stamp(first),
            updated_at: stamp(run.finished),
            title: cuts.text("Title", &answer.title, 256),
            description: cuts.text("Description", finding.verdict.because(), 1024),
            remediation: answer.remediation,
            product_fields: BTreeMap::new(),
            resources: vec![details::resource(lb, &mut cuts)],
            compliance: answer.compliance,
            record_state: "ACTIVE".to_owned(),
            finding_provider_fields: ProviderFields {
                severity: answer.severity,
                types: types(&self.frameworks, meta.id),
            },
        };
        let mut fields = fields(finding, lb, meta);
        fields.extend(answer.fields);
        fields.insert(SCAN_ID.to_owned(), run.id.clone());
        fields.insert(FIRST_SEEN.to_owned(), stamp(first));
        fields.insert(LAST_SEEN.to_owned(), stamp(last));
        rendered.product_fields = cuts.map("ProductFields", texts(&fields), 49, 128, 2048);
        fit(&mut rendered, &mut cuts);
        if let Some(summary) = cuts.summary() {
            rendered.product_fields.insert("doorward/cut".to_owned(), summary);
        }
        let content = rendered.content();
        let subject = finding.place();
        Some(Rendered { security_hub, subject, finding: rendered, content, observed_at })
    }

    /// Renders every finding of a report, in its order.
    pub fn render_all<'a>(&'a self, index: &'a ReportIndex<'a>) -> impl Iterator<Item = Rendered> + 'a {
        index.report.findings.iter().filter_map(|finding| self.render(index, finding))
    }
}

/// A report with its load balancers by ARN.
pub struct ReportIndex<'a> {
    /// The report.
    pub report: &'a ScanReport,
    load_balancers: BTreeMap<&'a str, &'a LoadBalancer>,
    /// When the reading of an account-Region began.
    places: BTreeMap<(&'a AccountId, &'a Region), Timestamp>,
}

impl<'a> ReportIndex<'a> {
    /// Indexes a report.
    pub fn new(report: &'a ScanReport) -> Self {
        let load_balancers = report.load_balancers.iter().map(|lb| (lb.arn.as_str(), lb)).collect();
        let lines = report.coverage.lines.iter();
        let places = lines.filter_map(|line| Some(((&line.account, line.region.as_ref()?), line.read_at?))).collect();
        Self { report, load_balancers, places }
    }

    /// The load balancer of a finding.
    pub(crate) fn load_balancer(&self, finding: &Finding) -> Option<&'a LoadBalancer> {
        self.load_balancers.get(finding.load_balancer.as_str()).copied()
    }

    /// When the scan read a load balancer, as its findings say; none where it did not find it.
    pub(crate) fn observed(&self, arn: &str) -> Option<Timestamp> {
        let lb = self.load_balancers.get(arn)?;
        let begun = || self.places.get(&(&lb.account, &lb.region)).copied().unwrap_or(self.report.run.started);
        Some(lb.evidence.as_ref().map_or_else(begun, |evidence| evidence.at))
    }
}

/// Begins every GeneratorId.
pub(crate) const GENERATOR: &str = "doorward/";

/// The product under which an account may import findings of its own.
pub(crate) fn product_arn(partition: &str, security_hub: &AccountRegion) -> String {
    format!(
        "arn:{partition}:securityhub:{}:{}:product/{}/default",
        security_hub.region, security_hub.account, security_hub.account
    )
}

/// The finding's id. One that is too long keeps its beginning and ends in a digest of the whole.
pub(crate) fn id(id: &str) -> String {
    let clean: String = id.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if clean == id && id.encode_utf16().count() <= ID {
        return clean;
    }
    // Two units at most for each of 200 characters leave room for the digest, wherever the text is cut.
    let head: String = clean.chars().take(200).collect();
    format!("{head}~{}", digest(id))
}

/// RFC 3339 in UTC with milliseconds.
pub(crate) fn stamp(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// Finding types: what every rule is, and the frameworks it gives evidence for.
fn types(frameworks: &Frameworks, rule: &str) -> Vec<String> {
    let mut types = vec!["Software and Configuration Checks/AWS Security Best Practices".to_owned()];
    for (framework, _) in frameworks.related(rule) {
        if let Some(kind) = framework.finding_type.as_ref().filter(|kind| !types.contains(kind)) {
            types.push(kind.clone());
        }
    }
    types
}

/// Requirements as Security Hub spells them, as many as it takes.
fn requirements(frameworks: &Frameworks, rule: &str, cuts: &mut Cuts) -> Vec<String> {
    let all = frameworks.related(rule).count();
    if all > REQUIREMENTS {
        cuts.note(format!("Compliance.RelatedRequirements ({} of {all} left out)", all - REQUIREMENTS));
    }
    frameworks.related(rule).take(REQUIREMENTS).map(|(_, spelled)| spelled.to_owned()).collect()
}

/// The values for which ASFF has no member.
fn fields(finding: &Finding, lb: &LoadBalancer, meta: &RuleMeta) -> BTreeMap<String, String> {
    fn seen<T: ToString>(value: &Observed<T>) -> String {
        match value {
            Observed::Known(value) => value.to_string(),
            Observed::Absent => "(absent)".to_owned(),
            Observed::Unread(gap) => format!("(unread: {})", gap.reason),
        }
    }
    let mut fields = BTreeMap::new();
    let mut put = |name: &str, value: String| {
        fields.insert(format!("doorward/{name}"), value);
    };
    put("rule", meta.id.to_owned());
    put("rule-version", meta.version.to_string());
    put("verdict", finding.verdict.kind().to_string());
    put("reason", finding.verdict.reason().code().to_owned());
    put("account", finding.account.to_string());
    put("account-name", seen(&lb.account_name));
    put("region", finding.region.to_string());
    put("load-balancer-name", finding.name.to_string());
    put("load-balancer-kind", finding.kind.to_string());
    put("mode", seen(&lb.mode));
    put("drop-invalid-headers", seen(&lb.drop_invalid_headers));
    put("scheme", seen(&lb.scheme));
    put("owner", finding.owner.to_string());
    if let Observed::Known(owner) = &lb.owner {
        put("owner-source", owner.source_text());
    }
    put("managed-by", seen(&lb.managed_by));
    if let Observed::Known(ou) = &lb.ou {
        put("unit", ou.names.clone());
    }
    for (name, value) in [("environment", &lb.environment), ("application", &lb.application)] {
        if let Observed::Known(value) = value {
            put(name, value.clone());
        }
    }
    if let Some(declared) = &lb.declared {
        put("declared", declared.to_string());
        put("declared-because", declared.because.clone());
    }
    if let Some(applied) = &lb.policy {
        put("risk-profile", applied.profile_label().to_owned());
    }
    if let Some(deadline) = &finding.deadline {
        put("deadline-days", deadline.days.to_string());
        put("deadline-state", deadline.state.as_str().to_owned());
        // The day alone: the second moves with every interruption, and would be an update of the finding.
        if let Some(due) = deadline.due {
            put("deadline-due", due.strftime("%Y-%m-%d").to_string());
        }
    }
    if let Some(history) = &finding.history {
        put("reopened", history.reopened.to_string());
    }
    // What Doorward did last: it stays as it is until something is done again, and so does the finding.
    if let Some(done) = lb.changes.last() {
        put("change", done.change.clone());
        put("change-modes", format!("{} to {}", done.from, done.to));
        put("change-status", done.status.to_string());
        put("change-at", stamp(done.at));
        put("change-approved-by", done.by.clone());
        put("change-why", done.why.clone());
        if !done.detail.is_empty() {
            put("change-detail", done.detail.clone());
        }
        if let Some(request) = &done.request_id {
            put("change-request-id", request.clone());
        }
    }
    if let Some(edit) = &lb.edited {
        put("edit-event", edit.event.clone());
        put("edit-call", edit.call.clone());
        put("edit-at", stamp(edit.at));
        put("edit-by", edit.by.clone());
        for (name, value) in [
            ("edit-issuer", &edit.issuer),
            ("edit-service", &edit.service),
            ("edit-source", &edit.source),
            ("edit-agent", &edit.agent),
            ("edit-change", &edit.change),
        ] {
            if let Some(value) = value {
                put(name, value.clone());
            }
        }
    }
    fields
}
