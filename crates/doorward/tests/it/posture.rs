//! `doorward posture` through the program, on the committed example.

use serde_json::Value;

use crate::bed::{doorward, run};

const SAVED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../reports/samples/acme-org/scan.saved");

#[test]
fn one_load_balancer_and_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let posture = |arguments: &[&str]| run(doorward(folder.path()).args(["posture", "--from", SAVED]).args(arguments));
    let one = posture(&["legacy-checkout"]);
    assert_eq!(one.code, Some(0), "{}", one.err);
    assert!(one.out.starts_with("legacy-checkout in 100000000020 eu-west-1: the mode is monitor"), "{}", one.out);
    assert!(one.out.contains("Host with a space before the colon"), "{}", one.out);

    let all: Value = serde_json::from_str(&posture(&["--format", "json"]).out).unwrap();
    let all = all.as_array().unwrap();
    let saved = std::fs::read_to_string(SAVED).unwrap();
    for posture in all {
        assert_eq!(posture["schema"], "posture-v1");
        assert!(["application", "classic"].contains(&posture["kind"].as_str().unwrap()));
        assert!(saved.contains(posture["load_balancer"].as_str().unwrap()));
        let strictest = posture["mode"]["known"] == "strictest";
        for trigger in posture["triggers"].as_array().unwrap() {
            let class = trigger["class"].as_str().unwrap_or("unknown");
            // No mode blocks what is Compliant, and strictest forwards nothing else.
            assert!(trigger["now"] != "blocked" || !class.starts_with("Compliant"), "{trigger}");
            assert!(!strictest || trigger["now"] != "passes" || class.starts_with("Compliant"), "{trigger}");
            assert_eq!(
                trigger["now"] == "unknown",
                class == "unknown" || posture["mode"].get("unread").is_some(),
                "{trigger}"
            );
        }
    }
    assert_eq!(posture(&[]).out.lines().filter(|line| line.contains(" (1000000000")).count(), all.len());
    // A classic load balancer without an HTTP listener has no posture.
    assert!(all.iter().all(|posture| posture["name"] != "legacy-ldap"));

    let wrong = posture(&["no-such-load-balancer"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("\"no-such-load-balancer\" is neither the ARN nor the name"), "{}", wrong.err);
}
