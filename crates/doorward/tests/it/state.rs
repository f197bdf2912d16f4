//! `doorward traffic --state`: runs that read only what is new, and go on where one was killed, to the result of a full one.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use doorward_fakeaws::{Fault, What};
use jiff::{SignedDuration, Timestamp};

use crate::bed::{Bed, Said, run, world};
use crate::traffic::{file, scanned};

/// Log files of a day.
const DAILY: i64 = 40;

/// A day's log files of one load balancer, one every half hour, with odd requests here and there.
fn put(bed: &Bed, day: Timestamp) {
    for number in 1..=DAILY {
        let end = day + SignedDuration::from_mins(30 * number);
        let key = format!(
            "storefront/AWSLogs/100000000020/elasticloadbalancing/eu-west-1/{}/100000000020_elasticloadbalancing_eu-west-1_app.storefront-edge.215931f2c7b87197_{}_10.0.0.1_abc{number}.log.gz",
            end.strftime("%Y/%m/%d"),
            end.strftime("%Y%m%dT%H%MZ")
        );
        let odd = usize::try_from(number % 3).unwrap();
        assert!(bed.server.world().put_object("acme-log-archive-alb-eu-west-1", &key, file(end, 20, odd), end));
    }
}

/// Midnight, so many days ago.
fn midnight(days: i64) -> Timestamp {
    let today = Timestamp::now().as_second() / 86_400 * 86_400;
    Timestamp::from_second(today - days * 86_400).unwrap()
}

fn traffic(bed: &Bed, folder: &Path, until: Timestamp, arguments: &[&str]) -> Command {
    let mut command = bed.doorward(folder);
    command.args(["traffic", "--from", "a.saved", "--all-logs", "--format", "json", "--until", &until.to_string()]);
    command.args(arguments);
    command
}

fn gets(bed: &Bed) -> usize {
    bed.server.calls().iter().filter(|call| call.action == "GetObject").count()
}

/// The result of a full run.
fn full(bed: &Bed, folder: &Path, until: Timestamp) -> Said {
    let said = run(&mut traffic(bed, folder, until, &["-q"]));
    assert!(said.code == Some(0) && said.out.contains("UndefinedContentLengthSemantics"), "{}", said.err);
    said
}

#[test]
fn every_day_only_its_own_files_are_read() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scanned(&bed, folder);
    for day in 3..=6 {
        put(&bed, midnight(day));
    }
    let mut known = 0;
    for (until, new) in [(midnight(2), 4 * DAILY), (midnight(1), DAILY)] {
        if known > 0 {
            put(&bed, midnight(2));
        }
        let expected = full(&bed, folder, until);
        for new in [new, 0] {
            bed.server.clear_calls();
            let said = run(&mut traffic(&bed, folder, until, &["--state", "state"]));
            assert_eq!((said.code, gets(&bed) as i64), (Some(0), new), "{}", said.err);
            assert_eq!(said.out, expected.out);
            let says = format!("the counts of {known} log files were cached, {new} files were read now");
            assert!(said.err.contains(&says), "{says}: {}", said.err);
            known += new;
        }
    }
    // Spoiled, it is read again and said to be, even where nothing else is said; and then it is whole again.
    let day =
        std::fs::read_dir(folder.join("state/doorward-traffic-state-v5")).unwrap().next().unwrap().unwrap().path();
    let file = std::fs::read_dir(day).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let expected = full(&bed, folder, midnight(1));
    for damaged in [true, false] {
        bed.server.clear_calls();
        let said = run(&mut traffic(&bed, folder, midnight(1), &["-q", "--state", "state"]));
        assert_eq!((said.code, said.out == expected.out), (Some(0), true), "{}", said.err);
        assert_eq!(
            (said.err.contains("damaged"), gets(&bed) as i64),
            (damaged, if damaged { DAILY } else { 0 }),
            "{}",
            said.err
        );
    }
    let bad = run(&mut traffic(&bed, folder, midnight(1), &["--state", "a.saved"]));
    assert!(bad.code == Some(6) && bad.err.contains("a.saved"), "{:?} {}", bad.code, bad.err);
    let both = run(&mut traffic(&bed, folder, midnight(1), &["--state", "state", "--engine", "athena"]));
    assert!(both.code == Some(2) && both.err.contains("--state"), "{:?} {}", both.code, both.err);
}

#[test]
fn killed_at_any_moment_it_goes_on() {
    let bed = Bed::start(&world("acme-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    scanned(&bed, folder);
    for day in 2..=6 {
        put(&bed, midnight(day));
    }
    let until = midnight(1);
    let expected = full(&bed, folder, until);
    let seed = doorward_fakeaws::seed();
    let mut random = fastrand::Rng::with_seed(seed);
    let all = usize::try_from(5 * DAILY).unwrap();
    let mut spared = 0;
    for _ in 0..6 {
        let state = tempfile::tempdir_in(folder).unwrap();
        let state = state.path().to_str().unwrap();
        bed.server.set_faults(vec![Fault::new(What::Latency(Duration::from_millis(4))).action("GetObject")]);
        for _ in 0..2 {
            bed.server.clear_calls();
            let mut command = traffic(&bed, folder, until, &["-q", "--state", state]);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let moment = random.usize(0..all);
            while child.try_wait().unwrap().is_none() && gets(&bed) < moment {
                std::thread::sleep(Duration::from_micros(300));
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
        bed.server.set_faults(vec![]);
        bed.server.clear_calls();
        let said = run(&mut traffic(&bed, folder, until, &["-q", "--state", state]));
        assert_eq!(
            (said.code, said.out == expected.out, said.err.as_str()),
            (Some(0), true, ""),
            "DOORWARD_SEED={seed}"
        );
        spared += all - gets(&bed);
    }
    assert!(spared > 0, "nothing that a killed run had read was remembered; DOORWARD_SEED={seed}");
}
