//! Findings as Security Hub takes them: the settings of the delivery, and the files in its formats.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::Duration;

use doorward_core::access::{ExternalId, Purpose, RoleName};
use doorward_core::settings::Span;
use doorward_model::{
    AccountId, AccountRegion, LoadBalancer, Policy, Region, ScanReport, SinkContext, Skipped, Verdict,
};
use doorward_rules::exceptions::Register;
use doorward_sink_securityhub::{
    Approval, Delivery, ExceptedAs, Index, Renderer, Settings as DeliverySettings, Shape, asff_json, grants,
    ocsf_ndjson, reading_grant,
};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SinkInputs, Written};
use crate::register;

/// Security Hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishSettings {
    /// The account and Region that take findings.
    pub(crate) delivery: DeliveryKind,
    /// The account that takes all findings, with `delivery = "central"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<AccountId>,
    /// Its Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<Region>,
    /// The role to assume in the account that takes a finding; not the scan's role, which cannot write.
    pub(crate) role_name: RoleName,
    /// The external id that the trust policy of the role requires; by default that of the scan.
    #[serde(default, skip_serializing)]
    pub(crate) external_id: Option<ExternalId>,
    /// Whether an excepted failure is a `WARNING` instead of `FAILED`.
    pub(crate) excepted_as_warning: bool,
    /// The age in days at which an unchanged finding is sent again.
    pub(crate) keep_alive_days: u32,
    /// The age at which a reading is too old: its finding is sent as `NOT_AVAILABLE`.
    #[serde(default = "three_days")]
    pub(crate) maximum_age: Span,
    /// The share of Security Hub's quotas to use, from 0 to 1.
    pub(crate) share_of_quotas: f64,
}

/// Three daily scans, so that one failed scan changes nothing. Scans that were saved before this was a setting lack it.
fn three_days() -> Span {
    Span(Duration::from_secs(3 * 86_400))
}

/// The account and Region that take findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DeliveryKind {
    /// The account and Region of the load balancer.
    Member,
    /// One account and Region.
    Central,
}

impl PublishSettings {
    /// The settings of the sink.
    pub(crate) fn delivery_settings(&self) -> DeliverySettings {
        DeliverySettings {
            keep_alive_days: self.keep_alive_days,
            maximum_age: SignedDuration::try_from(self.maximum_age.0).unwrap_or(SignedDuration::MAX),
            share_of_quotas: self.share_of_quotas,
            ..DeliverySettings::default()
        }
    }

    /// The purpose of the sessions that import findings.
    pub(crate) fn purpose(&self) -> Purpose {
        Purpose { role_name: self.role_name.clone(), external_id: self.external_id.clone(), grants: grants() }
    }

    /// The account-Region that takes all findings, with central delivery.
    pub(crate) fn central(&self) -> Option<AccountRegion> {
        let central = (self.delivery == DeliveryKind::Central).then_some((&self.account, &self.region));
        let (Some(account), Some(region)) = central? else { return None };
        Some(AccountRegion { account: account.clone(), region: region.clone() })
    }

    /// The account-Regions that take, or would take, the findings of these load balancers.
    pub(crate) fn security_hubs(&self, load_balancers: &[LoadBalancer]) -> BTreeSet<AccountRegion> {
        if let Some(central) = self.central() {
            return BTreeSet::from([central]);
        }
        let able = load_balancers.iter().filter(|lb| lb.kind.can_parse_http());
        able.map(|lb| AccountRegion { account: lb.account.clone(), region: lb.region.clone() }).collect()
    }

    /// The purpose of the sessions that only read findings.
    pub(crate) fn reading(&self) -> Purpose {
        Purpose { grants: vec![reading_grant()], ..self.purpose() }
    }

    /// The key and the problem of a setting that cannot be used.
    pub(crate) fn problem(&self) -> Option<(&'static str, String)> {
        let central = self.delivery == DeliveryKind::Central;
        if central && (self.account.is_none() || self.region.is_none()) {
            let problem = "central delivery needs publish.account and publish.region".to_owned();
            return Some(("publish.delivery", problem));
        }
        if !central && (self.account.is_some() || self.region.is_some()) {
            let key = if self.account.is_some() { "publish.account" } else { "publish.region" };
            return Some((key, "it has an effect only with publish.delivery = \"central\"".to_owned()));
        }
        if !(1..=80).contains(&self.keep_alive_days) {
            let problem = format!("{} is not between 1 and 80; Security Hub deletes at 90", self.keep_alive_days);
            return Some(("publish.keep_alive_days", problem));
        }
        if !(0.01..=1.0).contains(&self.share_of_quotas) {
            let problem = format!("{} is not between 0.01 and 1", self.share_of_quotas);
            return Some(("publish.share_of_quotas", problem));
        }
        None
    }
}

/// Renders findings of the rules that apply to these load balancers; findings of other rules, from earlier scans, are left as they
/// are. `changes_elsewhere` is as in [`register::rules`].
pub(crate) fn renderer(
    settings: &PublishSettings,
    register: &Register,
    policy: &Policy,
    load_balancers: &[LoadBalancer],
    changes_elsewhere: bool,
) -> Renderer {
    let delivery = settings.central().map_or(Delivery::Member, Delivery::Central);
    let excepted = if settings.excepted_as_warning { ExceptedAs::Warning } else { ExceptedAs::Failed };
    let entries = register.entries(Timestamp::UNIX_EPOCH);
    let approvals: BTreeMap<String, Approval> = entries
        .into_iter()
        .map(|entry| {
            let exception = entry.exception;
            let approval = Approval { approver: exception.approver.clone(), reason: exception.reason.clone() };
            (exception.id.clone(), approval)
        })
        .collect();
    let asked = register::rules(register, load_balancers, changes_elsewhere, Timestamp::UNIX_EPOCH);
    let asked =
        |id: &str| asked.iter().any(|rule| rule.meta().id == id) && !policy.disabled.iter().any(|off| off == id);
    let rules: Vec<_> = doorward_rules::catalogue().iter().copied().filter(|meta| asked(meta.id)).collect();
    Renderer::new(delivery, excepted, &rules, approvals)
}

/// Writes ASFF.
pub(super) fn write_asff(
    mut out: &mut dyn Write,
    report: &ScanReport,
    inputs: &SinkInputs<'_>,
    _: &SinkContext<'_>,
) -> io::Result<Written> {
    let findings = asff_json(&renderer_of(report, inputs), &Index::new(report), &mut out)?;
    Ok(written(findings, report))
}

/// Writes OCSF of the current version.
pub(super) fn write_ocsf(
    mut out: &mut dyn Write,
    report: &ScanReport,
    inputs: &SinkInputs<'_>,
    _: &SinkContext<'_>,
) -> io::Result<Written> {
    let findings = ocsf_ndjson(&renderer_of(report, inputs), &Index::new(report), Shape::Current, &mut out)?;
    Ok(written(findings, report))
}

/// Writes OCSF of the version that Security Lake takes.
pub(super) fn write_ocsf_for_security_lake(
    mut out: &mut dyn Write,
    report: &ScanReport,
    inputs: &SinkInputs<'_>,
    _: &SinkContext<'_>,
) -> io::Result<Written> {
    let findings = ocsf_ndjson(&renderer_of(report, inputs), &Index::new(report), Shape::SecurityLake, &mut out)?;
    Ok(written(findings, report))
}

fn renderer_of(report: &ScanReport, inputs: &SinkInputs<'_>) -> Renderer {
    renderer(&inputs.settings.publish, inputs.register, inputs.policy, &report.load_balancers, false)
}

/// Security Hub has no finding for a rule that does not apply or was not asked.
fn written(findings: usize, report: &ScanReport) -> Written {
    let count = |wanted: fn(&Verdict) -> bool| report.findings.iter().filter(|f| wanted(&f.verdict)).count();
    let skipped = [
        ("the rule does not apply", count(|verdict| matches!(verdict, Verdict::NotApplicable { .. }))),
        ("the rule was not asked", count(|verdict| matches!(verdict, Verdict::NotAsked { .. }))),
    ];
    let skipped = skipped.into_iter().filter(|(_, count)| *count > 0);
    let skipped = skipped.map(|(reason, count)| Skipped { reason: reason.to_owned(), count });
    Written { findings, skipped: skipped.collect() }
}
