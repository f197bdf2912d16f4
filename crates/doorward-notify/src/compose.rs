//! Composes a digest from a report and what an audience knows; no digest where nothing changed and nothing fell due.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{
    AccountState, Arn, CoverageLine, Finding, HistoryContext, LoadBalancer, Observed, PostureFigure, PostureSummary,
    RuleMeta, ScanReport, Severity, Verdict, sha256_hex,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::audience::Audience;
use crate::audience_notice::AudienceNotice;
use crate::channels_config::ChannelsConfig;
use crate::days::days_left;
use crate::delivery_store::{DigestState, StoredDigest};
use crate::digest::{Changed, Digest, DigestChange, DigestLine, DueLine, FORMAT, Totals, link};
use crate::notified_state::{DigestEntry, DigestStanding, Due, Entries, NotifiedState};
use crate::settings::Settings;

mod belonging;
mod compared;
mod digest_line;
mod no_digest;
mod posture_of_period;
mod scanned;
mod share;

use belonging::Unassigned;
use compared::{ComparedShare, change, fine};
pub use no_digest::NoDigest;
pub(crate) use share::AudienceShare;

/// The values of [`LoadBalancer::owner_label`] without a named owner.
const WITHOUT_OWNER: [&str; 3] = ["unowned", "(owner unread)", "(not asked)"];

/// A digest together with what its audience knows once it has arrived.
pub(crate) struct Composed {
    pub(crate) notice: AudienceNotice,
    /// What the audience knows then, as text for the memory.
    pub(crate) state: String,
}

/// The state of one finding in the report.
enum Now {
    Open(DigestEntry),
    Closed(DigestChange),
}

/// A report, read once for all audiences.
pub(crate) struct Composer<'a> {
    report: &'a ScanReport,
    directory: &'a ChannelsConfig,
    titles: BTreeMap<&'a str, &'a str>,
    load_balancers: BTreeMap<&'a Arn, &'a LoadBalancer>,
    findings: BTreeMap<&'a str, &'a Finding>,
    /// Findings that failed when they were last seen and were not seen now; absent where no ledger says it.
    failed: Option<BTreeSet<&'a str>>,
    /// By account and Region, the Region empty on a line without one.
    lines: BTreeMap<(&'a str, &'a str), &'a CoverageLine>,
    /// Accounts that are closed: everything in them has ended.
    closed: BTreeSet<&'a str>,
    shares: BTreeMap<Audience, AudienceShare<'a>>,
    /// What may belong to any risk profile.
    unassigned: Unassigned,
    today: Date,
    /// What those above the owners read.
    posture: PostureSummary,
    /// The key figures of each owner with a line of its own.
    kpis: BTreeMap<&'a Audience, Vec<PostureFigure>>,
}

impl<'a> Composer<'a> {
    /// Reads the report: every finding belongs to exactly one audience.
    pub(crate) fn new(
        report: &'a ScanReport,
        rules: &'a [RuleMeta],
        history: &HistoryContext,
        directory: &'a ChannelsConfig,
    ) -> Self {
        let region = |line: &'a CoverageLine| line.region.as_ref().map_or("", |region| region.as_str());
        let mut composer = Self {
            report,
            directory,
            titles: rules.iter().map(|rule| (rule.id, rule.title)).collect(),
            load_balancers: report.load_balancers.iter().map(|lb| (&lb.arn, lb)).collect(),
            findings: report.findings.iter().map(|finding| (finding.id.as_str(), finding)).collect(),
            failed: report.unseen.as_ref().map(|u| u.findings.iter().map(|f| f.id.as_str()).collect()),
            lines: report.coverage.lines.iter().map(|line| ((line.account.as_str(), region(line)), line)).collect(),
            closed: (report.accounts.iter().filter(|account| account.state == AccountState::Closed))
                .map(|account| account.id.as_str())
                .collect(),
            shares: (directory.lines().filter(|(audience, _)| directory.posture_audience(audience).is_none()))
                .map(|(audience, _)| (audience.clone(), AudienceShare::default()))
                .collect(),
            unassigned: Unassigned::default(),
            today: report.run.finished.to_zoned(TimeZone::UTC).date(),
            kpis: belonging::kpis(directory, history),
            posture: PostureSummary::of(report, history, &directory.cost_centre_tags),
        };
        for lb in &report.load_balancers {
            for audience in [Some(composer.audience_of(lb)), composer.profile_of(lb)].into_iter().flatten() {
                let totals = &mut composer.shares.entry(audience).or_default().totals;
                totals.load_balancers += 1;
                share::count_sources(totals, lb, report.run.finished);
            }
        }
        for finding in &report.findings {
            let profile = composer.load_balancers.get(&finding.load_balancer).and_then(|lb| composer.profile_of(lb));
            for audience in [Some(composer.audience(finding)), profile].into_iter().flatten() {
                composer.shares.entry(audience).or_default().add(finding);
            }
        }
        for known in report.unseen.iter().flat_map(|unseen| &unseen.findings) {
            let profile = composer.load_balancers.get(&known.load_balancer).and_then(|lb| composer.profile_of(lb));
            let audience = composer.audience_named(&known.load_balancer, &known.owner);
            for audience in [Some(audience), profile].into_iter().flatten() {
                let totals = &mut composer.shares.entry(audience).or_default().totals;
                *if known.excepted { &mut totals.unseen_excepted } else { &mut totals.unseen_failing } += 1;
            }
        }
        for known in report.unseen.iter().flat_map(|unseen| &unseen.load_balancers) {
            let audience = composer.audience_named(&known.arn, &known.owner);
            composer.shares.entry(audience).or_default().totals.load_balancers_unseen += 1;
        }
        composer.unassigned = composer.of_no_known_profile();
        composer
    }

    /// Every audience of the directory with its share, which may be empty.
    pub(crate) fn shares(&self) -> &BTreeMap<Audience, AudienceShare<'a>> {
        &self.shares
    }

    fn audience(&self, finding: &Finding) -> Audience {
        match self.load_balancers.get(&finding.load_balancer) {
            Some(lb) => self.audience_of(lb),
            // No scan makes findings without their load balancer, but none is dropped.
            None => self.directory.audience(&finding.owner),
        }
    }

    /// Whose something is that was not seen: whose its load balancer is now, or was when it was last seen.
    fn audience_named(&self, arn: &Arn, owner: &str) -> Audience {
        match self.load_balancers.get(arn) {
            Some(lb) => self.audience_of(lb),
            None if WITHOUT_OWNER.contains(&owner) => Audience::Unowned,
            None => self.directory.audience(owner),
        }
    }

    fn audience_of(&self, lb: &LoadBalancer) -> Audience {
        match &lb.owner {
            Observed::Known(owner) => self.directory.audience(&owner.name),
            Observed::Absent | Observed::Unread(_) => Audience::Unowned,
        }
    }

    /// Composes the digest of an audience at a channel, or says why there is none.
    ///
    /// # Errors
    /// When what is remembered cannot be read.
    pub(crate) fn compose(
        &self,
        audience: &Audience,
        channel: &str,
        remembered: &DigestState,
    ) -> Result<Result<Composed, NoDigest>, serde_json::Error> {
        if let Some(settings) = self.directory.posture_audience(audience) {
            return self.compose_posture(audience, settings, channel, remembered);
        }
        let state = |intent: &StoredDigest| NotifiedState::from_text(&intent.state);
        let read = |intent: &Option<StoredDigest>| intent.as_ref().map(state).transpose();
        let known_entries = read(&remembered.delivered)?.map(|snapshot| snapshot.entries);
        let open = read(&remembered.open)?;
        let first = known_entries.is_none();
        let known_entries = known_entries.unwrap_or_default();
        let believed = open.as_ref().map(|open| open.uncertain.clone()).unwrap_or_default();
        let ComparedShare { entries, changes, due, uncertain } = self.compare(audience, &known_entries, &believed);
        if changes.is_empty() && !due.iter().any(|due| due.new) {
            return Ok(Err(NoDigest::NothingNew));
        }
        let id = match (&remembered.open, &open) {
            // The same content is repeated under the same id.
            (Some(intent), Some(open)) if open.entries == entries => intent.id.clone(),
            _ => {
                let id = |intent: &Option<StoredDigest>| intent.as_ref().map(|intent| intent.id.clone());
                let content =
                    (FORMAT, audience.key(), channel, id(&remembered.delivered), id(&remembered.open), &entries);
                sha256_hex(&serde_json::to_vec(&content)?)
            }
        };
        let mut totals = self.shares.get(audience).map(|share| share.totals.clone()).unwrap_or_default();
        totals.unseen =
            entries.iter().filter(|(id, entry)| entry.unseen && !self.findings.contains_key(id.as_str())).count();
        if matches!(audience, Audience::Profile(_)) {
            totals = Totals {
                unassigned_failing: self.unassigned.failing,
                unassigned_excepted: self.unassigned.excepted,
                unassigned_load_balancers: self.unassigned.load_balancers,
                ..totals
            };
        }
        let digest = Digest {
            format: FORMAT,
            id,
            audience: audience.clone(),
            may_repeat: remembered.open.is_some(),
            first,
            since: remembered.delivered.as_ref().map(|known_entries| known_entries.at),
            scan: self.scan(),
            totals,
            kpis: self.kpis.get(audience).cloned().unwrap_or_default(),
            changes,
            due,
            link: self.directory.settings.link_base.as_deref().map(|base| link(base, audience)),
        };
        let state = NotifiedState { entries, uncertain }.to_text()?;
        Ok(Ok(Composed { notice: AudienceNotice::Changes(Box::new(digest)), state }))
    }

    fn compare(&self, audience: &Audience, known_entries: &Entries, believed: &Entries) -> ComparedShare {
        let mut ids: BTreeSet<&str> = known_entries.keys().chain(believed.keys()).map(String::as_str).collect();
        let share = self.shares.get(audience);
        ids.extend(share.iter().flat_map(|share| share.findings.iter().map(|finding| finding.id.as_str())));
        let mut compared = ComparedShare::default();
        for id in ids {
            let (before, believed) = (known_entries.get(id), believed.get(id));
            if let Some(known) = before.or(believed).filter(|known| !self.concerns(known)) {
                compared.entries.insert(id.to_owned(), known.carried(believed));
                continue;
            }
            let Some(now) = self.now(audience, id, before.or(believed)) else { continue };
            let reopened =
                self.findings.get(id).and_then(|finding| finding.history.as_ref()).is_some_and(|h| h.reopened > 0);
            let asked = self.was_asked(id, before.or(believed));
            let change = change(before, &now, reopened).or_else(|| {
                believed.map(|believed| change(Some(believed), &now, reopened).unwrap_or(DigestChange::Restated))
            });
            let change = change
                .map(|change| if change == DigestChange::Unseen && !asked { DigestChange::NotAsked } else { change });
            // A finding that passes now, and whose failure may never have been delivered, has no entry on either side.
            let Some(known) = (match &now {
                Now::Open(entry) => Some(entry),
                Now::Closed(_) => before.or(believed),
            }) else {
                continue;
            };
            let line = self.line(id, known, matches!(now, Now::Open(_)));
            let mut reported_now = change.is_some();
            if let Now::Open(entry) = &now
                && let Some(due) = &entry.due
            {
                let new = before.and_then(|before| before.due.as_ref()) != Some(due) || believed.is_some();
                reported_now |= new;
                let days_left = match due {
                    Due::ExceptionEnds { on } => days_left(on, self.today),
                    Due::Overdue { .. } => None,
                };
                compared.due.push(DueLine { due: due.clone(), new, days_left, line: line.clone() });
            }
            if reported_now {
                compared.uncertain.insert(id.to_owned(), known.clone());
            }
            if let Some(change) = change {
                compared.changes.push(Changed { change, line });
            }
            if let Now::Open(entry) = now {
                compared.entries.insert(id.to_owned(), entry);
            }
        }
        let severity = |line: &DigestLine| Reverse(line.standing.as_ref().map(DigestStanding::severity));
        compared.changes.sort_by_key(|changed| (changed.change, severity(&changed.line)));
        compared.due.sort_by_key(|due| (due.days_left.unwrap_or(0), severity(&due.line)));
        compared
    }

    /// Whether the rule of a finding was asked of its load balancer, where the scan saw that.
    fn was_asked(&self, id: &str, known: Option<&DigestEntry>) -> bool {
        match self.findings.get(id) {
            Some(finding) => !matches!(*finding.verdict, Verdict::NotAsked { .. }),
            None => known.is_none_or(|known| !self.load_balancers.contains_key(&known.arn)),
        }
    }

    /// Whether the report can say anything of what an audience knows: it may be about one load balancer only.
    fn concerns(&self, known: &DigestEntry) -> bool {
        self.report.run.only.as_ref().is_none_or(|only| *only == known.arn)
    }

    /// The state of a finding for an audience; none where it passes and was never reported to the audience.
    fn now(&self, audience: &Audience, id: &str, before: Option<&DigestEntry>) -> Option<Now> {
        let Some(finding) = self.findings.get(id) else {
            return before.map(|before| self.absent(audience, id, before));
        };
        let belongs = match self.load_balancers.get(&finding.load_balancer) {
            Some(lb) => self.belongs(lb, audience),
            None => Some(self.audience(finding) == *audience),
        };
        match belongs {
            Some(true) => {}
            Some(false) => return before.map(|_| Now::Closed(DigestChange::Moved)),
            None => return before.map(|before| Now::Open(DigestEntry { unseen: true, ..before.clone() })),
        }
        let standing = match &*finding.verdict {
            Verdict::Fail { severity: Severity::Informational, .. }
            | Verdict::Excepted { severity: Severity::Informational, .. }
            | Verdict::Pass { .. } => return before.map(|before| Now::Closed(fine(before))),
            Verdict::NotApplicable { .. } => return before.map(|_| Now::Closed(DigestChange::NotApplicable)),
            Verdict::Fail { severity, .. } => Some(DigestStanding::Failing { severity: *severity }),
            Verdict::Excepted { severity, exception, expires, .. } => {
                let (exception, expires) = (exception.clone(), expires.clone());
                Some(DigestStanding::Excepted { severity: *severity, exception, expires })
            }
            // A rule that was not asked leaves the known state; a finding that was never known is not reported.
            Verdict::NotAsked { .. } => {
                return before.map(|before| Now::Open(self.not_seen(id, before)));
            }
            Verdict::Unknown { .. } => None,
        };
        let unseen = standing.is_none();
        let standing = standing.or_else(|| before.and_then(|before| self.not_seen(id, before).standing));
        let due = standing.as_ref().and_then(|standing| self.due(finding, standing, unseen, before));
        Some(Now::Open(DigestEntry {
            arn: finding.load_balancer.clone(),
            rule: finding.rule.to_string(),
            name: finding.name.to_string(),
            owner: finding.owner.to_string(),
            standing,
            unseen,
            due,
        }))
    }

    /// The state of a finding that is not in the report: only a full listing proves that a load balancer is deleted. A rule that was
    /// not asked says nothing.
    fn absent(&self, audience: &Audience, id: &str, before: &DigestEntry) -> Now {
        let lb = self.load_balancers.get(&before.arn);
        if lb.is_some_and(|lb| self.belongs(lb, audience) == Some(false)) {
            return Now::Closed(DigestChange::Moved);
        }
        let account = before.arn.account();
        let line = self.lines.get(&(account, before.arn.region())).or_else(|| self.lines.get(&(account, "")));
        let gone = lb.is_none() && line.is_some_and(|line| line.fully_listed);
        if gone || self.closed.contains(account) {
            return Now::Closed(DigestChange::Gone);
        }
        Now::Open(self.not_seen(id, before))
    }

    fn due(&self, of: &Finding, standing: &DigestStanding, unseen: bool, before: Option<&DigestEntry>) -> Option<Due> {
        match standing {
            standing @ DigestStanding::Excepted { .. } => self.exception_due(Some(standing)),
            DigestStanding::Failing { .. } if unseen => before.and_then(|before| before.due.clone()),
            DigestStanding::Failing { severity } => {
                if let Some(deadline) = &of.deadline {
                    return deadline.is_overdue().then_some(Due::Overdue { after_days: deadline.days });
                }
                let after_days = *self.settings().max_age_days.get(severity)?;
                // Only time during which the current failure was observed counts, as for the deadlines of the policy.
                let observed = of.history.as_ref()?.failing?.observed_seconds;
                (observed >= u64::from(after_days) * 86_400).then_some(Due::Overdue { after_days })
            }
        }
    }

    fn exception_due(&self, standing: Option<&DigestStanding>) -> Option<Due> {
        let Some(DigestStanding::Excepted { expires, .. }) = standing else { return None };
        // A date that cannot be parsed counts as due.
        let soon = days_left(expires, self.today).is_none_or(|left| left <= i64::from(self.settings().due_days));
        soon.then(|| Due::ExceptionEnds { on: expires.clone() })
    }

    fn settings(&self) -> &Settings {
        &self.directory.settings
    }
}
