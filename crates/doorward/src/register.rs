//! What the use of the exception register shows, on stderr.

use doorward_model::ScanReport;
use doorward_rules::exceptions::Register;

use crate::exit::Exit;
use crate::plain::harmless;

/// Reports on stderr the errors in the use of the register and, unless `quiet`, its warnings. Returns the exit code of the errors,
/// if there are any: the report is still written, because its figures show how wide an exception is.
pub(crate) fn notices(register: &Register, report: &ScanReport, quiet: bool) -> Option<Exit> {
    let caveat = if report.is_whole() { "" } else { " (not everything in scope was read)" };
    let mut exit = None;
    for notice in register.usage(&report.load_balancers, &report.findings, report.run.started) {
        let is_error = notice.kind.is_error();
        if is_error {
            exit = Some(Exit::Usage);
        }
        if is_error || !quiet {
            let before = if is_error { "error" } else { "warning" };
            crate::io::log(&format!("{before}: {}{caveat}", harmless(&notice.to_string())));
        }
    }
    exit
}
