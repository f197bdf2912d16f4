//! One exception as a list shows it.

use std::fmt;

use serde::Serialize;

use super::{Exception, TermState};

/// One line of `doorward exceptions list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry<'a> {
    /// The exception.
    #[serde(flatten)]
    pub exception: &'a Exception,
    /// The file that holds it.
    pub file: &'a str,
    /// Its first line.
    pub line: usize,
    /// Its state.
    pub state: TermState,
    /// Whole days left until its end: 0 within the last 24 hours, negative from the end on.
    pub days_left: i64,
}

/// Two lines of text: the terms, and the reason.
impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exception, file, line, state, days_left } = self;
        let state = match state {
            TermState::Pending => "pending",
            TermState::Active => "active",
            TermState::Expiring => "EXPIRING",
            TermState::Expired => "EXPIRED",
        };
        let days = match days_left {
            left @ 0.. => format!("{left} days left"),
            over => format!("{} days over", -over),
        };
        let Exception { id, rule, expires, approver, reason, .. } = exception;
        let last_day = expires.last_day();
        writeln!(f, "{state:<9} {id} · {rule} · until {last_day} ({days}) · approved by {approver} · {file}:{line}")?;
        writeln!(f, "          {reason}")
    }
}
