//! Refusals: each is one sentence with the object, the call, the cause and the next step, and none is "there is no object".

use doorward_fakeaws::{Fault, What};
use doorward_model::AccountId;
use doorward_remote_file::{Condition, Fetched, ObjectUrl, RemoteFileSettings, RemoteProblem, Versioning};

use super::bed::{Bed, files, url};

#[tokio::test]
async fn a_refusal_is_not_a_missing_object() {
    let bed = Bed::start().await;
    let blind = files(&bed.server, "BLIND", RemoteFileSettings::default());
    let to = bed.folder.path().join("copy");
    let error = blind.fetch(&url("missing"), &to, None).await.unwrap_err();
    assert_eq!(error.problem, RemoteProblem::Denied);
    for part in [
        "s3://acme-security/missing",
        "s3:GetObject",
        "it is not known whether the object exists",
        "s3:ListBucket on arn:aws:s3:::acme-security",
    ] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    let error = blind.store(&url("there"), &bed.file("one"), &Condition::Always).await.unwrap_err();
    assert!(error.to_string().contains("allow s3:PutObject on arn:aws:s3:::acme-security/there"), "{error}");
    let error = blind.versioning(&url("there")).await.unwrap_err();
    assert!(error.to_string().contains("s3:GetBucketVersioning"), "{error}");
    assert_eq!(bed.object("there").as_deref(), Some("0123456789"));
}

#[tokio::test]
async fn the_bucket_must_be_that_of_its_owner() {
    let bed = Bed::start().await;
    let taken: ObjectUrl = "s3://taken-name/ledger".parse().unwrap();
    let to = bed.folder.path().join("copy");
    let error = bed.files.fetch(&taken, &to, None).await.unwrap_err();
    assert!(error.to_string().contains("check that account 111111111111 owns the bucket (s3.bucket_owner)"), "{error}");
    let owner = Some(AccountId::new("222222222222").unwrap());
    let shared = files(&bed.server, "WRITER", RemoteFileSettings { bucket_owner: owner, kms_key: None });
    assert_eq!(shared.fetch(&taken, &to, None).await.unwrap(), Fetched::Missing);
}

#[tokio::test]
async fn buckets_of_other_regions_are_followed_and_missing_ones_named() {
    let bed = Bed::start().await;
    let far: ObjectUrl = "s3://far-away/k".parse().unwrap();
    let to = bed.folder.path().join("copy");
    assert_eq!(bed.files.fetch(&far, &to, None).await.unwrap(), Fetched::Missing);
    bed.files.store(&far, &bed.file("one"), &Condition::Absent).await.unwrap();
    assert!(matches!(bed.files.fetch(&far, &to, None).await.unwrap(), Fetched::Read(_)));
    assert_eq!(bed.files.versioning(&far).await.unwrap(), Versioning::Off);
    assert_eq!(bed.files.versioning(&url("k")).await.unwrap(), Versioning::Enabled);
    let redirects = bed.server.calls().iter().filter(|call| call.outcome == "PermanentRedirect").count();
    assert_eq!(redirects, 1, "the Region is asked for once");
    let none: ObjectUrl = "s3://no-such-bucket/k".parse().unwrap();
    let error = bed.files.fetch(&none, &to, None).await.unwrap_err();
    assert_eq!(error.problem, RemoteProblem::NoBucket);
    assert!(error.to_string().contains("create the bucket no-such-bucket"), "{error}");
}

#[tokio::test]
async fn a_service_control_policy_and_a_server_error_are_named() {
    let bed = Bed::start().await;
    let to = bed.folder.path().join("copy");
    bed.files.store(&url("k"), &bed.file("the content of a file"), &Condition::Absent).await.unwrap();
    let policy = "arn:aws:organizations::111111111111:policy/o-test000001/service_control_policy/p-12345678";
    for (what, problem, part) in [
        (What::ScpDenied(policy.to_owned()), RemoteProblem::Denied, "exempt the identity of account 111111111111"),
        (What::ServerError(503), RemoteProblem::NoAnswer, "service-failure at s3:GetObject"),
        (What::Malformed, RemoteProblem::NoAnswer, "malformed at s3:GetObject"),
    ] {
        bed.server.set_faults(vec![Fault::new(what.clone()).service("s3")]);
        let error = bed.files.fetch(&url("k"), &to, None).await.unwrap_err();
        assert_eq!(error.problem, problem, "{what:?}: {error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}
