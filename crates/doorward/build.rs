//! Names the build for `doorward --version`.

use std::process::Command;

/// The commit and its date, where a release sets them or git knows them, and the target.
fn main() {
    let given = |variable: &str| std::env::var(variable).ok().filter(|value| !value.is_empty());
    let git = |arguments: &[&str]| {
        let answer = Command::new("git").args(arguments).output().ok().filter(|answer| answer.status.success())?;
        let text = String::from_utf8(answer.stdout).ok()?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    let unknown = || "unknown".to_owned();
    let commit = given("DOORWARD_BUILD_COMMIT").or_else(|| git(&["rev-parse", "--short=12", "HEAD"]));
    let date = given("DOORWARD_BUILD_DATE").or_else(|| git(&["show", "--no-patch", "--format=%cs", "HEAD"]));
    println!("cargo::rustc-env=DOORWARD_COMMIT={}", commit.unwrap_or_else(unknown));
    println!("cargo::rustc-env=DOORWARD_DATE={}", date.unwrap_or_else(unknown));
    println!("cargo::rustc-env=DOORWARD_TARGET={}", given("TARGET").unwrap_or_else(unknown));
    // A development build may name an earlier commit: watching git would build the program again after every commit.
    println!("cargo::rerun-if-env-changed=DOORWARD_BUILD_COMMIT");
    println!("cargo::rerun-if-env-changed=DOORWARD_BUILD_DATE");
}
