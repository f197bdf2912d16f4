//! The directory: every setting that cannot work is named, no secret is, and only https leads out.

use doorward_notify::{ChannelsConfig, Dispatcher, Environment, Settings};

use crate::doubles::{Book, time};

/// What checking settings, and then reading their secrets, says.
fn said(toml: &str) -> String {
    let settings: Settings = match toml::from_str(toml) {
        Ok(settings) => settings,
        Err(error) => return error.message().to_owned(),
    };
    let directory = match ChannelsConfig::new(settings) {
        Ok(directory) => directory,
        Err(error) => return error.to_string(),
    };
    let variables = [
        ("GOOD", "https://hooks.x.example/T0/sEcReT"),
        ("PLAIN", "http://hooks.x.example/T0/sEcReT"),
        ("LOCAL", "http://127.0.0.1:9/T0/sEcReT"),
        ("LIKE_LOCAL", "http://127.0.0.1.x.example/T0/sEcReT"),
        ("USER", "https://user:sEcReT@hooks.x.example/"),
        ("USER_LOCAL", "http://localhost:80@x.example/sEcReT"),
        ("OTHER", "file:///etc/sEcReT"),
        ("ODD", "not a URL, but sEcReT"),
        ("EMPTY", " "),
    ];
    let environment = Environment::new(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    match Dispatcher::new(directory, &environment, Book::new(), None, time().0) {
        Ok(_) => "works".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_cannot_work_is_named() {
    let smtp = "[smtp]\nhost = \"mail.x.example\"\nfrom = \"doorward@x.example\"\n";
    for (toml, expected) in [
        ("", "works"),
        ("fall_back = []", "unknown field `fall_back`"),
        ("tries = 0", "setting notify.tries is out of range; it must be 1 to 10"),
        (
            "fallback = [\"a\"]",
            "setting notify.fallback names the channel \"a\", which notify.channels does not have (it is empty)",
        ),
        (
            "[owners]\nweb = [\"b\"]\n[channels.a]\nkind = \"exec\"\ncommand = [\"/x\"]",
            "names the channel \"b\", which notify.channels does not have (a)",
        ),
        ("[owners]\nweb = []\n\" WEB\" = []", "is listed twice in different spellings"),
        ("[owners]\n\" \" = []", "has no name"),
        (
            "[channels.a]\nkind = \"slack\"",
            "setting notify.channels.a.url_file is missing; name a file or an environment variable",
        ),
        (
            "[channels.a]\nkind = \"slack\"\nurl_env = \"A\"\nurl_file = \"/a\"",
            "setting notify.channels.a.url_file is given twice",
        ),
        ("[channels.a]\nkind = \"slack\"\nurl = \"https://x.example/sEcReT\"", "unknown field `url`"),
        ("[channels.a]\nkind = \"pigeon\"", "unknown variant `pigeon`"),
        ("[channels.\"a b\"]\nkind = \"exec\"\ncommand = [\"/x\"]", "is not a valid channel name"),
        (
            "[channels.a]\nkind = \"exec\"\ncommand = []",
            "setting notify.channels.a.command must begin with the absolute path",
        ),
        (
            "[channels.a]\nkind = \"exec\"\ncommand = [\"x\"]",
            "setting notify.channels.a.command must begin with the absolute path",
        ),
        (
            "[channels.a]\nkind = \"exec\"\ncommand = [\"/x\"]\npass_env = [\"NONE\"]",
            "setting notify.channels.a.pass_env names the variable NONE, which is not set",
        ),
        (
            "[channels.a]\nkind = \"exec\"\ncommand = [\"/x\"]\ntimeout_seconds = 0",
            "setting notify.channels.a.timeout_seconds is out of range",
        ),
        (
            "[channels.a]\nkind = \"sns\"\ntopic = \"x\"",
            "setting notify.channels.a.topic contains \"x\", which is not an ARN",
        ),
        (
            "[channels.a]\nkind = \"sns\"\ntopic = \"arn:aws:sqs:eu-west-1:111122223333:x\"",
            "not the ARN of an SNS \
             topic",
        ),
        ("[channels.a]\nkind = \"sns\"\ntopic = \"arn:aws:sns:eu-west-1:111122223333:x\"", "works"),
        (
            "[channels.a]\nkind = \"mail\"\nto = [\"a@x.example\"]",
            "setting notify.smtp is missing; channel a requires it",
        ),
        (
            "[smtp]\nhost = \"x.example\"\nfrom = \"a@x.example\"\ntls = \"none\"",
            "setting notify.smtp.tls is none, but notify.smtp.host is another machine",
        ),
        (
            "[smtp]\nhost = \"x.example\"\nfrom = \"mia\"",
            "setting notify.smtp.from contains \"mia\", which is not an e-mail address",
        ),
        (
            "[smtp]\nhost = \"x.example\"\nfrom = \"a@x.example\"\npassword_env = \"GOOD\"",
            "setting notify.smtp.user is missing",
        ),
        (
            "[smtp]\nhost = \"x.example\"\nfrom = \"a@x.example\"\nuser = \"u\"",
            "setting notify.smtp.password_file is missing",
        ),
        (
            "[channels.a]\nkind = \"slack\"\nurl_env = \"NONE\"",
            "setting notify.channels.a.url_file names the variable NONE, which is not set",
        ),
        (
            "[channels.a]\nkind = \"slack\"\nurl_file = \"/nowhere/x\"",
            "setting notify.channels.a.url_file names the file /nowhere/x, which cannot be read",
        ),
        ("[channels.a]\nkind = \"teams\"\nurl_env = \"EMPTY\"", "is empty"),
        ("[channels.a]\nkind = \"teams\"\nurl_env = \"GOOD\"", "works"),
        ("[channels.a]\nkind = \"teams\"\nurl_env = \"LOCAL\"", "works"),
        (
            "[channels.a]\nkind = \"teams\"\nurl_env = \"PLAIN\"",
            "setting notify.channels.a.url_file leads to a URL that is not https",
        ),
        ("[channels.a]\nkind = \"teams\"\nurl_env = \"LIKE_LOCAL\"", "leads to a URL that is not https"),
        ("[channels.a]\nkind = \"teams\"\nurl_env = \"USER\"", "leads to a URL with a user name"),
        ("[channels.a]\nkind = \"teams\"\nurl_env = \"USER_LOCAL\"", "leads to a URL with a user name"),
        ("[channels.a]\nkind = \"teams\"\nurl_env = \"OTHER\"", "leads to"),
        ("[channels.a]\nkind = \"teams\"\nurl_env = \"ODD\"", "leads to text that is not a URL"),
    ] {
        let said = said(toml);
        assert!(said.contains(expected), "{toml:?}: {said:?}");
        assert!(!said.contains("sEcReT") || toml.contains("sEcReT"), "{toml:?}: {said:?}");
    }
    for (from, expected) in [
        ("doorward@x.example", "works"),
        ("Doorward <doorward@x.example>", "works"),
        ("Doorward, the scanner <doorward@x.example>", "works"),
        ("<doorward@x.example>", "is not an e-mail address"),
        ("Doorward <doorward@x.example", "is not an e-mail address"),
        ("Doorward <doorward@x.example> <b@x.example>", "is not an e-mail address"),
        ("Doorward <a@x.example, b@x.example>", "is not an e-mail address"),
        ("Doorward\\r\\nBcc: <b@x.example>", "is not an e-mail address"),
    ] {
        let toml = format!("[smtp]\nhost = \"x.example\"\nfrom = \"{from}\"\n");
        assert!(said(&toml).contains(expected), "{from}: {}", said(&toml));
    }
    for (to, expected) in [
        ("[]", "contains no address"),
        ("[\"a@x.example\", \"b@x.example\"]", "works"),
        ("[\"a@x.example, b@x.example\"]", "is not an e-mail address"),
        ("[\"A <a@x.example>\"]", "is not an e-mail address"),
        ("[\"a@x.example\\r\\nBcc: b@x.example\"]", "is not an e-mail address"),
        ("[\"\"]", "is not an e-mail address"),
    ] {
        let toml = format!("{smtp}[channels.a]\nkind = \"mail\"\nto = {to}");
        assert!(said(&toml).contains(expected), "{to}: {}", said(&toml));
    }
}

#[test]
fn settings_come_back_as_they_went_in() {
    let toml = "due_days = 7\nunowned = [\"a\"]\n[max_age_days]\nhigh = 30\n[channels.a]\nkind = \"slack\"\nurl_env = \"GOOD\"\n";
    let settings: Settings = toml::from_str(toml).expect("reads");
    let again: Settings = toml::from_str(&toml::to_string(&settings).expect("writes")).expect("reads");
    assert_eq!(again, settings);
    assert_eq!(said(toml), "works");
}
