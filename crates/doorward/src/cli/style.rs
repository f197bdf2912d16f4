//! How text is written to stdout and stderr: with colours and links where they are terminals that take them.

use std::io::IsTerminal as _;

use doorward_settings::variable::variable;
use doorward_sink_text::{Hyperlinks, TextStyle};

use super::{Cli, Colour, LogFormat};

impl Cli {
    /// Whether text on stdout is coloured.
    pub(crate) fn colour_on_stdout(&self) -> bool {
        self.colour(std::io::stdout().is_terminal())
    }

    /// How text on stdout is written.
    pub(crate) fn style_on_stdout(&self) -> TextStyle {
        TextStyle { colour: self.colour_on_stdout(), links: self.links(std::io::stdout().is_terminal()) }
    }

    /// Whether text on stderr has links.
    pub(crate) fn links_on_stderr(&self) -> Hyperlinks {
        self.links(std::io::stderr().is_terminal() && self.log_format == LogFormat::Text)
    }

    fn links(&self, terminal: bool) -> Hyperlinks {
        let text = |name: &str| variable(name).map(|value| value.to_string_lossy().into_owned());
        Hyperlinks::of(terminal && self.color != Colour::Never, text)
    }

    /// Whether text on stderr is coloured.
    pub(crate) fn colour_on_stderr(&self) -> bool {
        self.colour(std::io::stderr().is_terminal())
    }

    fn colour(&self, terminal: bool) -> bool {
        match self.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto if variable("TERM").is_some_and(|term| term == "dumb") => false,
            Colour::Auto => terminal && variable("NO_COLOR").is_none(),
        }
    }
}
