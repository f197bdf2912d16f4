//! Findings by rule, verdict and severity as OpenMetrics, for the textfile collector of a Prometheus node exporter.
//!
//! The verdict is a label, so that an alert can tell a finding that is unknown from one that passes:
//! `doorward_findings{rule="desync-mode-below-required",verdict="unknown",severity=""} 3`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;

use serde_json::{Value, json};

const CONTRACT: &str = "doorward-report-v1";
const SKIPPED: &str = "not a metric";

fn main() -> ExitCode {
    match run() {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<Value, Box<dyn Error>> {
    match std::env::args().next_back().as_deref() {
        Some("describe") => Ok(json!({
            "contract": CONTRACT, "name": "openmetrics", "version": env!("CARGO_PKG_VERSION"), "destination": "stream",
            "repeat": "idempotent",
        })),
        Some("preflight") => {
            let config: Value = serde_json::from_reader(std::io::stdin().lock())?;
            Ok(json!({ "ok": config.is_object(), "why": "the configuration is no JSON object" }))
        }
        Some("emit") => emit(),
        _ => Err("usage: openmetrics describe|preflight|emit".into()),
    }
}

/// Reads the report line by line: only counts are kept, however large it is.
fn emit() -> Result<Value, Box<dyn Error>> {
    let mut lines = std::io::stdin().lock().lines();
    let header: Value = serde_json::from_str(&lines.next().ok_or("no header")??)?;
    if header["contract"] != CONTRACT {
        return Err(format!("the contract is {}, and this plugin knows {CONTRACT}", header["contract"]).into());
    }
    let destination = header["destination"].as_str().ok_or("no destination")?;
    let (mut read, mut written) = (0_u64, 0_u64);
    let mut counts: BTreeMap<[String; 3], u64> = BTreeMap::new();
    let (mut started, mut end) = (None, None);
    for line in lines {
        let record: Value = serde_json::from_str(&line?)?;
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        match record["type"].as_str() {
            Some("run") => started = record["run"]["started"].as_str().map(str::to_owned),
            Some("finding") => {
                read += 1;
                if text("verdict") != "not-applicable" {
                    written += 1;
                    *counts.entry([text("rule"), text("verdict"), text("severity")]).or_default() += 1;
                }
            }
            Some("end") => end = Some(record),
            _ => {}
        }
    }
    let end = end.ok_or("the report has no end: Doorward was stopped, or the stream was cut")?;
    if end["findings"] != read {
        return Err(format!("the report has {read} findings, and its end counts {}", end["findings"]).into());
    }
    let mut out = std::io::BufWriter::new(std::fs::File::create(destination)?);
    writeln!(out, "# TYPE doorward_findings gauge")?;
    writeln!(out, "# HELP doorward_findings Findings of the scan that began at {}.", label(&started.unwrap_or_default()))?;
    for ([rule, verdict, severity], count) in &counts {
        let (rule, verdict, severity) = (label(rule), label(verdict), label(severity));
        writeln!(out, "doorward_findings{{rule=\"{rule}\",verdict=\"{verdict}\",severity=\"{severity}\"}} {count}")?;
    }
    writeln!(out, "# TYPE doorward_account_regions gauge")?;
    for status in ["complete", "partial", "skipped", "failed"] {
        let count = end["coverage"][status].as_u64().unwrap_or_default();
        writeln!(out, "doorward_account_regions{{status=\"{status}\"}} {count}")?;
    }
    writeln!(out, "# EOF")?;
    out.flush()?;
    let skipped = if read == written { json!({}) } else { json!({ SKIPPED: read - written }) };
    Ok(json!({ "findings_in": read, "written": written, "skipped": skipped, "where": destination }))
}

/// A text inside the quotes of a label.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
