//! Cover: the scan and its caller, how to verify the pack, signatures, the settings.

use doorward_model::Observed;
use jiff::Timestamp;

use super::{SheetContext, seen};
use crate::error::SINK;
use crate::sheet::{Columns, Sheet, Title};

pub(crate) const TITLE: Title = Title {
    tab: "Cover",
    file: "cover",
    about: "The scan and its caller, how to verify this pack, and where to \
         sign.",
};

/// The section that is signed by hand.
pub(crate) const SIGN_OFF: &str = "Sign-off";

struct Row {
    section: &'static str,
    item: String,
    value: String,
}

fn columns<'p>() -> Columns<'p, Row> {
    Columns::<Row>::new()
        .text("Section", 16, "The topic.", |r| r.section.into())
        .text("Item", 56, "The property.", |r| r.item.as_str().into())
        .prose("Value", 96, "Its value when the pack was written.", |r| r.value.as_str().into())
}

/// The sheet.
pub(crate) fn sheet<'p>(cx: &'p SheetContext<'p>) -> Sheet<'p> {
    let (report, context) = (cx.report(), cx.pack.context);
    let run = &report.run;
    let mut rows = Vec::new();
    let mut add = |section, item: &str, value: String| rows.push(Row { section, item: item.to_owned(), value });

    let organization = match &report.organization {
        Observed::Known(organization) => {
            format!("{}, management account {}", organization.id, organization.management_account)
        }
        Observed::Absent => format!("(none: the single account {})", run.account),
        other => seen(&other.as_ref().map(|_| "")),
    };
    add("Scope", "Organization", organization);
    let selected = context.scope.as_ref().map_or_else(
        || "the whole scan".to_owned(),
        |scope| format!("{scope}; coverage is that of the whole scan, everything else is of this part only"),
    );
    add("Scope", "Part of the scan", selected);
    let counts = report.coverage.counts;
    add("Scope", "Accounts", report.accounts.len().to_string());
    add(
        "Scope",
        "Coverage",
        format!("{} of {} account-Regions in scope were read completely", counts.complete, counts.in_scope()),
    );
    add("Scope", "Load balancers", report.load_balancers.len().to_string());
    let interrupted =
        if run.interrupted { "yes: everything that was not read before the interruption is unknown" } else { "no" };
    add("Scope", "Interrupted", interrupted.to_owned());
    for one in &run.unmatched {
        let asked = if one.asked { ": requested and not read, so coverage is not complete" } else { "" };
        add("Scope", "Named in the settings and not found", format!("{one}{asked}"));
    }
    add("Period", "From", time(context.period.from, "(not set: evidence for the time of the scan only)"));
    add("Period", "Until", time(context.period.until, "(not set: evidence for the time of the scan only)"));

    add("Scan", "Run", run.id.clone());
    add("Scan", "Run by", run.caller.to_string());
    add("Scan", "Partition and home Region", format!("{}, {}", run.partition, run.home_region));
    add("Scan", "Began (UTC)", run.started.to_string());
    add("Scan", "Ended (UTC)", run.finished.to_string());
    let read = report.observed().map(|period| format!("from {} to {}", period.from, period.to));
    add("Scan", "Read (UTC)", read.unwrap_or_else(|| "(nothing was read)".to_owned()));
    let offset =
        context.clock_offset.map(|offset| format!("{} s, to the second (ahead of AWS is positive)", offset.as_secs()));
    add("Scan", "Clock against AWS's", offset.unwrap_or_else(|| "(not measured)".to_owned()));
    add("Tool", "Doorward", run.tool_version.clone());
    add("Tool", "Build", if context.build.is_empty() { "(not known)".to_owned() } else { context.build.clone() });
    add("Sample", "Requested size", context.sampling.size.to_string());
    add("Sample", "Size drawn", cx.drawn.len().to_string());
    add("Sample", "Seed", context.sampling.seed.clone());
    add("Sample", "Seed of the assessor", "(give your own: doorward report --from scan.saved --seed TEXT)".to_owned());

    let included =
        |without: Option<&str>| without.map_or_else(|| "included".to_owned(), |why| format!("(none: {why})"));
    let unconfigured = context.exceptions.is_none().then_some("no register of exceptions is configured");
    add("Sources", "Register of exceptions", included(unconfigured));
    add("Sources", "Ledger of earlier runs", included(cx.without_ledger()));
    let before = context.previous_figures.as_ref();
    let before = before.map(|figures| format!("{}, {}", figures.run, figures.at));
    add("Sources", "Previous period", before.unwrap_or_else(|| "(none)".to_owned()));

    let link = context.previous.as_ref().map(|link| format!("run {}, manifest {}", link.run, link.manifest_sha256));
    add(
        "Integrity",
        "Pack before this one",
        link.unwrap_or_else(|| "(none: this is the first pack of a chain)".to_owned()),
    );
    let signed = cx.pack.key.map(|key| format!("ed25519, public key {}", key.public()));
    add("Integrity", "Signature", signed.unwrap_or_else(|| "(none)".to_owned()));
    for (number, (what, command)) in (1..).zip(COMMANDS) {
        add("How to verify", &format!("{number}. {what}"), (*command).to_owned());
    }
    for role in ["Prepared by", "Reviewed by", "Assessor"] {
        for blank in ["name", "date", "signature"] {
            add(SIGN_OFF, &format!("{role}: {blank}"), String::new());
        }
    }
    Sheet::new(TITLE, columns(), rows.len(), rows)
}

/// How to verify a pack, in three commands; the README has the same.
pub(crate) const COMMANDS: &[(&str, &str)] = &[
    ("every file, with standard tools", "sha256sum --check SHA256SUMS"),
    ("every file, the folder, the chain and the signature", "doorward verify ."),
    ("against the hash that was kept outside the folder", "sha256sum manifest.json"),
];

fn time(at: Option<Timestamp>, otherwise: &str) -> String {
    at.map_or_else(|| otherwise.to_owned(), |at| at.to_string())
}

/// The title above the table.
pub(crate) fn headline(cx: &SheetContext<'_>) -> [String; 2] {
    let organization = cx.report().organization.known().map_or_else(
        || format!("account {}", cx.report().run.account),
        |organization| format!("organization {}", organization.id),
    );
    let part = cx.pack.context.scope.as_ref().map_or_else(String::new, |scope| format!(", only {scope}"));
    [
        format!("Doorward {SINK}: desync mitigation mode of load balancers, {organization}{part}"),
        "This pack supports an assessment. The assessor decides whether a requirement is satisfied.".to_owned(),
    ]
}
