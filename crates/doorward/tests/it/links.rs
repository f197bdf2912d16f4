//! Links on a terminal (OSC 8): to the AWS console and to written files, and nowhere else than on a terminal that follows them.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::bed::{REPOSITORY, doorward, run};

/// Runs a program on a terminal of its own, and copies what it writes to stdout.
const ON_A_TERMINAL: &str = "import os, pty, sys\n\
                             def read(fd):\n    return os.read(fd, 65536)\n\
                             status = pty.spawn(sys.argv[1:], read, lambda fd: b'')\n\
                             sys.exit(os.waitstatus_to_exitcode(status))";

fn with_python() -> bool {
    let tried = Command::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

/// What a report shows on a terminal with some variables, and the page that it wrote.
fn on_a_terminal(folder: &Path, variables: &[(&str, &str)], flags: &[&str]) -> String {
    let program = doorward(folder).get_program().to_owned();
    let saved = format!("{REPOSITORY}/reports/samples/acme-org/scan.saved");
    let mut command = Command::new("python3");
    command.env_clear().env("HOME", folder).env("COLUMNS", "100").envs(variables.iter().copied());
    command.current_dir(folder).args(["-c", ON_A_TERMINAL]).arg(program).args(flags);
    let outputs = ["report", "--from", &saved, "--format", "table", "--format", "html=a page.html"];
    let said = run(command.args(outputs).stdin(Stdio::null()));
    assert_eq!(said.code, Some(3), "{variables:?}: {}{}", said.out, said.err);
    said.out
}

#[test]
fn names_and_files_are_links_where_the_terminal_follows_them() {
    if !with_python() {
        println!("SKIPPED: Python is not installed, so there is no terminal to write to");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (term, iterm) = (("TERM", "xterm-256color"), ("TERM_PROGRAM", "iTerm.app"));
    let shown = on_a_terminal(folder.path(), &[term, iterm], &[]);
    let console = "\u{1b}]8;;https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1#LoadBalancer:loadBalancerArn=arn%3Aaws";
    assert!(shown.contains(console), "{shown}");
    let page = folder.path().canonicalize().unwrap().join("a page.html").display().to_string().replace(' ', "%20");
    assert!(
        shown.contains(&format!("written: \u{1b}]8;;file://{page}\u{1b}\\a page.html\u{1b}]8;;\u{1b}\\")),
        "{shown}"
    );
    assert_eq!(shown.matches("\u{1b}]8;;").count() % 2, 0, "every link ends");
    // The addresses take no room: lines break as they do without links.
    let plain = on_a_terminal(folder.path(), &[term], &[]);
    assert!(plain.contains("written: a page.html"), "{plain}");
    let unlinked: String = shown
        .split("\u{1b}]8;;")
        .enumerate()
        .map(|(n, part)| if n == 0 { part } else { part.split_once("\u{1b}\\").map_or("", |(_, text)| text) })
        .collect();
    assert_eq!(unlinked, plain);
    for (variables, flags) in [
        (vec![term, iterm, ("NO_COLOR", "1")], vec![]),
        (vec![("TERM", "dumb"), iterm], vec![]),
        (vec![term, iterm, ("FORCE_HYPERLINK", "0")], vec![]),
        (vec![term, iterm], vec!["--color", "never"]),
    ] {
        let shown = on_a_terminal(folder.path(), &variables, &flags);
        assert!(!shown.contains("\u{1b}]8"), "{variables:?} {flags:?}: {shown}");
    }
    // The same path is another file on the machine that shows the text.
    let remote = on_a_terminal(folder.path(), &[term, iterm, ("SSH_TTY", "/dev/pts/9")], &[]);
    assert!(remote.contains(console) && !remote.contains("file://"), "{remote}");
}

#[test]
fn pipes_and_files_have_no_links() {
    let folder = tempfile::tempdir().unwrap();
    let saved = format!("{REPOSITORY}/reports/samples/acme-org/scan.saved");
    let mut command = doorward(folder.path());
    command.env("FORCE_HYPERLINK", "1").env("TERM_PROGRAM", "iTerm.app").env("TERM", "xterm-kitty");
    let said = run(command.args(["--color", "always", "report", "--from", &saved, "--format", "table"]));
    assert!(said.out.contains("\u{1b}[1m") && !said.out.contains("\u{1b}]8"), "{}", said.out);
    assert!(!said.err.contains("written:"), "a log has no line for what its command names: {}", said.err);
}
