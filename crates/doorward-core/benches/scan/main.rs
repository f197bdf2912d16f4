//! The contenders of `cargo xtask bench scan`: the scanner, a bare loop over the SDK, and plain signed HTTP.
//!
//! Each runs in a process of its own, so that CPU time and peak memory are its own, against an emulator in yet another
//! process. This program runs one of them and prints one line of JSON; the task builds it, runs it in turns, and
//! compares. It judges nothing itself.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

mod loops;
mod measure;
mod raw;
mod scanner;
mod sdk;
mod serve;
mod world;
mod xml;

/// A contender that cannot finish has no result, so every error ends the process.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Requests in flight at once, for every contender.
const IN_FLIGHT: usize = 64;

const USAGE: &str = "this is run by `cargo xtask bench scan`:
  serve --accounts N --load-balancers N --silent PERCENT    the emulator, until standard input ends
  counts URL                                           the emulator's call counts, which then start anew
  scan|sdk|raw URL --accounts N                        a contender\n";

/// Where the emulator listens, and how large its organization is.
struct Place {
    url: String,
    accounts: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["serve", "--accounts", accounts, "--load-balancers", load_balancers, "--silent", silent] => {
            sizes(accounts, load_balancers, silent).and_then(serve::serve)
        }
        ["counts", url] => measure::runtime().and_then(|runtime| runtime.block_on(raw::counts(url))),
        [contender @ ("scan" | "sdk" | "raw"), url, "--accounts", accounts] => place(url, accounts).and_then(|place| {
            let runtime = measure::runtime()?;
            match *contender {
                "scan" => runtime.block_on(scanner::run(&place)),
                "sdk" => runtime.block_on(measure::alone(sdk::run(&place))),
                _ => runtime.block_on(measure::alone(raw::run(&place))),
            }
        }),
        // `cargo bench` and `cargo test --benches` start this without anything to do.
        _ => {
            let _ = std::io::stderr().write_all(USAGE.as_bytes());
            return ExitCode::SUCCESS;
        }
    };
    let line = match outcome {
        Ok(line) => line,
        Err(error) => json!({"error": measure::chain(&*error)}),
    };
    let failed = line.get("error").is_some();
    let printed = writeln!(std::io::stdout(), "{line}");
    if failed || printed.is_err() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn sizes(accounts: &str, load_balancers: &str, silent: &str) -> Outcome<world::Size> {
    Ok(world::Size { accounts: accounts.parse()?, load_balancers: load_balancers.parse()?, silent: silent.parse()? })
}

fn place(url: &str, accounts: &str) -> Outcome<Place> {
    Ok(Place { url: url.to_owned(), accounts: accounts.parse()? })
}
