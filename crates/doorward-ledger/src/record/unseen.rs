//! What the ledger knows and a run did not observe.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{
    AccountRegion, AccountState, CoverageStatus, GapReason, Kind, LastMode, ScanReport, Unseen, UnseenFinding,
    UnseenLoadBalancer, Verdict, WhyUnseen,
};
use rusqlite::{Connection, Row};

use crate::columns::{account_region, finding_id, id, severity};
use crate::error::LedgerFault;
use crate::findings::OWNER_UNREAD;
use crate::owner_spelling::owner_in;
use crate::timestamp::timestamp;

use super::run_tally::count;
use super::{places, reported_regions};

/// What a run did not see, and the grouping of each: positions are those in `of`.
pub(super) struct Rest {
    pub(super) of: Unseen,
    pub(super) finding_groupings: Vec<i64>,
    pub(super) load_balancer_groupings: Vec<i64>,
    pub(super) groupings: BTreeMap<i64, String>,
}

impl Rest {
    /// The text of a grouping.
    pub(super) fn grouping(&self, id: i64) -> &str {
        self.groupings.get(&id).map_or("{}", String::as_str)
    }
}

/// When a load balancer was last seen, if its account-Region was not looked at later: the newer of a scan and of an event.
const LAST: &str = "coalesce(max(coalesce(p.last_at, e.at), coalesce(e.at, p.last_at)), 0)";

/// Takes away from what the ledger knows what a report observed. `recorded` says that the report is in the ledger: then what
/// is missing from its full listings has ended there.
pub(super) fn unseen(db: &Connection, report: &ScanReport, recorded: bool) -> Result<Rest, LedgerFault> {
    let groupings: BTreeMap<i64, String> = db
        .prepare("SELECT id, document FROM groupings")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut labels: BTreeMap<i64, (String, String)> = BTreeMap::new();
    for (id, document) in &groupings {
        let document: BTreeMap<String, String> = serde_json::from_str(document)?;
        let label = |found: Option<&String>, otherwise: &str| found.cloned().unwrap_or_else(|| otherwise.to_owned());
        let (owner, unit) = (owner_in(&document), document.get("ou"));
        labels.insert(*id, (label(owner, OWNER_UNREAD), label(unit, "(unit unread)")));
    }
    let (account_regions, never_read) = unread(db, report)?;
    let mut rest = Rest {
        of: Unseen { account_regions, never_read, ..Unseen::default() },
        finding_groupings: Vec::new(),
        load_balancer_groupings: Vec::new(),
        groupings,
    };
    let seen = Seen::of(report, recorded);
    seen.load_balancers(db, &labels, &mut rest)?;
    seen.findings(db, &labels, &mut rest)?;
    Ok(rest)
}

/// The observations of a report.
struct Seen<'a> {
    load_balancers: BTreeSet<&'a str>,
    /// Every finding with a verdict, and whether the verdict observed nothing because nothing was asked.
    observed: BTreeSet<&'a str>,
    unreadable: BTreeSet<&'a str>,
    /// Account-Regions whose full listings are not in the ledger yet: what is missing there is gone.
    listed: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Seen<'a> {
    fn of(report: &'a ScanReport, recorded: bool) -> Self {
        let ids = |wanted: fn(&Verdict) -> bool| {
            report.findings.iter().filter(|f| wanted(&f.verdict)).map(|f| f.id.as_str()).collect()
        };
        let listed =
            reported_regions(report).into_iter().filter(|(_, reported)| !recorded && reported.is_fully_listed());
        Self {
            load_balancers: report.load_balancers.iter().map(|lb| lb.arn.as_str()).collect(),
            observed: ids(Verdict::is_observed),
            unreadable: ids(|verdict| matches!(verdict, Verdict::Unknown { .. })),
            listed: listed.map(|(place, _)| place).collect(),
        }
    }

    fn load_balancers(
        &self,
        db: &Connection,
        labels: &BTreeMap<i64, (String, String)>,
        rest: &mut Rest,
    ) -> Result<(), LedgerFault> {
        let mut query = db.prepare(&format!(
            "SELECT b.arn, p.account, p.region, b.name, b.kind, b.grouping, b.counted, b.mode, coalesce(b.seen, {LAST})
             FROM load_balancers b JOIN places p ON p.id = b.place LEFT JOIN runs e ON e.seq = b.event_run
             WHERE b.fate = 0 ORDER BY p.account, p.region, b.arn"
        ))?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let (arn, place) = (text(row, 0)?, (text(row, 1)?, text(row, 2)?));
            if self.load_balancers.contains(arn) || self.listed.contains(&place) {
                continue;
            }
            let AccountRegion { account, region } = account_region(row, 1)?;
            let (kind, grouping) = (kind(text(row, 4)?), row.get(5)?);
            let (owner, unit) = labels.get(&grouping).cloned().unwrap_or_default();
            rest.load_balancer_groupings.push(grouping);
            rest.of.load_balancers.push(UnseenLoadBalancer {
                arn: id(row, 0)?,
                account,
                region,
                name: row.get(3)?,
                kind,
                owner,
                unit,
                mode: last_mode(kind, row.get(6)?, row.get(7)?),
                last_seen: timestamp(row.get(8)?),
            });
        }
        Ok(())
    }

    fn findings(
        &self,
        db: &Connection,
        labels: &BTreeMap<i64, (String, String)>,
        rest: &mut Rest,
    ) -> Result<(), LedgerFault> {
        let mut query = db.prepare(&format!(
            "SELECT b.arn, p.account, p.region, b.name, b.kind, b.grouping, b.arn, r.name, r.own, f.state = 4, f.severity,
                    f.first, coalesce(f.seen, {LAST})
             FROM findings f JOIN load_balancers b ON b.id = f.load_balancer JOIN places p ON p.id = b.place
             JOIN rules r ON r.id = f.rule LEFT JOIN runs e ON e.seq = b.event_run
             WHERE f.state IN (3, 4) ORDER BY p.account, p.region, b.arn, r.name, r.own"
        ))?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let (arn, place) = (text(row, 0)?, (text(row, 1)?, text(row, 2)?));
            let here = self.load_balancers.contains(arn);
            if !here && self.listed.contains(&place) {
                continue;
            }
            let finding = finding_id(row, 6)?;
            if self.observed.contains(finding.as_str()) {
                continue;
            }
            let AccountRegion { account, region } = account_region(row, 1)?;
            let grouping = row.get(5)?;
            let (owner, unit) = labels.get(&grouping).cloned().unwrap_or_default();
            rest.finding_groupings.push(grouping);
            rest.of.findings.push(UnseenFinding {
                because: match here {
                    false => WhyUnseen::LoadBalancerNotSeen,
                    true if self.unreadable.contains(finding.as_str()) => WhyUnseen::Unreadable,
                    true => WhyUnseen::NotAsked,
                },
                id: finding,
                rule: row.get(7)?,
                account,
                region,
                load_balancer: id(row, 0)?,
                name: row.get(3)?,
                kind: kind(text(row, 4)?),
                owner,
                unit,
                excepted: row.get(9)?,
                severity: row.get::<_, Option<i64>>(10)?.and_then(severity),
                first_seen: timestamp(row.get::<_, Option<i64>>(11)?.unwrap_or(0)),
                last_seen: timestamp(row.get(12)?),
            });
        }
        Ok(())
    }
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<&'r str> {
    Ok(row.get_ref(column)?.as_str()?)
}

fn kind(text: &str) -> Kind {
    let known = [Kind::Application, Kind::Classic, Kind::Network, Kind::Gateway];
    known.into_iter().find(|kind| kind.as_str() == text).unwrap_or(Kind::Unrecognized)
}

/// Where a load balancer last counted. Rows of early versions have its mode only.
fn last_mode(kind: Kind, counted: Option<i64>, mode: Option<i64>) -> Option<LastMode> {
    if !kind.can_parse_http() {
        return None;
    }
    let by_mode = match mode {
        Some(1) => count::MONITOR,
        Some(2) => count::DEFENSIVE,
        Some(3) => count::STRICTEST,
        _ => count::MODE_UNKNOWN,
    };
    let column = counted.and_then(|column| usize::try_from(column).ok()).unwrap_or(by_mode);
    Some(match column {
        count::MONITOR => LastMode::Monitor,
        count::DEFENSIVE => LastMode::Defensive,
        count::STRICTEST => LastMode::Strictest,
        count::MODE_NOT_APPLICABLE => LastMode::NotApplicable,
        _ => LastMode::Unknown,
    })
}

/// How many account-Regions an earlier run listed and this one did not; and how many no run ever listed, though AWS would
/// have answered there: they failed, or the settings leave them out. A line that stands for all Regions of an account counts
/// where none of them was ever listed. What is in a closed account has ended.
fn unread(db: &Connection, report: &ScanReport) -> Result<(usize, usize), LedgerFault> {
    let reported_regions = reported_regions(report);
    let now: BTreeSet<(&str, &str)> =
        reported_regions.iter().filter(|(_, reported)| reported.was_looked_at()).map(|(place, _)| *place).collect();
    let known = places(db)?;
    let before: BTreeSet<(&str, &str)> = known
        .iter()
        .filter(|(_, place)| place.last_at.is_some())
        .map(|((account, region), _)| (account.as_str(), region.as_str()))
        .collect();
    let closed = |account: &str| {
        report.accounts.iter().any(|one| one.id.as_str() == account && one.state == AccountState::Closed)
    };
    let again = before.iter().filter(|place| !now.contains(*place) && !closed(place.0)).count();
    let never = report.coverage.lines.iter().filter(|line| {
        let left_out = || line.gaps.iter().any(|gap| gap.reason == GapReason::Excluded);
        let readable = line.status == CoverageStatus::Failed || (line.status == CoverageStatus::Skipped && left_out());
        let account = line.account.as_str();
        let mut read = before.iter().chain(&now);
        readable
            && match &line.region {
                Some(region) => !read.any(|place| *place == (account, region.as_str())),
                None => !read.any(|place| place.0 == account),
            }
    });
    Ok((again, never.count()))
}
