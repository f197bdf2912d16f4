//! `doorward guide`: prints a guide, or the list of guides.

use std::fmt::Write as _;

use crate::exit::{Exit, Failure};

/// Every guide: its topic and its text, in the order in which they are listed.
const GUIDES: &[(&str, &str)] = &[
    ("first-scan", include_str!("../guide/first-scan.md")),
    ("install", include_str!("../guide/install.md")),
    ("scan", include_str!("../guide/scan.md")),
    ("history", include_str!("../guide/history.md")),
    ("ledger-s3", include_str!("../guide/ledger-s3.md")),
    ("queries", include_str!("../guide/queries.md")),
    ("security-hub", include_str!("../guide/security-hub.md")),
    ("evidence", include_str!("../guide/evidence.md")),
    ("notifications", include_str!("../guide/notifications.md")),
    ("traffic", include_str!("../guide/traffic.md")),
    ("posture", include_str!("../guide/posture.md")),
    ("changes", include_str!("../guide/changes.md")),
    ("iac", include_str!("../guide/iac.md")),
    ("events", include_str!("../guide/events.md")),
    ("distributed", include_str!("../guide/distributed.md")),
    ("plugins", include_str!("../guide/plugins.md")),
    ("limits", include_str!("../guide/limits.md")),
];

/// The guide on a topic, or the list of topics.
pub(crate) fn text(topic: Option<&str>) -> Result<String, Failure> {
    let Some(topic) = topic else { return Ok(list()) };
    let known = GUIDES.iter().find(|(name, _)| *name == topic);
    let (_, text) = known.ok_or_else(|| {
        let problem = format!("there is no guide {topic:?}; `doorward guide` lists the topics");
        Failure::new(Exit::Usage, problem)
    })?;
    // The marks of generated blocks are for the tool that renews them.
    let lines = text.lines().filter(|line| !line.starts_with("<!-- "));
    Ok(lines.flat_map(|line| [line, "\n"]).collect())
}

fn list() -> String {
    let mut text = String::from("Guides (`doorward guide TOPIC` prints one):\n");
    for (name, guide) in GUIDES {
        let title = guide.lines().next().unwrap_or_default().trim_start_matches("# ");
        let _ = writeln!(text, "  {name:<14} {title}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_guide_and_every_guide_has_a_title() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/guide");
        let files =
            std::fs::read_dir(folder).expect("the folder of guides").map(|file| file.expect("a file").file_name());
        let mut files: Vec<String> =
            files.map(|name| name.to_string_lossy().trim_end_matches(".md").to_owned()).collect();
        let mut topics: Vec<String> = GUIDES.iter().map(|(name, _)| (*name).to_owned()).collect();
        files.sort();
        topics.sort();
        assert_eq!(files, topics);
        for (name, guide) in GUIDES {
            assert!(guide.starts_with("# ") && list().contains(name), "{name}");
            assert!(!text(Some(name)).expect("a guide").contains("<!--"), "{name}");
        }
        assert!(text(Some("nothing")).is_err());
    }
}
