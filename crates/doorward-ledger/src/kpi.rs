//! Key figures: time to remediate, oldest open finding, findings that failed again.

use std::collections::BTreeMap;

use doorward_model::{Durations, Kpi};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::columns::finding_id;
use crate::error::LedgerFault;
use crate::figure_group::FigureGroup;
use crate::findings::is_unseen;
use crate::owner_spelling::OwnerSpellings;
use crate::timestamp::{nanos, timestamp};
use crate::{FindingStatus, Ledger, LedgerError};

mod monitor_times;

/// Nanoseconds of a day in UTC.
const DAY: i64 = 86_400_000_000_000;

/// The data behind the figures of a group.
#[derive(Default)]
struct Gathered {
    kpi: Kpi,
    total: Vec<i64>,
    excepted: Vec<i64>,
    net: Vec<i64>,
    monitor: Vec<i64>,
    in_monitor: usize,
    in_monitor_unseen: usize,
}

impl Ledger {
    /// The key figures over episodes that ended at or after `since` and before `until`; what is open is open now,
    /// whatever the period. One without a grouping, else one per group that has any figure, ordered by name.
    pub fn kpis(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        by: &FigureGroup,
    ) -> Result<Vec<Kpi>, LedgerError> {
        self.kpis_of_rule(None, since, until, by)
    }

    /// The rules of which findings are recorded, by name.
    pub fn rules(&self) -> Result<Vec<String>, LedgerError> {
        self.read("reading the recorded rules", |db| {
            let mut query = db.prepare("SELECT DISTINCT name FROM rules ORDER BY name")?;
            let rows = query.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The same of the findings of one rule, or of all. The times in monitor are those of all load balancers, whatever the rule.
    pub fn kpis_of_rule(
        &self,
        rule: Option<&str>,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        by: &FigureGroup,
    ) -> Result<Vec<Kpi>, LedgerError> {
        self.read("computing key figures", |db| {
            self.check_tag(db, by)?;
            let groups = Groups::read(db, by)?;
            let mut gathered: BTreeMap<Option<String>, Gathered> = BTreeMap::new();
            if *by == FigureGroup::All {
                gathered.insert(None, Gathered::default());
            }
            let period = (since.map_or(i64::MIN, nanos), until.map_or(i64::MAX, nanos));
            closed(db, rule, period, &groups, &mut gathered)?;
            open(db, rule, &groups, &mut gathered)?;
            monitor_times::monitor_times(db, period, &groups, &mut gathered)?;
            let of_load_balancers = matches!(groups, Groups::OfLoadBalancers(_));
            let finish = |(group, gathered): (Option<String>, Gathered)| Kpi {
                group,
                time_to_remediate: Durations::of(gathered.total),
                under_exception: Durations::of(gathered.excepted),
                without_exception: Durations::of(gathered.net),
                time_in_monitor: Durations::of(gathered.monitor),
                in_monitor: of_load_balancers.then_some(gathered.in_monitor),
                in_monitor_unseen: of_load_balancers.then_some(gathered.in_monitor_unseen),
                ..gathered.kpi
            };
            Ok(gathered.into_iter().map(finish).collect())
        })
    }
}

/// The groups of figures.
enum Groups {
    /// By what a load balancer belongs to: the label of each grouping; none where figures are not grouped.
    OfLoadBalancers(BTreeMap<i64, Option<String>>),
    /// By the severity of a finding.
    Severities,
    /// By the rule of a finding.
    Rules,
}

impl Groups {
    fn read(db: &Connection, by: &FigureGroup) -> Result<Self, LedgerFault> {
        match by {
            FigureGroup::Severity => return Ok(Self::Severities),
            FigureGroup::Rule => return Ok(Self::Rules),
            FigureGroup::All | FigureGroup::Owner | FigureGroup::Ou | FigureGroup::CostCentre | FigureGroup::Tag(_) => {
            }
        }
        let dimension = by.dimension();
        let mut groups = BTreeMap::new();
        let spellings = if *by == FigureGroup::Owner { OwnerSpellings::read(db)? } else { OwnerSpellings::default() };
        let mut query = db.prepare("SELECT id, document FROM groupings")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let labels: BTreeMap<String, String> = serde_json::from_str(&row.get::<_, String>(1)?)?;
            let label =
                labels.get(&dimension).map_or_else(|| "(not recorded)".to_owned(), |label| spellings.shown(label));
            groups.insert(row.get(0)?, (*by != FigureGroup::All).then_some(label));
        }
        Ok(Self::OfLoadBalancers(groups))
    }

    /// The group of a finding, by the grouping of its load balancer, its severity and its rule.
    fn of(&self, grouping: i64, severity: Option<i64>, rule: String) -> Option<String> {
        match self {
            Self::Rules => Some(rule),
            Self::OfLoadBalancers(groups) => groups.get(&grouping).cloned().flatten(),
            Self::Severities => {
                let known = severity.and_then(crate::columns::severity);
                Some(known.map_or_else(|| "(not recorded)".to_owned(), |severity| severity.to_string()))
            }
        }
    }

    /// The group of a load balancer; none where figures are grouped by what only findings have.
    fn of_load_balancer(&self, grouping: i64) -> Option<Option<String>> {
        match self {
            Self::OfLoadBalancers(groups) => Some(groups.get(&grouping).cloned().flatten()),
            Self::Severities | Self::Rules => None,
        }
    }
}

fn closed(
    db: &Connection,
    rule: Option<&str>,
    (since, until): (i64, i64),
    groups: &Groups,
    gathered: &mut BTreeMap<Option<String>, Gathered>,
) -> Result<(), LedgerFault> {
    let mut query = db.prepare(
        "SELECT b.grouping, e.opened, e.closed, e.how, e.excepted, e.proven, e.allowed, e.severity,
                EXISTS (SELECT 1 FROM episodes n WHERE n.load_balancer = e.load_balancer AND n.rule = e.rule AND n.run > e.run)
                OR EXISTS (SELECT 1 FROM findings f WHERE f.load_balancer = e.load_balancer AND f.rule = e.rule AND f.state IN (3, 4)),
                r.name FROM episodes e JOIN load_balancers b ON b.id = e.load_balancer JOIN rules r ON r.id = e.rule
         WHERE e.closed >= ?1 AND e.closed < ?2 AND (?3 IS NULL OR r.name = ?3)",
    )?;
    let mut rows = query.query(params![since, until, rule])?;
    while let Some(row) = rows.next()? {
        let group = groups.of(row.get(0)?, row.get(7)?, row.get(9)?);
        let (opened, closed, excepted): (i64, i64, i64) = (row.get(1)?, row.get(2)?, row.get(4)?);
        let here = gathered.entry(group).or_default();
        match FindingStatus::from_code(row.get(3)?) {
            FindingStatus::Gone => here.kpi.gone += 1,
            FindingStatus::Retired => here.kpi.retired += 1,
            _ => {
                here.total.push(closed - opened);
                here.net.push(closed - opened - excepted);
                if excepted > 0 {
                    here.excepted.push(excepted);
                }
                here.kpi.came_back.of += 1;
                here.kpi.came_back.count += usize::from(row.get::<_, bool>(8)?);
                if let (Some(proven), Some(allowed)) = (row.get::<_, Option<i64>>(5)?, row.get::<_, Option<i64>>(6)?) {
                    let allowed = allowed.saturating_mul(DAY);
                    // The time that it was open at most; what was not observed of it counts for neither side.
                    let most = closed - opened - excepted;
                    let was_in_time = most.max(proven) < allowed;
                    let is_known = was_in_time || proven >= allowed;
                    here.kpi.in_time.of += usize::from(is_known);
                    here.kpi.in_time.count += usize::from(was_in_time);
                    here.kpi.in_time_unknown += usize::from(!is_known);
                }
            }
        }
    }
    Ok(())
}

fn open(
    db: &Connection,
    rule: Option<&str>,
    groups: &Groups,
    gathered: &mut BTreeMap<Option<String>, Gathered>,
) -> Result<(), LedgerFault> {
    let mut query = db.prepare(&format!(
        "SELECT b.grouping, f.state, f.opened, b.arn, r.name, r.own, {}, f.severity, f.allowed, f.proven, f.proven_since,
                coalesce(f.seen, max(coalesce(p.last_at, e.at), coalesce(e.at, p.last_at)), f.since) FROM findings f
         JOIN load_balancers b ON b.id = f.load_balancer JOIN places p ON p.id = b.place LEFT JOIN runs e ON e.seq = b.event_run
         JOIN rules r ON r.id = f.rule WHERE f.state IN (3, 4) AND (?1 IS NULL OR r.name = ?1)
         ORDER BY f.opened, b.arn, r.name, r.own",
        is_unseen("f")
    ))?;
    let mut rows = query.query([rule])?;
    while let Some(row) = rows.next()? {
        let group = groups.of(row.get(0)?, row.get(7)?, row.get(4)?);
        let kpi = &mut gathered.entry(group).or_default().kpi;
        let unseen = usize::from(row.get::<_, bool>(6)?);
        if FindingStatus::from_code(row.get(1)?) == FindingStatus::Excepted {
            kpi.excepted += 1;
            kpi.excepted_unseen += unseen;
            continue;
        }
        kpi.open += 1;
        kpi.open_unseen += unseen;
        if let Some(allowed) = row.get::<_, Option<i64>>(8)? {
            let (proven, since, last): (i64, Option<i64>, i64) = (row.get(9)?, row.get(10)?, row.get(11)?);
            let is_overdue = proven + since.map_or(0, |since| (last - since).max(0)) >= allowed.saturating_mul(DAY);
            kpi.with_deadline += 1;
            kpi.overdue += usize::from(is_overdue);
            kpi.overdue_unseen += usize::from(is_overdue) * unseen;
        }
        if kpi.oldest_open.is_none() {
            kpi.oldest_open = Some(timestamp(row.get(2)?));
            kpi.oldest_open_finding = Some(finding_id(row, 3)?);
        }
    }
    Ok(())
}
