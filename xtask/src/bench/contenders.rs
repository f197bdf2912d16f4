//! The processes of the bench: the emulator, and one contender at a time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::workspace;
use crate::process::{Server, finish};

/// How large an organization is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) accounts: usize,
    pub(super) load_balancers: usize,
    /// Percentage of application load balancers whose attributes say that nothing is logged.
    pub(super) silent: usize,
}

/// The bench binary of `doorward-core`.
pub(super) struct Program(PathBuf);

impl Program {
    /// Builds it as the product is built for release, or for debugging.
    pub(super) fn build(release: bool) -> Result<Self> {
        let output = workspace::cargo()?
            .args(["build", "--locked", "--package", "doorward-core", "--bench", "scan"])
            .args(["--profile", if release { "release" } else { "dev" }])
            .args(["--message-format", "json-render-diagnostics"])
            .stderr(Stdio::inherit())
            .output()
            .context("cargo build could not be started")?;
        if !output.status.success() {
            bail!("the bench does not build; the compiler's messages are above");
        }
        let messages = String::from_utf8_lossy(&output.stdout);
        executable(&messages).map(Self).context("cargo built no executable of the name `scan`")
    }

    /// One that is built already.
    pub(super) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Starts an emulator of its own for this size.
    pub(super) fn serve(&self, size: Size) -> Result<Emulator> {
        let mut command = Command::new(&self.0);
        command.args(["serve", "--accounts", &size.accounts.to_string()]);
        command.args(["--load-balancers", &size.load_balancers.to_string(), "--silent", &size.silent.to_string()]);
        let mut server = Server::start("the emulator", &mut command)?;
        let hello: Value = serde_json::from_str(&server.line()?).context("the emulator did not print JSON")?;
        if let Some(error) = hello["error"].as_str() {
            bail!("the emulator did not start: {error}");
        }
        let url = hello["url"].as_str().context("the emulator does not say where it listens")?.to_owned();
        let minimum = Calls(numbers(&hello["minimum"]).context("the emulator does not say the fewest calls")?);
        let kinds = numbers(&hello["load_balancers"]).context("the emulator does not say what it serves")?;
        Ok(Emulator { url, size, minimum, kinds, _server: server })
    }

    fn json(&self, arguments: &[&str]) -> Result<Value> {
        let done = finish(Command::new(&self.0).args(arguments))?;
        let what = arguments.first().copied().unwrap_or_default();
        let line: Value = serde_json::from_str(&done.stdout)
            .with_context(|| format!("{what} did not print JSON: {}", done.stderr.trim()))?;
        match line["error"].as_str() {
            Some(error) => bail!("{what}: {error}"),
            None => Ok(line),
        }
    }
}

/// The path in Cargo's message about the finished bench.
fn executable(messages: &str) -> Option<PathBuf> {
    let mut artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let built = artifacts.find(|message| {
        message["reason"] == "compiler-artifact"
            && message["target"]["name"] == "scan"
            && message["executable"].is_string()
    })?;
    built["executable"].as_str().map(PathBuf::from)
}

fn numbers(object: &Value) -> Option<BTreeMap<String, u64>> {
    object.as_object()?.iter().map(|(key, value)| Some((key.clone(), value.as_u64()?))).collect()
}

/// A running emulator.
pub(super) struct Emulator {
    pub(super) url: String,
    pub(super) size: Size,
    /// The fewest calls that see everything.
    pub(super) minimum: Calls,
    kinds: BTreeMap<String, u64>,
    _server: Server,
}

impl Emulator {
    /// How many load balancers of each kind there are.
    pub(super) fn kinds(&self) -> String {
        self.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
    }

    /// Runs a contender to its end. Every call must have been answered properly and every load balancer seen.
    pub(super) fn measure(&self, program: &Program, name: &'static str) -> Result<Sample> {
        program.json(&["counts", &self.url])?;
        let printed = program.json(&[name, &self.url, "--accounts", &self.size.accounts.to_string()])?;
        let seen = printed["seen"].as_u64().with_context(|| format!("{name} does not say what it saw"))?;
        ensure!(
            seen == self.size.load_balancers as u64,
            "{name} saw {seen} load balancers of {}",
            self.size.load_balancers
        );
        let calls = self.calls(program).context(name)?;
        Sample::read(name, &printed, calls).with_context(|| format!("{name} printed {printed}"))
    }

    /// The calls since this was asked the last time. Each must have been answered properly.
    pub(super) fn calls(&self, program: &Program) -> Result<Calls> {
        let mut calls = Calls::default();
        let counts = program.json(&["counts", &self.url])?;
        for count in counts.as_array().context("the emulator's counts are no list")? {
            let text = |key: &str| count[key].as_str().unwrap_or_default();
            let number = count["count"].as_u64().context("a count is no number")?;
            let call = format!("{}:{}", text("service"), text("action"));
            ensure!(text("outcome") == "ok", "{number} calls of {call} ended as {}", text("outcome"));
            *calls.0.entry(call).or_default() += number;
        }
        Ok(calls)
    }
}

/// Numbers of calls by `service:Action`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Calls(pub(super) BTreeMap<String, u64>);

impl Calls {
    pub(super) fn of(&self, call: &str) -> u64 {
        self.0.get(call).copied().unwrap_or_default()
    }

    pub(super) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Fails unless a reference made exactly these calls, as far as they are its job, and no others.
    pub(super) fn exactly(&self, sample: &Sample, is_its_job: fn(&str) -> bool) -> Result<()> {
        for call in self.0.keys().chain(sample.calls.0.keys()) {
            let (made, wanted) = (sample.calls.of(call), if is_its_job(call) { self.of(call) } else { 0 });
            ensure!(made == wanted, "{} made {made} calls of {call} instead of {wanted}", sample.name);
        }
        Ok(())
    }
}

/// Whether the raw client makes a call: it knows the accounts and Regions and asks for the rest.
pub(super) fn in_raw(call: &str) -> bool {
    call.starts_with("elb:") || call.starts_with("elbv2:") || call == "sts:AssumeRole"
}

/// The calls and the resources of one contender.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) calls: Calls,
    pub(super) seconds: f64,
    pub(super) user_seconds: f64,
    pub(super) system_seconds: f64,
    pub(super) peak_mb: f64,
    /// CPU and memory up to the last answer, where work follows it.
    pub(super) calling: Option<(f64, f64)>,
}

impl Sample {
    fn read(name: &'static str, printed: &Value, calls: Calls) -> Result<Self> {
        let number = |of: &Value, key: &str| of[key].as_f64().with_context(|| format!("no {key}"));
        let megabytes = |of: &Value| number(of, "peak_kib").map(|kib| kib * 1024.0 / 1e6);
        let used = &printed["used"];
        let calling = match &printed["calling"] {
            Value::Null => None,
            of => Some((number(of, "user_seconds")? + number(of, "system_seconds")?, megabytes(of)?)),
        };
        Ok(Self {
            name,
            calls,
            seconds: number(used, "seconds")?,
            user_seconds: number(used, "user_seconds")?,
            system_seconds: number(used, "system_seconds")?,
            peak_mb: megabytes(used)?,
            calling,
        })
    }

    /// CPU time, all of it.
    pub(super) fn cpu_seconds(&self) -> f64 {
        self.user_seconds + self.system_seconds
    }

    /// CPU time per call, in microseconds.
    pub(super) fn cpu_per_call(&self) -> f64 {
        self.cpu_seconds() * 1e6 / self.calls.total() as f64
    }

    /// The median of every figure on its own; the calls are those of the round that made most.
    pub(super) fn median(rounds: &[Self]) -> Option<Self> {
        let most = rounds.iter().max_by_key(|round| round.calls.total())?;
        let middle = |figure: fn(&Self) -> f64| {
            let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            let (low, high) = (figures[(figures.len() - 1) / 2], figures[figures.len() / 2]);
            (low + high) / 2.0
        };
        let calling = most.calling.is_some().then(|| {
            let part = |sample: &Self| sample.calling.unwrap_or_default();
            let mut cpu: Vec<f64> = rounds.iter().map(|round| part(round).0).collect();
            let mut peak: Vec<f64> = rounds.iter().map(|round| part(round).1).collect();
            cpu.sort_by(f64::total_cmp);
            peak.sort_by(f64::total_cmp);
            (cpu[cpu.len() / 2], peak[peak.len() / 2])
        });
        Some(Self {
            name: most.name,
            calls: most.calls.clone(),
            seconds: middle(|round| round.seconds),
            user_seconds: middle(|round| round.user_seconds),
            system_seconds: middle(|round| round.system_seconds),
            peak_mb: middle(|round| round.peak_mb),
            calling,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_found_among_other_messages() {
        let messages = concat!(
            "not JSON\n",
            r#"{"reason":"compiler-artifact","target":{"name":"doorward_core"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"scan"},"executable":"/target/release/deps/scan-1"}"#,
        );
        assert_eq!(executable(messages), Some(PathBuf::from("/target/release/deps/scan-1")));
        assert_eq!(executable(""), None);
    }

    fn sample(calls: &[(&str, u64)], seconds: f64) -> Sample {
        let calls = Calls(calls.iter().map(|(call, count)| ((*call).to_owned(), *count)).collect());
        let printed = serde_json::json!({"used": {
            "seconds": seconds, "user_seconds": seconds, "system_seconds": 1.0, "peak_kib": 1000,
        }});
        Sample::read("sdk", &printed, calls).expect("reads")
    }

    #[test]
    fn medians_are_of_each_figure() {
        let rounds = [sample(&[("a:B", 3)], 9.0), sample(&[("a:B", 4)], 1.0), sample(&[("a:B", 3)], 3.0)];
        let median = Sample::median(&rounds).expect("three");
        assert_eq!((median.seconds, median.calls.total(), median.cpu_per_call()), (3.0, 4, 1e6));
        assert!(Sample::median(&[]).is_none());
    }

    #[test]
    fn a_yardstick_that_calls_more_or_less_is_refused() {
        let minimum = Calls(BTreeMap::from([("elb:DescribeTags".into(), 2), ("account:ListRegions".into(), 1)]));
        let all = sample(&[("elb:DescribeTags", 2), ("account:ListRegions", 1)], 1.0);
        assert!(minimum.exactly(&all, |_| true).is_ok());
        assert!(minimum.exactly(&all, in_raw).is_err());
        assert!(minimum.exactly(&sample(&[("elb:DescribeTags", 2)], 1.0), in_raw).is_ok());
        assert!(minimum.exactly(&sample(&[("elb:DescribeTags", 3)], 1.0), in_raw).is_err());
        assert!(minimum.exactly(&sample(&[], 1.0), in_raw).is_err());
    }
}
