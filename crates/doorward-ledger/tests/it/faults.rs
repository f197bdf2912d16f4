//! Disks that are full, broken or not ours: the message names the path, and what was recorded stays.

use std::path::Path;
use std::process::{Command, Stdio};

use doorward_ledger::{LEASE_TTL, Ledger, LedgerError, OpenOptions};

use crate::checkpoint::header;
use crate::scene::{Desk, inventory, open, report, time};

const PATH: &str = "DOORWARD_LEDGER_TEST_PATH";

fn refused(path: &Path) -> LedgerError {
    Ledger::open(path, OpenOptions::default()).expect_err("cannot be opened")
}

#[test]
fn an_unusable_path_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "not a ledger, but longer than the header of one: ".repeat(4)).expect("writes");
    let below = refused(&file.join("sub/ledger.db"));
    assert!(matches!(below, LedgerError::Folder { .. }), "{below}");
    let directory = refused(folder.path());
    assert!(matches!(directory, LedgerError::Open { .. }), "{directory}");
    let other = refused(&file);
    assert!(matches!(other, LedgerError::NotALedger { .. }), "{other}");
    let missing = Ledger::open_read_only(&folder.path().join("none.db")).expect_err("is not there");
    assert!(matches!(missing, LedgerError::Missing { .. }), "{missing}");
    for reported in [below, directory, other, missing] {
        assert!(reported.to_string().contains(&*folder.path().to_string_lossy()), "{reported}");
    }
    assert!(std::fs::read_to_string(&file).expect("reads").starts_with("not a ledger"), "left as it was");
}

#[test]
fn the_file_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let mode = |path: &Path| std::fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    assert_eq!((mode(&desk.path), mode(desk.path.parent().expect("a folder"))), (0o600, 0o700));
}

#[test]
fn a_damaged_file_is_called_damaged() {
    let mut desk = Desk::new();
    desk.scan(0, "1 full a:f b:f c:p");
    let (path, copy) = (desk.path.clone(), desk.path.with_extension("copy"));
    drop(desk.ledger);
    let mut bytes = std::fs::read(&path).expect("reads");
    let tail = bytes.len() - 4096 * 6;
    bytes[tail..].fill(0x5a);
    std::fs::write(&copy, bytes).expect("writes");
    let reported = Ledger::open(&copy, OpenOptions::default()).and_then(|l| l.integrity()).expect_err("damaged");
    assert!(matches!(reported, LedgerError::Damaged { .. }), "{reported}");
    assert!(reported.to_string().contains("ledger.copy"), "{reported}");
}

/// Does one more scan and prints how it ended.
#[test]
#[ignore = "a child process of the tests below"]
fn child() {
    let path = std::env::var_os(PATH).expect("set");
    let scan = || {
        let mut ledger = Ledger::open(path.as_ref(), OpenOptions::default())?;
        let lease = ledger.acquire_lease("child", time(100), LEASE_TTL)?;
        let things: String = (0..400).map(|n| format!(" lb{n}:f")).collect();
        let scene = format!("1 full{things}; 2 full a:p");
        let whole = inventory("child", 100, &scene);
        ledger.begin_run(&lease, &header(&whole))?;
        for cell in &whole.cells {
            ledger.commit_cell(&lease, "child", cell)?;
        }
        ledger.finish_run(&lease, &whole)?;
        ledger.record(&lease, &report("child", 100, &scene), &[]).map(drop)
    };
    match scan() {
        Ok(()) => eprintln!("SCANNED"),
        Err(error) => eprintln!("REFUSED {error:?} | {error}"),
    }
}

/// What the child says, run below another program.
fn below(program: &str, args: &[&str], path: &Path) -> String {
    let done = Command::new(program)
        .args(args)
        .arg(std::env::current_exe().expect("known"))
        .args(["--exact", "faults::child", "--ignored", "--nocapture"])
        .env(PATH, path)
        .stdout(Stdio::null())
        .output();
    done.map_or_else(|e| e.to_string(), |done| String::from_utf8_lossy(&done.stderr).into_owned())
}

fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.scan(0, "1 full a:f; 2 full a:f");
    desk.ledger.release_lease(desk.lease.clone()).expect("releases");
    desk
}

/// The scan before is untouched, and a later one works.
fn check_untouched(desk: &Desk) {
    let mut ledger = open(&desk.path);
    ledger.integrity().expect("sound");
    assert_eq!(ledger.runs().expect("reads").len(), 1);
    assert_eq!(desk.failing(), "a=Open a=Open");
    let lease = ledger.acquire_lease("later", time(1000), LEASE_TTL).expect("the dead owner's lease expired");
    ledger.record(&lease, &report("later", 1000, "1 full a:p; 2 full a:p"), &[]).expect("there is room again");
}

#[test]
fn injected_write_errors_leave_the_scan_before_untouched() {
    let probe = desk();
    if !below("strace", &["-f", "-o", "/dev/null"], &probe.path).contains("SCANNED") {
        eprintln!("SKIPPED: strace cannot run here, write errors are not injected");
        return;
    }
    let (mut refusals, mut errors) = (0, Vec::new());
    for (call, error) in [("pwrite64", "ENOSPC"), ("pwrite64", "EIO"), ("fdatasync,fsync", "EIO")] {
        for when in [1, 2, 3, 5, 8, 13, 40, 90, 150] {
            let desk = desk();
            // The reader in this process would keep the log alive that the child is to write anew.
            let inject = format!("inject={call}:error={error}:when={when}+");
            let said = below("strace", &["-f", "-o", "/dev/null", "-e", &inject], &desk.path);
            if said.contains("SCANNED") {
                continue;
            }
            assert!(said.contains("REFUSED"), "{inject}: {said}");
            assert!(said.contains(&*desk.path.to_string_lossy()), "{inject}: the path is named: {said}");
            assert!(
                said.contains(if error == "ENOSPC" { "the disk is full" } else { "input or output failed" }),
                "{inject}: {said}"
            );
            check_untouched(&desk);
            refusals += 1;
            errors.push(inject);
        }
    }
    assert!(refusals >= 15, "only {errors:?} were felt");
}

#[test]
fn a_file_size_limit_is_an_error_and_no_damage() {
    let desk = desk();
    let said = below("sh", &["-c", "trap '' XFSZ; ulimit -f 220; exec \"$@\"", "sh"], &desk.path);
    assert!(said.contains("REFUSED") && said.contains(&*desk.path.to_string_lossy()), "{said}");
    check_untouched(&desk);
}

#[test]
fn a_folder_that_may_not_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let desk = desk();
    let folder = desk.path.parent().expect("a folder");
    let may = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("sets");
    may(folder.parent().expect("a folder"), 0o755);
    may(folder, 0o555);
    may(&desk.path, 0o444);
    // For the superuser no folder is closed: another user must try.
    let said = below("setpriv", &["--reuid=65534", "--clear-groups"], &desk.path);
    may(folder, 0o755);
    may(&desk.path, 0o644);
    if !said.contains("REFUSED") && !said.contains("SCANNED") {
        eprintln!("SKIPPED: no other user to try as: {said}");
        return;
    }
    assert!(said.contains("REFUSED") && said.contains(&*desk.path.to_string_lossy()), "{said}");
    check_untouched(&desk);
}
