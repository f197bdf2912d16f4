//! Whether criteria match a load balancer: yes, no, or unknown.

use std::collections::BTreeMap;
use std::sync::Arc;

use doorward_model::{Gap, Observed, OuPath, Pattern, TextMap};

/// Whether one criterion, or several together, match.
pub(crate) enum Match {
    /// They match.
    Yes,
    /// They do not match.
    No,
    /// It depends on values that could not be read.
    Unread(Vec<Arc<Gap>>),
}

impl Match {
    /// All criteria must match. One that does not match decides, whatever else could not be read.
    pub(crate) fn all(criteria: impl IntoIterator<Item = Self>) -> Self {
        let mut gaps = Vec::new();
        for criterion in criteria {
            match criterion {
                Self::Yes => {}
                Self::No => return Self::No,
                Self::Unread(unread) => gaps.extend(unread),
            }
        }
        if gaps.is_empty() { Self::Yes } else { Self::Unread(gaps) }
    }

    /// A criterion on an observed value. An absent value matches nothing.
    pub(crate) fn seen<T>(value: &Observed<T>, test: impl FnOnce(&T) -> bool) -> Self {
        match value {
            Observed::Known(value) => test(value).into(),
            Observed::Absent => Self::No,
            Observed::Unread(gap) => Self::Unread(vec![gap.clone()]),
        }
    }
}

impl From<bool> for Match {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// Whether any of the globs matches.
pub(crate) fn any(patterns: &[Pattern], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(text))
}

/// Whether the account is in or below any of the organizational units (OUs).
pub(crate) fn within(ou: &Observed<OuPath>, units: &[String]) -> Match {
    Match::seen(ou, |path| units.iter().any(|unit| path.is_within(unit)))
}

/// Whether every tag is present with a value that matches its glob.
pub(crate) fn tagged(tags: &Observed<TextMap>, wanted: &BTreeMap<String, Pattern>) -> Match {
    Match::seen(tags, |tags| wanted.iter().all(|(key, value)| tags.get(key).is_some_and(|v| value.matches(v))))
}
