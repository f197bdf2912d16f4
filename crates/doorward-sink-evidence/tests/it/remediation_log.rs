//! The Remediation log: changes of other attributes than the mode.

use doorward_model::{Arn, AttributeChange, ChangeStatus, Observed};
use doorward_sink_evidence::{PackContext, SheetLimits};
use jiff::SignedDuration;

use crate::scene;
use crate::sheets::{file, packed};

/// A change of the removal of invalid header fields is listed beside the changes of the mode, in the order of time, with the value that the
/// scan saw.
#[test]
fn the_remediation_log_lists_changes_of_other_attributes() {
    const KEY: &str = "routing.http.drop_invalid_header_fields.enabled";
    let mut report = scene::report(12);
    let changed = report.load_balancers.iter().position(|lb| !lb.changes.is_empty()).expect("one was changed");
    let lb = &mut report.load_balancers[changed];
    lb.attributes = Observed::Known([(KEY, "true")].into());
    let (found, before) = (lb.arn.clone(), lb.changes[0].at);
    let gone = Arn::new("arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/gone/50dc6c495c0c9188");
    let gone = gone.expect("an ARN");
    let change = |load_balancer: &Arn, status, detail: &str| AttributeChange {
        load_balancer: load_balancer.clone(),
        attribute: KEY.to_owned(),
        change: "20261101T090000Z-headers".to_owned(),
        at: before + SignedDuration::from_secs(1),
        from: "false".to_owned(),
        to: "true".to_owned(),
        status,
        by: "Kim Stone".to_owned(),
        why: "=invalid header fields are forwarded".to_owned(),
        detail: detail.to_owned(),
        request_id: Some("r-1".to_owned()),
    };
    let attribute_changes =
        vec![change(&gone, ChangeStatus::Refused, "it was deleted"), change(&found, ChangeStatus::Changed, "")];
    let modes: usize = report.load_balancers.iter().map(|lb| lb.changes.len()).sum::<usize>()
        + report.changes_unfound.values().map(Vec::len).sum::<usize>();
    let context = PackContext { attribute_changes: Some(attribute_changes), ..scene::context(&report, &[]) };
    let folder = packed(&report, &context, SheetLimits::default());
    let log = file(&folder.path().join("pack"), "csv/remediation.csv");
    assert_eq!(log.len(), modes + 2);
    let own: Vec<_> = log.iter().filter(|row| row["ARN"] == found.as_str()).collect();
    let times: Vec<&String> = own.iter().map(|row| &row["Since (ISO 8601)"]).collect();
    assert!(times.is_sorted() && own.iter().any(|row| row["Attribute"] != KEY), "{times:?}");
    let row = own.iter().find(|row| row["Attribute"] == KEY).expect("is listed");
    for (column, expected) in [
        ("Mode before", ""),
        ("Mode planned", ""),
        ("Value before", "false"),
        ("Value planned", "true"),
        ("Observed value", "true"),
        ("Status", "changed"),
        ("Approved by", "Kim Stone"),
        ("Why planned", "'=invalid header fields are forwarded"),
        ("Request id", "r-1"),
    ] {
        assert_eq!(row[column], expected, "{column}");
    }
    let last = log.last().expect("rows");
    let of_last = ["ARN", "Observed value", "Status", "Detail"].map(|column| last[column].as_str());
    assert_eq!(of_last, [gone.as_str(), "not found", "refused", "it was deleted"]);
}
