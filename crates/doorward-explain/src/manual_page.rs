//! What the manual pages say beside the help: examples in a section of their own, exit status, environment and files.

use crate::EXIT_CODES;

/// A page as the arguments render it, completed.
pub fn completed(page: &str) -> String {
    with_examples(page) + &sections()
}

/// The page with its examples in a section of that name, line by line.
fn with_examples(page: &str) -> String {
    let Some((before, examples)) = page.split_once(".SH EXTRA\nExamples:\n") else { return page.to_owned() };
    let (examples, after) = match examples.split_once(".SH ") {
        Some((examples, after)) => (examples, format!(".SH {after}")),
        None => (examples, String::new()),
    };
    format!("{before}.SH EXAMPLES\n.nf\n{examples}.fi\n{after}")
}

/// The sections that every page has: exit status, environment, files, and the pages to read next.
fn sections() -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('-', "\\-").replace('`', "");
    let mut text = String::from(".SH \"EXIT STATUS\"\n");
    for (code, meaning) in EXIT_CODES {
        text.push_str(&format!(".TP\n{code}\n{}\n", escaped(meaning)));
    }
    for (heading, entries) in [("ENVIRONMENT", &ENVIRONMENT[..]), ("FILES", &FILES[..])] {
        text.push_str(&format!(".SH {heading}\n"));
        for (name, meaning) in entries {
            text.push_str(&format!(".TP\n{}\n{}\n", escaped(name), escaped(meaning)));
        }
    }
    text.push_str(".SH \"SEE ALSO\"\ndoorward\\-guide(1), doorward\\-explain(1)\n");
    text
}

/// The variables of the environment.
const ENVIRONMENT: [(&str, &str); 8] = [
    (
        "DOORWARD_SECTION__KEY",
        "Sets one setting, such as DOORWARD_REPORT__FAIL_ON=critical. Flags override it; it overrides doorward.toml.",
    ),
    ("DOORWARD_CONFIG", "The settings file, as --config."),
    ("DOORWARD_COMPLETE", "The name of a shell: prints the script that completes names from the ledger."),
    ("DOORWARD_LOG", "Log directives instead of -v, such as doorward=debug."),
    ("AWS_PROFILE, AWS_REGION and the other variables of the AWS SDK", "Credentials and Region, as for the AWS CLI."),
    ("HTTPS_PROXY, NO_PROXY, AWS_CA_BUNDLE", "Proxy and certificates."),
    ("NO_COLOR, TERM, COLUMNS", "NO_COLOR and TERM=dumb turn colours and links off; COLUMNS sets the width of tables."),
    (
        "FORCE_HYPERLINK",
        "1 writes links to every terminal, 0 to none. By default, links are written to terminals that are known to \
         support them.",
    ),
];

/// The files.
const FILES: [(&str, &str); 3] = [
    ("doorward.toml", "The settings, in the working folder or above it, then in $XDG_CONFIG_HOME/doorward."),
    ("exceptions.toml", "The register of exceptions, as exceptions.files names it."),
    ("$XDG_STATE_HOME/doorward/ledger.sqlite", "The ledger, unless ledger.path names another file."),
];
