//! The sheets of the workbook, in order. A sheet is one file: its title, its columns, its rows.
//!
//! A new column is one entry in one of these files. A new sheet is a file and a line in [`all`].

use std::collections::BTreeMap;
use std::fmt::Display;

use doorward_model::{AccountId, Arn, LoadBalancer, Observed, Region, RuleMeta, ScanReport};

use crate::Pack;
use crate::error::EvidenceError;
use crate::figures::RunFigures;
use crate::sample::{Drawn, draw};
use crate::sheet::{Sheet, TakeRow};

pub(crate) mod changes;
pub(crate) mod controls;
pub(crate) mod costs;
pub(crate) mod cover;
pub(crate) mod coverage;
pub(crate) mod effective_settings;
pub(crate) mod exceptions;

pub(crate) mod management;
pub(crate) mod method;
pub(crate) mod not_seen;
pub(crate) mod performance;
pub(crate) mod population;
pub(crate) mod remediation;
pub(crate) mod requirements;
pub(crate) mod results;
pub(crate) mod sample;
pub(crate) mod summary;
pub(crate) mod traffic;
pub(crate) mod trend;
pub(crate) mod trigger_outcomes;
pub(crate) mod unknowns;

/// The data that several sheets use.
pub(crate) struct SheetContext<'p> {
    pub(crate) pack: &'p Pack<'p>,
    pub(crate) figures: RunFigures,
    pub(crate) drawn: Vec<Drawn<'p>>,
    load_balancers: BTreeMap<&'p Arn, &'p LoadBalancer>,
}

impl<'p> SheetContext<'p> {
    pub(crate) fn new(pack: &'p Pack<'p>) -> Self {
        Self {
            pack,
            figures: RunFigures::of(pack.report),
            drawn: draw(pack.report, &pack.context.sampling),
            load_balancers: load_balancers(pack.report),
        }
    }

    pub(crate) fn report(&self) -> &'p ScanReport {
        self.pack.report
    }

    /// The part of the scan that the pack is evidence of, in a sentence; none where it is the whole scan.
    pub(crate) fn part(&self) -> Option<String> {
        let scope = self.pack.context.scope.as_ref()?;
        Some(format!(
            "This pack covers a part of the scan: {scope}. Coverage is that of the whole scan, everything else is of this part only."
        ))
    }

    /// Why nothing is known of earlier scans; none where the ledger was read.
    pub(crate) fn without_ledger(&self) -> Option<&'static str> {
        match (&self.pack.context.changes, &self.pack.context.scope) {
            (Some(_), _) => None,
            (None, Some(_)) => Some("the ledger records whole scans, so a part of a scan is not compared with them"),
            (None, None) => Some("no ledger was read"),
        }
    }

    /// Why a sheet of load balancers may lack some; none where everything in scope was read.
    pub(crate) fn without_reading(&self) -> Option<&'static str> {
        if self.report().read_nothing() && !self.report().is_whole() {
            return Some("nothing was read");
        }
        (!self.report().is_whole()).then_some("none was found among what was read")
    }

    pub(crate) fn load_balancer_named(&self, arn: &Arn) -> Option<&'p LoadBalancer> {
        self.load_balancers.get(arn).copied()
    }
}

/// Every load balancer by its ARN.
pub(crate) fn load_balancers(report: &ScanReport) -> BTreeMap<&Arn, &LoadBalancer> {
    report.load_balancers.iter().map(|lb| (&lb.arn, lb)).collect()
}

/// The title of a rule; empty where it is not known.
pub(crate) fn title_of<'p>(rules: &'p [&'static RuleMeta], rule: &str) -> &'p str {
    rules.iter().find(|meta| meta.id == rule).map_or("", |meta| meta.title)
}

/// Every sheet, in order. The dictionary comes last and explains the columns of all before it.
pub(crate) fn all<'p>(cx: &'p SheetContext<'p>) -> Vec<Sheet<'p>> {
    let mut sheets = vec![
        cover::sheet(cx),
        management::sheet(cx),
        summary::sheet(cx),
        coverage::sheet(cx),
        population::sheet(cx),
        results::sheet(cx.report(), &cx.pack.context.required, &cx.pack.context.rules).unknown_if(cx.without_reading()),
        exceptions::sheet(cx),
        requirements::sheet(cx),
        controls::sheet(cx),
        changes::sheet(cx),
        remediation::sheet(cx),
        traffic::sheet(cx),
        trigger_outcomes::sheet(cx),
        unknowns::sheet(cx),
        not_seen::sheet(cx),
        sample::sheet(cx),
        trend::sheet(cx),
        performance::sheet(cx),
        costs::sheet(cx),
        effective_settings::sheet(cx),
    ];
    let dictionary = method::sheet(cx, &sheets);
    sheets.push(dictionary);
    sheets
}

/// A value as a reader sees it, or why there is none.
pub(crate) fn seen<T: Display>(value: &Observed<T>) -> String {
    match value {
        Observed::Known(value) => value.to_string(),
        Observed::Absent => "(absent)".to_owned(),
        Observed::Unread(gap) => format!("(unread: {})", gap.reason),
    }
}

/// The Region of a line of the coverage.
pub(crate) fn place(region: Option<&Region>) -> &str {
    region.map_or("(Regions not listed)", Region::as_str)
}

/// Every account's name.
pub(crate) fn names(report: &ScanReport) -> BTreeMap<&AccountId, &doorward_model::Account> {
    report.accounts.iter().map(|account| (&account.id, account)).collect()
}

/// Gives every row of a sheet.
pub(crate) fn each(sheet: Sheet<'_>, take: &mut TakeRow<'_>) -> Result<(), EvidenceError> {
    sheet.each(take)
}
