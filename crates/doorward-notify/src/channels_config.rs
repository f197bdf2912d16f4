//! The directory: settings that were checked. The only place an address can come from; a tag's value is looked up in it,
//! and is never an address by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use doorward_model::{Arn, Region, RiskProfile, owner_key};
use lettre::message::Mailbox;

use crate::audience::Audience;
use crate::secret::Place;
use crate::settings::{ChannelSettings, PostureAudience, PostureReader, Settings, SmtpSettings, SmtpTls};

/// A setting that cannot be worked with. Names the setting, never a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("setting {setting} {problem}")]
pub struct SettingsError {
    /// The setting, from `notify` on.
    pub setting: String,
    /// The problem, ready to be read after the name of the setting, and the next step.
    pub problem: String,
}

impl SettingsError {
    pub(crate) fn new(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { setting: setting.into(), problem: problem.into() }
    }
}

/// Where a channel leads, before any secret is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    Slack(Place),
    Teams(Place),
    Mail(Vec<Mailbox>),
    Sns(Topic),
    Exec { command: Vec<String>, pass_env: Vec<String> },
}

impl Route {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Slack(_) => "slack",
            Self::Teams(_) => "teams",
            Self::Mail(_) => "mail",
            Self::Sns(_) => "sns",
            Self::Exec { .. } => "exec",
        }
    }
}

/// A topic's ARN, with its Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) arn: Arn,
    pub(crate) region: Region,
}

impl Topic {
    /// Whether it keeps an order and drops what it got within five minutes already.
    pub(crate) fn is_fifo(&self) -> bool {
        self.arn.as_str().ends_with(".fifo")
    }
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Channel {
    pub(crate) route: Route,
    pub(crate) timeout: Duration,
}

/// The mail server, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Post {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: SmtpTls,
    pub(crate) from: Mailbox,
    /// User, and where the password is.
    pub(crate) login: Option<(String, Place)>,
}

/// The checked settings.
#[derive(Debug, Clone)]
pub struct ChannelsConfig {
    pub(crate) settings: Settings,
    pub(crate) channels: BTreeMap<String, Channel>,
    pub(crate) post: Option<Post>,
    /// Audience by owner, folded.
    owners: BTreeMap<String, Audience>,
    lines: BTreeMap<Audience, Vec<String>>,
    /// Tag keys that name a cost centre, in order.
    pub(crate) cost_centre_tags: Vec<String>,
}

impl ChannelsConfig {
    /// Checks the settings; reads no secret and no clock.
    ///
    /// # Errors
    /// The first setting that cannot be worked with, by its name.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        for (setting, fits, range) in [
            ("notify.tries", (1..=10).contains(&settings.tries), "1 to 10"),
            ("notify.concurrency", (1..=64).contains(&settings.concurrency), "1 to 64"),
            ("notify.due_days", settings.due_days <= 3_650, "0 to 3650"),
        ] {
            if !fits {
                return Err(SettingsError::new(setting, format!("is out of range; it must be {range}")));
            }
        }
        let is_address = |base: &str| {
            let is_web = base.starts_with("https://") || base.starts_with("http://");
            is_web && base.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '\\' | '`'))
        };
        if settings.link_base.as_deref().is_some_and(|base| !is_address(base)) {
            return Err(SettingsError::new("notify.link_base", "is not a web address; write https://HOST/PATH"));
        }
        let post = settings.smtp.as_ref().map(post).transpose()?;
        let mut channels = BTreeMap::new();
        for (name, channel) in &settings.channels {
            channels.insert(name.clone(), self::channel(name, channel, post.is_some())?);
        }
        let (mut owners, mut lines) = (BTreeMap::new(), BTreeMap::new());
        for (owner, named) in &settings.owners {
            let setting = format!("notify.owners.{owner:?}");
            let audience = Audience::Owner(owner.trim().to_owned());
            if owner.trim().is_empty() {
                return Err(SettingsError::new(setting, "has no name; write the owner's name as in reports"));
            }
            if owners.insert(owner_key(owner), audience.clone()).is_some() {
                return Err(SettingsError::new(setting, "is listed twice in different spellings; keep one"));
            }
            lines.insert(audience, listed(&setting, named, &channels)?);
        }
        lines.insert(Audience::Unlisted, listed("notify.fallback", &settings.fallback, &channels)?);
        lines.insert(Audience::Unowned, listed("notify.unowned", &settings.unowned, &channels)?);
        for (reader, audience) in &settings.audiences {
            let setting = match reader {
                PostureReader::Organization => "notify.audiences.organization.channels",
                PostureReader::Finops => "notify.audiences.finops.channels",
            };
            if audience.channels.is_empty() {
                return Err(SettingsError::new(setting, "names no channel; name at least one, or remove the audience"));
            }
            lines.insert(reader.audience(), listed(setting, &audience.channels, &channels)?);
        }
        Ok(Self { settings, channels, post, owners, lines, cost_centre_tags: Vec::new() })
    }

    /// The same with the risk profiles of the policy, whose `notify` names channels.
    ///
    /// # Errors
    /// The profile that names a channel which there is not.
    pub fn with_profiles(mut self, profiles: &[RiskProfile]) -> Result<Self, SettingsError> {
        for profile in profiles.iter().filter(|profile| !profile.notify.is_empty()) {
            let setting = format!("policy.profiles {:?} notify", profile.name);
            let channels = listed(&setting, &profile.notify, &self.channels)?;
            self.lines.insert(Audience::Profile(profile.name.clone()), channels);
        }
        Ok(self)
    }

    /// The same with the tag keys that name a cost centre, in order.
    #[must_use]
    pub fn with_cost_centre_tags(self, cost_centre_tags: Vec<String>) -> Self {
        Self { cost_centre_tags, ..self }
    }

    /// The settings of an audience above the owners.
    pub(crate) fn posture_audience(&self, audience: &Audience) -> Option<&PostureAudience> {
        self.settings.audiences.iter().find(|(reader, _)| reader.audience() == *audience).map(|(_, one)| one)
    }

    /// The line of an owner.
    pub(crate) fn audience(&self, owner: &str) -> Audience {
        self.owners.get(&owner_key(owner)).cloned().unwrap_or(Audience::Unlisted)
    }

    /// Every audience and its channels, which may be none.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&Audience, &[String])> {
        self.lines.iter().map(|(audience, channels)| (audience, channels.as_slice()))
    }
}

impl PostureReader {
    fn audience(self) -> Audience {
        match self {
            Self::Organization => Audience::Organization,
            Self::Finops => Audience::Finops,
        }
    }
}

/// The channels of a line, each once.
fn listed(setting: &str, names: &[String], channels: &BTreeMap<String, Channel>) -> Result<Vec<String>, SettingsError> {
    if let Some(stranger) = names.iter().find(|name| !channels.contains_key(*name)) {
        let known: Vec<&str> = channels.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "it is empty".to_owned() } else { known.join(", ") };
        let problem = format!("names the channel {stranger:?}, which notify.channels does not have ({known})");
        return Err(SettingsError::new(setting, problem));
    }
    Ok(names.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect())
}

fn channel(name: &str, settings: &ChannelSettings, has_post: bool) -> Result<Channel, SettingsError> {
    let at = |field: &str| format!("notify.channels.{name}.{field}");
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        let problem = "is not a valid channel name; use up to 64 letters, digits, '-', '_' and '.'";
        return Err(SettingsError::new(format!("notify.channels.{name:?}"), problem));
    }
    let (route, seconds) = match settings {
        ChannelSettings::Slack { url_file, url_env, timeout_seconds } => {
            (Route::Slack(Place::of(&at("url_file"), url_file.as_ref(), url_env.as_ref())?), *timeout_seconds)
        }
        ChannelSettings::Teams { url_file, url_env, timeout_seconds } => {
            (Route::Teams(Place::of(&at("url_file"), url_file.as_ref(), url_env.as_ref())?), *timeout_seconds)
        }
        ChannelSettings::Mail { to, timeout_seconds } => {
            if !has_post {
                return Err(SettingsError::new("notify.smtp", format!("is missing; channel {name} requires it")));
            }
            if to.is_empty() {
                return Err(SettingsError::new(at("to"), "contains no address; add at least one"));
            }
            let to: Result<Vec<_>, _> = to.iter().map(|address| mailbox(&at("to"), address)).collect();
            (Route::Mail(to?), *timeout_seconds)
        }
        ChannelSettings::Sns { topic, timeout_seconds } => {
            (Route::Sns(self::topic(&at("topic"), topic)?), *timeout_seconds)
        }
        ChannelSettings::Exec { command, pass_env, timeout_seconds } => {
            if !command.first().is_some_and(|program| program.starts_with('/')) {
                return Err(SettingsError::new(at("command"), "must begin with the absolute path of a program"));
            }
            if command.iter().chain(pass_env).any(|word| word.contains('\0')) {
                return Err(SettingsError::new(
                    at("command"),
                    "contains a NUL character, which an argument cannot \
                     contain",
                ));
            }
            (Route::Exec { command: command.clone(), pass_env: pass_env.clone() }, *timeout_seconds)
        }
    };
    if !(1..=300).contains(&seconds) {
        return Err(SettingsError::new(at("timeout_seconds"), "is out of range; it must be 1 to 300"));
    }
    Ok(Channel { route, timeout: Duration::from_secs(u64::from(seconds)) })
}

fn mailbox(setting: &str, address: &str) -> Result<Mailbox, SettingsError> {
    let problem = || SettingsError::new(setting, format!("contains {address:?}, which is not an e-mail address"));
    let bare = address.trim();
    // Lists, groups and names beside the address are for people; here each is one address.
    if bare.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '"')) {
        return Err(problem());
    }
    Ok(Mailbox::new(None, bare.parse().map_err(|_| problem())?))
}

/// The sender, with or without a name: `Doorward <doorward@example.com>`.
fn sender(setting: &str, text: &str) -> Result<Mailbox, SettingsError> {
    let Some((name, rest)) = text.trim().split_once('<') else { return mailbox(setting, text) };
    let name = name.trim().trim_matches('"');
    let is_name = !name.is_empty() && !name.chars().any(|c| c.is_control() || matches!(c, '<' | '>' | '"'));
    let address = rest.strip_suffix('>').filter(|_| is_name);
    let problem = || SettingsError::new(setting, format!("contains {text:?}, which is not an e-mail address"));
    let bare = mailbox(setting, address.ok_or_else(problem)?).map_err(|_| problem())?;
    Ok(Mailbox::new(Some(name.to_owned()), bare.email))
}

fn topic(setting: &str, text: &str) -> Result<Topic, SettingsError> {
    let problem = |what: &str| SettingsError::new(setting, format!("contains {text:?}, which is {what}"));
    let arn = Arn::new(text).map_err(|_| problem("not an ARN"))?;
    let region = Region::new(arn.region()).map_err(|_| problem("not the ARN of a topic, because it has no Region"))?;
    let is_topic = text.split(':').nth(2) == Some("sns") && text.split(':').count() == 6 && !arn.resource().is_empty();
    if is_topic { Ok(Topic { arn, region }) } else { Err(problem("not the ARN of an SNS topic")) }
}

fn post(settings: &SmtpSettings) -> Result<Post, SettingsError> {
    let at = |field: &str| format!("notify.smtp.{field}");
    let host = settings.host.trim().to_owned();
    if host.is_empty() || !host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':')) {
        return Err(SettingsError::new(at("host"), "is not a host name"));
    }
    if settings.tls == SmtpTls::None && !is_local(&host) {
        let problem = "is none, but notify.smtp.host is another machine; use implicit or starttls";
        return Err(SettingsError::new(at("tls"), problem));
    }
    let login = match &settings.user {
        None if settings.password_file.is_some() || settings.password_env.is_some() => {
            return Err(SettingsError::new(at("user"), "is missing, but a password is set"));
        }
        None => None,
        Some(user) => {
            let (file, variable) = (settings.password_file.as_ref(), settings.password_env.as_ref());
            Some((user.clone(), Place::of(&at("password_file"), file, variable)?))
        }
    };
    let port = settings.port.unwrap_or(match settings.tls {
        SmtpTls::Implicit => 465,
        SmtpTls::Starttls => 587,
        SmtpTls::None => 25,
    });
    Ok(Post { host, port, tls: settings.tls, from: sender(&at("from"), &settings.from)?, login })
}

/// Whether a host is this machine, whatever a name server says.
pub(crate) fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
