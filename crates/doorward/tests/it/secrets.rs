//! Credentials appear nowhere: not in logs at the highest level, not in outputs, not in errors.

use crate::bed::{Bed, run, world};

#[test]
fn no_secret_is_ever_written() {
    let bed = Bed::start(&world("gaps-org"), vec![]);
    let folder = tempfile::tempdir().unwrap();
    let caller = &bed.server.world().callers()[0];
    let said = run(bed
        .doorward(folder.path())
        .args(["-vvv", "scan", "--format", "json-v1=a.json", "--format", "ndjson-v1=a.ndjson", "--save", "a.saved"])
        .env("DOORWARD_LOG", "trace"));
    assert!(matches!(said.code, Some(3..=5)), "{}", said.code.unwrap_or(-1));
    assert!(said.err.len() > 10_000, "the log is on: {} bytes", said.err.len());
    let mut texts = vec![said.out, said.err];
    for name in ["a.json", "a.ndjson", "a.saved"] {
        texts.push(std::fs::read_to_string(folder.path().join(name)).unwrap());
    }
    for text in texts {
        assert!(!text.contains(&caller.secret), "the base secret is in the output");
        for line in text.lines() {
            // A temporary secret or token would have to follow its name.
            for name in [
                "SecretAccessKey>",
                "SessionToken>",
                "secret_access_key: \"",
                "session_token: \"",
                "x-amz-security-token: ",
            ] {
                let Some((_, value)) = line.split_once(name) else { continue };
                assert!(
                    value.starts_with("**") || value.starts_with("***") || value.starts_with("<"),
                    "{name}{}",
                    &value[..value.len().min(24)]
                );
            }
        }
    }
}
