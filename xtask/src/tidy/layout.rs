//! The folder at the top: a reader of the project sees the agreed names there and no others.

use super::Violation;

const TOP: [&str; 9] =
    ["Cargo.lock", "Cargo.toml", "LICENSE", "README.md", "config", "crates", "examples", "reports", "xtask"];

/// Compares the names at the top with the agreed ones. Hidden files do not count, and neither does what `.gitignore` lists:
/// build products and the demo's folder.
pub(super) fn check(names: &[String], ignored: &str) -> Vec<Violation> {
    let ignored: Vec<&str> = ignored.lines().filter_map(|line| line.trim().strip_prefix('/')).collect();
    let counts = |name: &&String| !name.starts_with('.') && !ignored.contains(&name.trim_end_matches('/'));
    let extra = names.iter().filter(counts).filter(|name| !TOP.contains(&name.as_str())).map(|name| {
        let message = format!("does not belong at the top, which holds {}; move it into one of these", TOP.join(", "));
        Violation::new(name, 1, message)
    });
    let missing = TOP
        .into_iter()
        .filter(|wanted| !names.iter().any(|name| name == wanted))
        .map(|wanted| Violation::new(wanted, 1, "is missing at the top; create it"));
    extra.chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IGNORED: &str = include_str!("../../../.gitignore");

    fn names(extra: &[&str]) -> Vec<String> {
        TOP.iter().chain(extra).map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_agreed_names_pass() {
        assert_eq!(check(&names(&[".github", ".gitignore"]), ""), []);
    }

    #[test]
    fn build_products_and_the_demo_pass() {
        assert_eq!(check(&names(&["target", "doorward-demo"]), IGNORED), []);
        assert_eq!(check(&names(&["target"]), "").len(), 1);
    }

    #[test]
    fn another_folder_is_found() {
        let violations = check(&names(&["scripts"]), IGNORED);
        assert_eq!(violations.len(), 1);
        assert!(violations[0].to_string().starts_with("scripts:1: does not belong"), "{}", violations[0]);
    }

    #[test]
    fn a_missing_one_is_found() {
        let without: Vec<String> = names(&[]).into_iter().filter(|name| name != "LICENSE").collect();
        assert_eq!(check(&without, IGNORED), [Violation::new("LICENSE", 1, "is missing at the top; create it")]);
    }
}
