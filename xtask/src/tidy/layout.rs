//! The folders at the top: whoever opens the project sees these and no others.

use super::Complaint;

const TOP: [&str; 9] =
    ["Cargo.lock", "Cargo.toml", "LICENSE", "README.md", "config", "crates", "examples", "reports", "xtask"];

/// Compares the names at the top with the agreed ones. Hidden files and build products do not count.
pub(super) fn check(names: &[String]) -> Vec<Complaint> {
    let visible = |name: &&String| !name.starts_with('.') && *name != "target";
    let extra = names.iter().filter(visible).filter(|name| !TOP.contains(&name.as_str())).map(|name| {
        Complaint::new(
            name,
            1,
            format!("does not belong at the top, which holds {}; move it into one of these", TOP.join(", ")),
        )
    });
    let missing = TOP
        .into_iter()
        .filter(|wanted| !names.iter().any(|name| name == wanted))
        .map(|wanted| Complaint::new(wanted, 1, "is missing at the top; create it"));
    extra.chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(extra: &[&str]) -> Vec<String> {
        TOP.iter().chain(extra).map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_agreed_names_pass() {
        assert_eq!(check(&names(&[".github", ".gitignore", "target"])), []);
    }

    #[test]
    fn another_folder_is_named() {
        let complaints = check(&names(&["scripts"]));
        assert_eq!(complaints.len(), 1);
        assert!(complaints[0].to_string().starts_with("scripts:1: does not belong"), "{}", complaints[0]);
    }

    #[test]
    fn a_missing_one_is_named() {
        let without: Vec<String> = names(&[]).into_iter().filter(|name| name != "LICENSE").collect();
        assert_eq!(check(&without), [Complaint::new("LICENSE", 1, "is missing at the top; create it")]);
    }
}
