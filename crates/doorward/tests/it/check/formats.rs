//! The formats of a check.

use super::*;

#[test]
fn formats() {
    let folder = examples();
    let said = check(
        folder.path(),
        &[
            "--format",
            "sarif=o.sarif",
            "--format",
            "github=o.txt",
            "--format",
            "junit=o.xml",
            "--format",
            "json-v1=o.json",
            ".",
        ],
    );
    assert_eq!(said.code, Some(5), "{}", said.err);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();

    let sarif: Value = serde_json::from_str(&read("o.sarif")).unwrap();
    let mut schema: Value = serde_json::from_str(include_str!("../sarif-2.1.0.schema.json")).unwrap();
    // The published pattern has a bracket too many, which the validator refuses; nothing here names a language.
    for holder in ["run", "toolComponent"] {
        schema["definitions"][holder]["properties"]["language"].as_object_mut().unwrap().remove("pattern");
    }
    let schema = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = schema.iter_errors(&sarif).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    for result in sarif["runs"][0]["results"].as_array().unwrap() {
        let place = &result["locations"][0]["physicalLocation"];
        assert!(
            place["artifactLocation"]["uri"].is_string() && place["region"]["startLine"].as_u64() > Some(0),
            "{result}"
        );
    }
    let kinds =
        |kind: &str| sarif["runs"][0]["results"].as_array().unwrap().iter().filter(|r| r["kind"] == kind).count();
    assert!(kinds("fail") > 0 && kinds("open") > 0, "{sarif}");

    let document: Value = serde_json::from_str(&read("o.json")).unwrap();
    let shape = run(doorward(folder.path()).args(["schema", "check-json-v1"]));
    let shape: Value = serde_json::from_str(&shape.out).unwrap();
    let shape = jsonschema::validator_for(&shape).unwrap();
    let wrong: Vec<String> = shape.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:?}");

    let github = read("o.txt");
    assert!(
        github
            .contains("::error file=terraform/main.tf,line=13,col=28,endColumn=39,title=desync-mode-below-required::"),
        "{github}"
    );
    assert!(github.lines().all(|line| line.starts_with("::")), "{github}");

    let junit = read("o.xml");
    let mut reader = quick_xml::Reader::from_str(&junit);
    let (mut cases, mut failures, mut errors) = (0, 0, 0);
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Start(e) | quick_xml::events::Event::Empty(e) => match e.name().as_ref() {
                "testcase" => cases += 1,
                "failure" => failures += 1,
                "error" => errors += 1,
                _ => {}
            },
            _ => {}
        }
    }
    assert_eq!(cases, document["findings"].as_array().unwrap().len());
    let of = |kind: &str| document["findings"].as_array().unwrap().iter().filter(|f| f["verdict"] == kind).count();
    assert_eq!(errors, of("unknown"));
    assert!(failures > 0 && failures <= of("fail"));
}
