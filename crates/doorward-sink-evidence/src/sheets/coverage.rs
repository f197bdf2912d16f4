//! Scope & coverage: every account-Region exactly once, beside what Organizations says of the account.

use doorward_model::{Account, CoverageLine, Gap, Observed};

use super::{SheetContext, names, place, seen};
use crate::sheet::{ColumnKind, Columns, Sheet, Title, Value};

const TITLE: Title = Title {
    tab: "Scope & coverage",
    file: "coverage",
    about: "Every account-Region exactly once, with its result and the data of its account in AWS Organizations.",
};

struct Row<'p> {
    line: &'p CoverageLine,
    account: Option<&'p Account>,
}

/// What the number of load balancers is where nothing was listed.
const UNKNOWN: &str = "unknown";

impl Row<'_> {
    /// What the number of load balancers is.
    fn found(&self) -> &'static str {
        match self.line.load_balancers {
            _ if self.line.fully_listed => "exact",
            Some(1..) => "at least",
            Some(0) | None => UNKNOWN,
        }
    }

    /// Something of every gap, each once.
    fn gaps(&self, of: impl Fn(&Gap) -> Option<String>) -> String {
        let mut said: Vec<String> = Vec::new();
        for text in self.line.gaps.iter().filter_map(of) {
            if !said.contains(&text) {
                said.push(text);
            }
        }
        said.join("\n")
    }
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .id("Account", 14, "The account id, twelve digits, as text.", |r| r.line.account.as_str().into())
        .text("Account name", 24, "Its name in AWS Organizations.", |r| {
            r.account.map(|account| seen(&account.name)).into()
        })
        .text(
            "Account state",
            14,
            "Its state in AWS Organizations; blank if Organizations does not list the account.",
            |r| r.account.map(|account| account.state.to_string()).into(),
        )
        .text("Unit", 22, "The organizational unit, as a path of names.", |r| {
            r.account.map(|account| seen(&account.ou.as_ref().map(|ou| ou.names.as_str()))).into()
        })
        .text(
            "Region",
            20,
            "The AWS Region. If the account's Regions could not be listed, one row stands for all of them.",
            |r| place(r.line.region.as_ref()).into(),
        )
        .text(
            "Enabled in the account",
            22,
            "Whether account:ListRegions lists the Region as enabled; (unread) if that list could not be read.",
            |r| {
                let Some(account) = r.account else { return "(not listed)".into() };
                match (&account.regions, &r.line.region) {
                    (Observed::Known(enabled), Some(region)) => {
                        (if enabled.contains(region) { "yes" } else { "no" }).into()
                    }
                    (Observed::Known(_), None) => "no".into(),
                    (other, _) => seen(&other.as_ref().map(|_| "")).into(),
                }
            },
        )
        .with(
            ColumnKind::Word,
            "Status",
            12,
            "complete: everything was read. partial: some of it was not read. failed: nothing could be listed. \
             skipped: excluded by the settings, or the account or Region is known to be closed or disabled.",
            |r| r.line.status.to_string().into(),
        )
        .text(
            "Fully listed",
            12,
            "yes if every list of load balancers arrived in full. Only then can a missing load balancer be known to \
             be deleted.",
            |r| (if r.line.fully_listed { "yes" } else { "no" }).into(),
        )
        .count(
            "Load balancers",
            "How many load balancers were found; blank if none was found and a list was not read in full.",
            |r| r.line.load_balancers.filter(|_| r.found() != UNKNOWN).map_or(Value::Blank, Value::from),
        )
        .with(
            ColumnKind::Word,
            "Number is",
            10,
            "exact if every list arrived in full; at least if some did; unknown if none did, or if the account-Region was skipped.",
            |r| r.found().into(),
        )
        .count(
            "Deleted meanwhile",
            "How many load balancers were deleted while the scan ran; blank if nothing was listed.",
            |r| if r.found() == UNKNOWN { Value::Blank } else { r.line.gone.into() },
        )
        .prose("Why not complete", 26, "The reasons, from a closed set; see the sheet Method & dictionary.", |r| {
            r.gaps(|gap| Some(gap.reason.code().to_owned())).into()
        })
        .prose("Operation", 44, "The API operations that failed.", |r| r.gaps(|gap| Some(gap.operation.clone())).into())
        .prose("Action to allow", 44, "The IAM actions to allow, if that fixes it.", |r| {
            r.gaps(|gap| gap.action.clone()).into()
        })
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let lines = &cx.report().coverage.lines;
    let accounts = names(cx.report());
    let rows = lines.iter().map(move |line| Row { line, account: accounts.get(&line.account).copied() });
    Sheet::new(TITLE, columns(), lines.len(), rows)
}
