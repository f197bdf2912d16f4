//! Tests whether a program keeps the contract: it is given reports and faults, and each clause gets a verdict.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use doorward_process::{Ended, Finished, open_written};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::ChildStdin;

use crate::contract::{PluginDescription, PluginDestination, PluginReceipt, RepeatGuarantee};
use crate::program::last_words;
use crate::{Plugin, PluginError};
use output_check::{Checked, WrittenOutput};
use report_lines::{ReportShape, bytes, header, lines};

mod clause_verdict;
mod output_check;
mod report_lines;

pub use clause_verdict::{ClauseVerdict, junit, text};

/// The findings of the largest report, unless the caller wants fewer.
pub const MANY: usize = 50_000;
/// How long a program has to end after its stdin is cut or it is asked to end.
const SHORT: Duration = Duration::from_secs(2);

/// The alteration of a report on its way to the plugin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It arrives whole.
    Whole,
    /// It arrives in small pieces that end within lines and characters.
    Pieces,
    /// The stream ends before its last line.
    Cut,
    /// Half of it arrives, and then the program is asked to end.
    Terminated,
}

/// The verdict on every clause, in the order of the contract. `many` is the number of findings in the largest report.
pub async fn test(plugin: &Plugin, many: usize) -> Vec<ClauseVerdict> {
    let mut verdicts = Vec::new();
    let mut add = |clause: &'static str, begun: Instant, checked: Checked| {
        let (fault, not_checked) = match checked {
            Ok(not_checked) => (None, not_checked),
            Err(fault) => (Some(fault), None),
        };
        verdicts.push(ClauseVerdict { clause, fault, not_checked, lasted: begun.elapsed() });
    };
    let begun = Instant::now();
    let described = plugin.describe().await.map_err(|error| error.to_string());
    add("describe describes the plugin", begun, described.as_ref().map(|_| None).map_err(Clone::clone));
    let Ok(description) = described else { return verdicts };
    let begun = Instant::now();
    let ready = plugin.preflight().await.map_err(|error| error.to_string());
    add("preflight accepts the configuration", begun, ready.clone().map(|()| None));
    if ready.is_err() {
        return verdicts;
    }
    let kit = Kit { plugin, description: &description };
    let begun = Instant::now();
    add("preflight refuses an invalid configuration", begun, kit.refuses_no_configuration().await.map(|()| None));
    for (clause, case) in CASES {
        let begun = Instant::now();
        add(clause, begun, kit.run(Case { findings: case.findings.min(many), ..*case }).await);
    }
    verdicts
}

/// A report, its way, and what the program must make of it.
#[derive(Clone, Copy)]
struct Case {
    findings: usize,
    is_unread: bool,
    is_hostile: bool,
    is_newer: bool,
    way: Way,
    /// A fault of the report itself.
    damage: Damage,
    /// How often it is delivered under the same id.
    times: u32,
    /// What is looked at besides the receipt.
    look: LookAt,
}

/// What is looked at besides the receipt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LookAt {
    /// That there is an output.
    Output,
    /// The findings in it.
    Findings,
    /// The hostile texts in it.
    Texts,
    /// That a second delivery does not change it.
    Repeat,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Damage {
    None,
    /// A finding is missing, and the end counts it.
    LostFinding,
    /// The contract is another one.
    OtherContract,
    /// A line is no JSON.
    BrokenLine,
    /// The destination cannot be written, where the program writes one.
    NoDestination,
}

const PLAIN: Case = Case {
    findings: 3,
    is_unread: false,
    is_hostile: false,
    is_newer: false,
    way: Way::Whole,
    damage: Damage::None,
    times: 1,
    look: LookAt::Output,
};

const CASES: &[(&str, Case)] = &[
    ("a report is delivered, and every finding is accounted for", PLAIN),
    ("an empty organization is delivered", Case { findings: 0, ..PLAIN }),
    ("a report in which nothing could be read is delivered", Case { findings: 40, is_unread: true, ..PLAIN }),
    ("the output contains what the receipt counts", Case { findings: 5, look: LookAt::Findings, ..PLAIN }),
    ("external text is treated as data", Case { findings: 26, is_hostile: true, look: LookAt::Texts, ..PLAIN }),
    ("lines and members of later versions are ignored", Case { is_newer: true, ..PLAIN }),
    ("a report in small pieces is the same report", Case { findings: 8, is_hostile: true, way: Way::Pieces, ..PLAIN }),
    ("a large report is accounted for", Case { findings: MANY, ..PLAIN }),
    ("the same delivery arrives twice", Case { times: 2, ..PLAIN }),
    ("a second delivery changes nothing if the plugin promises that", Case { times: 2, look: LookAt::Repeat, ..PLAIN }),
    ("a stream without its end line is refused", Case { findings: 40, way: Way::Cut, ..PLAIN }),
    ("a stream that lacks a finding is refused", Case { findings: 40, damage: Damage::LostFinding, ..PLAIN }),
    ("a line that is not JSON is refused", Case { damage: Damage::BrokenLine, ..PLAIN }),
    ("another version of the contract is refused", Case { damage: Damage::OtherContract, ..PLAIN }),
    ("a destination that cannot be written is an error", Case { damage: Damage::NoDestination, ..PLAIN }),
    ("SIGTERM ends it within two seconds", Case { findings: 200, way: Way::Terminated, ..PLAIN }),
];

struct Kit<'a> {
    plugin: &'a Plugin,
    description: &'a PluginDescription,
}

impl Kit<'_> {
    async fn refuses_no_configuration(&self) -> Result<(), String> {
        let feed = |mut stdin: ChildStdin| async move {
            stdin.write_all(b"[1, 2").await?;
            stdin.shutdown().await
        };
        let finished = self.plugin.call("preflight", Duration::from_secs(30), feed).await.map_err(|e| e.to_string())?;
        match (finished.ended, serde_json::from_slice::<Value>(&finished.stdout)) {
            (Ended::Code(0), Ok(answer)) if answer["ok"] == json!(true) => {
                Err("it accepted a configuration that is not JSON".to_owned())
            }
            (Ended::TimedOut, _) => Err("it did not end".to_owned()),
            _ => Ok(()),
        }
    }

    async fn run(&self, case: Case) -> Checked {
        let texts = if case.is_hostile { report_lines::HOSTILE } else { &["web"] };
        let shape = ReportShape {
            is_unread: case.is_unread,
            texts,
            is_newer: case.is_newer,
            has_own_names: case.look == LookAt::Findings,
            ..ReportShape::of(case.findings)
        };
        let mut report = lines(shape);
        match case.damage {
            Damage::LostFinding => {
                let at = report.iter().position(|line| line["type"] == json!("finding"));
                at.map(|at| report.remove(at));
            }
            Damage::BrokenLine => report.insert(2, json!("\u{0}")),
            Damage::None | Damage::OtherContract | Damage::NoDestination => {}
        }
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = self.place(folder.path(), case.damage)?;
        let (mut written, mut outputs) = (0, Vec::new());
        for time in 0..case.times {
            if let (Some(path), PluginDestination::Stream) = (&path, self.description.destination) {
                // Doorward gives each delivery of a stream a new file.
                let _ = std::fs::remove_file(path);
            }
            let mut head = header(self.plugin.config(), "conformance-1", time > 0, path.as_deref());
            if let (Damage::OtherContract, Some(members)) = (case.damage, head.as_object_mut()) {
                members.insert("contract".to_owned(), json!("doorward-report-v999"));
            }
            let mut text = bytes(&[head]);
            if case.damage == Damage::BrokenLine {
                text.extend(bytes(report.get(..2).unwrap_or_default()));
                text.extend(b"{\"type\": \"finding\", \n");
                text.extend(bytes(report.get(3..).unwrap_or_default()));
            } else {
                text.extend(bytes(&report));
            }
            let finished = self.emit(text, case.way).await.map_err(|error| error.to_string())?;
            written = self.judge(case, &finished)?.map_or(0, |receipt| receipt.written);
            if case.look == LookAt::Repeat
                && let Some(path) = &path
            {
                outputs.push(WrittenOutput::of(Path::new(path))?);
            }
        }
        if case.damage == Damage::None && case.way != Way::Cut && case.way != Way::Terminated {
            self.wrote(path.as_deref())?;
        }
        let Some(path) = path else {
            let why = "its destination is a service, which this test cannot see".to_owned();
            return Ok((case.look != LookAt::Output).then_some(why));
        };
        match case.look {
            LookAt::Output => Ok(None),
            LookAt::Findings => WrittenOutput::of(Path::new(&path))?.has_findings(&report, written),
            LookAt::Texts => WrittenOutput::of(Path::new(&path))?.has_texts_as_data(),
            LookAt::Repeat if self.description.repeat == RepeatGuarantee::AtLeastOnce => {
                Ok(Some("it does not promise that: its `repeat` is at-least-once".to_owned()))
            }
            LookAt::Repeat if outputs.windows(2).any(|two| two.first() != two.last()) => {
                Err("its `repeat` is idempotent, and the second delivery changed its output".to_owned())
            }
            LookAt::Repeat => Ok(None),
        }
    }

    /// Where the program writes in one test.
    fn place(&self, folder: &Path, damage: Damage) -> Result<Option<String>, String> {
        let place = match self.description.destination {
            PluginDestination::Remote => return Ok(None),
            _ if damage == Damage::NoDestination => folder.join("missing").join("deep").join("output"),
            PluginDestination::Folder => folder.join("folder"),
            PluginDestination::File | PluginDestination::Stream => folder.join("output"),
        };
        if self.description.destination == PluginDestination::Folder && damage != Damage::NoDestination {
            std::fs::create_dir(&place).map_err(|error| error.to_string())?;
        }
        if self.description.destination == PluginDestination::Folder && damage == Damage::NoDestination {
            // A folder below a file cannot be created either.
            let file = folder.join("file");
            std::fs::write(&file, "").map_err(|error| error.to_string())?;
            return Ok(Some(file.join("folder").to_string_lossy().into_owned()));
        }
        Ok(Some(place.to_string_lossy().into_owned()))
    }

    async fn emit(&self, text: Vec<u8>, way: Way) -> Result<Finished, PluginError> {
        let timeout = if way == Way::Terminated { SHORT } else { self.plugin.timeout() };
        self.plugin.call("emit", timeout, |stdin| feed(stdin, text, way)).await
    }

    /// The receipt, where the case is to have one.
    fn judge(&self, case: Case, finished: &Finished) -> Result<Option<PluginReceipt>, String> {
        let words = last_words(&finished.stderr);
        let receipt = serde_json::from_slice::<PluginReceipt>(&finished.stdout);
        if case.way == Way::Terminated {
            return match (finished.forced, finished.ended, receipt) {
                (true, ..) => Err(format!("it did not end after SIGTERM and was killed{words}")),
                (_, Ended::Code(0), Ok(_)) => Err(format!("it returned a receipt for an incomplete report{words}")),
                _ => Ok(None),
            };
        }
        let no_destination =
            case.damage == Damage::NoDestination && self.description.destination == PluginDestination::Remote;
        let is_wrong = case.way == Way::Cut || (case.damage != Damage::None && !no_destination);
        if is_wrong {
            return match finished.ended {
                Ended::Code(0) => Err(format!("it ended with exit code 0{words}")),
                Ended::TimedOut => Err(format!("it did not end{words}")),
                _ => Ok(None),
            };
        }
        let receipt = self.plugin.answer::<PluginReceipt>("emit", finished).map_err(|error| error.to_string())?;
        if receipt.findings_in != case.findings {
            return Err(format!(
                "{} findings were sent, but it reports that it read {}{words}",
                case.findings, receipt.findings_in
            ));
        }
        let skipped = receipt.skipped.values().fold(0_usize, |sum, count| sum.saturating_add(*count));
        if receipt.written.saturating_add(skipped) != case.findings {
            return Err(format!(
                "{} written and {skipped} skipped are not {} findings{words}",
                receipt.written, case.findings
            ));
        }
        if !finished.fed {
            return Err(format!("it ended before it read the whole report{words}"));
        }
        Ok(Some(receipt))
    }

    /// Whether it wrote what it says that it wrote.
    fn wrote(&self, path: Option<&str>) -> Result<(), String> {
        let Some(path) = path.map(Path::new) else { return Ok(()) };
        let is_there = match self.description.destination {
            PluginDestination::Folder => path.read_dir().is_ok_and(|mut entries| entries.next().is_some()),
            // Doorward copies it, and copies regular files only.
            PluginDestination::Stream => open_written(path).is_ok(),
            PluginDestination::File | PluginDestination::Remote => path.is_file(),
        };
        if is_there { Ok(()) } else { Err("it returned a receipt, but wrote nothing to its destination".to_owned()) }
    }
}

async fn feed(mut stdin: ChildStdin, text: Vec<u8>, way: Way) -> io::Result<()> {
    match way {
        Way::Whole => stdin.write_all(&text).await?,
        Way::Pieces => {
            for piece in text.chunks(977) {
                stdin.write_all(piece).await?;
                stdin.flush().await?;
                tokio::task::yield_now().await;
            }
        }
        Way::Cut => {
            let end = text.iter().rev().skip(1).position(|byte| *byte == b'\n').map_or(0, |n| text.len() - n - 1);
            stdin.write_all(text.get(..end).unwrap_or_default()).await?;
        }
        Way::Terminated => {
            stdin.write_all(text.get(..text.len() / 2).unwrap_or_default()).await?;
            stdin.flush().await?;
            return std::future::pending().await;
        }
    }
    stdin.shutdown().await
}
