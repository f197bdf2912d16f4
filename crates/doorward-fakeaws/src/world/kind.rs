//! The generation and type of a load balancer, with AWS's words for it.

/// The generation and type of a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Kind {
    Application,
    Network,
    Gateway,
    Classic,
}

impl Kind {
    /// AWS's word in the `Type` field.
    pub(crate) fn name(self) -> &'static str {
        self.into()
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
