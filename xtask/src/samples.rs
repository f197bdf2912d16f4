//! `cargo xtask samples`: every example and every piece of output in the README and the guides, from real runs.
//!
//! Every test run compares them with what the program prints now.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::process::{Finished, finish};
use crate::workspace;

const FOLDER: &str = "reports/samples";
const GUIDES: &str = "crates/doorward/guide";

/// An example whose outputs are a folder of samples. `{out}` stands for the folder.
struct Sample {
    name: &'static str,
    arguments: &'static [&'static str],
    /// The exit code of the command.
    exit: i32,
}

const SAMPLES: &[Sample] = &[
    Sample { name: "acme-org", arguments: &["demo", "examples/acme-org", "--out", "{out}", "--quiet"], exit: 0 },
    Sample {
        name: "gaps-org",
        arguments: &["demo", "examples/gaps-org", "--exit-code", "--out", "{out}", "--quiet"],
        exit: 5,
    },
];

/// The blocks between `<!-- sample: NAME -->` and `<!-- /sample -->` in the README and the guides: commands with their exit codes,
/// of which the standard output of the last is inserted.
const BLOCKS: &[(&str, &[Invocation])] = &[
    ("help", &[(&["--help"], 0)]),
    ("demo", &[DEMO]),
    ("gaps", &[(&["demo", "examples/gaps-org", "--exit-code", "--out", "{out}", "--quiet"], 5)]),
    ("history", &[DEMO, (&["history", "--ledger", "{out}/ledger.sqlite"], 0)]),
    ("advice", &[DEMO, (&["advise", "--traffic", "{out}/traffic.json", "--from", "{out}/scan.saved"], 0)]),
    ("exit-codes", &[(&["explain", "exit-codes"], 0)]),
    ("rule", &[(&["explain", "desync-mode-below-required"], 0)]),
];

/// The JSON Schemas that are committed, by path, and the kind that `doorward schema` prints.
const SCHEMAS: &[(&str, &str)] = &[
    ("config/schema/settings.json", "config"),
    ("config/schema/exceptions.json", "exceptions"),
    ("reports/schema/json-v1.json", "json-v1"),
    ("reports/schema/ndjson-v1.json", "ndjson-v1"),
    ("reports/schema/check-json-v1.json", "check-json-v1"),
    ("reports/schema/event-v1.json", "event-v1"),
    ("reports/schema/traffic-v1.json", "traffic-v1"),
    ("reports/schema/advice-v1.json", "advice-v1"),
    ("reports/schema/change-plan-v2.json", "change-plan-v2"),
    ("reports/schema/digest-v1.json", "digest-v1"),
    ("reports/schema/plugin-description-v1.json", "plugin-description-v1"),
    ("reports/schema/plugin-header-v1.json", "plugin-header-v1"),
    ("reports/schema/plugin-preflight-v1.json", "plugin-preflight-v1"),
    ("reports/schema/plugin-receipt-v1.json", "plugin-receipt-v1"),
    ("reports/schema/saved.json", "saved"),
];

/// Arguments and the exit code they lead to.
type Invocation = (&'static [&'static str], i32);

const DEMO: Invocation = (&["demo", "--out", "{out}", "--quiet"], 0);

/// Writes the samples, or compares them with what is there.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    crate::only(arguments, &["--check"])?;
    let check = !arguments.is_empty();
    let root = workspace::root()?;
    let binary = workspace::build("doorward")?;
    let mut stale = Vec::new();
    for sample in SAMPLES {
        let out = tempfile::tempdir().context("no folder for the outputs")?;
        output(&binary, sample.arguments, out.path(), sample.exit)
            .with_context(|| format!("examples/{}", sample.name))?;
        let made = contents(out.path())?;
        if made.is_empty() {
            bail!("examples/{} wrote nothing", sample.name);
        }
        let folder = root.join(FOLDER).join(sample.name);
        let there = if folder.is_dir() { contents(&folder)? } else { BTreeMap::new() };
        for name in made.keys().chain(there.keys().filter(|name| !made.contains_key(*name))) {
            if made.get(name) == there.get(name) {
                continue;
            }
            let path = format!("{FOLDER}/{}/{name}", sample.name);
            stale.push(format!("{path}:{}", first_difference(there.get(name), made.get(name))));
            if check {
                continue;
            }
            let path = root.join(path);
            match made.get(name) {
                Some(bytes) => {
                    let parent = path.parent().context("a sample lies nowhere")?;
                    std::fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
                    std::fs::write(&path, bytes).with_context(|| format!("{} cannot be written", path.display()))?;
                }
                None => std::fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))?,
            }
        }
    }
    for page in pages(&root)? {
        stale.extend(blocks(&root, &page, &binary, check)?);
    }
    stale.extend(rules(&root.join("reports/rules.md"), check)?);
    stale.extend(schemas(&root, &binary, check)?);
    for place in &stale {
        println!(
            "{place}: {}",
            if check { "is not what the program prints; run `cargo xtask samples`" } else { "written" }
        );
    }
    Ok(if check && !stale.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The line from which two versions of a file differ.
fn first_difference(old: Option<&Vec<u8>>, new: Option<&Vec<u8>>) -> usize {
    let lines = |bytes: Option<&Vec<u8>>| {
        bytes.map(|b| b.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()).unwrap_or_default()
    };
    let (old, new): (Vec<Vec<u8>>, Vec<Vec<u8>>) = (lines(old), lines(new));
    old.iter().zip(&new).take_while(|(a, b)| a == b).count() + 1
}

/// The files of a folder by their path in it.
fn contents(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let read = |path: std::path::PathBuf| {
        let name = path.strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
        let bytes = std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok((name, bytes))
    };
    // A ledger is a database, not a text; what it holds is in history.json.
    let texts = workspace::files(folder)?.into_iter().filter(|path| !path.to_string_lossy().contains("ledger.sqlite"));
    texts.map(read).collect()
}

/// Runs the program as a newcomer would, without this machine's settings, and returns its standard output.
fn output(binary: &Path, arguments: &[&str], out: &Path, exit: i32) -> Result<String> {
    let mut command = Command::new(binary);
    let folder = out.to_string_lossy();
    command.current_dir(workspace::root()?).args(arguments.iter().map(|argument| argument.replace("{out}", &folder)));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("AWS_") || text.starts_with("DOORWARD_") {
            command.env_remove(&name);
        }
    }
    command.env("NO_COLOR", "1").env("COLUMNS", "120");
    let Finished { code, stdout, stderr } = finish(&mut command)?;
    if code != Some(exit) {
        bail!("`doorward {}` ended with {code:?} instead of {exit}: {}", arguments.join(" "), stderr.trim());
    }
    Ok(stdout)
}

/// Renews the catalogue of rules from their definitions; returns the place that was not up to date.
fn rules(path: &Path, check: bool) -> Result<Option<String>> {
    let mut text = String::from(
        "# Rules\n\nGenerated by `cargo xtask samples` from the definition of each rule; `doorward explain RULE` prints the same.\n",
    );
    for meta in doorward_rules::catalogue() {
        let _ = write!(
            text,
            "\n## `{}`\n\n{}. Version {}. Severity: {}.\n",
            meta.id,
            meta.title,
            meta.version,
            meta.severity_text()
        );
        let parts =
            [("Asks", meta.what), ("Why", meta.why), ("Evidence", meta.evidence), ("What to do", meta.remediation)];
        for (heading, body) in parts {
            let _ = write!(text, "\n**{heading}.** {body}\n");
        }
        text.push_str("\n| reason | verdict | meaning |\n|---|---|---|\n");
        for reason in meta.reasons {
            let _ = writeln!(text, "| `{}` | {} | {} |", reason.code(), reason.kind(), reason.meaning());
        }
        let links: Vec<String> = meta.references.iter().map(|link| format!("<{link}>")).collect();
        let _ = write!(text, "\nSee {}.\n", links.join(", "));
    }
    let old = std::fs::read(path).ok();
    if old.as_deref() == Some(text.as_bytes()) {
        return Ok(None);
    }
    let line = first_difference(old.as_ref(), Some(&text.clone().into_bytes()));
    if !check {
        std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(Some(format!("reports/rules.md:{line}")))
}

/// Renews the committed JSON Schemas; returns the places that were not up to date.
fn schemas(root: &Path, binary: &Path, check: bool) -> Result<Vec<String>> {
    let mut stale = Vec::new();
    for (path, kind) in SCHEMAS {
        let text = output(binary, &["schema", kind], root, 0)?.into_bytes();
        let old = std::fs::read(root.join(path)).ok();
        if old.as_deref() == Some(text.as_slice()) {
            continue;
        }
        stale.push(format!("{path}:{}", first_difference(old.as_ref(), Some(&text))));
        if !check {
            let folder = root.join(path).parent().map(Path::to_path_buf).context("a schema without a folder")?;
            std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be created", folder.display()))?;
            std::fs::write(root.join(path), text).with_context(|| format!("{path} cannot be written"))?;
        }
    }
    Ok(stale)
}

/// The pages that show output: README.md and the guides, relative to the root, in order.
fn pages(root: &Path) -> Result<Vec<String>> {
    let mut pages = vec!["README.md".to_owned()];
    let guides = workspace::files(&root.join(GUIDES)).with_context(|| format!("{GUIDES} cannot be listed"))?;
    let names = guides.iter().filter_map(|path| path.file_name());
    pages.extend(names.map(|name| format!("{GUIDES}/{}", name.to_string_lossy())));
    pages.sort();
    Ok(pages)
}

/// Writes the blocks of a page; returns the places that were not up to date.
fn blocks(root: &Path, page: &str, binary: &Path, check: bool) -> Result<Vec<String>> {
    let path = root.join(page);
    let old = std::fs::read_to_string(&path).with_context(|| format!("{page} cannot be read"))?;
    let (new, stale) = renew(&old, |name| {
        let known = BLOCKS.iter().find(|(block, ..)| *block == name);
        let (_, commands) =
            known.with_context(|| format!("{page} asks for the sample {name:?}, which is not in the table"))?;
        let out = tempfile::tempdir().context("no folder for the outputs")?;
        commands.iter().try_fold(String::new(), |_, (arguments, exit)| output(binary, arguments, out.path(), *exit))
    })
    .with_context(|| page.to_owned())?;
    if !check && new != old {
        std::fs::write(&path, new).with_context(|| format!("{page} cannot be written"))?;
    }
    Ok(stale.into_iter().map(|line| format!("{page}:{line}")).collect())
}

/// Replaces the text between the marks; returns the text and the lines of the marks whose blocks changed.
fn renew(text: &str, mut sample: impl FnMut(&str) -> Result<String>) -> Result<(String, Vec<usize>)> {
    let mut renewed = String::with_capacity(text.len());
    let mut stale = Vec::new();
    let mut lines = (1..).zip(text.split_inclusive('\n'));
    while let Some((number, line)) = lines.next() {
        renewed.push_str(line);
        let name = line.trim().strip_prefix("<!-- sample: ").and_then(|rest| rest.strip_suffix(" -->"));
        let Some(name) = name else { continue };
        let mut old = String::new();
        loop {
            let (_, line) = lines.next().with_context(|| format!("line {number}: the sample {name:?} does not end"))?;
            if line.trim() == "<!-- /sample -->" {
                let output = sample(name)?;
                // Spaces at the ends of lines mean something in Markdown and nothing in a terminal.
                let output: Vec<&str> = output.trim_end().lines().map(str::trim_end).collect();
                let block = format!("```text\n{}\n```\n", output.join("\n"));
                if block != old {
                    stale.push(number);
                }
                renewed.push_str(&block);
                renewed.push_str(line);
                break;
            }
            old.push_str(line);
        }
    }
    Ok((renewed, stale))
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "# Title\n<!-- sample: a -->\n```text\nold\n```\n<!-- /sample -->\nend\n";

    #[test]
    fn a_block_is_replaced_and_reported() {
        let (text, stale) = renew(README, |name| Ok(format!("new {name}  \n\n"))).expect("renews");
        assert_eq!(text, README.replace("old", "new a"));
        assert_eq!(stale, [2]);
    }

    #[test]
    fn an_up_to_date_block_is_not() {
        let (text, stale) = renew(README, |_| Ok("old\n".to_owned())).expect("renews");
        assert_eq!((text.as_str(), stale.len()), (README, 0));
    }

    #[test]
    fn unknown_and_open_blocks_are_errors() {
        assert!(renew(README, |_| bail!("unknown")).is_err());
        assert!(renew("<!-- sample: a -->\ntext\n", |_| Ok(String::new())).is_err());
    }

    #[test]
    fn differences_have_a_line() {
        let (old, new) = (b"a\nb\nc".to_vec(), b"a\nB\nc".to_vec());
        assert_eq!(first_difference(Some(&old), Some(&new)), 2);
        assert_eq!(first_difference(None, Some(&new)), 1);
    }
}
