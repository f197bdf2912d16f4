//! The report on its way to a plugin: the header, the lines of `ndjson-v1`, and what changed since the last delivery.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};

use doorward_model::{Finding, ScanReport};
use tokio::io::AsyncWriteExt as _;
use tokio::process::ChildStdin;

use crate::contract::{FindingGone, SinceLast};
use crate::memory::DeliveredFindings;
use crate::plugin_sink::{LinesOfReport, ReportLine};

/// How much is written to a plugin at once, in bytes.
const CHUNK: usize = 1 << 16;
/// The place of the rule in an id that stands for a load balancer.
const ANY_RULE: &str = "*";

/// What the lines say beside the report.
pub(crate) struct LineContext<'a> {
    /// The content hash of each finding, in the order of the report.
    pub(crate) hashes: &'a [String],
    /// The content hashes of the last delivery, and the findings that are gone since then; none without `delta`.
    pub(crate) since: Option<(&'a BTreeMap<String, String>, &'a [String])>,
}

/// Writes the header and the lines, no faster than the plugin reads.
pub(crate) async fn write<'a>(
    mut stdin: ChildStdin,
    header: Vec<u8>,
    lines: LinesOfReport<'a>,
    context: &LineContext<'_>,
) -> io::Result<()> {
    let mut chunk = header;
    chunk.push(b'\n');
    let mut hashes = context.hashes.iter();
    for line in lines {
        let ReportLine { finding, is_end, mut json } = line?;
        // Only a finding takes the next hash.
        if let Some((finding, hash)) = finding.and_then(|finding| Some((finding, hashes.next()?))) {
            json.pop();
            write!(json, ",\"content_hash\":\"{hash}\"")?;
            if let Some((earlier, _)) = context.since {
                let since = match earlier.get(&finding.id) {
                    None => SinceLast::New,
                    Some(before) if before == hash => SinceLast::Same,
                    Some(_) => SinceLast::Changed,
                };
                write!(json, ",\"since_last\":{}", serde_json::to_string(&since)?)?;
            }
            json.push(b'}');
        }
        if let (true, Some((_, gone))) = (is_end, context.since) {
            for id in gone {
                serde_json::to_writer(&mut chunk, &FindingGone { line: "finding_gone", id })?;
                chunk.push(b'\n');
            }
        }
        chunk.append(&mut json);
        chunk.push(b'\n');
        if chunk.len() >= CHUNK {
            stdin.write_all(&chunk).await?;
            chunk.clear();
        }
    }
    stdin.write_all(&chunk).await?;
    stdin.shutdown().await
}

/// The findings of the last delivery that are gone, and what the next delivery compares with. What was not read or not asked is not
/// gone, and neither is what an older scan does not have.
pub(crate) fn changes(
    report: &ScanReport,
    hashes: &[String],
    earlier: &DeliveredFindings,
) -> (Vec<String>, DeliveredFindings) {
    // A load balancer of the report exists, whatever rules were asked of it.
    let read: BTreeSet<(&str, &str)> = report
        .coverage
        .lines
        .iter()
        .filter(|line| line.fully_listed)
        .filter_map(|line| Some((line.region.as_ref()?.as_str(), line.account.as_str())))
        .collect();
    let exist: BTreeSet<String> = report.load_balancers.iter().map(|lb| Finding::id_for(&lb.arn, ANY_RULE)).collect();
    // What an older scan does not have may have been created since.
    let is_older = earlier.scanned.is_some_and(|scanned| report.run.started < scanned);
    let has_ended = |id: &str| {
        let parts: Vec<&str> = id.splitn(6, '/').collect();
        let [own, partition, region, account, _, resource] = parts.as_slice() else { return false };
        let of_load_balancer = [own, partition, region, account, &ANY_RULE, resource].map(|part| *part).join("/");
        !is_older && read.contains(&(*region, *account)) && !exist.contains(&of_load_balancer)
    };
    let mut next: BTreeMap<String, String> =
        report.findings.iter().map(|finding| finding.id.clone()).zip(hashes.iter().cloned()).collect();
    let mut gone = Vec::new();
    for (id, hash) in &earlier.hashes {
        if next.contains_key(id) {
            continue;
        }
        if has_ended(id) {
            gone.push(id.clone());
        } else {
            next.insert(id.clone(), hash.clone());
        }
    }
    let scanned = earlier.scanned.max(Some(report.run.started));
    (gone, DeliveredFindings::of(next, scanned))
}
