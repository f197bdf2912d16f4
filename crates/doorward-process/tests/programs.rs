//! Programs that behave badly end in time, and what they wrote is kept within bounds.

#![cfg(unix)]
#![expect(clippy::expect_used, reason = "a test that cannot go on should say where")]

use std::path::Path;
use std::time::{Duration, Instant};

use doorward_process::{Ended, Finished, LONGEST_END, Limits, STDERR_BYTES, command, run};
use tokio::io::AsyncWriteExt as _;

/// Runs a script of the shell with some input.
async fn script(text: &str, input: usize, timeout: Duration) -> (Finished, Duration) {
    let command = command(Path::new("/bin/sh"), &["-c".to_owned(), text.to_owned()], [("ONLY", "this")]);
    let begun = Instant::now();
    let limits = Limits { timeout, stdout_bytes: 1 << 16 };
    let finished = run(command, limits, |mut stdin| async move {
        for _ in 0..input.div_ceil(1 << 16) {
            stdin.write_all(&[b'x'; 1 << 16]).await?;
        }
        stdin.shutdown().await
    });
    (finished.await.expect("runs"), begun.elapsed())
}

#[tokio::test]
async fn a_program_ends_as_it_says_and_sees_only_what_it_is_given() {
    let (finished, _) = script("cat >/dev/null; env; echo why >&2; exit 3", 100_000, Duration::from_secs(60)).await;
    assert_eq!((finished.ended, finished.fed), (Ended::Code(3), true));
    let seen = String::from_utf8(finished.stdout).expect("text");
    // The shell sets some variables itself.
    assert!(seen.contains("ONLY=this\n") && !seen.contains("HOME=") && !seen.contains("CARGO"), "{seen}");
    assert_eq!(finished.stderr, "why\n");
}

#[tokio::test]
async fn bad_programs_end_in_time() {
    let second = Duration::from_secs(1);
    for (text, input, ended) in [
        ("sleep 60", 0, Ended::TimedOut),
        ("trap '' TERM; sleep 60 & sleep 60; sleep 60", 1 << 22, Ended::TimedOut),
        ("exec 0<&-; sleep 60", 1 << 22, Ended::TimedOut),
        ("exec 0<&-; exit 0", 1 << 22, Ended::Code(0)),
        ("kill -9 $$", 1 << 22, Ended::Signal),
        ("cat /dev/zero", 0, Ended::TooMuchOutput),
        ("cat /dev/zero >&2", 0, Ended::TimedOut),
        // A process of its own session keeps the pipes open.
        ("setsid sleep 20 & exit 0", 1 << 22, Ended::Code(0)),
        ("setsid sleep 20 & sleep 60", 0, Ended::TimedOut),
    ] {
        let (finished, lasted) = script(text, input, second).await;
        assert_eq!(finished.ended, ended, "{text}");
        assert!(lasted < second + LONGEST_END, "{text}: {lasted:?}");
        assert!(finished.stdout.len() <= 1 << 16 && finished.stderr.len() <= STDERR_BYTES, "{text}");
    }
}

#[tokio::test]
async fn what_a_program_started_ends_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("mark");
    let text = format!("(sleep 2; echo late > {}) & exit 0", mark.display());
    let (finished, lasted) = script(&text, 0, Duration::from_secs(30)).await;
    assert_eq!(finished.ended, Ended::Code(0));
    assert!(lasted < Duration::from_secs(2), "{lasted:?}");
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(!mark.exists(), "the background process went on");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error() {
    let command = command(Path::new("/nowhere/x"), &[], [("A", "b")]);
    let limits = Limits { timeout: Duration::from_secs(1), stdout_bytes: 1 };
    run(command, limits, |_| async { Ok(()) }).await.expect_err("no such program");
}
