//! The SQL for Athena and the parsing of its rows, from the command line: `cargo xtask athena` tries both with other engines.
//!
//! `athena say ACCOUNTS REGIONS START END` prints the table and the query as JSON, with `PLACE CLIENT` at its end those for Parquet
//! there with that column for the client; `athena rows START END` reads rows as JSON and prints their tally; `athena embedded FOLDER START END` prints the tally of the engine in this crate.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is for the calling process")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use doorward_model::{AccountId, AccountRegion, Region};
use doorward_traffic::{AthenaJob, AthenaLogs, FolderOptions, ParquetColumns, ParquetPlace, Window, read_folder};

type Done<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let said = match words.as_slice() {
        ["say", accounts, regions, start, end] => say(accounts, regions, start, end, None),
        ["say", accounts, regions, start, end, place, client] => {
            say(accounts, regions, start, end, Some((place, client)))
        }
        ["rows", start, end] => rows(start, end),
        ["embedded", folder, start, end] => embedded(Path::new(folder), start, end),
        _ => {
            Err("takes: say ACCOUNTS REGIONS START END [PLACE CLIENT] | rows START END | embedded FOLDER START END"
                .into())
        }
    };
    match said {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn window(start: &str, end: &str) -> Done<Window> {
    Ok(Window::covering(start.parse()?, end.parse()?)?)
}

fn job(accounts: &str, regions: &str, window: Window) -> Done<AthenaJob> {
    let accounts = accounts.split(',').map(AccountId::new).collect::<Result<BTreeSet<_>, _>>()?;
    let regions = regions.split(',').map(Region::new).collect::<Result<BTreeSet<_>, _>>()?;
    Ok(AthenaJob {
        place: AccountRegion { account: AccountId::new("111111111111")?, region: Region::new("eu-west-1")? },
        logs: AthenaLogs::Lines { bucket: "central-logs".to_owned(), prefix: "alb".to_owned() },
        scanned: accounts.clone(),
        accounts,
        regions,
        load_balancers: None,
        window,
        database: "traffic".to_owned(),
        workgroup: "primary".to_owned(),
        output: Some("s3://results/".to_owned()),
        budget: 0,
        patience: Duration::ZERO,
    })
}

fn say(accounts: &str, regions: &str, start: &str, end: &str, parquet: Option<(&str, &str)>) -> Done<String> {
    let mut job = job(accounts, regions, window(start, end)?)?;
    if let Some((place, client)) = parquet {
        let columns = ParquetColumns { client: client.to_owned(), ..ParquetColumns::default() };
        let place = ParquetPlace::try_from(place.to_owned())?;
        job.logs = AthenaLogs::Parquet(Box::new(place.of(&job.place.account, &job.place.region, &columns)));
    }
    Ok(serde_json::json!({"table": job.table(), "query": job.query()}).to_string())
}

fn rows(start: &str, end: &str) -> Done<String> {
    let rows: Vec<BTreeMap<String, String>> = serde_json::from_reader(std::io::stdin())?;
    let job = job("111111111111", "eu-west-1", window(start, end)?)?;
    Ok(serde_json::to_string(&job.tally(&rows)?)?)
}

fn embedded(folder: &Path, start: &str, end: &str) -> Done<String> {
    let options = FolderOptions { window: Some(window(start, end)?), threads: 1, protected: &[] };
    Ok(serde_json::to_string(&read_folder(folder, options, &|_| ())?)?)
}
