//! Errors & unknowns: everything that could not be read, and every verdict that is unknown because of it.

use doorward_model::{Arn, Gap, Listing, Verdict};

use super::{SheetContext, place};
use crate::sheet::{ColumnKind, Columns, Sheet, Title};

const TITLE: Title = Title {
    tab: "Errors & unknowns",
    file: "unknowns",
    about: "Everything that could not be read and every unknown verdict, with the fix.",
};

struct Row<'p> {
    what: &'static str,
    account: &'p str,
    region: &'p str,
    load_balancer: Option<(&'p str, &'p Arn)>,
    rule: Option<&'p str>,
    gap: &'p Gap,
}

fn columns<'p>() -> Columns<'p, Row<'p>> {
    Columns::<Row<'p>>::new()
        .with(
            ColumnKind::Word,
            "What",
            18,
            "accounts list; account name, organizational unit, account tags or enabled Regions (of an account); account-Region (not \
             read, or not completely); skipped account-Region; or unknown verdict.",
            |r| r.what.into(),
        )
        .id("Account", 14, "The account id, twelve digits, as text.", |r| r.account.into())
        .text("Region", 20, "The AWS Region.", |r| r.region.into())
        .text("Load balancer", 28, "Its name, for an unknown verdict.", |r| {
            r.load_balancer.map(|(name, _)| name).into()
        })
        .text("Rule", 28, "The rule, for an unknown verdict.", |r| r.rule.into())
        .text("Reason", 26, "From a closed set; see the sheet Method & dictionary.", |r| r.gap.reason.code().into())
        .prose("Meaning", 50, "What the reason means.", |r| r.gap.reason.meaning().into())
        .text("Operation", 44, "The API operation that failed.", |r| r.gap.operation.as_str().into())
        .text("AWS's code", 22, "AWS's error code, verbatim.", |r| r.gap.code.as_deref().into())
        .prose("Message", 50, "AWS's message, verbatim, or a sentence of Doorward.", |r| {
            r.gap.message.as_deref().into()
        })
        .text("Request id", 38, "AWS's id of the call, for a support case.", |r| r.gap.request_id.as_deref().into())
        .text("Action to allow", 44, "The IAM action to allow, if that fixes it.", |r| r.gap.action.as_deref().into())
        .text("Refused by", 50, "The organization policy that refused the call, if AWS named it.", |r| {
            r.gap.policy.as_deref().into()
        })
        .prose("Remedy", 50, "What to do next.", |r| r.gap.remedy().into())
        .text("ARN", 80, "The load balancer's ARN.", |r| r.load_balancer.map(|(_, arn)| arn.as_str()).into())
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let report = cx.report();
    let mut rows: Vec<Row<'p>> = Vec::new();
    if let Listing::Unread(gap) = &report.coverage.accounts_listing {
        rows.push(Row { what: "accounts list", account: "", region: "", load_balancer: None, rule: None, gap });
    }
    for (account, what, gap) in report.account_gaps() {
        let account = account.id.as_str();
        rows.push(Row { what, account, region: "", load_balancer: None, rule: None, gap });
    }
    for line in &report.coverage.lines {
        let skipped = line.status == doorward_model::CoverageStatus::Skipped;
        let what = if skipped { "skipped" } else { "account-Region" };
        let (account, region) = (line.account.as_str(), place(line.region.as_ref()));
        rows.extend(line.gaps.iter().map(|gap| Row { what, account, region, load_balancer: None, rule: None, gap }));
    }
    for finding in &report.findings {
        let Verdict::Unknown { gaps, .. } = &*finding.verdict else { continue };
        rows.extend(gaps.iter().map(|gap| Row {
            what: "unknown verdict",
            account: finding.account.as_str(),
            region: finding.region.as_str(),
            load_balancer: Some((&finding.name, &finding.load_balancer)),
            rule: Some(&finding.rule),
            gap,
        }));
    }
    Sheet::new(TITLE, columns(), rows.len(), rows)
}
