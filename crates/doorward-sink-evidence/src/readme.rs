//! README.md of a pack, for the assessor.

use std::fmt::Write as _;

use doorward_model::harmless;

use crate::manifest::SheetEntry;
use crate::sheets::{SheetContext, cover};

/// The text. Each sheet comes with what stands in it where it has no rows.
pub(crate) fn text<'s>(
    cx: &SheetContext<'_>,
    sheets: impl Iterator<Item = (&'s SheetEntry, &'s Option<String>)>,
) -> String {
    let run = &cx.report().run;
    let counts = cx.report().coverage.counts;
    let quoted = |text: &str| harmless(&text.replace('`', "'").replace('\n', " ")).into_owned();
    let mut out = String::new();
    let mut line = |text: &str| {
        // Writing to a String does not fail.
        let _ = writeln!(out, "{text}");
    };
    line("# Evidence: the desync mitigation mode of load balancers\n");
    line(&format!(
        "Written by Doorward `{}` from run `{}`, which `{}` made from {} to {} (UTC).",
        quoted(&run.tool_version),
        quoted(&run.id),
        quoted(run.caller.as_str()),
        run.started,
        run.finished
    ));
    if let Some(part) = cx.part() {
        line(&format!("\n**{}**\n", quoted(&part)));
    }
    line(&format!(
        "{} of {} account-Regions in scope were read completely; {} were skipped. {} load balancers, {} verdicts.\n",
        counts.complete,
        counts.in_scope(),
        counts.skipped,
        cx.report().load_balancers.len(),
        cx.report().findings.len()
    ));
    line("The pack supports an assessment. The assessor decides whether a requirement is satisfied.\n");
    line("## Files\n");
    line("| file | holds |\n|---|---|");
    line("| `evidence.xlsx` | the workbook; start with the sheet Cover |");
    line("| `scan.json` | the scan itself, every value verbatim |");
    line("| `manifest.json` | every file with its SHA-256, the rows of every sheet, the pack before this one |");
    line("| `SHA256SUMS` | the same hashes for standard tools |");
    if cx.pack.key.is_some() {
        line("| `manifest.sig` | an ed25519 signature over `manifest.json`, 64 bytes |");
    }
    for (sheet, empty) in sheets {
        let empty = empty.as_ref().map_or_else(String::new, |why| format!(" {why}"));
        line(&format!("| `{}` | sheet {}: {} rows{empty} |", sheet.csv, sheet.tabs.join(", "), sheet.rows));
    }
    line("\nThe CSV files are UTF-8 with CRLF and quotes as in RFC 4180. An apostrophe precedes every text that a");
    line("spreadsheet would calculate or convert to a number, including account ids; remove it to get the text.\n");
    line("## How to verify\n");
    for (number, (what, command)) in (1..).zip(cover::COMMANDS) {
        line(&format!("{number}. {what}: `{command}`"));
    }
    line(
        "\nThe third prints the hash to compare with the copy kept outside the folder; the next pack repeats it. \
         Without that copy,",
    );
    line(
        "or a signature by a key that you trust, a pack that was replaced as a whole cannot be distinguished from the original.\n",
    );
    if cx.pack.key.is_some() {
        line("The signature can be checked without Doorward, with the public key you were given:");
        line("`openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in manifest.json -sigfile manifest.sig`\n");
    }
    line("## How to draw the sample again\n");
    line(
        "Every load balancer in scope (sheet Population, In scope is yes) gets the SHA-256 of the seed, a \
         line feed and its",
    );
    line("ARN, in UTF-8. The sample is those with the smallest hashes. To draw another, choose a seed and a size:\n");
    line("```python");
    line("import csv, hashlib");
    line("seed, size = \"YOUR SEED\", 25");
    line("rows = csv.DictReader(open(\"csv/population.csv\", encoding=\"utf-8-sig\", newline=\"\"))");
    line("key = lambda row: hashlib.sha256((seed + \"\\n\" + row[\"ARN\"]).encode()).hexdigest()");
    line("for row in sorted((row for row in rows if row[\"In scope\"] == \"yes\"), key=key)[:size]:");
    line("    print(row[\"Number\"], row[\"ARN\"])");
    line("```");
    out
}
