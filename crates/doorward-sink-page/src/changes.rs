//! Mode changes of a load balancer made by Doorward, for the page's script.

use doorward_model::{AppliedChange, harmless};
use serde::Serialize;

/// One change.
#[derive(Serialize)]
pub(crate) struct ChangeData {
    change: String,
    at: String,
    from: &'static str,
    to: &'static str,
    status: &'static str,
    /// Whether it ended as it was meant to.
    good: bool,
    by: String,
    why: String,
    detail: String,
    request: String,
}

impl ChangeData {
    pub(crate) fn of(done: &AppliedChange) -> Self {
        let text = |text: &str| harmless(text).into_owned();
        Self {
            change: text(&done.change),
            at: done.at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            from: done.from.as_str(),
            to: done.to.as_str(),
            status: done.status.label(),
            good: done.status.is_good(),
            by: text(&done.by),
            why: text(done.why.trim_end_matches('.')),
            detail: text(&done.detail),
            request: text(done.request_id.as_deref().unwrap_or_default()),
        }
    }
}
