//! `--helm`: charts that the program `helm` renders, in place of their templates and values.
//!
//! A chart is a program of its author. Helm runs it without access to a cluster, within a limit of time and of output, and sees only
//! the variables that [`HelmRun`] has. What it renders is judged as manifests; a chart that it cannot render is not read.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use doorward_iac::{SourceRange, UnreadPart};
use doorward_process::{Ended, Finished, RunLimits, command, run};

use super::{Gathered, shown};

/// The folder in the names of rendered files. They exist in no folder.
pub(crate) const RENDERED: &str = "(rendered)";
/// What rendering one chart may use. The largest public charts take seconds and write a few MiB.
const LIMITS: RunLimits = RunLimits { timeout: Duration::from_secs(60), stdout_bytes: 32 << 20 };
/// The characters of the last line of stderr that a message quotes.
const QUOTED: usize = 300;

/// The program `helm` and what it is given.
#[derive(Debug, Clone)]
pub struct HelmRun {
    /// The program.
    program: PathBuf,
    /// Files of values, in their order.
    values: Vec<PathBuf>,
    /// The only variables that it sees.
    environment: Vec<(OsString, OsString)>,
}

impl HelmRun {
    /// Finds the program in the folders of the variable `PATH`; `None` if it is in none of them.
    pub fn find(path: &OsStr, values: Vec<PathBuf>, mut environment: Vec<(OsString, OsString)>) -> Option<Self> {
        let name = if cfg!(windows) { "helm.exe" } else { "helm" };
        let program = std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| is_executable(file))?;
        environment.push(("PATH".into(), path.to_owned()));
        environment.push(("HELM_NO_PLUGINS".into(), "1".into()));
        Some(Self { program: std::path::absolute(&program).unwrap_or(program), values, environment })
    }

    /// Renders the charts in the searched folders. Their templates and values are replaced by the result.
    pub async fn render(&self, gathered: &mut Gathered) {
        let charts = std::mem::take(&mut gathered.charts);
        let is_part = |chart: &&PathBuf| {
            charts.iter().any(|other| chart.strip_prefix(other).is_ok_and(|below| below.starts_with("charts")))
        };
        for chart in charts.iter().filter(|chart| !is_part(chart)) {
            // A chart of functions for other charts has nothing to render.
            let about = std::fs::read_to_string(chart.join("Chart.yaml")).unwrap_or_default();
            if about.lines().any(|line| line.trim_end() == "type: library") {
                continue;
            }
            match self.rendered(chart).await {
                Ok(text) => {
                    gathered.sources.retain(|source| !is_rendered(&source.path, &shown(chart)));
                    for (label, text) in files(&text, &shown(chart)) {
                        gathered.add(label, text.into_bytes(), false);
                    }
                }
                Err(problem) => {
                    let address = shown(chart);
                    let place = SourceRange::at_start(shown(&chart.join("Chart.yaml")));
                    let because = format!("`helm template` did not render the chart: {problem}.");
                    gathered.unread.push(UnreadPart { address, place, because });
                }
            }
        }
        // The given values are part of what was rendered.
        let given: Vec<String> = self.values.iter().map(|path| shown(path)).collect();
        gathered.sources.retain(|source| source.named || !given.contains(&source.path));
    }

    /// What `helm template` prints for a chart.
    async fn rendered(&self, chart: &Path) -> Result<String, String> {
        // A relative path is marked as one, so that it is not taken for the name of a repository.
        let folder = if chart.is_relative() { format!("./{}", shown(chart)) } else { shown(chart) };
        let mut arguments = vec!["template".to_owned(), "doorward".to_owned(), folder];
        for values in &self.values {
            arguments.extend(["--values".to_owned(), values.display().to_string()]);
        }
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        let command = command(&self.program, &arguments, environment);
        let finished = run(command, LIMITS, |stdin| async move {
            drop(stdin);
            Ok(())
        });
        let finished = finished.await.map_err(|error| format!("{} cannot be run: {error}", self.program.display()))?;
        match finished.ended {
            Ended::Code(0) => String::from_utf8(finished.stdout).map_err(|_| "its output is not UTF-8".to_owned()),
            Ended::TimedOut => Err(format!("it took longer than {} seconds", LIMITS.timeout.as_secs())),
            Ended::TooMuchOutput => Err(format!("it wrote more than {} MiB", LIMITS.stdout_bytes >> 20)),
            Ended::Code(_) | Ended::Signal => Err(quoted(&finished)),
        }
    }
}

/// The last line of stderr.
fn quoted(finished: &Finished) -> String {
    let last = finished.stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it ended with an error");
    last.trim().trim_end_matches('.').chars().take(QUOTED).collect()
}

/// Whether a file is replaced by the rendered chart: a template, a chart within it, its values.
fn is_rendered(path: &str, chart: &str) -> bool {
    let below = match chart {
        "." | "" => Some(path),
        chart => path.strip_prefix(chart).and_then(|rest| rest.strip_prefix('/')),
    };
    below.is_some_and(|below| {
        let is_values = !below.contains('/') && below.contains("values");
        below.starts_with("templates/") || below.starts_with("charts/") || is_values
    })
}

/// The rendered documents by the template that each comes from. Helm writes its path as a comment, which begins with the name of
/// the chart.
fn files(text: &str, chart: &str) -> BTreeMap<String, String> {
    let rendered = if chart == "." { RENDERED.to_owned() } else { format!("{chart}/{RENDERED}") };
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut document = String::new();
    let mut finish = |document: &mut String| {
        let source = document.lines().find_map(|line| line.strip_prefix("# Source: "));
        let below = source.and_then(|source| source.trim().split_once('/')).map_or("manifest.yaml", |(_, below)| below);
        let file = files.entry(format!("{rendered}/{below}")).or_default();
        file.push_str("---\n");
        file.push_str(document);
        document.clear();
    };
    for line in text.lines() {
        if line == "---" {
            if !document.trim().is_empty() {
                finish(&mut document);
            }
            document.clear();
        } else {
            document.push_str(line);
            document.push('\n');
        }
    }
    if !document.trim().is_empty() {
        finish(&mut document);
    }
    files
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rendered_documents_are_named_by_their_template() {
        let text = "---\n# Source: app/templates/a.yaml\nkind: A\n---\n# Source: app/charts/b/templates/b.yml\nkind: B\n\
                    ---\n# Source: app/templates/a.yaml\nkind: C\n";
        let files = files(text, "deploy/app");
        assert_eq!(
            files.keys().collect::<Vec<_>>(),
            ["deploy/app/(rendered)/charts/b/templates/b.yml", "deploy/app/(rendered)/templates/a.yaml"]
        );
        let expected = "---\n# Source: app/templates/a.yaml\nkind: A\n---\n# Source: app/templates/a.yaml\nkind: C\n";
        assert_eq!(files["deploy/app/(rendered)/templates/a.yaml"], expected);
    }

    #[test]
    fn parts_of_a_chart_are_replaced() {
        for (path, chart, expected) in [
            ("app/templates/a.yaml", "app", true),
            ("app/charts/b/templates/a.yaml", "app", true),
            ("app/values-prod.yaml", "app", true),
            ("app/deploy/values.yaml", "app", false),
            ("apple/templates/a.yaml", "app", false),
            ("templates/a.yaml", ".", true),
            ("main.tf", ".", false),
        ] {
            assert_eq!(is_rendered(path, chart), expected, "{path} {chart}");
        }
    }
}
