//! Writes and reads access logs from the command line: what the tests and `cargo xtask bench traffic` run.
//!
//! `logs write FOLDER BYTES FILE_BYTES SEED all|gentle` prints the truth, `logs count FOLDER THREADS` what this crate counts, in the same words;
//! `logs demo FOLDER` writes the logs of `examples/traffic`;
//! `logs advise FOLDER MODE` advises every load balancer as if it were in that mode and its logs were all there is;
//! `logs read FOLDER THREADS` only reads; `logs gunzip FOLDER THREADS` only unpacks, with the same library.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is for the calling process")]

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use doorward_model::{Mode, Observed};
use doorward_traffic::{FolderOptions, ForecastInput, Tally, Thresholds, forecast, read_folder};

mod corpus;
mod demo;
mod words;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["write", folder, bytes, file_bytes, seed, quotes @ ("all" | "gentle")] => {
            write(Path::new(folder), bytes, file_bytes, seed, *quotes == "all")
        }
        ["demo", folder] => demo::plan().write(Path::new(folder)).map(|_| ()).map_err(Into::into),
        ["count", folder, threads] => read(Path::new(folder), threads).map(|tally| print!("{}", lines(&words::counted(&tally)))),
        ["read", folder, threads] => read(Path::new(folder), threads).map(|tally| {
            let reading = &tally.reading;
            println!(
                "{} lines, {} unparsed, {} bytes of {} stored, {} short, {} full",
                tally.lines(),
                tally.unparsed(),
                reading.bytes,
                reading.stored_bytes,
                reading.short_way,
                reading.full_parser
            );
        }),
        ["advise", folder, mode] => advise(Path::new(folder), mode),
        ["gunzip", folder, threads] => gunzip(Path::new(folder), threads),
        _ => Err("takes: write FOLDER BYTES FILE_BYTES SEED all|gentle | demo FOLDER | count FOLDER THREADS | read FOLDER THREADS
               | advise FOLDER MODE | gunzip FOLDER THREADS"
            .into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

type Done<T> = Result<T, Box<dyn std::error::Error>>;

fn write(folder: &Path, bytes: &str, file_bytes: &str, seed: &str, escaped_quotes: bool) -> Done<()> {
    let mut plan = corpus::Plan::fleet(seed.parse()?, bytes.parse()?, file_bytes.parse()?);
    plan.escaped_quotes = escaped_quotes;
    print!("{}", lines(&plan.write(folder)?));
    Ok(())
}

fn read(folder: &Path, threads: &str) -> Done<Tally> {
    Ok(read_folder(folder, FolderOptions { window: None, threads: threads.parse()?, protected: &[] }, &|_| ())?)
}

fn advise(folder: &Path, mode: &str) -> Done<()> {
    let mode: Mode = mode.parse()?;
    let tally = read(folder, "1")?;
    let complete = tally.reading.damaged.count == 0 && tally.reading.unread.count == 0;
    for (key, seen) in &tally.load_balancers {
        let files = tally.files.get(key);
        let seen_of = ForecastInput { tally: Some(seen), files, complete, ..ForecastInput::default() };
        let forecast = forecast(key, seen_of);
        let advice = doorward_traffic::advise(Observed::Known(mode), forecast, Some(seen), &Thresholds::default());
        println!("{key}\n  {:?}", advice.step);
        advice.because.iter().for_each(|why| println!("  {why}"));
    }
    Ok(())
}

/// Counts as lines, sorted.
fn lines(truth: &corpus::Truth) -> String {
    truth.iter().map(|(what, count)| format!("{what}\t{count}\n")).collect()
}

/// The least that any reader has to do: read the files and unpack them whole, into buffers that are kept.
fn gunzip(folder: &Path, threads: &str) -> Done<()> {
    let mut files = Vec::new();
    gather(folder, &mut files)?;
    files.sort();
    let next = AtomicUsize::new(0);
    let total = AtomicUsize::new(0);
    let work = || -> io::Result<()> {
        let mut decompressor = libdeflater::Decompressor::new();
        let (mut stored, mut out) = (Vec::new(), Vec::new());
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            stored.clear();
            std::fs::File::open(path)?.read_to_end(&mut stored)?;
            let length = stored.last_chunk().map_or(0, |length| u32::from_le_bytes(*length)) as usize;
            out.resize(length.max(out.len()), 0);
            let made = decompressor.gzip_decompress(&stored, &mut out[..length]).map_err(io::Error::other)?;
            total.fetch_add(made, Ordering::Relaxed);
        }
        Ok(())
    };
    std::thread::scope(|scope| -> io::Result<()> {
        let helpers: Vec<_> = (1..threads.parse().unwrap_or(1)).map(|_| scope.spawn(work)).collect();
        work()?;
        helpers.into_iter().try_for_each(|helper| helper.join().unwrap_or(Ok(())))
    })?;
    println!("{} bytes", total.into_inner());
    Ok(())
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            gather(&entry.path(), files)?;
        } else if entry.path().extension().is_some_and(|extension| extension == "gz") {
            files.push(entry.path());
        }
    }
    Ok(())
}
