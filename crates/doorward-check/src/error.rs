//! The errors of a check. The message states the cause; [`CheckError::hint`] states what to do about it.

use std::io;

/// An error that ends a check without a result.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// `--format` with an unknown name.
    #[error("{given:?} is not one of {known}")]
    UnknownFormat {
        /// The name as given.
        given: String,
        /// The known names, separated by commas.
        known: String,
    },
    /// `--format KIND=` without a file.
    #[error("{given:?} names no file after the =")]
    FormatWithoutFile {
        /// The argument as given.
        given: String,
    },
    /// More than one format without a file.
    #[error("two formats would both be written to stdout")]
    SeveralFormatsOnStdout,
    /// `--rule` with an id that no rule has.
    #[error("--rule {rule}: no such rule")]
    UnknownRule {
        /// The id as given.
        rule: String,
    },
    /// `--rule` with a rule that the policy disables.
    #[error("--rule {rule}: policy.disabled turns this rule off")]
    RuleDisabled {
        /// The rule.
        rule: String,
    },
    /// `--rule` with a rule that judges values that only a scan observes.
    #[error("--rule {rule}: this rule judges observations of a scan and does not apply to declarations")]
    RuleNeedsScan {
        /// The rule.
        rule: String,
    },
    /// The policy disables every rule. A check without rules would pass any declaration.
    #[error("policy.disabled turns every rule off, so that nothing would be checked")]
    AllRulesDisabled,
    /// A pattern that is not in the syntax of .gitignore.
    #[error("--exclude {pattern:?}: {problem}")]
    Exclude {
        /// The pattern as given.
        pattern: String,
        /// The problem.
        problem: String,
    },
    /// A named path that does not exist or is not readable.
    #[error("{path}: cannot be read: {source}")]
    Path {
        /// The path as given.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// Standard input that cannot be read.
    #[error("standard input {0}")]
    Stdin(#[source] InputError),
    /// Standard input that is named more than once.
    #[error("standard input (-) is named more than once, and can be read once")]
    StdinTwice,
    /// A file that cannot be written.
    #[error("{path} could not be written: {source}")]
    Write {
        /// The file.
        path: String,
        /// The cause.
        source: io::Error,
    },
}

impl CheckError {
    /// What to do about it, as a clause; `None` if the message already states it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::SeveralFormatsOnStdout => Some("give all but one a file: --format sarif=check.sarif"),
            Self::UnknownRule { .. } => Some("`doorward explain` lists the rules"),
            Self::RuleDisabled { .. } => Some("remove it from policy.disabled, or choose another rule"),
            Self::RuleNeedsScan { .. } => Some("choose another rule"),
            Self::AllRulesDisabled => Some("remove a rule from policy.disabled"),
            Self::Exclude { .. } => Some("write it in the syntax of .gitignore"),
            Self::UnknownFormat { .. }
            | Self::FormatWithoutFile { .. }
            | Self::Path { .. }
            | Self::Stdin(_)
            | Self::StdinTwice
            | Self::Write { .. } => None,
        }
    }
}

/// Why the bytes of an input could not be read: a predicate whose subject is the input.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The operating system refused.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// A symbolic link without a target.
    #[error("is a link to a file that does not exist")]
    BrokenLink,
    /// A folder, device, socket or named pipe.
    #[error("is {0}, not a file")]
    NotAFile(&'static str),
    /// More bytes than are read of one input.
    #[error("is larger than {limit_mib} MiB, the maximum for one file")]
    TooLarge {
        /// The maximum in MiB.
        limit_mib: u64,
    },
}
