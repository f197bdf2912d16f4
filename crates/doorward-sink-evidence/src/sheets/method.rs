//! Method & dictionary: how the figures are calculated, their limits, and every rule, reason and column.

use doorward_model::GapReason;

use super::SheetContext;
use crate::sheet::{Columns, Sheet, Title};

/// The section that explains sheets, each with its columns. It comes last, and is for the screen, as many columns are.
pub(crate) const SHEETS: &str = "Sheet";

pub(crate) const TITLE: Title = Title {
    tab: "Method & dictionary",
    file: "method",
    about: "The method, its limits, and an explanation of every rule, reason and column.",
};

struct Row {
    section: &'static str,
    place: String,
    name: String,
    explanation: String,
}

fn columns<'p>() -> Columns<'p, Row> {
    Columns::<Row>::new()
        .text("Section", 14, "Method, Limits, Rule, Reason, Sheet or Column.", |r| r.section.into())
        .text("Sheet", 22, "The sheet that a column is on.", |r| r.place.as_str().into())
        .text("Name", 34, "The term.", |r| r.name.as_str().into())
        .prose("Explanation", 110, "Its meaning.", |r| r.explanation.as_str().into())
}

/// How the figures come about.
const METHOD: &[(&str, &str)] = &[
    (
        "Population",
        "AWS Organizations lists the accounts, and account:ListRegions lists the Regions of each. In every \
         account-Region, DescribeLoadBalancers of both API versions lists the load balancers, to the last page. The \
         sheet Scope & coverage has a row, with the reason, for every account and Region that was left out.",
    ),
    (
        "Observation",
        "The mode is read from DescribeLoadBalancerAttributes. A value counts only if AWS returned it; no default is \
         assumed. A value that was denied, throttled, cut short or not requested is unread, and a verdict that needs \
         it is unknown.",
    ),
    (
        "Verdicts",
        "Every rule judges every load balancer. Pass and fail are based on observed values. Excepted is a failure \
         that an exception in force permits. Unknown means that a value could not be read. Not applicable means that \
         the rule does not apply to the load balancer.",
    ),
    (
        "Shares",
        "Every share has its count and denominator beside it and is rounded down, so that 100% means all. Coverage \
         is the share of the account-Regions in scope that were read completely; skipped ones are counted separately.",
    ),
    (
        "Sample",
        "Every load balancer in scope gets the SHA-256 of the seed, a line feed and its ARN, in UTF-8. The load \
         balancers with the smallest hashes, in that order, are the sample. The same seed and population give the \
         same sample on any machine.",
    ),
    (
        "Text from outside",
        "Names, tags and messages are data. Control characters and invisible characters \
         appear as \\u{...}. In the CSV files, an apostrophe precedes text that a spreadsheet would calculate or \
         convert to a number; the file scan.json has every value verbatim.",
    ),
    (
        "Integrity",
        "manifest.json names every file with its SHA-256, the manifest of the pack before, and a chain hash \
         over both. A signature, if the pack has one, covers manifest.json.",
    ),
];

/// What the method cannot do.
const LIMITS: &[(&str, &str)] = &[
    (
        "A point in time",
        "Every value is valid for the moment of its call. A change that was reverted between two runs was not \
         observed; CloudTrail records it.",
    ),
    (
        "Settings, not traffic",
        "The pack shows how load balancers are configured. It shows neither the requests that arrive nor whether the \
         applications behind them are safe. The mode does not replace a web application firewall.",
    ),
    ("Other entry points", "CloudFront, API Gateway and proxies on instances or in containers are not scanned."),
    (
        "Permissions",
        "The scan reads what its role permits. If an organization policy or the account's owner refuses access, the \
         account-Region is partial or failed, never complete.",
    ),
    (
        "Owners",
        "Owners come from tags, accounts or organizational units. Whether the named team agrees is not checked.",
    ),
    (
        "Unsigned packs",
        "Without a signature, or a copy of the manifest's hash in another place, anyone with write access to the \
         folder can replace the whole pack.",
    ),
];

/// The sheet, given those before it.
pub(crate) fn sheet<'p>(cx: &SheetContext<'_>, before: &[Sheet<'_>]) -> Sheet<'p> {
    let mut rows = Vec::new();
    let mut add = |section, place: &str, name: &str, explanation: String| {
        rows.push(Row { section, place: place.to_owned(), name: name.to_owned(), explanation });
    };
    for (section, texts) in [("Method", METHOD), ("Limits", LIMITS)] {
        for (name, text) in texts {
            add(section, "", name, (*text).to_owned());
        }
    }
    for meta in &cx.pack.context.rules {
        let text = format!(
            "{} Severity {}, version {}. {} {} {}",
            meta.what, meta.severity, meta.version, meta.why, meta.evidence, meta.remediation
        );
        add("Rule", "", meta.id, text);
    }
    for reason in GapReason::ALL.into_iter().filter(|reason| !reason.is_of_declarations()) {
        add("Reason", "", reason.code(), format!("{} {}", reason.meaning(), reason.remedy()));
    }
    let own = columns();
    let own = Sheet::new(TITLE, own, 0, []);
    for sheet in before.iter().chain([&own]) {
        add(SHEETS, sheet.title.tab, sheet.title.tab, sheet.title.about.to_owned());
        for head in &sheet.heads {
            add("Column", sheet.title.tab, &head.name, head.meaning.clone());
        }
    }
    Sheet::new(TITLE, columns(), rows.len(), rows)
}
