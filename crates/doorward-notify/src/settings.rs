//! The settings: which audience is notified at which channels. Addresses stand here and nowhere else; a secret stands
//! nowhere, only the name of the file or environment variable that holds it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use doorward_file::places::Places;
use doorward_model::{CodeLink, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[notify]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How many days before its end an exception is due.
    pub due_days: u32,
    /// The address of the HTML page (`--format html`) that digests link to, with the owner as its filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_base: Option<String>,
    /// Links to the files that declare load balancers, from `[declarations]`.
    #[serde(skip)]
    pub code_link: Option<CodeLink>,
    /// The age in days from which a failure of a severity is overdue; a severity that is not here has no such age.
    pub max_age_days: BTreeMap<Severity, u32>,
    /// Channels that are delivered to at once. Digests of one channel go one after another.
    pub concurrency: usize,
    /// Tries of one digest in one run, from 1 to 10; what still fails is tried again by the next run.
    pub tries: u32,
    /// Channels for owners that are not in `owners`; none: they receive nothing, and the receipt says so.
    pub fallback: Vec<String>,
    /// Channels for load balancers without a named owner or whose owner could not be read; none: nothing is sent, and the receipt says
    /// so.
    pub unowned: Vec<String>,
    /// Channels by owner, as the reports name the owner; compared without regard to case and surrounding white space.
    pub owners: BTreeMap<String, Vec<String>>,
    /// Audiences above the owners, each with its schedule and channels.
    pub audiences: BTreeMap<PostureReader, PostureAudience>,
    /// The channels by name.
    pub channels: BTreeMap<String, ChannelSettings>,
    /// The mail server; needed by channels of the kind `mail`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<SmtpSettings>,
}

impl Settings {
    /// Keeps the files that the channels read or run, so that no output replaces them.
    pub fn keep_files(&self, places: &mut Places) {
        for (name, channel) in &self.channels {
            match channel {
                ChannelSettings::Slack { url_file: Some(file), .. }
                | ChannelSettings::Teams { url_file: Some(file), .. } => {
                    places.keep(&format!("the secret of the channel {name}"), file);
                }
                ChannelSettings::Exec { command, .. } => {
                    places.keep_command(&format!("a file of the channel {name}"), command);
                }
                _ => {}
            }
        }
        if let Some(file) = self.smtp.as_ref().and_then(|smtp| smtp.password_file.as_ref()) {
            places.keep("the password of the mail server", file);
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            due_days: 14,
            link_base: None,
            code_link: None,
            max_age_days: BTreeMap::new(),
            concurrency: 4,
            tries: 4,
            fallback: Vec::new(),
            unowned: Vec::new(),
            owners: BTreeMap::new(),
            audiences: BTreeMap::new(),
            channels: BTreeMap::new(),
            smtp: None,
        }
    }
}

/// An audience above the owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PostureReader {
    /// Leadership.
    Organization,
    /// FinOps.
    Finops,
}

/// `[notify.audiences.organization]` and `[notify.audiences.finops]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostureAudience {
    /// How often it receives a digest.
    pub schedule: DigestSchedule,
    /// Its channels, by name.
    pub channels: Vec<String>,
    /// What the digest says besides coverage and gaps, in this order; by default everything for the organization, and idle load
    /// balancers, costs and key figures for FinOps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sections: Option<Vec<DigestSection>>,
}

/// How often a digest is sent. Periods are of UTC, and a scan belongs to the period in which it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DigestSchedule {
    /// Once in each ISO week.
    Weekly,
    /// Once in each month.
    Monthly,
    /// Whenever a figure differs from the last digest.
    OnChange,
}

/// A part of a digest about the posture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DigestSection {
    /// Key figures, each with its denominator.
    Figures,
    /// The newest scans.
    Trend,
    /// The owners with the highest risk.
    Owners,
    /// Exceptions that end soon or are due for review.
    Exceptions,
    /// Idle load balancers.
    Idle,
    /// Costs, by owner and cost centre.
    Costs,
    /// What changed since the scan before.
    Changes,
}

/// `[notify.channels.NAME]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ChannelSettings {
    /// A Slack incoming webhook. Its URL is a secret: exactly one of the two says where it is.
    Slack {
        /// A file that holds the URL and nothing else.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url_file: Option<PathBuf>,
        /// An environment variable that holds it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url_env: Option<String>,
        /// Seconds that one try may take.
        #[serde(default = "twenty")]
        timeout_seconds: u32,
    },
    /// A webhook of a Teams workflow. Its URL is a secret: exactly one of the two says where it is.
    Teams {
        /// A file that holds the URL and nothing else.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url_file: Option<PathBuf>,
        /// An environment variable that holds it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url_env: Option<String>,
        /// Seconds that one try may take.
        #[serde(default = "twenty")]
        timeout_seconds: u32,
    },
    /// E-mail through `notify.smtp`.
    Mail {
        /// The addresses, all on one message.
        to: Vec<String>,
        /// Seconds that one try may take.
        #[serde(default = "twenty")]
        timeout_seconds: u32,
    },
    /// An SNS topic, standard or FIFO.
    Sns {
        /// The topic's ARN.
        topic: String,
        /// Seconds that one try may take.
        #[serde(default = "twenty")]
        timeout_seconds: u32,
    },
    /// A command of yours. It reads one JSON document (`doorward-digest-v1`) on stdin and ends with 0 when it took the
    /// digest, with 75 when it is to be asked again, with anything else when it refuses. No shell is involved.
    Exec {
        /// The program by its absolute path, then its arguments, as they are.
        command: Vec<String>,
        /// Environment variables it may see; it sees no others.
        #[serde(default)]
        pass_env: Vec<String>,
        /// Seconds that one try may take.
        #[serde(default = "twenty")]
        timeout_seconds: u32,
    },
}

/// `[notify.smtp]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmtpSettings {
    /// The server's host name.
    pub host: String,
    /// Its port; by default that of `tls`: 465, 587 or 25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: SmtpTls,
    /// The sender's address.
    pub from: String,
    /// The user to log in as; no log-in without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A file that holds the password and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// An environment variable that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SmtpTls {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS, and nothing without it.
    #[default]
    Starttls,
    /// None at all: only for a server on this machine.
    None,
}

fn twenty() -> u32 {
    20
}
