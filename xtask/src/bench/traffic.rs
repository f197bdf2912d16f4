//! `cargo xtask bench traffic`: reading access logs, compared with only decompressing them, and with DuckDB, Polars and awk.
//!
//! All contenders read the same generated files, in turns, each in a process of its own whose resources
//! the system counts. Other work on the machine slows down the contenders of a round alike, so ratios within a round are compared.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::finish;
use crate::traffic::{self, Corpus};
use crate::workspace;

/// CPU time at most this many times that of unpacking.
const UNPACKING: f64 = 1.15;
/// Peak memory, in MB (10^6 bytes).
const PEAK: f64 = 64.0;
/// CPU time per byte of all files, of that per byte of a quarter of them.
const LINEAR: f64 = 1.15;

/// Bytes of lines in a file: of a quiet node, of a busy one, of a very busy one, and more than is unpacked whole.
const SIZES: [u64; 4] = [2_000_000, 13_000_000, 30_000_000, 60_000_000];
/// Threads of each of those.
const THREADS: [usize; 4] = [1, 2, 4, 8];

struct Plan {
    bytes: u64,
    rounds: usize,
    strict: bool,
}

impl Plan {
    fn read(arguments: &[String]) -> Result<Self> {
        let mut plan = Self { bytes: 400_000_000, rounds: 7, strict: false };
        let mut rest = arguments.iter();
        while let Some(flag) = rest.next() {
            let number = |value: Option<&String>| -> Result<u64> {
                let number = value.and_then(|value| value.replace('_', "").parse().ok()).filter(|number| *number > 0);
                number.with_context(|| format!("{flag} takes a number above 0"))
            };
            match flag.as_str() {
                "--bytes" => plan.bytes = number(rest.next())?,
                "--rounds" => plan.rounds = usize::try_from(number(rest.next())?)?,
                "--quick" => plan = Self { bytes: 100_000_000, rounds: 3, ..plan },
                "--strict" => plan.strict = true,
                _ => bail!("does not know {flag:?}; it takes --quick, --bytes N, --rounds N and --strict"),
            }
        }
        Ok(plan)
    }
}

/// One way to read the files.
struct Contender {
    name: &'static str,
    /// What it is run for: CPU time at least this many times ours.
    goal: Option<f64>,
    command: Vec<String>,
    samples: Vec<Used>,
}

#[derive(Debug, Clone)]
struct Used {
    cpu: f64,
    seconds: f64,
    peak_mb: f64,
    printed: String,
}

/// Writes the corpus and measures, prints the figures, and compares them with the goals.
pub(super) fn run(arguments: &[String]) -> Result<ExitCode> {
    let plan = Plan::read(arguments)?;
    let program = traffic::program(true)?;
    let python = traffic::python()?;
    // Files of 13 MB, as a busy node writes them.
    let corpus = Corpus::kept(&program, plan.bytes, 13_000_000, 7)?;
    let quarter = Corpus::kept(&program, plan.bytes / 4, 13_000_000, 7)?;
    println!(
        "{} bytes of lines in {}, rounds in turns: {}; medians\n",
        plan.bytes,
        corpus.folder.display(),
        plan.rounds
    );
    let mut missed = 0;
    for threads in [1, 2] {
        missed += contest(&plan, &program, &python, &corpus, &quarter, threads)?;
    }
    missed += sizes(&plan, &program, &python)?;
    Ok(if missed > 0 && plan.strict { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Reading against unpacking alone, in pairs, for files of all sizes on any number of threads.
fn sizes(plan: &Plan, program: &Path, python: &Path) -> Result<usize> {
    let scripts = workspace::root()?.join("xtask/traffic");
    let mut missed = 0;
    println!(
        "{:>14} {:>8} {:>9} {:>9} {:>26} {:>8}",
        "bytes a file", "threads", "CPU s", "unpacking", "min / median / max", "peak MB"
    );
    for file_bytes in SIZES {
        let corpus = Corpus::kept(program, plan.bytes.max(3 * file_bytes), file_bytes, 7)?;
        for threads in THREADS {
            let mut contenders = ["read", "gunzip"].map(|name| {
                let command = vec![text(program), name.to_owned(), text(&corpus.folder), threads.to_string()];
                Contender { name, goal: None, command, samples: Vec::new() }
            });
            for _ in 0..plan.rounds {
                for contender in &mut contenders {
                    contender.samples.push(measure(python, &scripts, &contender.command, contender.name)?);
                }
            }
            let [ours, unpacking] = &contenders;
            let mut pairs: Vec<f64> =
                ours.samples.iter().zip(&unpacking.samples).map(|(ours, bare)| ours.cpu / bare.cpu).collect();
            pairs.sort_by(f64::total_cmp);
            let over = ratio(ours, unpacking);
            let peak = ours.samples.iter().map(|used| used.peak_mb).fold(0.0, f64::max);
            let at = |place: usize| pairs.get(place).copied().unwrap_or(f64::NAN);
            println!(
                "{file_bytes:>14} {threads:>8} {:>9.3} {:>9.3} {:>8.2} / {over:>5.2} / {:>6.2} {peak:>8.1}{}",
                median(ours.samples.iter().map(|used| used.cpu)),
                median(unpacking.samples.iter().map(|used| used.cpu)),
                at(0),
                at(pairs.len().saturating_sub(1)),
                if over <= UNPACKING && peak < PEAK { "" } else { "  MISSED" },
            );
            missed += usize::from(over > UNPACKING) + usize::from(peak >= PEAK);
        }
    }
    println!();
    Ok(missed)
}

fn contest(
    plan: &Plan,
    program: &Path,
    python: &Path,
    corpus: &Corpus,
    quarter: &Corpus,
    threads: usize,
) -> Result<usize> {
    let scripts = workspace::root()?.join("xtask/traffic");
    let ours =
        |what: &str, corpus: &Corpus| vec![text(program), what.to_owned(), text(&corpus.folder), threads.to_string()];
    let script = |engine: &str| {
        let script = text(&scripts.join("count.py"));
        vec![text(python), script, engine.to_owned(), text(&corpus.folder), threads.to_string(), "bench".to_owned()]
    };
    let contender = |name, goal, command| Contender { name, goal, command, samples: Vec::new() };
    let mut contenders = vec![
        contender("doorward-traffic", None, ours("read", corpus)),
        contender("the same, a quarter of the files", None, ours("read", quarter)),
        contender("libdeflate, unpacking only", None, ours("gunzip", corpus)),
        contender("DuckDB", Some(4.0), script("duckdb")),
        contender("Polars", Some(2.5), script("polars")),
    ];
    if threads == 1 {
        for awk in ["mawk", "gawk"].into_iter().filter(|awk| found(awk)) {
            let pipe = format!(
                "find {} -name '*.log.gz' -print0 | xargs -0 zcat | {awk} -f {}",
                quoted(&corpus.folder),
                quoted(&scripts.join("count.awk"))
            );
            let name = if awk == "mawk" { "zcat | mawk" } else { "zcat | gawk" };
            contenders.push(contender(name, Some(6.0), vec!["sh".to_owned(), "-c".to_owned(), pipe]));
        }
        println!("GoAccess is not measured: it has no report of classifications, so its answer is another one.");
    }
    for round in 1..=plan.rounds {
        eprintln!("{threads} threads, round {round} of {}", plan.rounds);
        for contender in &mut contenders {
            contender.samples.push(measure(python, &scripts, &contender.command, contender.name)?);
        }
    }
    println!("{threads} thread{}", if threads == 1 { "" } else { "s" });
    println!("{:<34} {:>9} {:>9} {:>8} {:>8}   answer", "", "CPU s", "wall s", "peak MB", "x ours");
    for contender in &contenders {
        let answer = contender.samples.first().map_or("", |used| used.printed.trim());
        println!(
            "{:<34} {:>9.3} {:>9.3} {:>8.1} {:>8.2}   {answer}",
            contender.name,
            median(contender.samples.iter().map(|used| used.cpu)),
            median(contender.samples.iter().map(|used| used.seconds)),
            median(contender.samples.iter().map(|used| used.peak_mb)),
            ratio(contender, &contenders[0]),
        );
    }
    println!();
    judge(&contenders)
}

fn judge(contenders: &[Contender]) -> Result<usize> {
    let [ours, quarter, unpacking, others @ ..] = contenders else { bail!("nothing was measured") };
    let mut goals: Vec<(String, f64, bool)> = Vec::new();
    let over = ratio(ours, unpacking);
    goals.push((format!("CPU at most {UNPACKING} x unpacking"), over, over <= UNPACKING));
    let growth = ratio(ours, quarter) / 4.0;
    goals.push((format!("CPU per byte at most {LINEAR} x that of a quarter of the files"), growth, growth <= LINEAR));
    let peak = ours.samples.iter().map(|used| used.peak_mb).fold(0.0, f64::max);
    goals.push((format!("peak memory below {PEAK} MB"), peak, peak < PEAK));
    for other in others {
        if let Some(goal) = other.goal {
            let ratio = ratio(other, ours);
            goals.push((format!("{} takes at least {goal} x the CPU", other.name), ratio, ratio >= goal));
        }
    }
    for (what, figure, met) in &goals {
        println!("{:<7} {what:<64} {figure:.2}", if *met { "MET" } else { "MISSED" });
    }
    println!();
    Ok(goals.iter().filter(|(.., met)| !met).count())
}

/// The median over rounds of how much more CPU time one takes than another.
fn ratio(one: &Contender, other: &Contender) -> f64 {
    median(one.samples.iter().zip(&other.samples).map(|(one, other)| one.cpu / other.cpu))
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

fn measure(python: &Path, scripts: &Path, command: &[String], name: &str) -> Result<Used> {
    let done = finish(Command::new(python).arg(scripts.join("measure.py")).args(command))?;
    let figures: BTreeMap<String, Value> = serde_json::from_str(&done.stdout)
        .with_context(|| format!("{name} was not measured: {}", done.stderr.trim()))?;
    let number = |key: &str| figures.get(key).and_then(Value::as_f64).with_context(|| format!("no {key} of {name}"));
    ensure!(number("code")? == 0.0, "{name} failed: {}", done.stderr.trim());
    Ok(Used {
        cpu: number("cpu_seconds")?,
        seconds: number("seconds")?,
        peak_mb: number("peak_kib")? * 1024.0 / 1e6,
        printed: figures.get("printed").and_then(Value::as_str).unwrap_or_default().to_owned(),
    })
}

fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read() {
        let read = |words: &str| Plan::read(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let plan = read("--quick --bytes 2_000_000_000 --strict").expect("reads");
        assert_eq!((plan.bytes, plan.rounds, plan.strict), (2_000_000_000, 3, true));
        for bad in ["--rounds", "--bytes 0", "--fast"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn goals_that_are_missed_count() {
        let of = |name, goal, cpu: f64, peak_mb| {
            let used = Used { cpu, seconds: cpu, peak_mb, printed: String::new() };
            Contender { name, goal, command: Vec::new(), samples: vec![used] }
        };
        let all = |unpacking, duckdb, peak| {
            vec![
                of("ours", None, 4.0, peak),
                of("quarter", None, 1.0, peak),
                of("unpacking", None, unpacking, 1.0),
                of("DuckDB", Some(3.5), duckdb, 1.0),
            ]
        };
        for (unpacking, duckdb, peak, missed) in [(3.6, 15.0, 40.0, 0), (3.0, 15.0, 40.0, 1), (3.0, 8.0, 70.0, 3)] {
            assert_eq!(judge(&all(unpacking, duckdb, peak)).expect("judges"), missed);
        }
    }
}
