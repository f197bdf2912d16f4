//! The rows of the tables on an owner's page.

use doorward_model::{LastMode, UnseenLoadBalancer};
use serde::Serialize;

use super::declared::DeclaredPart;
use crate::dialect::Snippet;

/// One line of the table of load balancers.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) anchor: String,
    pub(super) name: String,
    pub(super) account: String,
    pub(super) account_name: String,
    pub(super) region: String,
    pub(super) kind: String,
    pub(super) scheme: String,
    pub(super) mode: String,
    pub(super) required: String,
    /// Whether the mode is to be fixed: for a mark beside the word.
    pub(super) failing: bool,
    pub(super) worst: &'static str,
    pub(super) age: String,
    pub(super) exception: String,
    pub(super) managed_by: String,
    pub(super) detailed: bool,
    /// One word per rule, under `OwnerPage::rules`; every finding of the load balancer is one of them.
    pub(super) verdicts: Vec<String>,
}

/// The details of one load balancer.
#[derive(Serialize)]
pub(super) struct Detail {
    pub(super) anchor: String,
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) place: String,
    pub(super) ou: String,
    pub(super) owner_source: Option<String>,
    pub(super) findings: Vec<Asked>,
    pub(super) hints: Vec<String>,
    pub(super) declared: Option<DeclaredPart>,
}

/// One finding in words.
#[derive(Serialize)]
pub(super) struct Asked {
    pub(super) rule: String,
    pub(super) title: String,
    pub(super) verdict: String,
    pub(super) severity: &'static str,
    pub(super) because: String,
    pub(super) remedy: Option<String>,
    pub(super) exception: Option<String>,
    pub(super) since: String,
    pub(super) snippets: Vec<Snippet>,
    pub(super) name: String,
}

/// A load balancer that is known and was not seen.
#[derive(Serialize)]
pub(super) struct Lost {
    pub(super) name: String,
    pub(super) place: String,
    pub(super) mode: String,
    pub(super) last_seen: String,
}

/// A finding that failed when it was last seen.
#[derive(Serialize)]
pub(super) struct Missed {
    pub(super) name: String,
    pub(super) region: String,
    pub(super) title: String,
    pub(super) rule: String,
    pub(super) severity: &'static str,
    /// Why it was not seen, and whether an exception permitted it.
    pub(super) why: String,
    pub(super) last_seen: String,
}

impl Lost {
    pub(super) fn of(lb: &UnseenLoadBalancer) -> Self {
        Self {
            name: lb.name.clone(),
            place: format!("account {}, {}", lb.account, lb.region),
            mode: lb.mode.and_then(LastMode::mode).map_or_else(|| "not known".to_owned(), |mode| mode.to_string()),
            last_seen: lb.last_seen.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        }
    }
}

/// The changes since the previous scan.
#[derive(Serialize)]
pub(super) struct Changes {
    pub(super) since: Option<String>,
    pub(super) lines: Vec<(&'static str, String, String)>,
}
