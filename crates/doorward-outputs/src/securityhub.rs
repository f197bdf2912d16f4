//! Findings as Security Hub takes them: the delivery, and the files in its formats.

use std::io::{self, Write};

use doorward_model::{ScanReport, Sink, SinkContext, Skipped, Verdict};
use doorward_sink_securityhub::{
    FindingRenderer, LedgerOutbox, Publisher, ReportIndex, Shape, asff_json, ocsf_ndjson, renderer,
};

use crate::OutputError;
use crate::{DeliveryInputs, SinkInputs, Written};

/// Makes the sink that delivers to Security Hub.
pub(crate) fn deliver<'a>(inputs: &DeliveryInputs<'a>) -> Result<Box<dyn Sink + 'a>, OutputError> {
    let publish = inputs.publish;
    let missing = || OutputError::Internal("Security Hub needs access to AWS".to_owned());
    let aws = inputs.access.ok_or_else(missing)?.provider(publish.purpose());
    let outbox = LedgerOutbox(inputs.held.clone());
    Ok(Box::new(Publisher::new(
        renderer(
            publish,
            inputs.register,
            inputs.frameworks,
            inputs.policy,
            inputs.load_balancers,
            inputs.changes_elsewhere,
        ),
        publish.delivery_settings(),
        aws,
        outbox,
    )))
}

/// Writes ASFF.
pub(crate) fn write_asff(
    mut out: &mut dyn Write,
    report: &ScanReport,
    inputs: &SinkInputs<'_>,
    _: &SinkContext<'_>,
) -> io::Result<Written> {
    let findings = asff_json(&renderer_of(report, inputs), &ReportIndex::new(report), &mut out)?;
    Ok(written(findings, report))
}

/// Writes OCSF of the version of Security Hub's own findings.
pub(crate) fn write_ocsf(
    mut out: &mut dyn Write,
    report: &ScanReport,
    inputs: &SinkInputs<'_>,
    _: &SinkContext<'_>,
) -> io::Result<Written> {
    let findings = ocsf_ndjson(&renderer_of(report, inputs), &ReportIndex::new(report), Shape::SecurityHub, &mut out)?;
    Ok(written(findings, report))
}

/// Writes OCSF of the version that Security Lake takes.
pub(crate) fn write_ocsf_for_security_lake(
    mut out: &mut dyn Write,
    report: &ScanReport,
    inputs: &SinkInputs<'_>,
    _: &SinkContext<'_>,
) -> io::Result<Written> {
    let findings = ocsf_ndjson(&renderer_of(report, inputs), &ReportIndex::new(report), Shape::SecurityLake, &mut out)?;
    Ok(written(findings, report))
}

fn renderer_of(report: &ScanReport, inputs: &SinkInputs<'_>) -> FindingRenderer {
    let settings = inputs.settings;
    renderer(&settings.publish, inputs.register, &settings.frameworks, inputs.policy, &report.load_balancers, false)
}

/// Security Hub has no finding for a rule that does not apply or was not asked.
fn written(findings: usize, report: &ScanReport) -> Written {
    let count = |wanted: fn(&Verdict) -> bool| report.findings.iter().filter(|f| wanted(&f.verdict)).count();
    let skipped = [
        ("the rule does not apply", count(|verdict| matches!(verdict, Verdict::NotApplicable { .. }))),
        ("the rule was not asked", count(|verdict| matches!(verdict, Verdict::NotAsked { .. }))),
    ];
    let known: usize = skipped.iter().map(|(_, count)| count).sum();
    let too_long = report.findings.len().saturating_sub(findings + known);
    let skipped = skipped.into_iter().chain([("it is larger than Security Hub takes", too_long)]);
    let skipped = skipped.filter(|(_, count)| *count > 0);
    let skipped = skipped.map(|(reason, count)| Skipped { reason: reason.to_owned(), count });
    Written { findings, skipped: skipped.collect() }
}
