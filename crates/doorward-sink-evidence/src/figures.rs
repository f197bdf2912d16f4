//! The figures of a run by owner and organizational unit, counted like in the ledger, so that periods can be compared.

use std::collections::BTreeMap;

use doorward_model::{
    Arn, CoverageCounts, EffectiveMode, LastMode, LoadBalancer, Mode, Observed, OwnerNames, RunPoint, ScanReport,
    Severity, Verdict,
};
use jiff::Timestamp;

/// The counts of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFigures {
    /// The run's id.
    pub run: String,
    /// When it ended, UTC.
    pub at: Timestamp,
    /// Its account-Regions.
    pub coverage: CoverageCounts,
    /// Account-Regions that an earlier run read and this one did not, and those that no run ever read; absent where they were not counted.
    pub unseen_places: Option<usize>,
    /// Everything.
    pub all: PackFigures,
    /// By owner; empty where it was not recorded.
    pub by_owner: BTreeMap<String, PackFigures>,
    /// By unit, as a path of names, without the OUs below it; empty where it was not recorded.
    pub by_unit: BTreeMap<String, PackFigures>,
}

/// The figures of everything, or of one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackFigures {
    /// Load balancers by mode.
    pub modes: BTreeMap<Mode, usize>,
    /// Load balancers whose mode could not be read.
    pub mode_unknown: usize,
    /// Failures, by severity.
    pub open: BTreeMap<Severity, usize>,
    /// Failures under an exception.
    pub excepted: usize,
    /// Verdicts that are unknown.
    pub unknown: usize,
    /// What earlier runs saw and this one did not; absent where no ledger was asked, or by a version that did not count it.
    pub not_seen: Option<UnseenFigures>,
}

/// What earlier runs saw and this one did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnseenFigures {
    /// Load balancers whose mode matters.
    pub load_balancers: usize,
    /// Findings that failed when they were last seen, without an exception.
    pub failing: usize,
    /// Findings that failed when they were last seen, under an exception.
    pub excepted: usize,
}

impl PackFigures {
    /// Load balancers whose mode matters: the denominator of the shares.
    pub fn population(&self) -> usize {
        self.modes.values().sum::<usize>() + self.mode_unknown
    }

    /// Load balancers in one mode.
    pub fn mode(&self, mode: Mode) -> usize {
        self.modes.get(&mode).copied().unwrap_or(0)
    }

    /// Failures that are wrong: informational ones left out.
    pub fn failing(&self) -> usize {
        self.open.iter().filter(|(severity, _)| **severity > Severity::Informational).map(|(_, count)| count).sum()
    }

    /// Failures as far as is known: seen by the run, or seen last by an earlier one.
    pub fn failing_known(&self) -> usize {
        self.failing() + self.not_seen.map_or(0, |unseen| unseen.failing)
    }

    /// Failures under an exception as far as is known.
    pub fn excepted_known(&self) -> usize {
        self.excepted + self.not_seen.map_or(0, |unseen| unseen.excepted)
    }

    fn missed(&mut self) -> &mut UnseenFigures {
        self.not_seen.get_or_insert_default()
    }

    fn add_mode(&mut self, mode: EffectiveMode) {
        match mode {
            EffectiveMode::Known(mode) => *self.modes.entry(mode).or_default() += 1,
            EffectiveMode::Unknown => self.mode_unknown += 1,
            EffectiveMode::NoHttpListener | EffectiveMode::NotHttp => {}
        }
    }

    fn add_verdict(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Fail { severity, .. } => *self.open.entry(*severity).or_default() += 1,
            Verdict::Excepted { .. } => self.excepted += 1,
            Verdict::Unknown { .. } => self.unknown += 1,
            Verdict::Pass { .. } | Verdict::NotApplicable { .. } | Verdict::NotAsked { .. } => {}
        }
    }
}

impl RunFigures {
    /// Whether what this run saw can be compared with what another saw: both read every account-Region in scope and saw everything
    /// that is known. Where no ledger says what is known, both must at least have had as many account-Regions in scope.
    pub fn is_comparable(&self, other: &Self) -> bool {
        let missed = |run: &Self| run.all.not_seen.zip(run.unseen_places);
        let whole = |run: &Self| {
            let nothing = missed(run).is_none_or(|missed| missed == (UnseenFigures::default(), 0));
            nothing && run.coverage.complete == run.coverage.in_scope()
        };
        let both_counted = missed(self).is_some() && missed(other).is_some();
        whole(self) && whole(other) && (both_counted || self.coverage.in_scope() == other.coverage.in_scope())
    }

    /// Failures as far as is known; none where the run read nothing and nothing is known from before.
    pub fn failing_known(&self) -> Option<usize> {
        let known = self.all.not_seen.is_some_and(|unseen| unseen != UnseenFigures::default());
        (!self.read_nothing() || known).then(|| self.all.failing_known())
    }

    /// Whether the run read nothing: then none of its counts is a zero.
    pub fn read_nothing(&self) -> bool {
        let is_seen = self.all.population() + self.all.failing() + self.all.excepted + self.all.unknown > 0;
        self.coverage.complete == 0 && !(self.coverage.partial > 0 && is_seen)
    }

    /// Counts a report.
    pub fn of(report: &ScanReport) -> Self {
        let mut figures = Self {
            run: report.run.id.clone(),
            at: report.run.finished,
            coverage: report.coverage.counts,
            unseen_places: None,
            all: PackFigures::default(),
            by_owner: BTreeMap::new(),
            by_unit: BTreeMap::new(),
        };
        let names = OwnerNames::of(&report.load_balancers);
        for lb in &report.load_balancers {
            let owner = figures.by_owner.entry(names.shown(lb.owner_label()).to_owned()).or_default();
            let unit = figures.by_unit.entry(unit(lb).to_owned()).or_default();
            for group in [&mut figures.all, owner, unit] {
                group.add_mode(lb.effective_mode());
            }
        }
        let places: BTreeMap<&Arn, &LoadBalancer> = report.load_balancers.iter().map(|lb| (&lb.arn, lb)).collect();
        for finding in &report.findings {
            figures.all.add_verdict(&finding.verdict);
            let Some(lb) = places.get(&finding.load_balancer) else { continue };
            for group in [figures.by_owner.get_mut(names.shown(lb.owner_label())), figures.by_unit.get_mut(unit(lb))]
                .into_iter()
                .flatten()
            {
                group.add_verdict(&finding.verdict);
            }
        }
        figures.add_unseen(report, &names);
        figures
    }

    fn add_unseen(&mut self, report: &ScanReport, names: &OwnerNames) {
        let Some(unseen) = &report.unseen else { return };
        self.unseen_places = Some(unseen.account_regions + unseen.never_read);
        self.all.missed();
        for figures in self.by_owner.values_mut().chain(self.by_unit.values_mut()) {
            figures.missed();
        }
        for lb in &unseen.load_balancers {
            let counts = lb.mode.is_some_and(|mode| mode != LastMode::NotApplicable);
            self.each(names.shown(&lb.owner), &lb.unit, |missed| missed.load_balancers += usize::from(counts));
        }
        for finding in &unseen.findings {
            let excepted = finding.excepted;
            self.each(names.shown(&finding.owner), &finding.unit, |missed| match excepted {
                true => missed.excepted += 1,
                false => missed.failing += 1,
            });
        }
    }

    /// Changes what was not seen of everything, of an owner and of a unit.
    fn each(&mut self, owner: &str, unit: &str, change: impl Fn(&mut UnseenFigures)) {
        change(self.all.missed());
        change(self.by_owner.entry(owner.to_owned()).or_default().missed());
        change(self.by_unit.entry(unit.to_owned()).or_default().missed());
    }
}

impl From<&RunPoint> for RunFigures {
    fn from(point: &RunPoint) -> Self {
        Self {
            run: point.run.clone(),
            at: point.at,
            coverage: point.coverage,
            all: PackFigures {
                modes: point.modes.clone(),
                mode_unknown: point.mode_unknown,
                open: point.open.clone(),
                excepted: point.excepted,
                unknown: point.unknown,
                not_seen: point.unseen.as_ref().map(|unseen| UnseenFigures {
                    load_balancers: unseen.load_balancers,
                    failing: unseen.failing,
                    excepted: unseen.excepted,
                }),
            },
            unseen_places: None,
            by_owner: BTreeMap::new(),
            by_unit: BTreeMap::new(),
        }
    }
}

/// Where a load balancer's account stands, as people should read it.
pub(crate) fn unit(lb: &LoadBalancer) -> &str {
    match &lb.ou {
        Observed::Known(path) => &path.names,
        Observed::Absent => "(no unit)",
        Observed::Unread(_) => "(unit unread)",
    }
}
