//! Whether the desync mitigation mode of a load balancer has an effect, and which mode that is.

use crate::{AccountRegion, Finding, Kind, Listener, LoadBalancer, Mode, Observed, RequiredMode};

/// The desync mitigation mode as it affects requests. Every count and share of modes is based on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectiveMode {
    /// The mode that was read.
    Known(Mode),
    /// The mode could not be read, or AWS's response left it out.
    Unknown,
    /// A classic load balancer without an HTTP or HTTPS listener: it has a mode, which has no effect.
    NoHttpListener,
    /// A kind of load balancer that does not parse HTTP and has no mode.
    NotHttp,
}

impl EffectiveMode {
    /// Whether the mode matters: whether the load balancer is in the denominator of a share of modes.
    pub const fn applies(self) -> bool {
        matches!(self, Self::Known(_) | Self::Unknown)
    }

    /// Why the mode does not matter; none where it does.
    pub const fn why_not(self) -> Option<&'static str> {
        match self {
            Self::Known(_) | Self::Unknown => None,
            Self::NoHttpListener => {
                Some("A classic load balancer without an HTTP or HTTPS listener: its mode has no effect.")
            }
            Self::NotHttp => Some("This kind of load balancer does not parse HTTP: it has no desync mitigation mode."),
        }
    }
}

impl LoadBalancer {
    /// The mode as it affects requests. Listeners that could not be read count as HTTP listeners: the load balancer stays in the
    /// denominator.
    pub fn effective_mode(&self) -> EffectiveMode {
        if !self.kind.can_parse_http() {
            return EffectiveMode::NotHttp;
        }
        if self.kind == Kind::Classic
            && self.listeners.known().is_some_and(|listeners| !listeners.iter().any(Listener::is_http))
        {
            return EffectiveMode::NoHttpListener;
        }
        match &self.mode {
            Observed::Known(mode) => EffectiveMode::Known(*mode),
            Observed::Absent | Observed::Unread(_) => EffectiveMode::Unknown,
        }
    }

    /// The effective mode in words, with the reason where it is not known.
    pub fn mode_text(&self) -> String {
        match (self.effective_mode(), &self.mode) {
            (EffectiveMode::Known(mode), _) => mode.to_string(),
            (EffectiveMode::NoHttpListener | EffectiveMode::NotHttp, _) => "not applicable".to_owned(),
            (EffectiveMode::Unknown, Observed::Absent) => "unknown (not in AWS's response)".to_owned(),
            (EffectiveMode::Unknown, other) => crate::shown(other),
        }
    }

    /// The required mode in words, given what policy requires of it.
    pub fn required_mode_text(&self, required: Option<&RequiredMode>) -> String {
        match required {
            _ if !self.effective_mode().applies() => "not applicable".to_owned(),
            Some(required) => required.to_string(),
            None => "not available".to_owned(),
        }
    }

    /// The account and Region it is in.
    pub fn place(&self) -> AccountRegion {
        AccountRegion { account: self.account.clone(), region: self.region.clone() }
    }
}

impl Finding {
    /// The account and Region of its load balancer.
    pub fn place(&self) -> AccountRegion {
        AccountRegion { account: self.account.clone(), region: self.region.clone() }
    }
}
