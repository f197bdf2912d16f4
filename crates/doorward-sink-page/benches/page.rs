//! How long the page takes, for growing organizations: `cargo bench -p doorward-sink-page`.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench talks to the person who started it")]

use std::time::Instant;

use doorward_sink_page::{Context, write};

#[path = "../tests/it/scene.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod scene;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    println!("load balancers  findings  seconds  megabytes written  peak memory of the process");
    for balancers in [2_084, 4_167, 8_334, 16_667] {
        let report = scene::large(balancers, 300);
        let place = folder.path().join(format!("{balancers}.html"));
        let begun = Instant::now();
        let receipt = write(&place, &report, &Context::default()).expect("written");
        let seconds = begun.elapsed().as_secs_f64();
        println!("{balancers:>14}  {:>8}  {seconds:>7.2}  {:>17.1}  {}", receipt.written, megabytes(&place), peak());
    }
}

fn megabytes(place: &std::path::Path) -> f64 {
    let bytes: u64 = if place.is_dir() {
        let entries = std::fs::read_dir(place).expect("a folder").map(|entry| entry.expect("an entry"));
        entries.map(|entry| entry.metadata().expect("a file").len()).sum()
    } else {
        place.metadata().expect("a file").len()
    };
    bytes as f64 / 1e6
}

/// As the system counts it, the report itself included; not known where the system does not tell.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .map_or_else(|| "not known".into(), |told| told.trim().to_owned())
}
