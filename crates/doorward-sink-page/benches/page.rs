//! How long the page takes, for growing organizations: `cargo bench -p doorward-sink-page`.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench prints its figures")]

use std::time::Instant;

use doorward_sink_page::{PageContext, write};

#[path = "../tests/it/scene.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod scene;

#[path = "measure/process_cost.rs"]
mod process_cost;

use process_cost::ProcessCost;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    println!("load balancers  findings  seconds  megabytes written  peak memory of the process  cost of writing");
    for load_balancers in [2_084, 4_167, 8_334, 16_667] {
        let report = scene::large(load_balancers, 300);
        let place = folder.path().join(format!("{load_balancers}.html"));
        let (before, begun) = (ProcessCost::now(), Instant::now());
        let receipt = write(&place, &report, &PageContext::default()).expect("written");
        let (seconds, cost) = (begun.elapsed().as_secs_f64(), ProcessCost::now().since(before));
        let (written, megabytes, peak) = (receipt.written, megabytes(&place), peak());
        println!("{load_balancers:>14}  {written:>8}  {seconds:>7.2}  {megabytes:>17.1}  {peak:<26}  {cost}");
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

/// As the system counts it, the report itself included; not known where the system does not count it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .map_or_else(|| "not known".into(), |kilobytes| kilobytes.trim().to_owned())
}
