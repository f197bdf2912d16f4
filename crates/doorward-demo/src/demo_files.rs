//! The files that a demo wrote, for the reader of its folder.

use std::fmt::Write as _;
use std::path::Path;

use doorward_sink_text::Hyperlinks;

/// Which of its files a demo wrote: the folder may hold those of an earlier demo of another organization.
pub struct DemoFiles {
    /// The outputs of the scan, each with what it is for.
    pub outputs: Vec<(&'static str, &'static str)>,
    /// Whether there is traffic.
    pub traffic: bool,
    /// Whether a change was applied.
    pub change: bool,
    /// Whether an event was handled.
    pub event: bool,
    /// Whether the settings are the demo's own.
    pub settings: bool,
}

impl DemoFiles {
    /// Lists the files in a folder, with a line for each. `scans` is the number of scans in its ledger.
    pub fn text(&self, out: &Path, scans: usize, links: Hyperlinks) -> String {
        let mut text = format!("\nWritten to {}:\n", links.file(out, &out.display().to_string()));
        let outputs = self.outputs.iter().map(|(name, what)| (true, *name, *what));
        let others = [
            (true, "scan.saved", "the saved scan, for `doorward report --from`"),
            (self.traffic, "traffic.json", "traffic evidence, for `doorward scan --traffic`"),
            (
                self.change,
                "change-plan.md",
                "a plan of mode changes; change-plan.json is the same for `doorward apply`",
            ),
            (self.change, "change.txt", "the change that was applied, watched and rolled back by this plan"),
            (self.event, "event.txt", "the re-scan of a load balancer whose mode was lowered"),
            (true, "history.txt", "the trend; also as history.json, history.csv and history.metrics"),
            (self.settings, "doorward.toml", "the settings"),
        ];
        for (_, name, what) in
            outputs.chain(others).filter(|(is_written, name, _)| *is_written && out.join(name).exists())
        {
            let pad = " ".repeat(18_usize.saturating_sub(name.len()));
            let _ = writeln!(text, "  {}{pad} {what}", links.file(&out.join(name), name));
        }
        let over = if scans == 1 { "of this scan".to_owned() } else { format!("over {scans} scans") };
        let _ = writeln!(text, "`doorward history --ledger {}/ledger.sqlite` shows the trend {over}.", out.display());
        text
    }
}
