//! What holds for the page of every report.

use doorward_model::{ChangeStatus, NotObserved, RunPoint, ScanReport, Severity};
use doorward_sink_page::{PageContext, render, write};
use proptest::prelude::*;

use crate::scene;

fn page(report: &ScanReport) -> String {
    render(report, &PageContext::default()).expect("renders")
}

/// The data that the page's script reads.
fn data(page: &str) -> serde_json::Value {
    let from = page.split_once(r#"<script type="application/json" id="data">"#).expect("the data begins").1;
    serde_json::from_str(from.split_once("</script>").expect("the data ends").0).expect("the data is JSON")
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = scene::large(200, 9);
    let place = |name: &str| folder.path().join(name);
    for name in ["a.html", "b.html"] {
        let receipt = write(&place(name), &report, &PageContext::default()).expect("written");
        assert!(receipt.adds_up());
        assert_eq!(receipt.written, report.findings.len());
    }
    assert_eq!(std::fs::read(place("a.html")).expect("read"), std::fs::read(place("b.html")).expect("read"));
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 2, "no draft is left behind");
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("missing").join("page.html");
    let error = write(&place, &scene::large(1, 1), &PageContext::default()).expect_err("no such folder");
    assert!(error.to_string().contains("page.html"), "{error}");
}

#[test]
fn twenty_thousand_load_balancers_stay_under_five_megabytes() {
    let page = page(&scene::large(20_000, 300));
    assert!(page.len() < 5_000_000, "{} bytes", page.len());
    assert_eq!(data(&page)["load_balancers"].as_array().map(Vec::len), Some(20_000));
}

#[test]
fn an_empty_organization_is_no_success() {
    let mut report = scene::large(0, 1);
    report.coverage.lines.clear();
    let page = page(&report);
    assert!(page.contains("none in scope"), "no percentage of nothing");
    assert!(page.contains("The scan found no load balancer whose mode could be judged."));
    assert!(!page.contains("100.0%"));
}

#[test]
fn short_of_all_is_never_all() {
    let mut report = scene::large(3, 1);
    report.coverage.counts.all = 100_000;
    report.coverage.counts.complete = 99_999;
    report.coverage.counts.failed = 1;
    let page = page(&report);
    assert!(page.contains("99.9%") && page.contains("99999 of 100000"), "short of all, with its denominator");
    assert!(!page.contains("100.0% (99999"));
}

#[test]
fn the_policy_of_the_page_admits_its_own_style_and_script_only() {
    let page = page(&scene::large(1, 1));
    let policy = page.split_once("Content-Security-Policy\" content=\"").expect("a policy").1;
    let policy = policy.split_once('"').expect("ends").0;
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{policy}");
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("<style").count(), 1);
    for outside in ["http://", "https://", "//cdn", "@import", " src=", "url(http"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn what_was_done_is_in_the_data_and_nothing_else() {
    let mut report = scene::large(3, 1);
    assert!(data(&page(&report)).get("changes").is_none());
    report.load_balancers[1].changes =
        vec![scene::applied(ChangeStatus::Failed, "c-1"), scene::applied(ChangeStatus::Changed, "c-2")];
    let reported = data(&page(&report))["changes"].clone();
    assert_eq!(reported.as_object().map(serde_json::Map::len), Some(1), "of one load balancer: {reported}");
    let row = &reported["1"];
    assert_eq!(
        (&row[0]["change"], &row[0]["status"], &row[0]["good"]),
        (&"c-1".into(), &"failed".into(), &false.into())
    );
    assert_eq!(
        (&row[1]["change"], &row[1]["status"], &row[1]["to"]),
        (&"c-2".into(), &"changed".into(), &"defensive".into())
    );
}

/// A scan that counted some failures.
fn point(report: &ScanReport, failing: usize, unseen: Option<NotObserved>) -> RunPoint {
    RunPoint {
        run: report.run.id.clone(),
        at: report.run.finished,
        coverage: report.coverage.counts,
        modes: report.tally.modes.clone(),
        mode_unknown: 0,
        open: [(Severity::High, failing)].into(),
        excepted: 0,
        unknown: 0,
        unseen,
        policy: None,
    }
}

#[test]
fn every_recorded_scan_is_in_the_trend() {
    let report = scene::large(5, 2);
    let row = |n: i64| RunPoint {
        at: report.run.finished - jiff::SignedDuration::from_hours(24 * (100 - n)),
        mode_unknown: 1,
        ..point(&report, usize::try_from(1000 + n).expect("small"), None)
    };
    let page = render(&report, &PageContext { trend: (0..100).map(row).collect(), ..PageContext::default() })
        .expect("renders");
    for n in 0..100 {
        assert!(page.contains(&format!("<td class=\"n\">{}</td>", 1000 + n)), "{n}");
    }
    assert!(page.contains("70 earlier scans are in the table"));
}

#[test]
fn what_was_not_seen_is_said_and_drawn_beside_what_was() {
    let mut report = scene::large(6, 2);
    let lost = report.load_balancers.split_off(3);
    let (there, gone): (Vec<_>, Vec<_>) =
        report.findings.into_iter().partition(|f| report.load_balancers.iter().any(|lb| lb.arn == f.load_balancer));
    report.findings = there;
    let last_seen = report.run.started;
    let unseen_load_balancer = |lb: &doorward_model::LoadBalancer| doorward_model::UnseenLoadBalancer {
        arn: lb.arn.clone(),
        account: lb.account.clone(),
        region: lb.region.clone(),
        name: lb.name.clone(),
        kind: lb.kind,
        owner: "team-lost".to_owned(),
        unit: "/Lost".to_owned(),
        mode: Some(doorward_model::LastMode::Monitor),
        last_seen,
    };
    let unseen_finding = |f: doorward_model::Finding| doorward_model::UnseenFinding {
        id: f.id,
        rule: f.rule.into(),
        account: f.account,
        region: f.region,
        load_balancer: f.load_balancer,
        name: f.name.into(),
        kind: f.kind,
        owner: "team-lost".to_owned(),
        unit: "/Lost".to_owned(),
        excepted: false,
        severity: Some(doorward_model::Severity::High),
        first_seen: last_seen,
        last_seen,
        because: doorward_model::WhyUnseen::LoadBalancerNotSeen,
    };
    let findings: Vec<_> = gone.into_iter().map(unseen_finding).collect();
    let open = findings.len();
    let failing =
        report.findings.iter().filter(|f| f.verdict.severity() > Some(doorward_model::Severity::Informational));
    let sentence = format!("were seen failing and {open} not seen now.");
    report.unseen = Some(doorward_model::Unseen {
        load_balancers: lost.iter().map(unseen_load_balancer).collect(),
        findings,
        account_regions: 2,
        never_read: 1,
    });
    let seen = failing.count();
    let unseen = |everything, failing, load_balancers| {
        Some(NotObserved { everything, failing, load_balancers, ..NotObserved::default() })
    };
    let trend = vec![
        point(&report, 0, unseen(true, 0, 0)),
        point(&report, 185, unseen(false, 0, 0)),
        point(&report, 34, unseen(false, 151, 75)),
    ];
    let page = render(&report, &PageContext { trend, ..PageContext::default() }).expect("renders");
    assert!(page.contains(&sentence), "the headline says both: {seen} seen");
    assert!(
        page.contains("(3 of 6) of the known load balancers were seen.")
            && page.contains("Known load balancers that were not seen now: 3.")
    );
    assert!(page.contains("Account-Regions that an earlier scan read and this one did not: 2."));
    assert!(page.contains("Account-Regions that no scan ever read: 1;"));
    assert!(page.contains("data-value=\"team-lost\""), "an owner without observations is not gone");
    assert!(page.contains("data-value=\"&#x2f;Lost\""));
    assert!(page.contains("185 (34 seen, 151 not seen then)"));
    assert!(page.contains("text-anchor=\"middle\">unknown</text>"), "the first scan saw nothing: no bar and no zero");
    assert!(!page.contains("text-anchor=\"middle\">0</text>"));
    // Two columns of the same height, of which the second is hatched above what was seen.
    let bars: Vec<&str> = page.lines().filter(|line| line.contains("rect class=\"failing\"")).collect();
    let [whole, part] = bars[..] else { panic!("two columns: {bars:?}") };
    assert!(whole.contains("class=\"failing\" x=\"180\" y=\"0\"") && !whole.contains("class=\"unknown\""), "{whole}");
    assert!(part.contains("class=\"unknown\" x=\"360\" y=\"0\""), "{part}");
}

/// Puts a load balancer's own words back in place of their marks, as the script does.
fn unpacked(data: &serde_json::Value, i: usize, packed: &str) -> String {
    let text = |column: &str| {
        let at = data["columns"].as_array().and_then(|all| all.iter().position(|one| one == column)).expect("a column");
        let number = data["load_balancers"][i][at].as_u64().expect("a number");
        data["texts"][usize::try_from(number).expect("small")].as_str().expect("a text").to_owned()
    };
    let name = data["names"][i].as_str().expect("a name").to_owned();
    let tail = data["tails"][i].as_str().expect("a tail");
    let plain = |packed: &str| {
        let own = [
            ("\u{2}", name.clone()),
            ("\u{3}", text("managed_by")),
            ("\u{4}", text("account")),
            ("\u{5}", text("region")),
        ];
        // One pass, because a name may hold anything: what is put in is not looked at again.
        let mut out = String::new();
        for c in packed.chars() {
            match own.iter().find(|(mark, _)| mark.starts_with(c)) {
                Some((_, value)) => out.push_str(value),
                None => out.push(c),
            }
        }
        out
    };
    let arn = format!("{}{tail}", plain(&text("arn")));
    packed.split('\u{1}').map(plain).collect::<Vec<_>>().join(&arn)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Nothing is lost or changed by packing: every verdict of every load balancer comes out as it went in.
    #[test]
    fn what_is_packed_comes_out_as_it_was(load_balancers in 1_u64..60, owners in 1_u64..8) {
        let report = scene::large(load_balancers, owners);
        let data = data(&page(&report));
        let mut findings = report.findings.iter();
        for (i, lb) in report.load_balancers.iter().enumerate() {
            let arn = unpacked(&data, i, "\u{1}");
            prop_assert_eq!(arn.as_str(), lb.arn.as_str());
            let row = data["findings"][i].as_array().expect("a row");
            for three in row.chunks(3) {
                let finding = findings.next().expect("as many");
                let number = |value: &serde_json::Value| usize::try_from(value.as_i64().expect("a number")).ok();
                let of = |value: &serde_json::Value| number(value).map(|n| unpacked(&data, i, data["texts"][n].as_str().expect("a text")));
                prop_assert_eq!(&data["rules"][number(&three[0]).expect("a rule")]["id"], finding.rule.as_str());
                let verdict = &data["verdicts"][number(&three[1]).expect("a verdict")];
                let because = of(&verdict[2]);
                prop_assert_eq!(because.as_deref(), Some(finding.verdict.because()));
                if let doorward_model::Verdict::Fail { remedy, .. } = &*finding.verdict {
                    let packed = of(&verdict[3]);
                    prop_assert_eq!(packed.as_deref(), Some(remedy.as_str()));
                }
                prop_assert_eq!(number(&three[2]).is_some(), finding.history.is_some());
            }
        }
        prop_assert!(findings.next().is_none());
    }
}

#[test]
fn who_set_a_mode_is_in_the_data_where_it_is_known() {
    let mut report = scene::large(3, 1);
    assert!(data(&page(&report)).get("edits").is_none());
    report.load_balancers[1].edited = Some(Box::new(scene::edited("\u{1b}[31mada")));
    let reported = data(&page(&report))["edits"].clone();
    let said = reported["1"].as_str().expect("a sentence");
    assert!(said.starts_with("set to monitor by ") && said.contains("ada") && !said.contains('\u{1b}'), "{reported}");
}
