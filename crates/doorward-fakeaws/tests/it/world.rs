//! World files: errors name the line, and the two examples contain what their descriptions state.

use doorward_fakeaws::{Server, World};

use super::client::WORLD;

fn refused(text: &str) -> (Option<usize>, String) {
    let error = World::from_toml(text).unwrap_err();
    (error.line, error.to_string())
}

#[test]
fn errors_name_the_line() {
    let with = |more: &str| format!("{WORLD}\n{more}\n");
    let lines = WORLD.lines().count();
    let cases = [
        (
            "[[load_balancer]]\naccount = \"999999999999\"\nregion = \"eu-west-1\"\nname = \"x\"",
            "no account 999999999999",
        ),
        ("[[load_balancer]]\naccount = \"111111111111\"\nregion = \"mars-1\"\nname = \"x\"", "no Region \"mars-1\""),
        ("[[load_balancer]]\naccount = \"111111111111\"\nregion = \"eu-west-1\"\nname = \"web-1\"", "exists already"),
        (
            "[[load_balancer]]\naccount = \"111111111111\"\nregion = \"eu-west-1\"\nname = \"n\"\ntype = \"network\"\nmode = \"monitor\"",
            "has no mode",
        ),
        ("[[account]]\nid = \"12\"\nname = \"x\"", "not twelve digits"),
        ("[[account]]\nid = \"333333333333\"\nname = \"x\"\nou = \"/Nowhere\"", "no OU"),
        ("[[scp]]\nid = \"p-1\"\ntargets = [\"/Nowhere\"]\ndeny = [\"*\"]", "neither an OU path nor an account"),
        ("[[fault]]\nkind = \"gremlins\"", "no fault kind"),
        ("[[role]]\nname = \"r\"\npolicy = \"{}\"", "no Statement"),
    ];
    for (more, words) in cases {
        let (line, message) = refused(&with(more));
        assert!(message.contains(words), "{message}");
        let found = line.unwrap();
        assert!((lines + 1..=lines + 3).contains(&found), "{message}");
    }
    let (line, message) = refused(&with("[[account]]\nid = \"333333333333\"\nname = \"x\"\ncolour = \"red\""));
    assert!(message.contains("colour") && line.is_some_and(|line| line > lines), "{message}");
    let (line, _) = refused("[organization\n");
    assert_eq!(line, Some(1));
    let (_, message) = refused(&WORLD.replace("management = \"000000000001\"", "management = \"000000000009\""));
    assert!(message.contains("management account"), "{message}");
}

#[tokio::test]
async fn examples_load() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/");
    for (name, accounts, load_balancers) in [("acme-org", 12, 43), ("gaps-org", 8, 21)] {
        let text = std::fs::read_to_string(format!("{root}{name}/org.toml")).unwrap();
        let world = World::from_toml(&text).unwrap();
        let summary = world.summary();
        assert_eq!(
            (summary.accounts, summary.load_balancers.values().sum::<usize>()),
            (accounts, load_balancers),
            "{name}"
        );
        assert_eq!(world.callers().len(), 1);
        let server = Server::start(world, doorward_fakeaws::Options::default()).await.unwrap();
        assert!(server.url().starts_with("http://127.0.0.1:"));
    }
}
