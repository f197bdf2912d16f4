//! Reads: whole or not at all, and nothing where the state is known.

use doorward_fakeaws::{Fault, What};
use doorward_remote_file::{Condition, ETag, Fetched, RemoteProblem, Stored};

use super::bed::{Bed, url};

#[tokio::test]
async fn an_object_arrives_whole_with_its_state() {
    let bed = Bed::start().await;
    let to = bed.folder.path().join("copy");
    let Fetched::Read(object) = bed.files.fetch(&url("there"), &to, None).await.unwrap() else { panic!("not read") };
    assert_eq!((object.bytes, std::fs::read_to_string(&to).unwrap().as_str()), (10, "0123456789"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(to.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    std::fs::remove_file(&to).unwrap();
    let again = bed.files.fetch(&url("there"), &to, Some(&object.etag)).await.unwrap();
    assert_eq!((again, to.exists()), (Fetched::Unchanged, false));
    let other = ETag::new("\"another\"");
    assert!(matches!(bed.files.fetch(&url("there"), &to, Some(&other)).await.unwrap(), Fetched::Read(_)));
    assert_eq!(bed.files.fetch(&url("missing"), &to, None).await.unwrap(), Fetched::Missing);
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "0123456789", "a missing object touches no file");
    let count = bed.files.count();
    assert_eq!((count.reads, count.writes, count.received), (4, 0, 20));
}

#[tokio::test]
async fn an_object_that_is_cut_off_is_read_again_and_never_kept_in_part() {
    let bed = Bed::start().await;
    let to = bed.folder.path().join("copy");
    for what in [What::HalfClose(0.5), What::LostAnswer, What::ErrorAfter(500), What::Throttle] {
        let plan = bed.server.set_faults(vec![Fault::new(what.clone()).service("s3").times(2)]);
        assert!(matches!(bed.files.fetch(&url("there"), &to, None).await.unwrap(), Fetched::Read(_)), "{what:?}");
        assert_eq!((plan.fired_total(), std::fs::read_to_string(&to).unwrap().as_str()), (2, "0123456789"));
        std::fs::remove_file(&to).unwrap();
        bed.server.set_faults(vec![Fault::new(what).service("s3")]);
        let error = bed.files.fetch(&url("there"), &to, None).await.unwrap_err();
        assert_eq!((error.problem, to.exists()), (RemoteProblem::NoAnswer, false), "{error}");
    }
}

#[tokio::test]
async fn bytes_that_do_not_fit_their_hash_are_no_content() {
    let bed = Bed::start().await;
    let stored = bed.files.store(&url("k"), &bed.file("the content of a file"), &Condition::Absent).await.unwrap();
    assert!(matches!(stored, Stored::Written(_)));
    // A document that ends early with a length that fits: only the stored hash tells.
    bed.server.set_faults(vec![Fault::new(What::Truncated(0.5)).service("s3")]);
    let to = bed.folder.path().join("copy");
    let error = bed.files.fetch(&url("k"), &to, None).await.unwrap_err();
    assert!(error.to_string().contains("hash stored with it") && !to.exists(), "{error}");
}
