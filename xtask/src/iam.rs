//! `cargo xtask iam`: the role templates of `config/iam/`, as `doorward setup` writes them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::process::finish;
use crate::workspace;

const FOLDER: &str = "config/iam";

/// The roles of Doorward's commands, in every form.
const FORMS: [(&str, &[&str]); 3] = [
    ("iam", &["scan", "traffic", "athena", "metrics", "publish", "notify", "ledger", "change"]),
    ("stackset", &["scan", "traffic", "publish", "change"]),
    ("terraform", &["scan", "traffic", "publish", "change"]),
];

/// The names that the templates need, from those that AWS reserves for documentation.
pub(crate) const NAMED: [&str; 4] =
    ["--bucket", "amzn-s3-demo-logging-bucket", "--topic", "arn:aws:sns:eu-west-1:111122223333:load-balancer-owners"];

/// The same for a setting: where Athena writes results.
const OUTPUT: (&str, &str) = ("DOORWARD_TRAFFIC__ATHENA__OUTPUT", "s3://amzn-s3-demo-bucket/doorward/");

/// And for another: the ledger in S3.
const LEDGER: (&str, &str) = ("DOORWARD_LEDGER__PATH", "s3://amzn-s3-demo-bucket/doorward/ledger.sqlite");

/// Writes the templates, or compares them with what is there.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &["--check"])?;
    let check = !arguments.is_empty();
    let folder = workspace::root()?.join(FOLDER);
    let made = tempfile::tempdir().context("no folder for the templates")?;
    let program = workspace::build("doorward")?;
    for (form, capabilities) in FORMS {
        write(&program, made.path(), form, capabilities, &NAMED)?;
    }
    let (made, there) = (contents(made.path())?, contents(&folder).unwrap_or_default());
    let mut stale = 0;
    for name in made.keys().chain(there.keys().filter(|name| !made.contains_key(*name))) {
        if made.get(name) == there.get(name) {
            continue;
        }
        stale += 1;
        let path = folder.join(name);
        match made.get(name) {
            _ if check => println!("{FOLDER}/{name}:1: is not what the code declares; run `cargo xtask iam`"),
            Some(text) => {
                std::fs::create_dir_all(&folder).with_context(|| format!("{FOLDER} cannot be made"))?;
                std::fs::write(&path, text).with_context(|| format!("{FOLDER}/{name} cannot be written"))?;
                println!("{FOLDER}/{name}");
            }
            None => {
                std::fs::remove_file(&path).with_context(|| format!("{FOLDER}/{name} cannot be removed"))?;
                println!("{FOLDER}/{name}: removed");
            }
        }
    }
    Ok(if check && stale > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Runs the program to write one form of some capabilities to a folder, without this machine's settings.
pub(crate) fn write(program: &Path, folder: &Path, form: &str, capabilities: &[&str], flags: &[&str]) -> Result<()> {
    let mut setup = Command::new(program);
    setup.env_clear().env(OUTPUT.0, OUTPUT.1).env(LEDGER.0, LEDGER.1);
    setup.current_dir(folder).args(["-q", "setup", form, "--out", "."]).args(flags);
    for capability in capabilities {
        setup.args(["--for", capability]);
    }
    let done = finish(&mut setup)?;
    ensure!(done.code == Some(0), "doorward setup {form}: {}", done.stderr.trim());
    Ok(())
}

fn contents(folder: &Path) -> Result<BTreeMap<String, String>> {
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().context("a file without a name")?.to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok((name, text))
    };
    workspace::files(folder)?.into_iter().map(read).collect()
}
