//! The log on stderr: `-v` reports each stage, retry and slow or refused call, `-vv` each call; one line for each event.

use std::io::Write;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::{Cli, LogFormat};
use crate::exit::{Exit, Failure};
use doorward_settings::variable::variable;

/// Directives that replace those of `-v`, such as `doorward=debug,hyper=info`.
const VARIABLE: &str = "DOORWARD_LOG";

/// Starts the log of this process.
///
/// # Errors
/// A usage error when `DOORWARD_LOG` is set to something that is not a list of directives.
pub(crate) fn start(cli: &Cli) -> Result<(), Failure> {
    let directives = variable(VARIABLE).map(|value| value.to_string_lossy().into_owned());
    let filter = match directives {
        None => of_flags(cli.verbose),
        Some(directives) => directives.parse().map_err(|error| {
            let hint = "write directives such as doorward=debug,hyper=info, or unset it";
            Failure::new(Exit::Usage, format!("{VARIABLE}: {directives:?} cannot be read: {error}; {hint}"))
        })?,
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(Lines);
    crate::io::link_on_stderr(cli.links_on_stderr());
    let layer = match cli.log_format {
        LogFormat::Json => {
            crate::io::log_as_json();
            lines.json().boxed()
        }
        LogFormat::Text => lines.with_ansi(cli.colour_on_stderr()).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
    Ok(())
}

/// What `-v` shows, by how often it is given. The names of all of Doorward's crates start with `doorward`.
fn of_flags(verbose: u8) -> Targets {
    let (own, other) = match verbose {
        0 => (LevelFilter::ERROR, LevelFilter::ERROR),
        1 => (LevelFilter::INFO, LevelFilter::ERROR),
        2 => (LevelFilter::DEBUG, LevelFilter::INFO),
        _ => (LevelFilter::TRACE, LevelFilter::TRACE),
    };
    Targets::new().with_target("doorward", own).with_default(other)
}

/// Stderr, with one line for each event.
struct Lines;

impl MakeWriter<'_> for Lines {
    type Writer = OneLine<std::io::Stderr>;

    fn make_writer(&self) -> Self::Writer {
        OneLine(std::io::stderr())
    }
}

/// Writes each event, which is one call of `write`, as one line: a line break inside, as in a message of AWS, is escaped.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        let (body, end) = match event.split_last() {
            Some((b'\n', body)) => (body, "\n"),
            _ => (event, ""),
        };
        let line = String::from_utf8_lossy(body).replace('\n', "\\n").replace('\r', "\\r") + end;
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let mut written = Vec::new();
        let mut writer = OneLine(&mut written);
        writer.write_all(b"denied:\r\n  no policy\n").unwrap();
        writer.write_all("next ä\n".as_bytes()).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), "denied:\\r\\n  no policy\nnext ä\n");
    }

    #[test]
    fn each_v_shows_more() {
        let shows = |verbose, target, level| of_flags(verbose).would_enable(target, &level);
        assert!(!shows(0, "doorward_core::discover", Level::INFO));
        for target in ["doorward", "doorward_core::discover", "doorward_traffic"] {
            assert!(shows(1, target, Level::INFO) && !shows(1, target, Level::DEBUG), "{target}");
            assert!(shows(2, target, Level::DEBUG) && !shows(2, target, Level::TRACE), "{target}");
        }
        assert!(!shows(1, "hyper", Level::INFO) && shows(2, "hyper", Level::INFO) && shows(3, "hyper", Level::TRACE));
    }
}
