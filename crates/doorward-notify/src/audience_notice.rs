//! What is sent to an audience: the difference for owners, or the posture for those above them.

use serde::Serialize;

use crate::audience::Audience;
use crate::digest::Digest;
use crate::posture_digest::PostureDigest;
use crate::render::{self, Message};

/// One message to one audience at one channel. As JSON it is the document of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum AudienceNotice {
    /// What changed for an owner.
    Changes(Box<Digest>),
    /// The posture of the organization.
    Posture(Box<PostureDigest>),
}

impl AudienceNotice {
    /// Its id.
    pub fn id(&self) -> &str {
        match self {
            Self::Changes(digest) => &digest.id,
            Self::Posture(digest) => &digest.id,
        }
    }

    /// Its audience.
    pub fn audience(&self) -> &Audience {
        match self {
            Self::Changes(digest) => &digest.audience,
            Self::Posture(digest) => &digest.audience,
        }
    }

    /// Whether an earlier attempt to send it may have arrived.
    pub fn may_repeat(&self) -> bool {
        match self {
            Self::Changes(digest) => digest.may_repeat,
            Self::Posture(digest) => digest.may_repeat,
        }
    }

    /// The digest of an owner; none of the posture.
    pub fn changes(&self) -> Option<&Digest> {
        match self {
            Self::Changes(digest) => Some(digest),
            Self::Posture(_) => None,
        }
    }

    /// One line for subjects and previews; names in it are as they came.
    pub fn headline(&self) -> String {
        match self {
            Self::Changes(digest) => digest.headline(),
            Self::Posture(digest) => digest.headline(),
        }
    }

    /// A try of it may have arrived.
    pub(crate) fn repeats(&mut self) {
        match self {
            Self::Changes(digest) => digest.may_repeat = true,
            Self::Posture(digest) => digest.may_repeat = true,
        }
    }

    /// In words.
    pub(crate) fn message(&self) -> Message {
        match self {
            Self::Changes(digest) => Message::of(digest),
            Self::Posture(digest) => render::posture_words::message(digest),
        }
    }
}
