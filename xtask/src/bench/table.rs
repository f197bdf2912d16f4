//! The tables of figures.

use super::contenders::{Calls, Sample};

/// One line for each contender, each figure with its ratio to the SDK loop's.
pub(super) fn contenders(samples: &[&Sample; 3]) {
    let [_, sdk, raw] = samples;
    println!(
        "{:<28} {:>7} {:>8} {:>9} {:>12} {:>7} {:>7} {:>9} {:>8}",
        "contender", "calls", "seconds", "calls/s", "CPU us/call", "of sdk", "of raw", "of it sys", "peak MB"
    );
    for sample in samples {
        let what = match sample.name {
            "scan" => "scan: the scanner, verdicts",
            "sdk" => "sdk: a bare loop",
            _ => "raw: signed HTTP, ELB only",
        };
        let total = sample.calls.total() as f64;
        println!(
            "{what:<28} {:>7} {:>8.2} {:>9.0} {:>12.1} {:>7.2} {:>7.2} {:>9.1} {:>8.1}",
            sample.calls.total(),
            sample.seconds,
            total / sample.seconds,
            sample.cpu_per_call(),
            sample.cpu_per_call() / sdk.cpu_per_call(),
            sample.cpu_per_call() / raw.cpu_per_call(),
            sample.system_seconds * 1e6 / total,
            sample.peak_mb,
        );
        if let Some((cpu, peak)) = sample.calling {
            let each = cpu * 1e6 / total;
            println!(
                "{:<28} {:>7} {:>8} {:>9} {each:>12.1} {:>7.2} {:>7.2} {:>9} {peak:>8.1}",
                "  up to the last answer",
                "",
                "",
                "",
                each / sdk.cpu_per_call(),
                each / raw.cpu_per_call(),
                "",
            );
        }
    }
    println!();
}

/// The calls of the scanner compared with the fewest possible, where either is above zero.
pub(super) fn calls(scan: &Sample, minimum: &Calls) {
    println!("{:<48} {:>8} {:>8} {:>6}", "calls of the scanner", "made", "fewest", "over");
    let mut names: Vec<&String> = minimum.0.keys().chain(scan.calls.0.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let (made, fewest) = (scan.calls.of(name), minimum.of(name));
        if made > 0 || fewest > 0 {
            println!("  {name:<46} {made:>8} {fewest:>8} {:>6}", made as i64 - fewest as i64);
        }
    }
    let (made, fewest) = (scan.calls.total(), minimum.total());
    println!("  {:<46} {made:>8} {fewest:>8} {:>6}\n", "all", made as i64 - fewest as i64);
}

/// The scanner at three sizes of the same organization, and what each further load balancer costs.
pub(super) fn growth(sizes: [usize; 3], samples: [&Sample; 3]) {
    println!(
        "{:<14} {:>8} {:>8} {:>8} {:>8} {:>8}   {:<30}",
        "load balancers", "calls", "seconds", "CPU s", "us/call", "peak MB", "each further one costs"
    );
    for (index, (size, sample)) in sizes.into_iter().zip(samples).enumerate() {
        let further = index.checked_sub(1).and_then(|before| Some((sizes.get(before)?, samples.get(before)?)));
        let costs = further.map(|(smaller, before)| {
            let each = |all: f64, some: f64| (all - some) / (size - smaller).max(1) as f64;
            format!(
                "{:.0} us, {:.0} us CPU, {:.2} kB",
                each(sample.seconds, before.seconds) * 1e6,
                each(sample.cpu_seconds(), before.cpu_seconds()) * 1e6,
                each(sample.peak_mb, before.peak_mb) * 1e3,
            )
        });
        println!(
            "{size:<14} {:>8} {:>8.2} {:>8.2} {:>8.1} {:>8.1}   {}",
            sample.calls.total(),
            sample.seconds,
            sample.cpu_seconds(),
            sample.cpu_per_call(),
            sample.peak_mb,
            costs.unwrap_or_default(),
        );
    }
    println!();
}

/// The run in which a tenth of the application load balancers logs nothing by attribute.
pub(super) fn silent(sample: &Sample, minimum: u64) {
    let asked = sample.calls.of("logs:DescribeDeliverySources") + sample.calls.of("logs:DescribeDeliveries");
    println!(
        "With 10 % not logging by attribute: {} calls ({:.4} x of {minimum}), {asked} of them for vended logs",
        sample.calls.total(),
        sample.calls.total() as f64 / minimum as f64,
    );
}
