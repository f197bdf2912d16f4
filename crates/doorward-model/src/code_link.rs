//! Links to the files that declare load balancers: the address of a repository from the settings, the path from outside.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::CodePlace;

const PATH: &str = "{path}";
const LINE: &str = "{line}";

/// `[declarations]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclarationSettings {
    /// The address of a file in the web view of its repository, with `{path}` and `{line}`. The path is the one that `--iac` leads to,
    /// relative to the working folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl DeclarationSettings {
    /// The key and the problem of a setting that cannot be used.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let problem = CodeLink::new(self.link.as_deref()?).err()?;
        Some(("declarations.link", problem))
    }

    /// Whether no setting is set.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The links; none where the settings name no repository, or one that cannot be used.
    pub fn code_link(&self) -> Option<CodeLink> {
        CodeLink::new(self.link.as_deref()?).ok()
    }
}

/// A checked template of addresses. Text from outside becomes nothing but a percent-encoded path of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeLink(String);

impl CodeLink {
    /// Checks a template. The error is a sentence without its subject, the setting.
    ///
    /// # Errors
    ///
    /// It is no web address, has characters that end an address, or lacks `{path}`.
    pub fn new(template: &str) -> Result<Self, String> {
        let host = template.strip_prefix("https://").or_else(|| template.strip_prefix("http://"));
        let is_host = host.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '\'' | '\\' | '`' | '(' | ')');
        if !is_host || !template.chars().all(is_plain) {
            return Err(format!(
                "{template:?} is not a web address; write https://HOST/REPOSITORY/blob/main/{PATH}#L{LINE}"
            ));
        }
        let rest = template.replace(PATH, "").replace(LINE, "");
        let host = host.and_then(|host| host.split(['/', '?', '#']).next()).unwrap_or_default();
        if !template.contains(PATH) || rest.contains(['{', '}']) || host.contains('{') {
            return Err(format!("{template:?} needs {PATH} after its host, may have {LINE}, and has no other braces"));
        }
        Ok(Self(template.to_owned()))
    }

    /// The address of a declaration; none where its file is not below the folder that the paths are relative to.
    pub fn of(&self, place: &CodePlace) -> Option<String> {
        let mut path = place.file.as_str();
        while let Some(rest) = path.strip_prefix("./") {
            path = rest.trim_start_matches('/');
        }
        let leads_out = path.split(['/', '\\']).any(|part| part == "..");
        if path.is_empty() || path == "-" || path.starts_with('/') || leads_out {
            return None;
        }
        Some(self.0.replace(LINE, &place.line.to_string()).replace(PATH, &percent_encoded(path)))
    }
}

/// A path in which nothing but ASCII letters, digits and `/-_.` stands for itself.
fn percent_encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(file: &str) -> CodePlace {
        CodePlace {
            dialect: "hcl".to_owned(),
            address: "aws_lb.web".to_owned(),
            file: file.to_owned(),
            line: 12,
            column: 3,
            way: String::new(),
            patch: None,
            unpatched: None,
        }
    }

    #[test]
    fn a_path_is_a_path_of_the_repository_and_nothing_else() {
        let link = CodeLink::new("https://git.example.com/acme/infra/blob/main/{path}#L{line}").expect("fits");
        let base = "https://git.example.com/acme/infra/blob/main/";
        for (file, path) in [
            ("main.tf", Some("main.tf")),
            ("./modules/edge/main.tf", Some("modules/edge/main.tf")),
            (".//main.tf", Some("main.tf")),
            ("javascript:alert(1)", Some("javascript%3Aalert%281%29")),
            ("a b\u{202e}.tf", Some("a%20b%E2%80%AE.tf")),
            ("a\r\nb\u{1b}]8;;x\u{7}.tf", Some("a%0D%0Ab%1B%5D8%3B%3Bx%07.tf")),
            ("\"><script>.tf", Some("%22%3E%3Cscript%3E.tf")),
            ("a](x)[b.tf", Some("a%5D%28x%29%5Bb.tf")),
            ("{line}.tf", Some("%7Bline%7D.tf")),
            ("a?b#c&d@e", Some("a%3Fb%23c%26d%40e")),
            ("/etc/main.tf", None),
            ("../main.tf", None),
            ("a/../../main.tf", None),
            ("a\\..\\b.tf", None),
            ("-", None),
            ("", None),
        ] {
            let expected = path.map(|path| format!("{base}{path}#L12"));
            assert_eq!(link.of(&place(file)), expected, "{file:?}");
        }
    }

    #[test]
    fn only_a_web_address_with_a_path_is_a_template() {
        for template in [
            "https://git.example.com/{path}",
            "http://localhost:3000/src/{path}?line={line}",
            "https://git.example.com/{path}#L{line}-L{line}",
        ] {
            assert!(CodeLink::new(template).is_ok(), "{template}");
        }
        for template in [
            "javascript:alert('{path}')",
            "data:text/html,{path}",
            "file:///{path}",
            "//git.example.com/{path}",
            "https://{path}",
            "https://git{path}.example.com/",
            "https:///{path}",
            "https://git.example.com/",
            "https://git.example.com/{file}/{path}",
            "https://git.example.com/a b/{path}",
            "https://git.example.com/\u{1b}{path}",
            "https://git.example.com/\"{path}",
            "https://git.example.com/({path})",
            "HTTPS://git.example.com/{path}",
            "",
        ] {
            assert!(CodeLink::new(template).is_err(), "{template}");
        }
        let wrong = DeclarationSettings { link: Some("javascript:{path}".to_owned()) };
        assert!(wrong.problem().is_some() && wrong.code_link().is_none());
        assert!(DeclarationSettings::default().problem().is_none());
    }
}
