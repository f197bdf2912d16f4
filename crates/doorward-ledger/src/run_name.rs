//! How people name a recorded scan: its id, the beginning of its id, `latest`, or `latest~N`.

use crate::{Ledger, LedgerError};

/// The newest recorded scan.
pub const LATEST_RUN: &str = "latest";
/// The recorded scan before the newest.
pub const PREVIOUS_RUN: &str = "latest~1";

/// How many scans an error names.
const NAMED: usize = 5;

impl Ledger {
    /// The id of the recorded scan of this name. The inner error is a sentence: no scan has the name, or several have it.
    ///
    /// # Errors
    ///
    /// The ledger cannot be read.
    pub fn run_named(&self, name: &str) -> Result<Result<String, String>, LedgerError> {
        let runs: Vec<String> = self.runs()?.into_iter().map(|run| run.id).collect();
        Ok(named(&runs, name))
    }

    /// The ids of the two recorded scans that are compared: without names the newest and the one before it. The inner error is a sentence:
    /// see [`Ledger::run_named`], or the names are not of an earlier and a later scan. A comparison from the later scan to the earlier one
    /// would show what began to fail as fixed.
    ///
    /// # Errors
    ///
    /// The ledger cannot be read.
    pub fn runs_to_compare(
        &self,
        earlier: Option<&str>,
        later: Option<&str>,
    ) -> Result<Result<(String, String), String>, LedgerError> {
        let runs: Vec<String> = self.runs()?.into_iter().map(|run| run.id).collect();
        Ok(in_order(&runs, earlier.unwrap_or(PREVIOUS_RUN), later.unwrap_or(LATEST_RUN)))
    }
}

/// The ids in `runs`, oldest first, of an earlier and a later scan.
fn in_order(runs: &[String], earlier: &str, later: &str) -> Result<(String, String), String> {
    let (from, to) = (named(runs, earlier)?, named(runs, later)?);
    let at = |id: &String| runs.iter().position(|run| run == id);
    if from == to {
        return Err(format!(
            "{earlier} and {later} are the same scan, {from}: nothing can differ; name an earlier scan first"
        ));
    }
    if at(&from) > at(&to) {
        return Err(format!(
            "{earlier} is later than {later}, so that what began to fail would be shown as fixed; name the earlier scan first: \
             {later} {earlier}"
        ));
    }
    Ok((from, to))
}

/// The id in `runs`, oldest first, that a name stands for.
fn named(runs: &[String], name: &str) -> Result<String, String> {
    if let Some(steps) = name.strip_prefix(LATEST_RUN) {
        let back = match steps.strip_prefix('~') {
            None if steps.is_empty() => Some(0),
            Some(number) => number.parse::<usize>().ok(),
            None => None,
        };
        let back = back.ok_or_else(|| format!("{name:?} names no scan; write latest, or latest~1"))?;
        return runs.iter().rev().nth(back).cloned().ok_or_else(|| {
            let plural = if runs.len() == 1 { "scan is" } else { "scans are" };
            format!("{name}: only {} {plural} recorded", runs.len())
        });
    }
    let begin: Vec<&str> = runs.iter().filter(|run| run.starts_with(name)).map(String::as_str).collect();
    match begin[..] {
        [] => Err(format!("no recorded scan is named {name:?}; {}", newest(runs))),
        [one] => Ok(one.to_owned()),
        _ if begin.contains(&name) => Ok(name.to_owned()),
        _ => {
            let some = begin.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            Err(format!("{name:?} is the beginning of {} scan ids: {some}", begin.len()))
        }
    }
}

fn newest(runs: &[String]) -> String {
    let newest: Vec<&str> = runs.iter().rev().take(NAMED).map(String::as_str).collect();
    match newest[..] {
        [] => "no scan is recorded".to_owned(),
        [only] => format!("the only scan is {only}"),
        _ => format!("the newest scans are {}", newest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ids_their_beginnings_and_steps_from_the_newest() {
        let runs: Vec<String> = ["20261101-a", "20261101-b", "20261102-a"].map(str::to_owned).to_vec();
        for (name, is) in [
            ("latest", "20261102-a"),
            ("latest~0", "20261102-a"),
            ("latest~2", "20261101-a"),
            ("20261102", "20261102-a"),
            ("20261101-b", "20261101-b"),
        ] {
            assert_eq!(named(&runs, name).as_deref(), Ok(is), "{name}");
        }
        for (name, part) in [
            ("latest~3", "only 3 scans are recorded"),
            ("latest~x", "names no scan"),
            ("latests", "names no scan"),
            ("20261101", "is the beginning of 2 scan ids: 20261101-a, 20261101-b"),
            ("2027", "the newest scans are 20261102-a, 20261101-b, 20261101-a"),
        ] {
            let refused = named(&runs, name).expect_err(name);
            assert!(refused.contains(part), "{name}: {refused}");
        }
        assert!(named(&[], "x").expect_err("none").contains("no scan is recorded"));
    }

    #[test]
    fn two_scans_are_compared_from_the_earlier_to_the_later_one() {
        let runs: Vec<String> = ["20261101-a", "20261101-b", "20261102-a"].map(str::to_owned).to_vec();
        let ids = |from: &str, to: &str| Ok((from.to_owned(), to.to_owned()));
        assert_eq!(in_order(&runs, "latest~1", "latest"), ids("20261101-b", "20261102-a"));
        assert_eq!(in_order(&runs, "20261101-a", "20261101-b"), ids("20261101-a", "20261101-b"));
        for (earlier, later, part) in [
            ("latest", "latest~2", "name the earlier scan first: latest~2 latest"),
            ("20261102", "20261101-a", "name the earlier scan first: 20261101-a 20261102"),
            ("latest", "latest", "are the same scan, 20261102-a"),
            ("20261101-b", "latest~1", "are the same scan, 20261101-b"),
            ("latest~9", "latest", "only 3 scans are recorded"),
        ] {
            let refused = in_order(&runs, earlier, later).expect_err(earlier);
            assert!(refused.contains(part), "{earlier} {later}: {refused}");
        }
    }
}
