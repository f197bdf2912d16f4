//! The goals, and what came out.

use std::fmt;

use super::contenders::Sample;

/// Peak memory of a scan, in MB.
const PEAK: f64 = 300.0;
/// Calls, as a multiple of the fewest possible.
const CALLS: f64 = 1.02;
/// CPU time per call, as a multiple of the bare loop's.
const CPU: f64 = 1.25;
/// What the second half of the load balancers may cost each, as a multiple of what the second quarter costs each.
/// A cost that grows with the square gives 2, one that is linear 1, and measuring gives or takes a fifth.
const BEND: f64 = 1.4;

/// A goal and its figure.
#[derive(Debug)]
pub(super) struct Goal {
    what: String,
    figure: String,
    pub(super) met: bool,
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.met { "MET" } else { "MISSED" };
        write!(f, "{verdict:<7} {:<52} {}", self.what, self.figure)
    }
}

pub(super) fn memory(scan: &Sample) -> Goal {
    Goal {
        what: format!("peak memory of the scanner under {PEAK} MB"),
        figure: format!("{:.0} MB", scan.peak_mb),
        met: scan.peak_mb < PEAK,
    }
}

pub(super) fn calls(scan: &Sample, minimum: u64) -> Goal {
    let ratio = scan.calls.total() as f64 / minimum as f64;
    Goal {
        what: format!("at most {CALLS} x the fewest possible calls"),
        figure: format!("{ratio:.4} x ({} of {minimum})", scan.calls.total()),
        met: ratio <= CALLS,
    }
}

pub(super) fn cpu(scan: &Sample, sdk: &Sample, raw: &Sample) -> Goal {
    let (own, bare, floor) = (scan.cpu_per_call(), sdk.cpu_per_call(), raw.cpu_per_call());
    Goal {
        what: format!("CPU per call within {CPU} x of a bare SDK loop"),
        figure: format!(
            "{:.2} x ({own:.0} us to {bare:.0} us; {:.2} x the floor of {floor:.0} us)",
            own / bare,
            own / floor
        ),
        met: own <= CPU * bare,
    }
}

/// Whether a figure grows with the load balancers at the same pace from half to all as from a quarter to half.
pub(super) fn linear(what: &str, sizes: [usize; 3], figures: [f64; 3]) -> Goal {
    let slope = |from: usize, to: usize| (figures[to] - figures[from]) / (sizes[to] - sizes[from]).max(1) as f64;
    let (first, second) = (slope(0, 1), slope(1, 2));
    let bend = second / first;
    Goal {
        what: what.to_owned(),
        figure: format!("slope x {bend:.2} when the size doubles (2 would be quadratic; up to {BEND})"),
        // Figures that do not grow at all are as good as linear; a first slope of nothing cannot be compared with.
        met: second <= 0.0 || (first > 0.0 && bend <= BEND),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bend_is_seen() {
        let sizes = [5, 10, 20];
        for (figures, met) in [
            ([15.0, 20.0, 30.0], true),
            ([15.0, 20.0, 33.0], true),
            ([25.0, 100.0, 400.0], false),
            ([15.0, 15.0, 15.0], true),
            ([15.0, 14.0, 30.0], false),
        ] {
            assert_eq!(linear("time", sizes, figures).met, met, "{figures:?}");
        }
    }

    #[test]
    fn a_goal_reads_as_one_line() {
        let goal = linear("time", [5, 10, 20], [25.0, 100.0, 400.0]);
        assert!(goal.to_string().starts_with("MISSED  time "), "{goal}");
        assert!(goal.to_string().contains("slope x 2.00"), "{goal}");
    }
}
