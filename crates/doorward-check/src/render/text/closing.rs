//! The end of the text: what is the same for many declarations, once; what was not read; counts.

use std::collections::BTreeMap;
use std::io::{self, Write};

use doorward_iac::{Unexamined, UnexaminedReason, UnreadPart};
use doorward_model::{GapReason, Verdict, VerdictKind};

use super::clean;
use crate::checker::MODE_RULE;
use crate::render::{RenderInput, TextOptions, count};

/// The number of lines that are shown of a list.
const SHOWN: usize = 10;
/// The number of places that are shown of verdicts with the same cause.
const EXAMPLES: usize = 3;

/// The reason why a verdict is unknown, if it is not a defect of this declaration: the declaration leaves the value open.
/// Such verdicts are stated once per run.
pub(super) fn left_open(verdict: &Verdict) -> Option<GapReason> {
    match verdict {
        Verdict::Unknown { gaps, .. } => {
            let reasons = gaps.iter().map(|gap| gap.reason);
            let open = |reason: &GapReason| matches!(reason, GapReason::KeepsLiveValue | GapReason::Undeclared);
            reasons.clone().next().filter(|_| reasons.clone().all(|reason| open(&reason)))
        }
        _ => None,
    }
}

/// Writes the parts that were not read, one line each.
pub(super) fn parts(unread: &[&UnreadPart], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "not read, and may declare load balancers:")?;
    for part in unread.iter().take(SHOWN) {
        writeln!(out, "  {}: {}: {}", clean(&part.place.to_string()), clean(&part.address), clean(&part.because))?;
    }
    more(unread.len(), SHOWN, out)?;
    writeln!(out)
}

fn more(count: usize, shown: usize, out: &mut dyn Write) -> io::Result<()> {
    match count.checked_sub(shown) {
        Some(rest) if rest > 0 => writeln!(out, "  and {rest} more; -v shows all"),
        _ => Ok(()),
    }
}

/// Writes the rest of the text.
pub(super) fn write(input: &RenderInput<'_>, options: TextOptions, out: &mut dyn Write) -> io::Result<()> {
    if !options.verbose {
        unknown_alike(input, out)?;
    }
    let report = input.report;
    let load_balancers = report.judged.iter().filter(|judged| judged.declared.load_balancer().is_some()).count();
    writeln!(out, "{} in {}", count(load_balancers, "load balancer"), count(report.files.len(), "file"))?;
    for (rule, counts) in report.tally() {
        let of = |kind: &VerdictKind| counts.get(kind).map(|n| format!("{n} {kind}"));
        let parts: Vec<String> = VerdictKind::ALL.iter().filter_map(of).collect();
        writeln!(out, "  {rule:<28} {}", parts.join(", "))?;
    }
    for judged in &report.judged {
        for (_, verdict) in &judged.verdicts {
            if let Verdict::Excepted { exception, expires, .. } = verdict {
                let address = clean(&judged.declared.address);
                writeln!(out, "  excepted until {expires}: {exception}, {address}")?;
            }
        }
    }
    failures(input, out)?;
    if !report.accepted.is_empty() {
        writeln!(out, "  accepted by the baseline: {}", count(report.accepted.len(), "finding"))?;
    }
    if !report.unread.is_empty() {
        writeln!(out, "  not read: {}", count(report.unread.len(), "part"))?;
    }
    unexamined(&report.unexamined, options, out)?;
    if report.ignored > 0 {
        let n = report.ignored;
        writeln!(out, "  left out: {} that git ignores; --no-ignore reads them", count(n, "path"))?;
    }
    if !report.errors.is_empty() {
        writeln!(out, "  {} could not be read; see the messages", count(report.errors.len(), "file"))?;
    }
    Ok(())
}

/// Unknown verdicts whose value is left open, once per rule and reason.
fn unknown_alike(input: &RenderInput<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut alike: BTreeMap<(&str, GapReason), Vec<String>> = BTreeMap::new();
    for judged in &input.report.judged {
        for (meta, verdict) in &judged.verdicts {
            if let Some(reason) = left_open(verdict)
                && !input.report.accepted.contains(&judged.id(meta.id))
            {
                let place = format!("{}: {}", judged.declared.place, judged.declared.address);
                alike.entry((meta.id, reason)).or_default().push(place);
            }
        }
    }
    for ((rule, reason), places) in &alike {
        let (n, verb) = (count(places.len(), "declaration"), if places.len() == 1 { "s" } else { "" });
        let sentence = match (*rule, reason) {
            (MODE_RULE, GapReason::KeepsLiveValue) => format!(
                "{n} name{verb} no mode: use --new for a new deployment, or --scan FILE for load balancers that exist"
            ),
            (_, GapReason::KeepsLiveValue) => format!(
                "{n} leave{verb} the value to the deployed load balancer: use --new for a new deployment, or --scan FILE"
            ),
            (_, reason) => {
                format!("{n} do{} not determine it. {}", if places.len() == 1 { "es" } else { "" }, reason.remedy())
            }
        };
        writeln!(out, "unknown[{rule}]: {sentence}")?;
        for place in places.iter().take(EXAMPLES) {
            writeln!(out, "  {}", clean(place))?;
        }
        more(places.len(), EXAMPLES, out)?;
        writeln!(out)?;
    }
    Ok(())
}

/// The failures that determine the exit code.
fn failures(input: &RenderInput<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut failed = Vec::new();
    for judged in &input.report.judged {
        for (meta, verdict) in &judged.verdicts {
            if let Verdict::Fail { severity, .. } = verdict
                && input.thresholds.fail_on.for_declarations().covers(*severity)
                && !input.report.accepted.contains(&judged.id(meta.id))
            {
                failed.push(format!("{}: {} ({})", judged.declared.place, judged.declared.address, meta.id));
            }
        }
    }
    for line in failed.iter().take(SHOWN) {
        writeln!(out, "  failed: {}", clean(line))?;
    }
    more(failed.len(), SHOWN, out)
}

/// What was not read and indicates no load balancer, by reason.
fn unexamined(all: &[Unexamined], options: TextOptions, out: &mut dyn Write) -> io::Result<()> {
    let of = |reason: UnexaminedReason| all.iter().filter(move |one| one.reason == reason);
    for (reason, what) in [
        (
            UnexaminedReason::ModuleWithoutLoadBalancers,
            "module call|not installed, of modules that create no load balancer",
        ),
        (UnexaminedReason::ModuleOfOtherResources, "module call|not installed, named after other resources"),
        (
            UnexaminedReason::UnknownModule,
            "module call|not installed and not known; run `terraform init` or check the plan",
        ),
        (UnexaminedReason::ManifestOfOtherKinds, "manifest|not known, of resources named after other kinds of objects"),
        (
            UnexaminedReason::TemplateOfOtherResources,
            "nested template|not among the files, named after other resources",
        ),
        (UnexaminedReason::MissingManifest, "resource|of kustomizations, not among the files"),
        (
            UnexaminedReason::RemoteManifestsWithoutLoadBalancers,
            "resource|from other repositories that create no load balancer",
        ),
        (UnexaminedReason::RemoteManifests, "resource|from other repositories, not known; check what is deployed"),
        (UnexaminedReason::UnknownValues, "chart|with values that are not among the files"),
        (UnexaminedReason::Template, "template|not rendered, without a sign of a load balancer"),
        (UnexaminedReason::BrokenFile, "file|not well-formed, without a sign of a load balancer"),
        (UnexaminedReason::EncryptedFile, "file|encrypted by git-crypt"),
    ] {
        let n = of(reason).count();
        let Some((noun, rest)) = what.split_once('|').filter(|_| n > 0) else { continue };
        let mut line = format!("  not examined: {}, {rest}", count(n, noun));
        if reason.is_unknown() {
            let mut sources: Vec<&str> = of(reason).map(|one| one.detail.as_str()).collect();
            sources.sort_unstable();
            sources.dedup();
            let shown: Vec<String> = sources.iter().take(EXAMPLES).map(|source| clean(source)).collect();
            let rest = sources.len().saturating_sub(EXAMPLES);
            line.push_str(&format!(": {}", shown.join(", ")));
            if rest > 0 {
                line.push_str(&format!(" and {} more", count(rest, "source")));
            }
        }
        writeln!(out, "{line}")?;
        if options.verbose {
            for one in of(reason) {
                let place = clean(&one.place.to_string());
                writeln!(out, "    {place}: {} ({})", clean(&one.address), clean(&one.detail))?;
            }
        }
    }
    Ok(())
}
