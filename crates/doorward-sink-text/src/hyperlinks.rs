//! Links in text on a terminal, by the control sequence OSC 8. Where the terminal may not know it, or text goes elsewhere, they are
//! plain text.

use std::path::Path;

/// Begins an address, and ends the text of one.
const BEGIN: &str = "\u{1b}]8;;";
/// Ends an address.
const END: &str = "\u{1b}\\";

/// Terminals that follow links, by the variable `TERM_PROGRAM`.
const PROGRAMS: [&str; 8] =
    ["Hyper", "iTerm.app", "terminology", "WezTerm", "vscode", "ghostty", "zed", "WarpTerminal"];
/// The same by the variable `TERM`.
const TERMS: [&str; 5] = ["xterm-kitty", "alacritty", "alacritty-direct", "foot", "xterm-ghostty"];
/// The first version of VTE, of which GNOME's and other terminals are made, that does not crash on links.
const VTE: u32 = 5_000;

/// Whether text on a stream may have links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hyperlinks {
    web: bool,
    files: bool,
}

impl Hyperlinks {
    /// No links.
    pub const NONE: Self = Self { web: false, files: false };

    /// Whether a stream takes links: `terminal` says that it is one, `variable` reads a variable of the environment. `FORCE_HYPERLINK`
    /// decides where it is set (0 for none); `NO_COLOR` and `TERM=dumb` turn them off. Files have none in a session of SSH, where the
    /// same path names another file on the machine that shows the text.
    pub fn of(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let term = variable("TERM").unwrap_or_default();
        if !terminal || term == "dumb" || variable("NO_COLOR").is_some() {
            return Self::NONE;
        }
        let web = match variable("FORCE_HYPERLINK") {
            Some(force) => force != "0",
            None => is_known(&term, &variable),
        };
        let is_remote = variable("SSH_CONNECTION").is_some() || variable("SSH_TTY").is_some();
        Self { web, files: web && !is_remote }
    }

    /// A text that leads to a web address.
    pub fn web(self, address: &str, text: &str) -> String {
        if self.web { linked(address, text) } else { text.to_owned() }
    }

    /// A text that leads to a file or folder.
    pub fn file(self, path: &Path, text: &str) -> String {
        match file_address(path).filter(|_| self.files) {
            Some(address) => linked(&address, text),
            None => text.to_owned(),
        }
    }
}

/// Whether a terminal is known to follow links, by its variables.
fn is_known(term: &str, variable: &impl Fn(&str) -> Option<String>) -> bool {
    let has = |name: &str| variable(name).is_some();
    if has("TMUX") || term.starts_with("screen") || term.starts_with("tmux") {
        // tmux passes links on from version 3.4; screen never does.
        let version = variable("TERM_PROGRAM_VERSION").filter(|_| has("TMUX")).unwrap_or_default();
        let mut numbers =
            version.split('.').map(|part| part.trim_end_matches(char::is_alphabetic).parse().unwrap_or(0));
        return (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (3, 4);
    }
    let is_vte =
        variable("VTE_VERSION").and_then(|version| version.parse().ok()).is_some_and(|version: u32| version >= VTE);
    let is_program = variable("TERM_PROGRAM").is_some_and(|program| PROGRAMS.contains(&program.as_str()));
    is_vte || is_program || TERMS.contains(&term) || has("WT_SESSION") || has("KONSOLE_VERSION") || has("DOMTERM")
}

/// A text with its address. An address with anything but printable ASCII could end the sequence, and is none.
fn linked(address: &str, text: &str) -> String {
    if !address.bytes().all(|byte| byte.is_ascii_graphic()) {
        return text.to_owned();
    }
    format!("{BEGIN}{address}{END}{text}{BEGIN}{END}")
}

/// The address of a path; none where it is not absolute and the working folder is not known, or where it is no text.
fn file_address(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let mut address = "file://".to_owned();
    for byte in path.to_str()?.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                address.push(char::from(byte))
            }
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(terminal: bool, variables: &[(&str, &str)]) -> (bool, bool) {
        let read = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let links = Hyperlinks::of(terminal, read);
        (links.web, links.files)
    }

    #[test]
    fn only_terminals_that_follow_links_have_them() {
        let iterm = ("TERM_PROGRAM", "iTerm.app");
        let tmux = |version| vec![("TMUX", "/tmp/x"), ("TERM", "tmux-256color"), ("TERM_PROGRAM_VERSION", version)];
        for (variables, expected) in [
            (vec![iterm], true),
            (vec![("TERM", "xterm-kitty")], true),
            (vec![("VTE_VERSION", "7600")], true),
            (vec![("WT_SESSION", "1")], true),
            (tmux("3.4"), true),
            (tmux("3.5a"), true),
            (tmux("next-3.4"), false),
            (tmux("3.3a"), false),
            (vec![("TERM", "screen-256color"), iterm], false),
            (vec![("VTE_VERSION", "4999")], false),
            (vec![("TERM", "xterm-256color")], false),
            (vec![], false),
            (vec![iterm, ("TERM", "dumb")], false),
            (vec![iterm, ("NO_COLOR", "1")], false),
            (vec![iterm, ("FORCE_HYPERLINK", "0")], false),
            (vec![("FORCE_HYPERLINK", "1")], true),
            (vec![("FORCE_HYPERLINK", "1"), ("TERM", "dumb")], false),
        ] {
            assert_eq!(of(true, &variables), (expected, expected), "{variables:?}");
            assert_eq!(of(false, &variables), (false, false), "no link in a file or a pipe: {variables:?}");
        }
        assert_eq!(of(true, &[iterm, ("SSH_TTY", "/dev/pts/0")]), (true, false), "a file of another machine");
    }

    #[test]
    fn nothing_but_an_address_is_linked() {
        let links = Hyperlinks { web: true, files: true };
        assert_eq!(links.web("https://x.example/a", "a"), "\u{1b}]8;;https://x.example/a\u{1b}\\a\u{1b}]8;;\u{1b}\\");
        for address in ["https://x.example/a b", "https://x.example/\u{1b}\\", "https://x.example/\u{7}", "https://ü"]
        {
            assert_eq!(links.web(address, "a"), "a", "{address:?}");
        }
        let linked = links.file(Path::new("/tmp/a b\u{1b}]8;;x/é%.html"), "page");
        assert_eq!(linked, "\u{1b}]8;;file:///tmp/a%20b%1B%5D8%3B%3Bx/%C3%A9%25.html\u{1b}\\page\u{1b}]8;;\u{1b}\\");
        assert_eq!(Hyperlinks::NONE.file(Path::new("/tmp/a"), "page"), "page");
        assert_eq!(Hyperlinks::NONE.web("https://x.example/", "x"), "x");
    }
}
