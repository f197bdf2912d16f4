//! Why an audience has no digest.

use serde::Serialize;

/// Why there is nothing to send to an audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoDigest {
    /// Nothing changed and nothing fell due since the last digest.
    NothingNew,
    /// The digest of the period, or of a later one, has arrived.
    SentForPeriod,
    /// The figures are those of the digest that arrived.
    SameFigures,
    /// The digest that arrived is of a later scan.
    LaterScanSent,
    /// The scan read one load balancer because of an event: it says nothing of the posture.
    OneLoadBalancer,
    /// The scan was interrupted: it says less of the posture than the scan that continues it.
    Interrupted,
}

impl NoDigest {
    /// The reason in words.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NothingNew => "nothing changed and nothing is due",
            Self::SentForPeriod => "already sent for this period",
            Self::SameFigures => "no figure differs from the last digest",
            Self::LaterScanSent => "a digest of a later scan was already sent",
            Self::OneLoadBalancer => "nothing to send: this scan read one load balancer, because of an event",
            Self::Interrupted => "nothing to send: this scan was interrupted",
        }
    }
}
