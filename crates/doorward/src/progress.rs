//! Progress on stderr: a bar on a terminal, a line per tenth elsewhere, nothing when asked to be quiet.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

/// One piece of long work.
pub(crate) struct Progress {
    what: &'static str,
    how: How,
    tenth: AtomicUsize,
}

enum How {
    Quiet,
    Bar(ProgressBar),
    Lines,
}

impl Progress {
    /// Starts. `what` is read after the count: "accounts entered".
    pub(crate) fn start(what: &'static str, quiet: bool) -> Self {
        let how = if quiet {
            How::Quiet
        } else if std::io::stderr().is_terminal() && !crate::io::logs_json() {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} {msg} · {elapsed} · {eta} left")
            {
                bar.set_style(style);
            }
            bar.set_message(what);
            How::Bar(bar)
        } else {
            How::Lines
        };
        Self { what, how, tenth: AtomicUsize::new(0) }
    }

    /// `done` of `all` is done.
    pub(crate) fn at(&self, done: usize, all: usize) {
        match &self.how {
            How::Quiet => {}
            How::Bar(bar) => {
                bar.set_length(all as u64);
                bar.set_position(done as u64);
            }
            How::Lines => {
                let tenth = done * 10 / all.max(1);
                if self.tenth.fetch_max(tenth, Ordering::Relaxed) < tenth {
                    crate::io::log(&format!("{:>3} % · {done} of {all} {}", tenth * 10, self.what));
                }
            }
        }
    }

    /// Ends; the bar goes away.
    pub(crate) fn finish(&self) {
        if let How::Bar(bar) = &self.how {
            bar.finish_and_clear();
        }
    }
}
