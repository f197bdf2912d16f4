//! Colours and links of the table.

use doorward_model::Severity;

use crate::hyperlinks::Hyperlinks;

/// How text is written to a terminal, or elsewhere: the default is plain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextStyle {
    /// Whether it has ANSI colours.
    pub colour: bool,
    /// Whether it has links.
    pub links: Hyperlinks,
}

/// Text with or without colour.
#[derive(Clone, Copy)]
pub(super) struct Ink(pub(super) TextStyle);

impl Ink {
    pub(super) fn paint(self, code: &str, text: &str) -> String {
        if self.0.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(super) fn heading(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(super) fn severity(self, severity: Severity) -> String {
        let code = match severity {
            Severity::Critical | Severity::High => "31;1",
            Severity::Medium => "33;1",
            Severity::Low => "33",
            Severity::Informational => "2",
        };
        self.paint(code, &format!("{:<8}", severity.as_str().to_uppercase()))
    }
}
