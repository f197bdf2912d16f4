//! `examples/traffic`: four load balancers, four kinds of advice.

use std::path::Path;

use doorward_model::{Mode, Observed};
use doorward_traffic::{
    Advice, AdviceStep, FolderOptions, ForecastInput, LoadBalancerKey, SourceToFix, Tally, Thresholds, Window, advise,
    forecast, read_folder,
};
use serde::Deserialize;

use crate::{demo, words};

#[derive(Deserialize)]
struct File {
    load_balancer: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    key: LoadBalancerKey,
    mode: Mode,
    step: String,
    to: Option<Mode>,
    sources: Vec<String>,
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/traffic"))
}

fn read(folder: &Path) -> Tally {
    read_folder(folder, FolderOptions { window: None, threads: 1, protected: &[] }, &|_| ()).expect("a folder of logs")
}

fn sources(step: &AdviceStep) -> Vec<&SourceToFix> {
    match step {
        AdviceStep::FixAndRaise { sources, .. } | AdviceStep::Watch { sources } => sources.iter().collect(),
        _ => Vec::new(),
    }
}

fn advice(tally: &Tally, key: &LoadBalancerKey, mode: Mode) -> Advice {
    let end = "2026-11-02T00:00:00Z".parse().expect("a time");
    let window = Window::days_before(end, 14).expect("a window");
    let logs = tally.load_balancers.get(key);
    let seen =
        ForecastInput { tally: logs, window: Some(window), complete: tally.is_whole(), ..ForecastInput::default() };
    advise(Observed::Known(mode), forecast(key, seen), logs, &Thresholds::default())
}

#[test]
fn each_load_balancer_gets_its_advice() {
    let text = std::fs::read_to_string(folder().join("load_balancers.toml")).expect("is there");
    let expected: File = toml::from_str(&text).expect("reads");
    let tally = read(folder());
    assert_eq!((expected.load_balancer.len(), tally.load_balancers.len()), (4, 3));
    for wanted in expected.load_balancer {
        let advice = advice(&tally, &wanted.key, wanted.mode);
        let step = serde_json::to_value(&advice.step).expect("serializes");
        assert_eq!(step["step"], wanted.step, "{advice:#?}");
        assert_eq!(advice.recommended, wanted.to, "{advice:#?}");
        let named: Vec<&str> = sources(&advice.step).iter().map(|source| source.client.address.as_str()).collect();
        assert_eq!(named, wanted.sources, "{advice:#?}");
        assert!(!advice.because.is_empty());
    }
}

#[test]
fn it_is_small_and_can_be_written_again() {
    let again = tempfile::tempdir().expect("a folder");
    let truth = demo::plan().write(again.path()).expect("writes");
    let committed = read(folder());
    assert_eq!(words::counted(&committed), truth);
    assert_eq!(committed.load_balancers, read(again.path()).load_balancers);
    assert!(committed.reading.stored_bytes < 400_000, "{} bytes", committed.reading.stored_bytes);
}
