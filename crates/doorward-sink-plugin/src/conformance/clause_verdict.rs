//! The verdicts of the conformance tests, as text and as JUnit.

use std::fmt::Write as _;
use std::time::Duration;

use doorward_model::harmless;

/// The verdict on one clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClauseVerdict {
    /// What must hold.
    pub clause: &'static str,
    /// Why it does not; none where it does, and where that is not known.
    pub fault: Option<String>,
    /// Why it is not known whether it holds: nothing that the test can see shows it.
    pub not_checked: Option<String>,
    /// How long the test took.
    pub lasted: Duration,
}

/// The verdicts as text: a line for each clause, then a sentence.
pub fn text(verdicts: &[ClauseVerdict]) -> String {
    let mut text = String::new();
    for verdict in verdicts {
        let (word, why) = match (&verdict.fault, &verdict.not_checked) {
            (Some(fault), _) => ("FAIL", Some(fault)),
            (None, Some(why)) => ("?   ", Some(why)),
            (None, None) => ("ok  ", None),
        };
        let why = why.map(|why| format!("\n     {}", harmless(why))).unwrap_or_default();
        let _ = writeln!(text, "{word} {} ({:.1} s){why}", verdict.clause, verdict.lasted.as_secs_f64());
    }
    let (all, failed, unknown) = counts(verdicts);
    let not_checked = match unknown {
        0 => String::new(),
        1 => "; 1 was not checked".to_owned(),
        n => format!("; {n} were not checked"),
    };
    let _ = match (failed, unknown) {
        (0, 0) => writeln!(text, "the plugin fulfils all {all} clauses"),
        (0, _) => writeln!(text, "the plugin keeps {} of {all} clauses{not_checked}", all - unknown),
        _ => writeln!(text, "the plugin does not fulfil {failed} of {all} clauses{not_checked}"),
    };
    text
}

/// All verdicts, the faults, and the clauses that were not checked.
fn counts(verdicts: &[ClauseVerdict]) -> (usize, usize, usize) {
    let failed = verdicts.iter().filter(|verdict| verdict.fault.is_some()).count();
    let unknown = verdicts.iter().filter(|verdict| verdict.fault.is_none() && verdict.not_checked.is_some()).count();
    (verdicts.len(), failed, unknown)
}

/// The verdicts as JUnit. A clause that was not checked is skipped, with the reason.
pub fn junit(verdicts: &[ClauseVerdict]) -> String {
    let (all, failed, unknown) = counts(verdicts);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"doorward-report-v1\" tests=\"{all}\" failures=\"{failed}\" skipped=\"{unknown}\">\n",
    );
    for verdict in verdicts {
        let time = verdict.lasted.as_secs_f64();
        let _ = write!(text, "<testcase name=\"{}\" time=\"{time:.3}\"", escaped(verdict.clause));
        let _ = match (&verdict.fault, &verdict.not_checked) {
            (Some(fault), _) => writeln!(text, "><failure message=\"{}\"/></testcase>", escaped(fault)),
            (None, Some(why)) => writeln!(text, "><skipped message=\"{}\"/></testcase>", escaped(why)),
            (None, None) => writeln!(text, "/>"),
        };
    }
    text + "</testsuite>\n</testsuites>\n"
}

fn escaped(text: &str) -> String {
    harmless(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
