//! `cargo xtask bench cold-start`: what a Lambda function with Doorward costs before it works: the size of its package, and the time from
//! the start of `bootstrap` to the first request for work and to the first call of AWS.
//!
//! The package is made as `examples/distributed` documents it. The runtime API and the endpoint of AWS are sockets of this process; a
//! scheduled invocation waits there, as it does in a cold start.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::scale;
use crate::process::finish;
use crate::workspace;

/// The largest package, in MB.
const ZIP: f64 = 20.0;
/// The longest median time to the first call of AWS, in milliseconds.
const FIRST_CALL: f64 = 500.0;
/// What Lambda sends for a rule of EventBridge that starts scans.
const SCHEDULE: &str = r#"{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","account":"111122223333","time":"2026-11-30T00:00:00Z","region":"eu-west-1","resources":[],"detail":{}}"#;

/// What is measured.
#[derive(Debug, PartialEq, Eq)]
struct ColdStartPlan {
    program: Option<PathBuf>,
    rounds: usize,
}

impl ColdStartPlan {
    fn read(arguments: &[String]) -> Result<Self> {
        let mut plan = Self { program: None, rounds: 20 };
        let mut rest = arguments.iter();
        while let Some(flag) = rest.next() {
            match flag.as_str() {
                "--program" => plan.program = Some(rest.next().context("--program takes a file")?.into()),
                "--rounds" => {
                    let number = rest.next().and_then(|text| text.parse().ok()).filter(|n| *n > 0);
                    plan.rounds = number.context("--rounds takes a number above 0")?;
                }
                _ => bail!("does not know {flag:?}; it takes --program FILE and --rounds N"),
            }
        }
        Ok(plan)
    }
}

/// Measures, prints, and compares with the goals.
pub(super) fn run(arguments: &[String]) -> Result<ExitCode> {
    let plan = ColdStartPlan::read(arguments)?;
    let program = plan.program.map_or_else(scale::release, |program| Ok(std::path::absolute(program)?))?;
    let folder = tempfile::tempdir().context("no folder for the package")?;
    let example = workspace::root()?.join("examples").join("distributed");
    for name in ["bootstrap", "doorward.toml"] {
        std::fs::copy(example.join(name), folder.path().join(name)).with_context(|| format!("{name} is missing"))?;
    }
    std::fs::copy(&program, folder.path().join("doorward")).with_context(|| program.display().to_string())?;
    let mode = std::fs::metadata(folder.path().join("bootstrap"))?.permissions().mode();
    ensure!(mode & 0o111 != 0, "examples/distributed/bootstrap is not executable, so Lambda could not start it");
    let zip = packed(folder.path())?;
    let (mut asked, mut called) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let start = ColdStart::measure(folder.path())?;
        asked.push(start.asked);
        called.push(start.called);
    }
    let size = std::fs::metadata(&program)?.len() as f64 / 1e6;
    println!("program {size:.1} MB, package {zip:.1} MB (bootstrap, doorward.toml, doorward)");
    for (what, times) in [("request for work", &mut asked), ("first call of AWS", &mut called)] {
        times.sort();
        let at = |share: usize| times.get((times.len() - 1) * share / 100).map_or(0.0, |time| time.as_secs_f64() * 1e3);
        println!("{what:<18} after {:.0} ms, median of {} ({:.0} to {:.0})", at(50), times.len(), at(0), at(100));
    }
    let median = called.get((called.len() - 1) / 2).map_or(0.0, |time| time.as_secs_f64() * 1e3);
    let mut met = true;
    for (what, figure, limit) in [("MB of the package", zip, ZIP), ("ms to the first call of AWS", median, FIRST_CALL)]
    {
        met &= figure <= limit;
        println!("{:<7} {what:<40} {figure:.1} (at most {limit})", if figure <= limit { "MET" } else { "MISSED" });
    }
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes the package, and its size in MB.
fn packed(folder: &Path) -> Result<f64> {
    let script = "import sys, zipfile\n\
                  with zipfile.ZipFile('doorward.zip', 'w', zipfile.ZIP_DEFLATED, compresslevel=9) as z:\n\
                  \x20   [z.write(name) for name in ('bootstrap', 'doorward.toml', 'doorward')]";
    let done = finish(Command::new("python3").current_dir(folder).args(["-c", script]))?;
    ensure!(done.code == Some(0), "the package could not be made: {}", done.stderr);
    Ok(std::fs::metadata(folder.join("doorward.zip"))?.len() as f64 / 1e6)
}

/// The times of one start.
struct ColdStart {
    /// Until the function asked for work.
    asked: Duration,
    /// Until it called AWS.
    called: Duration,
}

impl ColdStart {
    fn measure(package: &Path) -> Result<Self> {
        let home = tempfile::tempdir().context("no folder for the function")?;
        let (work, asked) = listen(true)?;
        let (aws, called) = listen(false)?;
        let begun = Instant::now();
        let mut function = Command::new(package.join("bootstrap"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home.path())
            .env("LAMBDA_TASK_ROOT", package)
            .env("AWS_LAMBDA_RUNTIME_API", work)
            .env("AWS_LAMBDA_FUNCTION_NAME", "doorward")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_ENDPOINT_URL", format!("http://{aws}"))
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "AKIABENCH00000000001")
            .env("AWS_SECRET_ACCESS_KEY", "bench")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("bootstrap could not be started")?;
        let wait = |times: &Receiver<Instant>, what: &str| -> Result<Duration> {
            let at = times.recv_timeout(Duration::from_secs(30)).with_context(|| format!("there was no {what}"))?;
            Ok(at.duration_since(begun))
        };
        let measured = wait(&asked, "request for work").and_then(|asked| {
            let called = wait(&called, "call of AWS")?;
            Ok(Self { asked, called })
        });
        // Neither fails unless the function has ended by itself.
        let _ = function.kill();
        let _ = function.wait();
        measured
    }
}

/// A socket that reports when its first request arrived. The one with work hands out an invocation, once.
fn listen(with_work: bool) -> Result<(String, Receiver<Instant>)> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no socket")?;
    let address = listener.local_addr()?.to_string();
    let (arrived, times) = channel();
    std::thread::spawn(move || {
        let streams: Vec<TcpStream> =
            listener.incoming().flatten().take(1).filter_map(|stream| served(stream, with_work, &arrived)).collect();
        // Kept open until the function is ended: further requests wait.
        std::thread::sleep(Duration::from_secs(60));
        drop(streams);
    });
    Ok((address, times))
}

fn served(stream: TcpStream, with_work: bool, arrived: &Sender<Instant>) -> Option<TcpStream> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    lines.next()?.ok()?;
    // Without a receiver the measurement is over.
    let _ = arrived.send(Instant::now());
    if with_work {
        lines.map_while(Result::ok).find(String::is_empty)?;
        let deadline = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?.as_millis() + 60_000;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nLambda-Runtime-Aws-Request-Id: 1\r\n\
             Lambda-Runtime-Deadline-Ms: {deadline}\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:111122223333:function:doorward\r\n\r\n",
            SCHEDULE.len()
        );
        (&stream).write_all([head.as_str(), SCHEDULE].concat().as_bytes()).ok()?;
    }
    Some(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read() {
        let read = |words: &str| ColdStartPlan::read(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let plan = read("--program a/doorward --rounds 3").expect("reads");
        assert_eq!(plan, ColdStartPlan { program: Some("a/doorward".into()), rounds: 3 });
        for bad in ["--program", "--rounds 0", "--rounds x", "--fast"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
