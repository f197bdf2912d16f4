//! The generation and type of a load balancer, with AWS's words for it.

/// The generation and type of a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Application,
    Network,
    Gateway,
    Classic,
}

impl Kind {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "application" => Self::Application,
            "network" => Self::Network,
            "gateway" => Self::Gateway,
            "classic" => Self::Classic,
            _ => return None,
        })
    }

    /// AWS's word in the `Type` field.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Network => "network",
            Self::Gateway => "gateway",
            Self::Classic => "classic",
        }
    }

    /// The segment of the ARN; classic load balancers have none.
    pub(crate) fn segment(self) -> &'static str {
        match self {
            Self::Application => "app",
            Self::Network => "net",
            Self::Gateway => "gwy",
            Self::Classic => "",
        }
    }
}
