//! What an owner's page says.

use std::sync::Arc;

use doorward_model::{
    Arn, ChangeKind, ChangeStatus, FindingChange, Gap, GapReason, Kind, LastMode, Manager, Mode, Observed, PreviousRun,
    RequiredMode, ScanReport, Severity, Unseen, UnseenFinding, UnseenLoadBalancer, Verdict, VerdictReason, WhyUnseen,
};
use doorward_sink_owners::{OwnersContext, write};

use crate::{context, scene, written};

pub(crate) const MODE_RULE: &str = "desync-mode-below-required";

/// One load balancer of one owner, in monitor where defensive is required, and nothing else open.
pub(crate) fn one(change: impl FnOnce(&mut ScanReport)) -> (ScanReport, OwnersContext) {
    let mut report = scene::large(1, 1);
    let lb = &mut report.load_balancers[0];
    lb.kind = Kind::Application;
    lb.mode = Observed::Known(Mode::Monitor);
    lb.owner = scene::owner("alpha");
    lb.managed_by = Observed::Absent;
    for finding in &mut report.findings {
        finding.verdict = Arc::new(match finding.rule.as_str() {
            MODE_RULE => Verdict::Fail {
                reason: VerdictReason::ModeMonitor,
                because: "The mode is monitor.".into(),
                severity: Severity::High,
                remedy: "Run `the command`.".into(),
            },
            _ => Verdict::Pass { reason: VerdictReason::ModeSufficient, because: "Fine.".into() },
        });
    }
    change(&mut report);
    let mut context = context();
    context.required.insert(
        report.load_balancers[0].arn.clone(),
        RequiredMode { lowest: Mode::Defensive, highest: Mode::Defensive, by: "the default".into() },
    );
    (report, context)
}

/// The pages of the one owner: Markdown and HTML.
pub(crate) fn pages(report: &ScanReport, context: &OwnersContext) -> [String; 2] {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, files) = written(folder.path(), report, context);
    [".md", ".html"].map(|ending| {
        let page = files.iter().find(|(name, _)| !name.starts_with("index") && name.ends_with(ending));
        page.expect("a page").1.clone()
    })
}

#[test]
fn the_fix_is_in_the_dialect_of_what_manages_it() {
    for (manager, expected) in [
        (Observed::Absent, &["the command", "EC2 > Load Balancers"][..]),
        (Observed::Known(Manager::Terraform("x".into())), &["desync_mitigation_mode = \"defensive\"", "aws_lb"]),
        (
            Observed::Known(Manager::CloudFormation("x".into())),
            &["Key: routing.http.desync_mitigation_mode", "elbv2.DesyncMitigationMode.DEFENSIVE"],
        ),
        (
            Observed::Known(Manager::Kubernetes("x".into())),
            &[
                "alb.ingress.kubernetes.io/load-balancer-attributes: routing.http.desync_mitigation_mode=defensive",
                "kind: IngressClassParams",
            ],
        ),
        (Observed::Known(Manager::EcsGateway("x".into())), &["\"httpDesync\": \"defensive\""]),
        (Observed::Known(Manager::ElasticBeanstalk("x".into())), &["AWSEBV2LoadBalancer:"]),
    ] {
        let (report, context) = one(|report| report.load_balancers[0].managed_by = manager);
        let [md, _] = pages(&report, &context);
        for text in expected {
            assert!(md.contains(text), "{text} in {md}");
        }
    }
}

#[test]
fn a_missing_required_mode_is_not_available() {
    let (report, mut context) = one(|_| {});
    context.required.clear();
    let [md, html] = pages(&report, &context);
    assert!(!md.contains("EC2 > Load Balancers") && md.contains("| not available |"));
    assert!(html.contains("<td>not available</td>"));
}

#[test]
fn a_grave_failure_is_for_this_week() {
    let (report, context) = one(|_| {});
    let [md, _] = pages(&report, &context);
    let todo =
        md.split_once("## What to do").expect("a section").1.split_once("## The load balancers").expect("the next").0;
    assert!(todo.contains("### This week") && todo.contains("(high,"), "{todo}");
}

#[test]
fn what_is_not_known_says_why_and_counts() {
    let (report, context) = one(|report| {
        report.load_balancers[0].mode = Observed::unread(Gap::new(GapReason::Throttled, "elasticloadbalancing:X"));
        report.findings.iter_mut().filter(|finding| finding.rule == MODE_RULE).for_each(|finding| {
            let gap = Gap::new(GapReason::Throttled, "elasticloadbalancing:X");
            finding.verdict = Verdict::unread(VerdictReason::ModeUnread, "The mode", &gap.into()).into();
        });
    });
    for page in pages(&report, &context) {
        assert!(page.contains("unknown (throttled)"), "the reason");
        assert!(page.contains("100.0% (1 of 1)"), "in the share");
        assert!(page.contains("Could not be read"), "in what to do");
        assert!(!page.contains("Nothing that was read fails"), "and never as fine");
    }
}

#[test]
fn exceptions_that_end_are_for_this_week_and_others_are_not() {
    for (expires, due) in [("2026-11-10", true), ("2027-02-01", false), ("whenever", true)] {
        let (report, context) = one(|report| {
            report.findings.iter_mut().filter(|finding| finding.rule == MODE_RULE).for_each(|finding| {
                finding.verdict = Arc::new(Verdict::Excepted {
                    reason: VerdictReason::ExceptionValid,
                    because: "Allowed.".into(),
                    severity: Severity::High,
                    exception: "EX-1".into(),
                    expires: expires.into(),
                });
            });
        });
        let [md, _] = pages(&report, &context);
        assert_eq!(md.contains("### This week"), due, "{expires}");
        assert!(md.contains(&format!("EX-1 until {expires}")));
    }
}

#[test]
fn what_has_no_owner_names_possible_owners() {
    let (report, mut context) = one(|report| {
        let lb = &mut report.load_balancers[0];
        lb.owner = Observed::Absent;
        lb.managed_by = Observed::Known(Manager::CloudFormation("shop-stack".into()));
    });
    context.account_contacts.insert(report.load_balancers[0].account.clone(), "Kim Stone".into());
    let [md, _] = pages(&report, &context);
    for hint in
        ["CloudFormation stack shop-stack", "tag team is web", "is Kim Stone", "named workload-0", "/Workloads/Unit-0"]
    {
        assert!(md.contains(hint), "{hint} in {md}");
    }
}

#[test]
fn changes_are_sent_to_the_owners_that_they_concern() {
    let gone = |name: &str| {
        let arn = format!("arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/{name}/1");
        Arn::new(&arn).expect("an ARN")
    };
    let (report, mut context) = one(|report| {
        let unseen = |name: &str, owner: &str| UnseenLoadBalancer {
            arn: gone(name),
            account: report.load_balancers[0].account.clone(),
            region: report.load_balancers[0].region.clone(),
            name: name.to_owned(),
            kind: report.load_balancers[0].kind,
            owner: owner.to_owned(),
            unit: "/".to_owned(),
            mode: None,
            last_seen: report.run.started,
        };
        let load_balancers = vec![unseen("gone", "alpha"), unseen("other", "another owner")];
        report.unseen = Some(Unseen { load_balancers, ..Unseen::default() });
    });
    let change = |kind, arn: &Arn| FindingChange { kind, load_balancer: arn.clone(), rule: MODE_RULE.into() };
    context.previous = Some(PreviousRun {
        run: "earlier".into(),
        at: report.run.finished,
        changes: vec![
            change(ChangeKind::New, &report.load_balancers[0].arn),
            change(ChangeKind::Vanished, &gone("gone")),
            change(ChangeKind::Fixed, &gone("other")),
        ],
    });
    let [md, _] = pages(&report, &context);
    let section = md.split_once("## Since the last scan").expect("a section").1;
    assert!(
        section.contains("- new: ") && section.contains("- load balancer deleted: loadbalancer/app/gone/1"),
        "{section}"
    );
    assert!(!section.contains("- fixed"), "{section}");
}

#[test]
fn what_was_done_is_reported_and_nothing_else() {
    let (report, context) = one(|report| {
        report.load_balancers[0].changes =
            vec![scene::applied(ChangeStatus::Failed, "c-1"), scene::applied(ChangeStatus::Changed, "c-2")];
    });
    for page in pages(&report, &context) {
        let reported = page.split_once("What Doorward changed").expect("a section").1;
        let reported = reported.split_once("How to fix").expect("the next section").0;
        let (first, second) = (reported.find("c-1").expect("the first"), reported.find("c-2").expect("the second"));
        assert!(first < second, "the oldest first: {reported}");
        for said in ["monitor to defensive", ">failed<", "2026-11-02 09:00 UTC", "approved by"] {
            assert!(
                reported.contains(said) || reported.contains(&said.replace(['<', '>'], "**")),
                "{said} in {reported}"
            );
        }
    }
    let (report, context) = one(|_| {});
    assert!(pages(&report, &context).iter().all(|page| !page.contains("What Doorward changed")));
}

#[test]
fn who_set_a_mode_is_reported_where_it_is_known() {
    let (report, context) = one(|report| report.load_balancers[0].edited = Some(Box::new(scene::edited("ada"))));
    for page in pages(&report, &context) {
        let reported = page.split_once("Who set a mode").expect("a section").1;
        assert!(reported.contains("set to monitor by ada at 2026-11-02T09:00:00Z"), "{reported}");
    }
    let (report, context) = one(|_| {});
    assert!(pages(&report, &context).iter().all(|page| !page.contains("Who set a mode")));
}

#[test]
fn templates_of_the_users_own_go_first() {
    let own = tempfile::tempdir().expect("a folder");
    std::fs::write(own.path().join("owner.md"), "Dear {{ owner }}, mind {{ rows[0].name }}.\n").expect("written");
    let (report, mut context) = one(|report| report.load_balancers[0].owner = scene::owner("<b>*x*"));
    context.templates_dir = Some(own.path().to_owned());
    let [md, html] = pages(&report, &context);
    assert_eq!(md, format!("Dear \\<b\\>\\*x\\*, mind {}.\n", report.load_balancers[0].name), "escaped all the same");
    assert!(html.starts_with("<!doctype html>") || html.contains("<!doctype html>"), "the others are built in");
}

#[test]
fn a_template_that_cannot_be_used_is_named() {
    let own = tempfile::tempdir().expect("a folder");
    let (report, mut context) = one(|_| {});
    context.templates_dir = Some(own.path().to_owned());
    let place = tempfile::tempdir().expect("a folder");
    for bad in ["{% if %}", "{{ no_such_thing }}", "{{ owner | no_such_filter }}"] {
        std::fs::write(own.path().join("owner.md"), bad).expect("written");
        let error = write(place.path(), &report, &context).expect_err("no template").to_string();
        assert!(error.contains("owner.md") && error.contains("templates_dir"), "{error}");
    }
    context.templates_dir = Some(own.path().join("missing"));
    let error = write(place.path(), &report, &context).expect_err("no folder").to_string();
    assert!(error.contains("missing") && error.contains("templates_dir"), "{error}");
}

#[test]
fn an_owner_without_any_observation_keeps_a_page_and_a_place() {
    let (mut report, context) = one(|_| {});
    let mut lost = report.load_balancers[0].clone();
    lost.arn = Arn::new(&format!("{}f", lost.arn)).expect("an ARN");
    let last_seen = report.run.started;
    let finding = |n: usize| UnseenFinding {
        id: format!("lost-{n}"),
        rule: MODE_RULE.to_owned(),
        account: lost.account.clone(),
        region: lost.region.clone(),
        load_balancer: lost.arn.clone(),
        name: "lost-web".to_owned(),
        kind: lost.kind,
        owner: "team-shop".to_owned(),
        unit: "/Shop".to_owned(),
        excepted: n == 0,
        severity: Some(Severity::High),
        first_seen: last_seen,
        last_seen,
        because: WhyUnseen::LoadBalancerNotSeen,
    };
    let not_asked = UnseenFinding {
        load_balancer: report.load_balancers[0].arn.clone(),
        owner: "as it was recorded".to_owned(),
        name: "web".to_owned(),
        because: WhyUnseen::NotAsked,
        excepted: false,
        severity: Some(Severity::Low),
        ..finding(9)
    };
    let load_balancer = UnseenLoadBalancer {
        arn: lost.arn.clone(),
        account: lost.account.clone(),
        region: lost.region.clone(),
        name: "lost-web".to_owned(),
        kind: lost.kind,
        owner: "team-shop".to_owned(),
        unit: "/Shop".to_owned(),
        mode: Some(LastMode::Monitor),
        last_seen,
    };
    let findings = (0..3).map(finding).chain([not_asked]).collect();
    report.unseen = Some(Unseen { load_balancers: vec![load_balancer], findings, account_regions: 1, never_read: 0 });
    let folder = tempfile::tempdir().expect("a folder");
    let (_, files) = written(folder.path(), &report, &context);
    let page = |start: &str, end: &str| {
        let found = files.iter().find(|(name, _)| name.starts_with(start) && name.ends_with(end));
        found.unwrap_or_else(|| panic!("no {start}*{end}")).1.clone()
    };
    for end in [".md", ".html"] {
        let shop = page("team-shop", end);
        assert!(shop.contains("Known, not seen now") && shop.contains("lost-web"), "{shop}");
        assert!(shop.contains("3 findings that failed when last seen were not seen now"), "{shop}");
        assert!(shop.contains("the load balancer was not seen, under an exception then"), "{shop}");
        let alpha = page("alpha", end);
        assert!(alpha.contains("the rule was not asked"), "it goes to whoever has the load balancer now: {alpha}");
        assert!(page("index", end).contains("team-shop"));
    }
    let owners = page("owners", ".csv");
    let mut reader = csv::Reader::from_reader(owners.as_bytes());
    let rows: Vec<std::collections::BTreeMap<String, String>> =
        reader.deserialize().map(|row| row.expect("a row")).collect();
    let shop = rows.iter().find(|row| row["owner"] == "team-shop").expect("a row");
    let counts =
        ["load_balancers", "load_balancers_not_seen", "failures_not_seen", "excepted_not_seen", "exposure_not_seen"];
    assert_eq!(counts.map(|name| shop[name].as_str()), ["0", "1", "2", "1", "32"]);
    // Two high failures that were not seen rank before one that was: hiding everything moves nobody to the end.
    assert_eq!(rows[0]["owner"], "team-shop");
}
