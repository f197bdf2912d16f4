//! Parses the keys of log objects: account, Region, load balancer, time and node are known before a byte is fetched.
//!
//! AWS writes `[prefix/]AWSLogs/{account}/elasticloadbalancing/{region}/{yyyy}/{mm}/{dd}/` and then
//! `{account}_elasticloadbalancing_{region}_app.{name}.{id}_{end}_{node}_{random}.log.gz`. The last part has everything, so
//! it alone is read: copies and exports keep it when they change the folders. The same prefix also holds connection logs, logs of
//! other kinds of load balancers and a test object.

use std::collections::BTreeSet;
use std::fmt;

use doorward_model::{AccountId, Region};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tally::{LoadBalancerKey, Sampled};
use crate::window::Window;

/// How long a load balancer gathers lines before it writes them.
pub const INTERVAL: SignedDuration = SignedDuration::from_mins(5);

/// An access log of an Application Load Balancer, by its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct LogObject {
    /// The load balancer that wrote it.
    pub load_balancer: LoadBalancerKey,
    /// The end of the five minutes it is about. Its lines may be older: a WebSocket is logged when it closes.
    pub end: Timestamp,
    /// The address of the node that wrote it, as it is written.
    pub node: String,
    /// The last part of the key.
    pub name: String,
}

/// The kind of an object key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// An access log of an Application Load Balancer.
    AccessLog(LogObject),
    /// A connection log: it has no classification.
    ConnectionLog,
    /// The object that AWS writes when logging is switched on.
    TestFile,
    /// An access log whose name goes on after its ending, as that of a download that did not finish.
    Unfinished(LogObject),
    /// A log of another kind of load balancer.
    OtherLog,
    /// Something else.
    Foreign,
}

impl Key {
    /// Reads a key, or any path: only its last part counts.
    pub fn read(key: &str) -> Self {
        let name = key.rsplit('/').next().unwrap_or(key);
        if name == "ELBAccessLogTestFile" || name == "ELBConnectionLogTestFile" {
            return Self::TestFile;
        }
        if name.starts_with("conn_log_") {
            return Self::ConnectionLog;
        }
        match access_log(name) {
            Some(object) if has_ending(name) => Self::AccessLog(object),
            Some(object) => Self::Unfinished(object),
            None if is_of_aws(name) => Self::OtherLog,
            None => Self::Foreign,
        }
    }
}

/// Whether a name begins as AWS's names of logs do. With words before it, only its content says which log it is.
fn is_of_aws(name: &str) -> bool {
    let mut parts = name.split('_');
    parts.next().is_some_and(|account| AccountId::new(account).is_ok()) && parts.next() == Some("elasticloadbalancing")
}

/// Whether a name ends like a log. `gunzip`, file managers and browsers change names before or after `.log`.
fn has_ending(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".log") || name.ends_with(".gz")
}

/// Whether the name of a renamed log ends like one.
pub(crate) fn is_log_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".log") || name.ends_with(".log.gz")
}

/// Reads the name that AWS gives, whatever was put behind its random part: `.log`, ` (1).log.gz`, `.log.gz.8aF3c2`.
fn access_log(name: &str) -> Option<LogObject> {
    let mut parts = name.split('_');
    let account = AccountId::new(parts.next()?).ok()?;
    if parts.next()? != "elasticloadbalancing" {
        return None;
    }
    let region = Region::new(parts.next()?).ok()?;
    // Slashes of the load balancer's id are written as dots. Names have letters, digits and hyphens only.
    let (kind, rest) = parts.next()?.split_once('.')?;
    let (load_balancer, id) = rest.rsplit_once('.')?;
    if kind != "app" || load_balancer.is_empty() || id.is_empty() {
        return None;
    }
    let end = end(parts.next()?)?;
    let node = parts.next()?.to_owned();
    if !parts.next()?.to_ascii_lowercase().contains(".log") {
        return None;
    }
    let load_balancer =
        LoadBalancerKey { account: Some(account), region: Some(region), id: format!("app/{load_balancer}/{id}") };
    Some(LogObject { load_balancer, end, node, name: name.to_owned() })
}

/// Reads `20260923T0720Z`.
fn end(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if bytes.len() != 14 || bytes[8] != b'T' || bytes[13] != b'Z' {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i16> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let small = |from, to| number(from, to).and_then(|number| i8::try_from(number).ok());
    let time = DateTime::new(number(0, 4)?, small(4, 6)?, small(6, 8)?, small(9, 11)?, small(11, 13)?, 0, 0).ok()?;
    TimeZone::UTC.to_timestamp(time).ok()
}

impl LogObject {
    /// The part of its name that AWS makes unique: up to the random part. Objects with the same one are the same log, packed or not, and
    /// copied under whatever name.
    pub fn identity(&self) -> &str {
        let random = self.name.rfind('_').map_or(0, |at| at + 1);
        let after = self.name[random..].find(|c: char| !c.is_ascii_alphanumeric());
        after.map_or(self.name.as_str(), |length| &self.name[..random + length])
    }

    /// Whether its name is the one that AWS gave, perhaps without `.gz`.
    pub(crate) fn is_original(&self) -> bool {
        matches!(&self.name[self.identity().len()..], ".log" | ".log.gz")
    }

    /// Whether a line of a window can be in it. Folders and names go by the end of the interval, so an object that ends up
    /// to five minutes after the window may still hold lines of it.
    pub fn may_hold(&self, window: Window) -> bool {
        self.end > window.starts_at() && self.end <= window.ends_at().saturating_add(INTERVAL).unwrap_or(Timestamp::MAX)
    }
}

/// The folder of a day's logs, ending in a slash. `prefix` is the one in the load balancer's attributes, or empty.
pub fn day_folder(prefix: &str, account: &AccountId, region: &Region, day: Date) -> String {
    let prefix = prefix.trim_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    format!("{prefix}{slash}AWSLogs/{account}/elasticloadbalancing/{region}/{}/", day.strftime("%Y/%m/%d"))
}

/// The keys of a listing by kind: how many were selected, and how many were not, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    /// Access logs of the load balancers and window that were asked for.
    pub selected: u64,
    /// Access logs of other load balancers or of another time.
    pub elsewhere: u64,
    /// Further copies of an object that was selected, packed or not, whatever their names: they are not counted again.
    pub repeated: u64,
    /// Connection logs.
    pub connection_logs: u64,
    /// Logs of other kinds of load balancers.
    pub other_logs: u64,
    /// Test objects.
    pub test_files: u64,
    /// Downloads of access logs that did not finish.
    #[serde(default)]
    pub unfinished: u64,
    /// Other keys.
    pub foreign: u64,
    /// Those of the other keys that look like logs, by name or content.
    #[serde(default, skip_serializing_if = "no_samples")]
    pub look_like_logs: Sampled,
}

fn no_samples(sampled: &Sampled) -> bool {
    sampled.count == 0
}

impl Listed {
    /// The objects that were left out of the count and why, in one sentence; none if there are none. Test objects
    /// are not mentioned.
    pub fn left_out(&self) -> Option<String> {
        let kinds = [
            (
                self.repeated,
                "further copy of a log that is counted once",
                "further copies of logs that are counted once",
            ),
            (self.elsewhere, "log of another time or load balancer", "logs of another time or load balancer"),
            (self.connection_logs, "connection log", "connection logs"),
            (
                self.other_logs,
                "log of a classic, network or other load balancer",
                "logs of classic, network or other load balancers",
            ),
            (self.foreign, "other file", "other files"),
        ];
        let kinds = kinds.into_iter().filter(|(count, ..)| *count > 0);
        let kinds: Vec<String> =
            kinds.map(|(count, one, more)| format!("{count} {}", if count == 1 { one } else { more })).collect();
        let like_logs = self.like_logs().map_or(String::new(), |(files, example)| {
            let look = if files == 1 { "looks like a log" } else { "look like logs" };
            format!("; {files} of them {look} ({example})")
        });
        (!kinds.is_empty()).then(|| format!("left out: {}{like_logs}", kinds.join(", ")))
    }

    /// How many files look like logs and were not read, and the first of them; none if there are none.
    fn like_logs(&self) -> Option<(u64, &str)> {
        Some((self.look_like_logs.count, self.look_like_logs.samples.first()?))
    }

    /// The sentence about files that look like logs and were not read; none if there are none.
    pub(crate) fn logs_left_out(&self) -> Option<String> {
        let (files, example) = self.like_logs()?;
        let looks = if files == 1 { "file looks like a log and was" } else { "files look like logs and were" };
        Some(format!("{files} other {looks} not read ({example}): only files whose names end in .log or .log.gz are."))
    }

    /// Takes off what was listed again.
    pub(crate) fn take_off(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.selected, other.selected),
            (&mut self.elsewhere, other.elsewhere),
            (&mut self.repeated, other.repeated),
            (&mut self.connection_logs, other.connection_logs),
            (&mut self.other_logs, other.other_logs),
            (&mut self.test_files, other.test_files),
            (&mut self.unfinished, other.unfinished),
            (&mut self.foreign, other.foreign),
        ] {
            *mine = mine.saturating_sub(theirs);
        }
    }

    /// Adds another count.
    pub fn merge(&mut self, other: &Self) {
        self.selected += other.selected;
        self.elsewhere += other.elsewhere;
        self.repeated += other.repeated;
        self.connection_logs += other.connection_logs;
        self.other_logs += other.other_logs;
        self.test_files += other.test_files;
        self.unfinished += other.unfinished;
        self.foreign += other.foreign;
        self.look_like_logs.merge(&other.look_like_logs);
    }
}

/// Filters keys as they are listed, and selects every log once.
#[derive(Debug, Default)]
pub struct Selection {
    window: Option<Window>,
    load_balancers: Option<BTreeSet<String>>,
    names: BTreeSet<String>,
    /// The objects listed so far.
    pub listed: Listed,
}

impl Selection {
    /// Selects logs that can hold lines of the window, or all; and those of these load balancers (`app/name/id`), or of all.
    pub fn new(window: Option<Window>, load_balancers: Option<BTreeSet<String>>) -> Self {
        Self { window, load_balancers, ..Self::default() }
    }

    /// Filters one key; gives the object if it is to be read.
    pub fn offer(&mut self, key: &str) -> Option<LogObject> {
        let object = match Key::read(key) {
            Key::AccessLog(object) => object,
            other => {
                *match other {
                    Key::ConnectionLog => &mut self.listed.connection_logs,
                    Key::OtherLog => &mut self.listed.other_logs,
                    Key::TestFile => &mut self.listed.test_files,
                    Key::Unfinished(_) => &mut self.listed.unfinished,
                    Key::Foreign | Key::AccessLog(_) => &mut self.listed.foreign,
                } += 1;
                return None;
            }
        };
        let wanted = self.load_balancers.as_ref().is_none_or(|wanted| wanted.contains(&object.load_balancer.id))
            && self.window.is_none_or(|window| object.may_hold(window));
        if !wanted {
            self.listed.elsewhere += 1;
        } else if !self.names.insert(object.identity().to_owned()) {
            self.listed.repeated += 1;
        } else {
            self.listed.selected += 1;
            return Some(object);
        }
        None
    }

    /// Whether an object with this identity was selected.
    pub(crate) fn has(&self, object: &LogObject) -> bool {
        self.names.contains(object.identity())
    }

    /// Whether a name was not offered before; for files that are no AWS keys.
    pub(crate) fn is_new(&mut self, name: &str) -> bool {
        let new = self.names.insert(name.to_owned());
        if new {
            self.listed.selected += 1;
        } else {
            self.listed.repeated += 1;
        }
        new
    }
}

impl fmt::Display for LogObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
