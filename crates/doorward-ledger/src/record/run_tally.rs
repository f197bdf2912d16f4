//! Counts of one run by group: the whole, owners, organizational units and chosen tags.

use std::collections::BTreeMap;

use doorward_model::{
    Account, AccountId, EffectiveMode, Finding, GapReason, LastMode, LoadBalancer, Mode, Observed, OwnerNames,
    ScanReport, Severity, UnseenFinding, UnseenLoadBalancer, Verdict, owner_key, tag_value,
};
use rusqlite::{Connection, params_from_iter};

use crate::error::LedgerFault;
use crate::owner_spelling;

/// The columns of `tallies`, in the order of [`Counts`].
pub(crate) const COLUMNS: &str = "monitor, defensive, strictest, mode_unknown, mode_not_applicable, unowned, \
     informational, low, medium, high, critical, excepted, unknown, unseen, due, unseen_low, unseen_medium, unseen_high, \
     unseen_critical, unseen_excepted, unseen_monitor, unseen_defensive, unseen_strictest, unseen_mode_unknown, \
     unseen_unowned";

/// Positions in [`Counts`].
pub(crate) mod count {
    pub(crate) const MONITOR: usize = 0;
    pub(crate) const DEFENSIVE: usize = 1;
    pub(crate) const STRICTEST: usize = 2;
    pub(crate) const MODE_UNKNOWN: usize = 3;
    pub(crate) const MODE_NOT_APPLICABLE: usize = 4;
    pub(crate) const UNOWNED: usize = 5;
    /// The first of five, in the order of severity.
    pub(crate) const SEVERITY: usize = 6;
    pub(crate) const EXCEPTED: usize = 11;
    pub(crate) const UNKNOWN: usize = 12;
    pub(crate) const UNSEEN: usize = 13;
    pub(crate) const DUE: usize = 14;
    /// The first of four, from low to critical: open when they were last seen.
    pub(crate) const UNSEEN_SEVERITY: usize = 15;
    pub(crate) const UNSEEN_EXCEPTED: usize = 19;
    /// The first of four, in the order of the modes above.
    pub(crate) const UNSEEN_MODE: usize = 20;
    pub(crate) const UNSEEN_UNOWNED: usize = 24;
}

/// One row of counts.
pub(crate) type Counts = [i64; 25];

/// Stands for a count that the version which wrote the row did not keep.
pub(crate) const NOT_KEPT: i64 = -1;

/// The rule whose failures are exceptions that end soon.
const DUE_RULE: &str = "exception-expiring";

/// A severity's place in the order from informational to critical.
pub(crate) fn rank(severity: Severity) -> usize {
    match severity {
        Severity::Informational => 0,
        Severity::Low => 1,
        Severity::Medium => 2,
        Severity::High => 3,
        Severity::Critical => 4,
    }
}

/// The dimension that has one group, the whole.
const ALL: &str = "";
const OWNER: &str = "owner";
const OU: &str = "ou";
const TAG: &str = "tag:";
/// What [`LoadBalancer::owner_label`] says of a load balancer without an owner.
const UNOWNED: &str = "unowned";

/// Counts under way.
pub(super) struct Tallies {
    dimensions: Vec<String>,
    groups: BTreeMap<(usize, String), usize>,
    counts: Vec<Counts>,
    /// For every load balancer of the report, its group in every dimension.
    of_load_balancer: Vec<usize>,
    /// The accounts of the report, whose tags count where a load balancer lacks one.
    accounts: BTreeMap<AccountId, Account>,
    /// How the owners of the report are written.
    names: OwnerNames,
}

impl Tallies {
    /// Counts the load balancers of a report.
    pub(super) fn new(report: &ScanReport, tags: &[String]) -> Self {
        let mut dimensions = vec![ALL.to_owned(), OWNER.to_owned(), OU.to_owned()];
        for tag in tags {
            let dimension = tag_dimension(tag);
            if !dimensions.contains(&dimension) {
                dimensions.push(dimension);
            }
        }
        let accounts = report.accounts.iter().map(|account| (account.id.clone(), account.clone())).collect();
        let names = OwnerNames::of(&report.load_balancers);
        let (groups, counts, of_load_balancer) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut tallies = Self { dimensions, groups, counts, of_load_balancer, accounts, names };
        tallies.group(0, "");
        for lb in &report.load_balancers {
            tallies.add_load_balancer(lb);
        }
        tallies
    }

    fn group(&mut self, dimension: usize, label: &str) -> usize {
        let next = self.counts.len();
        let group = *self.groups.entry((dimension, label.to_owned())).or_insert(next);
        if group == next {
            self.counts.push(Counts::default());
        }
        group
    }

    fn add_load_balancer(&mut self, lb: &LoadBalancer) {
        let counted = mode_column(lb);
        let unowned =
            matches!(lb.owner, Observed::Absent) && counted.is_some_and(|column| column != count::MODE_NOT_APPLICABLE);
        for dimension in 0..self.dimensions.len() {
            let label = self.label_of(lb, self.dimensions.get(dimension).map_or(ALL, String::as_str));
            let group = self.group(dimension, &label);
            self.of_load_balancer.push(group);
            if let Some(column) = counted {
                add(&mut self.counts, group, column, 1);
            }
            add(&mut self.counts, group, count::UNOWNED, i64::from(unowned));
        }
    }

    /// Counts a finding, by the groups of its load balancer.
    pub(super) fn add_finding(&mut self, finding: &Finding, load_balancer: Option<usize>) {
        let column = match &*finding.verdict {
            Verdict::Fail { severity, .. } => count::SEVERITY + rank(*severity),
            Verdict::Excepted { .. } => count::EXCEPTED,
            Verdict::Unknown { .. } => count::UNKNOWN,
            Verdict::Pass { .. } | Verdict::NotApplicable { .. } | Verdict::NotAsked { .. } => return,
        };
        let due = i64::from(finding.rule == DUE_RULE && matches!(*finding.verdict, Verdict::Fail { .. }));
        let width = self.dimensions.len();
        let groups = match load_balancer {
            Some(load_balancer) => {
                self.of_load_balancer.get(load_balancer * width..(load_balancer + 1) * width).unwrap_or_default()
            }
            None => &[0],
        };
        for group in groups {
            add(&mut self.counts, *group, column, 1);
            add(&mut self.counts, *group, count::DUE, due);
        }
    }

    /// The groups of a load balancer of the report, in every dimension: equal for equal groupings.
    pub(super) fn groups_of(&self, load_balancer: usize) -> &[usize] {
        let from = load_balancer * self.dimensions.len();
        self.of_load_balancer.get(from..from + self.dimensions.len()).unwrap_or_default()
    }

    /// The groups of a load balancer but the whole, as the file keeps them.
    pub(super) fn grouping(&self, lb: &LoadBalancer) -> Result<String, LedgerFault> {
        let named = self.dimensions.iter().skip(1);
        let mut grouping: BTreeMap<&str, String> = named.map(|d| (d.as_str(), self.label_of(lb, d))).collect();
        grouping.extend(owner_spelling::entry(lb, &self.names));
        Ok(serde_json::to_string(&grouping)?)
    }

    fn label_of(&self, lb: &LoadBalancer, dimension: &str) -> String {
        match dimension {
            ALL => String::new(),
            // One group however the name is spelled, and the same as in ledgers of earlier versions.
            OWNER => lb.owner.known().map_or_else(|| lb.owner_label().to_owned(), |owner| owner_key(&owner.name)),
            OU => match &lb.ou {
                Observed::Known(path) => path.names.clone(),
                Observed::Absent => "(no unit)".to_owned(),
                Observed::Unread(_) => "(unit unread)".to_owned(),
            },
            tag => match self.tag_of(lb, tag) {
                Observed::Known(value) => value,
                Observed::Absent => "(untagged)".to_owned(),
                // As reports name the cost centre: tags of accounts that no setting asks for may have one.
                Observed::Unread(gap) => format!("(unread: {})", gap.reason),
            },
        }
    }

    /// The value of the tag of a dimension.
    fn tag_of(&self, lb: &LoadBalancer, dimension: &str) -> Observed<String> {
        // No tag key contains a bar: keys between bars are alternatives, in their order.
        let keys: Vec<String> =
            dimension.strip_prefix(TAG).unwrap_or(dimension).split('|').map(str::to_owned).collect();
        tag_value(lb, self.accounts.get(&lb.account), &keys)
    }

    /// Whether everything that decides about the groups of a load balancer was read.
    pub(super) fn is_grouped_for_sure(&self, lb: &LoadBalancer) -> bool {
        let tags_matter = self.dimensions.len() > 3;
        let mut tags = self.dimensions.iter().skip(3).map(|dimension| self.tag_of(lb, dimension));
        lb.owner.gap().is_none()
            && lb.ou.gap().is_none()
            && !(tags_matter && lb.tags.gap().is_some())
            && tags.all(|value| value.gap().is_none_or(|gap| gap.reason == GapReason::NotAsked))
    }

    /// Adds what is known and was not seen by this run, each with the text of its grouping.
    pub(super) fn add_unseen<'u>(
        &mut self,
        findings: impl Iterator<Item = (&'u UnseenFinding, &'u str)>,
        load_balancers: impl Iterator<Item = (&'u UnseenLoadBalancer, &'u str)>,
    ) -> Result<(), LedgerFault> {
        for (finding, grouping) in findings {
            // What an early version kept without its severity counts as the worst it can be.
            let severity = finding.severity.unwrap_or(Severity::Critical).max(Severity::Low);
            let column = match finding.excepted {
                true => count::UNSEEN_EXCEPTED,
                false => count::UNSEEN_SEVERITY + rank(severity) - rank(Severity::Low),
            };
            self.add_by_grouping(grouping, &[count::UNSEEN, column])?;
        }
        for (lb, grouping) in load_balancers {
            let column = match lb.mode {
                None | Some(LastMode::NotApplicable) => continue,
                Some(LastMode::Monitor) => count::MONITOR,
                Some(LastMode::Defensive) => count::DEFENSIVE,
                Some(LastMode::Strictest) => count::STRICTEST,
                Some(LastMode::Unknown) => count::MODE_UNKNOWN,
            };
            self.add_by_grouping(grouping, &[count::UNSEEN_MODE + column])?;
            if lb.owner == UNOWNED {
                self.add_by_grouping(grouping, &[count::UNSEEN_UNOWNED])?;
            }
        }
        Ok(())
    }

    fn add_by_grouping(&mut self, grouping: &str, columns: &[usize]) -> Result<(), LedgerFault> {
        let labels: BTreeMap<String, String> = serde_json::from_str(grouping)?;
        let mut groups = vec![0];
        for dimension in 1..self.dimensions.len() {
            let label = self.dimensions.get(dimension).and_then(|name| labels.get(name));
            groups.extend(label.map(|label| self.group(dimension, label)));
        }
        for (group, column) in groups.iter().flat_map(|group| columns.iter().map(move |column| (*group, *column))) {
            add(&mut self.counts, group, column, 1);
        }
        Ok(())
    }

    /// Stores every group whose counts changed.
    pub(super) fn store(self, db: &Connection, run: i64) -> Result<(), LedgerFault> {
        let mut last = last_counts(db)?;
        let values = vec!["?"; Counts::default().len() + 2].join(",");
        let mut insert = db.prepare(&format!("INSERT INTO tallies (label, run, {COLUMNS}) VALUES ({values})"))?;
        for ((dimension, label), group) in &self.groups {
            let dimension = self.dimensions.get(*dimension).map_or(ALL, String::as_str);
            let counts = self.counts.get(*group).copied().unwrap_or_default();
            let id = label_id(db, dimension, label)?;
            if last.remove(&id) != Some(counts) {
                insert.execute(params_from_iter([id, run].iter().chain(&counts)))?;
            }
        }
        for (id, counts) in last {
            if counts != Counts::default() {
                insert.execute(params_from_iter([id, run].iter().chain(&Counts::default())))?;
            }
        }
        Ok(())
    }
}

fn add(counts: &mut [Counts], group: usize, what: usize, by: i64) {
    if let Some(cell) = counts.get_mut(group).and_then(|counts| counts.get_mut(what)) {
        *cell += by;
    }
}

/// The newest counts of every group.
fn last_counts(db: &Connection) -> rusqlite::Result<BTreeMap<i64, Counts>> {
    let mut query = db.prepare(&format!(
        "SELECT label, {COLUMNS} FROM tallies t WHERE run = (SELECT max(run) FROM tallies WHERE label = t.label)"
    ))?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, counts_of(row, 1)?)))?;
    rows.collect()
}

/// Reads [`COLUMNS`] that begin at a column.
pub(crate) fn counts_of(row: &rusqlite::Row<'_>, from: usize) -> rusqlite::Result<Counts> {
    let mut counts = Counts::default();
    for (index, cell) in counts.iter_mut().enumerate() {
        *cell = row.get::<_, Option<i64>>(from + index)?.unwrap_or(NOT_KEPT);
    }
    Ok(counts)
}

fn label_id(db: &Connection, dimension: &str, label: &str) -> rusqlite::Result<i64> {
    db.prepare_cached("INSERT INTO labels (dimension, label) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute([dimension, label])?;
    db.prepare_cached("SELECT id FROM labels WHERE dimension = ?1 AND label = ?2")?
        .query_row([dimension, label], |row| row.get(0))
}

/// The dimension of a tag, as the file names it.
pub(crate) fn tag_dimension(key: &str) -> String {
    format!("{TAG}{}", key.trim().to_lowercase())
}

/// The dimension of owners or units, as the file names it.
pub(crate) const fn fixed_dimension(owner: bool) -> &'static str {
    if owner { OWNER } else { OU }
}

/// The column in which a load balancer is counted by its mode; none if it does not parse HTTP.
pub(super) fn mode_column(lb: &LoadBalancer) -> Option<usize> {
    Some(match lb.effective_mode() {
        EffectiveMode::NotHttp => return None,
        EffectiveMode::NoHttpListener => count::MODE_NOT_APPLICABLE,
        EffectiveMode::Known(Mode::Monitor) => count::MONITOR,
        EffectiveMode::Known(Mode::Defensive) => count::DEFENSIVE,
        EffectiveMode::Known(Mode::Strictest) => count::STRICTEST,
        EffectiveMode::Unknown => count::MODE_UNKNOWN,
    })
}
