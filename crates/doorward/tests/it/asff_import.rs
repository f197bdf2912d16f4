//! The commands of `reports/security-hub.md` that import a file of findings, with a stand-in for the AWS CLI. They need jq.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::bed::REPOSITORY;

/// The account of the commands, which stands for one of the file.
const ACCOUNT: &str = "111122223333";

/// Copies the findings of each call, by the Region of the call.
const AWS: &str = "#!/bin/sh\n[ \"$1 $2 $3 $5\" = 'securityhub batch-import-findings --region --findings' ] || exit 9\n\
                   cp \"${6#file://}\" \"sent/$4.${6#file://}\"\n";

fn commands() -> String {
    let page = std::fs::read_to_string(format!("{REPOSITORY}/reports/security-hub.md")).unwrap();
    page.split_once("```sh\n").unwrap().1.split_once("```").unwrap().0.to_owned()
}

/// The calls of one account: the Region and the findings of each.
fn calls(file: &str, account: &str) -> Vec<(String, Vec<Value>)> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::copy(file, path("scan.asff.json")).unwrap();
    std::fs::create_dir_all(path("sent")).unwrap();
    std::fs::create_dir_all(path("bin")).unwrap();
    std::fs::write(path("bin/aws"), AWS).unwrap();
    std::fs::set_permissions(path("bin/aws"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let script = format!("set -e\nPATH=\"$PWD/bin:$PATH\"\n{}", commands().replace(ACCOUNT, account));
    let run = Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let sent = std::fs::read_dir(path("sent")).unwrap().map(|entry| entry.unwrap().path());
    let call = |path: &Path| {
        let region = path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_owned();
        (region, serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    };
    sent.map(|path| call(&path)).collect()
}

#[test]
fn the_documented_commands_import_every_finding_once() {
    let there = Command::new("jq").arg("--version").stdout(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no jq");
        return;
    }
    assert!(commands().contains(ACCOUNT));
    for example in ["acme-org", "gaps-org"] {
        let file = format!("{REPOSITORY}/reports/samples/{example}/scan.asff.json");
        let all: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let of = |finding: &Value, member: &str| finding[member].as_str().unwrap().to_owned();
        let accounts: BTreeSet<String> = all.iter().map(|finding| of(finding, "AwsAccountId")).collect();
        let (mut imported, mut batches) = (Vec::new(), 0);
        for account in &accounts {
            for (region, batch) in calls(&file, account) {
                let bytes = serde_json::to_vec(&batch).unwrap().len();
                assert!(
                    (1..=100).contains(&batch.len()) && bytes < 6_000_000,
                    "{} findings, {bytes} bytes",
                    batch.len()
                );
                for finding in &batch {
                    assert_eq!(&of(finding, "AwsAccountId"), account);
                    let product = of(finding, "ProductArn");
                    assert!(product.starts_with(&format!("arn:aws:securityhub:{region}:{account}:")), "{product}");
                }
                batches += 1;
                imported.extend(batch.iter().map(|finding| of(finding, "Id")));
            }
        }
        let distinct: BTreeSet<&String> = imported.iter().collect();
        assert_eq!((imported.len(), distinct.len()), (all.len(), all.len()), "{example}");
        assert!(batches > accounts.len(), "{example}: an account has several batches");
    }
}
