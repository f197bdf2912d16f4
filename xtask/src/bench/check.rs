//! `cargo xtask bench check`: checking a thousand files of Terraform configuration beside Checkov with one check enabled, and a
//! plan of fifty megabytes.
//!
//! Both read the same generated folder in turns, each in a process of its own of which the system says what it used, and both must
//! have seen every load balancer. Their verdicts differ where Checkov calls an unset mode passed and a network load balancer
//! passed too; only the work is compared.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::finish;
use crate::python;
use crate::workspace;

/// The rival, and its check of the same attribute.
const CHECKOV: &str = "checkov==3.3.30";
const CHECK: &str = "CKV_AWS_328";
const RULE: &str = "desync-mode-below-required";
/// Times as fast as the rival.
const FASTER: f64 = 50.0;
/// Seconds for the large plan.
const SECONDS: f64 = 2.0;
/// Peak memory for the large plan, in MB (10^6 bytes).
const PEAK: f64 = 300.0;

struct Plan {
    files: usize,
    megabytes: usize,
    rounds: usize,
    strict: bool,
}

impl Plan {
    fn read(arguments: &[String]) -> Result<Self> {
        let mut plan = Self { files: 1_000, megabytes: 50, rounds: 3, strict: false };
        let mut rest = arguments.iter();
        while let Some(flag) = rest.next() {
            let number = |value: Option<&String>| -> Result<usize> {
                let number = value.and_then(|value| value.replace('_', "").parse().ok()).filter(|number| *number > 0);
                number.with_context(|| format!("{flag} takes a number above 0"))
            };
            match flag.as_str() {
                "--files" => plan.files = number(rest.next())?,
                "--megabytes" => plan.megabytes = number(rest.next())?,
                "--rounds" => plan.rounds = number(rest.next())?,
                "--quick" => plan = Self { files: 100, rounds: 1, ..plan },
                "--strict" => plan.strict = true,
                _ => {
                    bail!("does not know {flag:?}; it takes --quick, --files N, --megabytes N, --rounds N and --strict")
                }
            }
        }
        Ok(plan)
    }
}

/// What a run used, and what it printed.
struct Used {
    seconds: f64,
    peak_mb: f64,
    printed: Value,
}

/// Builds, generates, measures, prints, judges.
pub(super) fn run(arguments: &[String]) -> Result<ExitCode> {
    let plan = Plan::read(arguments)?;
    let python = python::environment("checkov", &[CHECKOV])?;
    let program = build()?;
    let folder = workspace::target()?.join("bench-check");
    let configuration = folder.join("terraform");
    generate(&configuration, plan.files)?;
    let large = folder.join("plan.json");
    let load_balancers = write_plan(&large, plan.megabytes * 1_000_000)?;

    let ours = ["check", "--rule", RULE, "--format", "json-v1", "--quiet"];
    let measure = |name: &str, command: &[String]| measure(&python, command, name);
    let on = |path: &Path| -> Vec<String> {
        let words = ours.iter().map(|word| (*word).to_owned());
        std::iter::once(text(&program)).chain(words).chain([text(path)]).collect()
    };
    let checkov = python.with_file_name("checkov");
    let rival: Vec<String> = [text(&checkov), "--directory".into(), text(&configuration)]
        .into_iter()
        // What it would load from its vendor is no part of the work.
        .chain(["--framework", "terraform", "--check", CHECK, "--skip-download", "--quiet"].map(str::to_owned))
        .chain(["--output", "json"].map(str::to_owned))
        .collect();
    let (mut own, mut others, mut plans) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        own.push(measure("doorward check", &on(&configuration))?);
        others.push(measure("Checkov", &rival)?);
        plans.push(measure("doorward check", &on(&large))?);
    }
    for used in &own {
        let seen = used.printed["declared"].as_array().map_or(0, Vec::len);
        ensure!(seen == plan.files, "doorward saw {seen} load balancers of {}", plan.files);
    }
    for used in &others {
        let summary = &used.printed["summary"];
        let seen = summary["passed"].as_u64().unwrap_or_default() + summary["failed"].as_u64().unwrap_or_default();
        ensure!(seen == plan.files as u64, "Checkov saw {seen} load balancers of {}: {summary}", plan.files);
    }
    for used in &plans {
        let seen = used.printed["declared"].as_array().map_or(0, Vec::len);
        ensure!(seen == load_balancers, "doorward saw {seen} load balancers of {load_balancers} in the plan");
    }
    println!("{:<44} {:>9} {:>9}", "", "wall s", "peak MB");
    let files = format!("{} files", plan.files);
    let size = format!("a plan of {} MB", plan.megabytes);
    for (name, used) in [
        (format!("doorward check, {files}"), &own),
        (format!("Checkov with {CHECK}, {files}"), &others),
        (format!("doorward check, {size}"), &plans),
    ] {
        println!("{name:<44} {:>9.3} {:>9.1}", median(used, |used| used.seconds), median(used, |used| used.peak_mb));
    }
    println!();
    let ratio = median_of(own.iter().zip(&others).map(|(own, other)| other.seconds / own.seconds));
    let seconds = median(&plans, |used| used.seconds);
    let peak = plans.iter().map(|used| used.peak_mb).fold(0.0, f64::max);
    let goals = [
        (format!("at least {FASTER} times as fast as Checkov"), ratio, ratio >= FASTER),
        (format!("{size} in less than {SECONDS} s"), seconds, seconds < SECONDS),
        (format!("{size} in less than {PEAK} MB"), peak, peak < PEAK),
    ];
    for (what, figure, met) in &goals {
        println!("{:<7} {what:<48} {figure:.2}", if *met { "MET" } else { "MISSED" });
    }
    let missed = goals.iter().any(|(.., met)| !met);
    Ok(if missed && plan.strict { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The program as it is built for release.
fn build() -> Result<PathBuf> {
    let status = workspace::cargo()?.args(["build", "--release", "--locked", "--package", "doorward"]).status()?;
    ensure!(status.success(), "doorward does not build; the compiler's messages are above");
    Ok(workspace::target()?.join("release").join("doorward").with_extension(std::env::consts::EXE_EXTENSION))
}

/// Files of one load balancer each, with what surrounds one in life.
fn generate(folder: &Path, files: usize) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    for n in 0..files {
        let mode = match n % 4 {
            0 => "  desync_mitigation_mode     = \"monitor\"\n",
            1 => "  desync_mitigation_mode     = \"defensive\"\n",
            2 => "  desync_mitigation_mode     = \"strictest\"\n",
            _ => "",
        };
        let file = format!(
            "resource \"aws_security_group\" \"sg_{n}\" {{\n  name = \"sg-{n}\"\n\n  ingress {{\n    from_port = 443\n    to_port   \
             = 443\n    protocol  = \"tcp\"\n  }}\n}}\n\nresource \"aws_lb\" \"lb_{n}\" {{\n  name                       = \
             \"lb-{n}\"\n  load_balancer_type         = \"application\"\n{mode}  drop_invalid_header_fields = true\n  \
             security_groups            = [aws_security_group.sg_{n}.id]\n\n  tags = {{\n    owner = \"team-{}\"\n  }}\n}}\n",
            n % 17
        );
        std::fs::write(folder.join(format!("lb_{n}.tf")), file)?;
    }
    Ok(())
}

/// A plan of so many bytes in which one resource of two hundred is a load balancer; says how many there are.
fn write_plan(path: &Path, bytes: usize) -> Result<usize> {
    let mut plan = String::with_capacity(bytes + 4_096);
    plan.push_str(
        "{\"format_version\":\"1.2\",\"terraform_version\":\"1.12.2\",\"complete\":true,\"resource_changes\":[",
    );
    let mut load_balancers = 0;
    let mut n = 0;
    while plan.len() < bytes {
        if n > 0 {
            plan.push(',');
        }
        let (kind, attribute) = if n % 200 == 0 {
            load_balancers += 1;
            ("aws_lb", "\"load_balancer_type\":\"application\",\"desync_mitigation_mode\":\"defensive\",")
        } else {
            (
                "aws_iam_policy",
                "\"policy\":\"{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[{\\\"Effect\\\":\\\"Allow\\\"}]}\",",
            )
        };
        write!(
            plan,
            "{{\"address\":\"module.m[{n}].{kind}.this\",\"mode\":\"managed\",\"type\":\"{kind}\",\"name\":\"this\",\
             \"provider_name\":\"registry.terraform.io/hashicorp/aws\",\"change\":{{\"actions\":[\"create\"],\"before\":null,\
             \"after\":{{{attribute}\"name\":\"thing-{n}\",\"description\":\"{}\",\"tags\":{{\"owner\":\"team\",\"n\":\"{n}\"}}}},\
             \"after_unknown\":{{\"arn\":true,\"id\":true}},\"before_sensitive\":false,\"after_sensitive\":{{}}}}}}",
            "x".repeat(200)
        )?;
        n += 1;
    }
    plan.push_str("]}");
    std::fs::write(path, plan).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(load_balancers)
}

fn measure(python: &Path, command: &[String], name: &str) -> Result<Used> {
    let script = workspace::root()?.join("xtask/traffic/measure.py");
    let done = finish(Command::new(python).arg(script).args(command))?;
    let figures: BTreeMap<String, Value> = serde_json::from_str(&done.stdout)
        .with_context(|| format!("{name} was not measured: {}", done.stderr.trim()))?;
    let number = |key: &str| figures.get(key).and_then(Value::as_f64).with_context(|| format!("no {key} of {name}"));
    let printed = figures.get("printed").and_then(Value::as_str).unwrap_or_default();
    let printed =
        serde_json::from_str(printed).with_context(|| format!("{name} printed no JSON: {}", done.stderr.trim()))?;
    Ok(Used { seconds: number("seconds")?, peak_mb: number("peak_kib")? * 1024.0 / 1e6, printed })
}

fn median(used: &[Used], figure: fn(&Used) -> f64) -> f64 {
    median_of(used.iter().map(figure))
}

fn median_of(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read() {
        let read = |words: &str| Plan::read(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let plan = read("--quick --megabytes 5 --strict").expect("reads");
        assert_eq!((plan.files, plan.megabytes, plan.rounds, plan.strict), (100, 5, 1, true));
        for bad in ["--rounds", "--files 0", "--fast"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
