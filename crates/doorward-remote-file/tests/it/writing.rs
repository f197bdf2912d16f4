//! Writes: one of several writers succeeds, and a lost answer is resolved by reading back.

use doorward_fakeaws::{Fault, What};
use doorward_remote_file::{Condition, ETag, Fetched, RemoteFileSettings, RemoteProblem, Stored};

use super::bed::{Bed, files, url};

fn written(stored: Stored) -> ETag {
    let Stored::Written(etag) = stored else { panic!("another writer was first") };
    etag
}

#[tokio::test]
async fn of_writers_with_the_same_condition_one_succeeds() {
    let bed = Bed::start().await;
    let (one, two) = (bed.file("one"), bed.file("number two"));
    let first = written(bed.files.store(&url("k"), &one, &Condition::Absent).await.unwrap());
    assert_eq!(bed.files.store(&url("k"), &two, &Condition::Absent).await.unwrap(), Stored::Changed);
    let second = written(bed.files.store(&url("k"), &two, &Condition::Same(first.clone())).await.unwrap());
    assert_eq!(bed.files.store(&url("k"), &one, &Condition::Same(first)).await.unwrap(), Stored::Changed);
    assert_eq!(bed.object("k").as_deref(), Some("number two"));
    assert_eq!(bed.files.store(&url("gone"), &one, &Condition::Same(second)).await.unwrap(), Stored::Changed);
    assert_eq!(bed.object("gone"), None, "an object that was deleted is not created again");
    written(bed.files.store(&url("k"), &one, &Condition::Always).await.unwrap());
    assert_eq!(bed.object("k").as_deref(), Some("one"));
}

#[tokio::test]
async fn a_lost_answer_is_resolved_by_reading_back() {
    let bed = Bed::start().await;
    let mut state = written(bed.files.store(&url("k"), &bed.file("0"), &Condition::Absent).await.unwrap());
    // Whether the write took effect before the answer was lost or not, the content is there once.
    for (round, (what, puts)) in [
        (What::LostAnswer, 1),
        (What::ErrorAfter(500), 1),
        (What::HalfClose(0.0), 1),
        (What::Reset, 2),
        (What::ServerError(503), 2),
        (What::Throttle, 2),
        (What::Conflict, 2),
        (What::Malformed, 1),
    ]
    .into_iter()
    .enumerate()
    {
        let before = bed.puts();
        let plan = bed.server.set_faults(vec![Fault::new(what.clone()).action("PutObject").times(1)]);
        let text = "x".repeat(round + 2);
        state = written(bed.files.store(&url("k"), &bed.file(&text), &Condition::Same(state)).await.unwrap());
        assert_eq!(plan.fired_total(), 1, "{what:?}");
        assert_eq!((bed.object("k"), bed.puts() - before), (Some(text), puts), "{what:?}");
        let Fetched::Unchanged = bed.files.fetch(&url("k"), &bed.file("copy"), Some(&state)).await.unwrap() else {
            panic!("the ETag is not that of the object: {what:?}");
        };
    }
}

#[tokio::test]
async fn a_write_whose_effect_cannot_be_read_back_is_not_called_done_or_failed() {
    let bed = Bed::start().await;
    let faults =
        vec![Fault::new(What::LostAnswer).action("PutObject"), Fault::new(What::ServerError(500)).action("GetObject")];
    bed.server.set_faults(faults);
    let error = bed.files.store(&url("k"), &bed.file("one"), &Condition::Absent).await.unwrap_err();
    assert_eq!(error.problem, RemoteProblem::Undecided, "{error}");
    assert!(error.to_string().contains("it is not known whether the write took effect"), "{error}");
    assert_eq!(bed.object("k").as_deref(), Some("one"));
}

#[tokio::test]
async fn a_lost_answer_under_another_write_is_a_change() {
    let bed = Bed::start().await;
    let other = files(&bed.server, "WRITER", RemoteFileSettings::default());
    let state = written(bed.files.store(&url("k"), &bed.file("0"), &Condition::Absent).await.unwrap());
    bed.server.set_faults(vec![Fault::new(What::LostAnswer).action("PutObject").times(1)]);
    bed.server.after_each_call(|call, world| {
        if call.action == "PutObject" {
            world.put_object("acme-security", "k", "another writer's", jiff::Timestamp::UNIX_EPOCH);
        }
    });
    let stored = other.store(&url("k"), &bed.file("mine"), &Condition::Same(state)).await.unwrap();
    assert_eq!((stored, bed.object("k").as_deref()), (Stored::Changed, Some("another writer's")));
}

#[tokio::test]
async fn writes_that_never_succeed_end() {
    let bed = Bed::start().await;
    bed.server.set_faults(vec![Fault::new(What::Conflict).action("PutObject")]);
    let error = bed.files.store(&url("k"), &bed.file("one"), &Condition::Absent).await.unwrap_err();
    assert!(error.to_string().contains("the object is unchanged") && bed.puts() == 8, "{error}");
}

#[tokio::test]
async fn a_large_file_is_sent_whole() {
    let bed = Bed::start().await;
    let text = "0123456789abcdef".repeat(1 << 16);
    written(bed.files.store(&url("k"), &bed.file(&text), &Condition::Absent).await.unwrap());
    assert_eq!(bed.object("k"), Some(text));
}
