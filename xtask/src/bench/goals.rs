//! The goals, and the measured figures.

use std::fmt;

use super::contenders::Sample;

/// Peak memory of a scan, in MB.
const PEAK: f64 = 300.0;
/// Calls, as a multiple of the fewest possible.
const CALLS: f64 = 1.02;
/// CPU time per call, as a multiple of the bare loop's.
const CPU: f64 = 1.25;
/// What the second half of the load balancers may cost each, as a multiple of what the second quarter costs each.
/// A cost that grows with the square gives 2, one that is linear 1, and measuring gives or takes a quarter.
const BEND: f64 = 1.5;

/// A goal and its figure.
#[derive(Debug)]
pub(super) struct Goal {
    what: String,
    figure: String,
    /// None when the run was too small to decide.
    pub(super) met: Option<bool>,
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.met {
            Some(true) => "MET",
            Some(false) => "MISSED",
            None => "-",
        };
        write!(f, "{verdict:<7} {:<52} {}", self.what, self.figure)
    }
}

pub(super) fn memory(scan: &Sample) -> Goal {
    Goal {
        what: format!("peak memory of the scanner under {PEAK} MB"),
        figure: format!("{:.0} MB", scan.peak_mb),
        met: Some(scan.peak_mb < PEAK),
    }
}

pub(super) fn calls(scan: &Sample, minimum: u64) -> Goal {
    let ratio = scan.calls.total() as f64 / minimum as f64;
    Goal {
        what: format!("at most {CALLS} x the fewest possible calls"),
        figure: format!("{ratio:.4} x ({} of {minimum})", scan.calls.total()),
        met: Some(ratio <= CALLS),
    }
}

/// Compared round by round, because other work on the machine slows down both contenders of a round alike.
pub(super) fn cpu(scan: &[Sample], sdk: &[Sample]) -> Goal {
    let pairs = scan.iter().zip(sdk);
    let mut ratios: Vec<f64> = pairs.map(|(scan, sdk)| scan.cpu_per_call() / sdk.cpu_per_call()).collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or(f64::INFINITY);
    let rounds: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    Goal {
        what: format!("CPU per call within {CPU} x of a bare SDK loop"),
        figure: format!("{median:.2} x (rounds: {})", rounds.join(", ")),
        met: Some(median <= CPU),
    }
}

/// Whether a figure grows with the load balancers at the same pace from half to all as from a quarter to half. Growth
/// below `noise` decides nothing.
pub(super) fn linear(what: &str, sizes: [usize; 3], figures: [f64; 3], noise: f64) -> Goal {
    let slope = |from: usize, to: usize| (figures[to] - figures[from]) / (sizes[to] - sizes[from]).max(1) as f64;
    let (first, second) = (slope(0, 1), slope(1, 2));
    let what = what.to_owned();
    if figures[2] - figures[0] < noise {
        return Goal { what, figure: "too little growth to decide".to_owned(), met: None };
    }
    let bend = second / first;
    Goal {
        what,
        figure: format!("slope x {bend:.2} when the size doubles (2 would be quadratic; up to {BEND})"),
        met: Some(first > 0.0 && bend <= BEND),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bend_is_seen() {
        let sizes = [5, 10, 20];
        for (figures, met) in [
            ([15.0, 20.0, 30.0], Some(true)),
            ([15.0, 20.0, 33.0], Some(true)),
            ([25.0, 100.0, 400.0], Some(false)),
            ([15.0, 14.0, 30.0], Some(false)),
            ([15.0, 15.0, 15.5], None),
        ] {
            assert_eq!(linear("time", sizes, figures, 1.0).met, met, "{figures:?}");
        }
    }

    #[test]
    fn a_goal_reads_as_one_line() {
        let goal = linear("time", [5, 10, 20], [25.0, 100.0, 400.0], 1.0);
        assert!(goal.to_string().starts_with("MISSED  time "), "{goal}");
        assert!(goal.to_string().contains("slope x 2.00"), "{goal}");
    }
}
