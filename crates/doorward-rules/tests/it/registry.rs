//! Holds every rule to its name and its documentation.

use std::collections::BTreeSet;
use std::path::Path;

use doorward_model::{Adjustment, Rule, VerdictKind, VerdictReason};
use doorward_rules::exceptions::{Register, Terms};
use jiff::Timestamp;

fn names(folder: &str, extension: &str) -> BTreeSet<String> {
    std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == extension))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect()
}

#[test]
fn a_rule_is_one_file_named_after_its_id_with_cases_of_the_same_name() {
    let ids: BTreeSet<_> = doorward_rules::catalogue().iter().map(|meta| meta.id.to_owned()).collect();
    let files = names("src/rules", "rs").into_iter().chain(names("src/register_rules", "rs"));
    let files: BTreeSet<_> = files.map(|name| name.replace('_', "-")).collect();
    assert_eq!(ids, files);
    assert_eq!(ids, names("tests/cases", "toml"));
}

#[test]
fn rules_are_registered_in_the_order_of_their_ids() {
    let ids: Vec<_> = doorward_rules::catalogue().iter().map(|meta| meta.id).collect();
    assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
}

#[test]
fn every_reason_belongs_to_a_rule() {
    let of_rules: BTreeSet<_> = doorward_rules::catalogue().iter().flat_map(|meta| meta.reasons).collect();
    // The register gives the first, a check of declarations the second, publishing the third, and the list of findings the last.
    let elsewhere = [
        VerdictReason::ExceptionValid,
        VerdictReason::NotApplicableDeclaration,
        VerdictReason::ObservationOutdated,
        VerdictReason::NotSeen,
    ];
    for reason in VerdictReason::ALL {
        assert_ne!(of_rules.contains(reason), elsewhere.contains(reason), "{reason}");
    }
}

#[test]
fn a_register_adds_its_own_rules_and_nothing_else_does() {
    let ids = |rules: &[Box<dyn Rule>]| rules.iter().map(|rule| rule.meta().id).collect::<Vec<_>>();
    let now = Timestamp::UNIX_EPOCH;
    let alone: Vec<_> = doorward_rules::all().iter().map(|rule| rule.meta().id).collect();
    assert_eq!(ids(&Register::default().wrap(doorward_rules::all(), now)), alone);
    let none = Register::parse(&[], &Terms::default()).expect("nothing to be wrong");
    assert_eq!(ids(&none.wrap(doorward_rules::all(), now)), alone);
    let empty = Register::parse(&[("exceptions.toml".to_owned(), String::new())], &Terms::default()).expect("empty");
    let catalogue: Vec<_> = doorward_rules::catalogue().iter().map(|meta| meta.id).collect();
    // Without an exception that has a review date there is no review to ask about.
    let without_reviews: Vec<_> = catalogue.iter().copied().filter(|id| *id != "exception-review-due").collect();
    assert_eq!(ids(&empty.wrap(doorward_rules::all(), now)), without_reviews);
    let text = "[[exception]]\nid = \"EX-1\"\nrule = \"owner-missing\"\nscope = { names = [\"web\"] }\nreason = \"a reason\"\n\
                requester = \"Sam Field\"\napprover = \"Kim Stone\"\nstart = 2026-01-01\nexpires = 2026-02-01\nreview = 2026-01-15\n";
    let reviewed = Register::parse(&[("exceptions.toml".to_owned(), text.to_owned())], &Terms::default());
    assert_eq!(ids(&reviewed.expect("valid").wrap(doorward_rules::all(), now)), catalogue);
}

#[test]
fn every_rule_documents_itself_in_sentences() {
    for meta in doorward_rules::catalogue() {
        let id = meta.id;
        assert!(meta.version >= 1, "{id}");
        assert!(!meta.title.is_empty() && !meta.title.ends_with('.'), "{id}: {}", meta.title);
        assert!(meta.what.ends_with('?'), "{id}: what it asks is a question: {}", meta.what);
        for text in [meta.what, meta.why, meta.evidence, meta.remediation] {
            assert!(text.len() > 40 && text.starts_with(char::is_uppercase), "{id}: {text}");
            assert!(text.ends_with(['.', '?']), "{id}: {text}");
            assert!(!text.contains("  ") && !text.contains('\n'), "{id}: {text}");
        }
        assert!(!meta.references.is_empty(), "{id}");
        let reasons: BTreeSet<_> = meta.reasons.iter().collect();
        assert_eq!(reasons.len(), meta.reasons.len(), "{id} documents a reason twice");
        assert!(reasons.iter().any(|reason| reason.kind() == VerdictKind::Fail), "{id} never fails");
        let adjusted = meta.adjustments.iter().all(|adjustment| match adjustment {
            Adjustment::Reason(reason, steps) => {
                *steps != 0 && reason.kind() == VerdictKind::Fail && reasons.contains(reason)
            }
            Adjustment::Reachable(steps) => *steps != 0,
            Adjustment::PermittedFailure { .. } => true,
        });
        assert!(adjusted, "{id} adjusts the severity of a reason that it does not fail for");
        for reference in meta.references {
            // AWS's documentation, or the research that a rule answers.
            let published = [
                "https://docs.aws.amazon.com/",
                "https://aws.github.io/aws-elb-best-practices/",
                "https://portswigger.net/research/",
            ];
            assert!(published.iter().any(|source| reference.starts_with(source)), "{id}: {reference}");
        }
    }
}
