//! What bounds a plan: its organization, the age of its readings, what its digest covers, and what has become of a load balancer since.

use doorward_aws::access::Access;
use doorward_change::{
    Applied, ApplyRun, ChangeSettings, ChangeTarget, Current, DryRunResult, Event, Goal, HomeOrganization, Insistence,
    Inspection, Journal as _, JournalEntry, ModeClient, ModeReading, Plan, PlanError, PlanRequest, SetFailure,
    SetResponse, SettingValue, SkipReason, StepState, StopReason, dry_run,
};
use doorward_fakeaws::Server;
use doorward_model::{
    AccountId, Arn, Gap, GapReason, Kind, Mode, Observed, Organization, ScanReport, Verdict, VerdictReason,
};
use jiff::SignedDuration;
use serde_json::Value;

use crate::acting::{Hand, Paper, Peace, Pen, Unwatched};
use crate::bed::{self, Wheel, enter, plan_of, scan, serve, sets, settings};

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

async fn begin() -> (Server, Access, ScanReport) {
    let server = serve(&bed::world(&[Mode::Monitor])).await;
    let access = enter(&server).await;
    let report = scan(&access).await;
    server.clear_calls();
    (server, access, report)
}

fn some(report: &ScanReport, count: usize) -> PlanRequest {
    let mut order = PlanRequest::new(Goal::Required);
    order.load_balancers = report.load_balancers.iter().take(count).map(|lb| lb.arn.clone()).collect();
    order
}

async fn apply(
    client: &impl ModeClient,
    paper: &Paper,
    plan: &Plan,
    settings: &ChangeSettings,
    wheel: &Wheel,
) -> Applied {
    let (pen, time) = (Pen { paper, fate: &Peace }, wheel.time());
    let applying = ApplyRun {
        client,
        journal: &pen,
        metrics: &Unwatched,
        settings,
        time: &time,
        by: "mia".to_owned(),
        watch: None,
        progress: &|_, _| {},
    };
    applying.run(paper.state(plan)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_try_does_not_keep_a_plan_valid() {
    let (server, access, report) = begin().await;
    let plan = plan_of(&report, &some(&report, 4), &settings());
    let (paper, wheel) = (Paper::default(), Wheel::new());
    let client = Hand { access: &access, fate: &Peace };
    let freeze = serde_json::from_str(r#"{"from": "2026-11-01", "until": "2026-12-01", "reason": "sale"}"#).unwrap();
    let frozen = ChangeSettings { freezes: vec![freeze], ..settings() };
    let applied = apply(&client, &paper, &plan, &frozen, &wheel).await;
    assert_eq!(applied.state.step_state(&plan.steps[0].target.arn), StepState::Refused);
    for later in [7, 193] {
        wheel.turn(days(later));
        let applied = apply(&client, &paper, &plan, &settings(), &wheel).await;
        let Some(StopReason::NotApplicable(because)) = &applied.stopped else { panic!("{:?}", applied.stopped) };
        assert!(because.contains("2026-11-23") && because.contains("scan"), "{because}");
    }
    assert!(sets(&server).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_expiry_only_what_was_sent_is_finished() {
    let (server, access, report) = begin().await;
    let plan = plan_of(&report, &some(&report, 4), &settings());
    let (paper, wheel) = (Paper::default(), Wheel::new());
    let client = Hand { access: &access, fate: &Peace };
    // The first wave was sent, acted, and its process died before it knew.
    let first = &plan.steps[0];
    let event = Event::Intended { from: first.from, to: first.to };
    let entry = JournalEntry { at: bed::start(), load_balancer: Some(first.target.arn.clone()), event };
    Pen { paper: &paper, fate: &Peace }.write("", &entry).unwrap();
    bed::edit(&server, &first.target.arn, first.to.mode().unwrap());
    wheel.turn(days(30));
    let applied = apply(&client, &paper, &plan, &settings(), &wheel).await;
    assert_eq!(applied.state.step_state(&first.target.arn), StepState::Changed);
    for step in &plan.steps[1..] {
        assert_eq!(applied.state.step_state(&step.target.arn), StepState::Refused, "{}", step.target.arn);
    }
    assert!(sets(&server).is_empty(), "nothing is sent after the expiry");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_expiry_counts_from_each_reading() {
    let (server, access, mut report) = begin().await;
    // The second load balancer was read two days before the first, as in a scan that was resumed; the plan is made later than both.
    report.load_balancers[1].evidence.as_mut().unwrap().at = bed::start() - days(2);
    let plan = plan_of(&report, &some(&report, 2), &settings());
    let old = report.load_balancers[1].arn.clone();
    let at = |arn: &Arn| plan.steps.iter().find(|step| step.target.arn == *arn).unwrap().observed;
    assert_eq!(at(&old), Some(bed::start() - days(2)));
    let (paper, wheel) = (Paper::default(), Wheel::new());
    wheel.turn(days(6));
    let client = Hand { access: &access, fate: &Peace };
    let flat = ChangeSettings { canary: 0, ..settings() };
    let plan = Plan { canary: 0, ..plan };
    let applied = apply(&client, &paper, &plan, &flat, &wheel).await;
    assert_eq!(applied.state.step_state(&old), StepState::Refused);
    assert_eq!(applied.state.step_state(&report.load_balancers[0].arn), StepState::Changed);
    assert_eq!(sets(&server).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_reading_is_nothing_to_plan_from() {
    let (_server, _access, mut report) = begin().await;
    report.load_balancers[0].evidence.as_mut().unwrap().at = bed::start() - days(4);
    // Without the call that brought it, a reading is as old as its run.
    report.load_balancers[1].evidence = None;
    report.run.started = bed::start() - days(300);
    report.load_balancers[2].mode = Observed::unread(Gap::new(GapReason::AccessDenied, "x"));
    let plan = plan_of(&report, &some(&report, 4), &settings());
    let reasons: Vec<SkipReason> = plan.skipped.iter().map(|skip| skip.reason).collect();
    assert_eq!(reasons, [SkipReason::Outdated, SkipReason::Outdated, SkipReason::ModeUnknown]);
    assert!(plan.skipped[1].because.contains("300 days ago"), "{}", plan.skipped[1].because);
    assert_eq!(plan.steps.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_of_another_organization_is_foreign() {
    let (_server, _access, report) = begin().await;
    let plan = plan_of(&report, &some(&report, 2), &settings());
    let account = |id: &str| AccountId::new(id).unwrap();
    let own = || Organization { id: "o-change00001".into(), management_account: account("300000000001") };
    let home =
        || HomeOrganization { partition: "aws".into(), account: account("300000000002"), organization: Some(own()) };
    assert_eq!(plan.foreign(&home()), None);
    let alone = |of: &str| {
        let mut plan = plan.clone();
        plan.run.organization = None;
        plan.run.account = Some(account(of));
        plan
    };
    for (what, plan, home, about) in [
        ("partition", plan.clone(), HomeOrganization { partition: "aws-cn".into(), ..home() }, "partition aws"),
        (
            "organization",
            plan.clone(),
            HomeOrganization { organization: Some(Organization { id: "o-other".into(), ..own() }), ..home() },
            "o-other",
        ),
        (
            "management account",
            plan.clone(),
            HomeOrganization {
                organization: Some(Organization { management_account: account("300000000009"), ..own() }),
                ..home()
            },
            "300000000009",
        ),
        ("no organization here", plan.clone(), HomeOrganization { organization: None, ..home() }, "single_account"),
        ("another account's", alone("300000000009"), home(), "300000000009 alone"),
        ("one account's, about another", alone("300000000002"), home(), "but changes arn:aws:"),
    ] {
        let reported = plan.foreign(&home).unwrap_or_else(|| panic!("{what} is foreign"));
        assert!(reported.contains(about), "{what}: {reported}");
    }
}

/// Puts a value at a place of a document, as a text in which keys keep their order.
fn with(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in the plan");
    text.replacen(from, to, 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_holds_nothing_that_its_digest_does_not_cover() {
    let (_server, _access, mut report) = begin().await;
    report.load_balancers[3].managed_by = Observed::Known(doorward_model::Manager::CloudFormation("web".into()));
    report.load_balancers[2].mode = Observed::Absent;
    let mut order = some(&report, 5);
    let arn = report.load_balancers[0].arn.clone();
    let insisted = Insistence { without_evidence: Some("we know".into()), over_manager: None };
    order.insisted = [(arn, insisted)].into();
    let plan = plan_of(&report, &order, &settings());
    assert!(!plan.steps.is_empty() && !plan.patches.is_empty() && !plan.skipped.is_empty());
    let text = plan.text().unwrap();
    for same in [text.clone(), serde_json::to_string(&plan).unwrap(), text.replace('\n', "\r\n  "), {
        // Another program wrote it: the keys are in another order.
        let value: Value = serde_json::from_str(&text).unwrap();
        serde_json::to_string(&value).unwrap()
    }] {
        assert_eq!(Plan::read(&same).unwrap(), plan, "{same}");
    }
    // An unknown key, at every level.
    for opening in [
        "{\n  \"format\"",
        "\"run\": {",
        "\"organization\": {",
        "\"steps\": [\n    {",
        "\"insisted\": {",
        "\"patches\": [\n    {",
        "\"skipped\": [\n    {",
    ] {
        let (before, after) = opening.split_at(opening.find('{').unwrap() + 1);
        let edited = with(&text, opening, &format!("{before}\"approved_by\": \"eve\",{after}"));
        let error = Plan::read(&edited).unwrap_err();
        assert!(
            matches!(&error, PlanError::NotAsWritten(_)) && error.to_string().contains("approved_by"),
            "{opening}: {error}"
        );
    }
    // The same key twice, whichever of them would count.
    for (once, twice) in [
        ("\"to\": \"defensive\"", "\"to\": \"strictest\", \"to\": \"defensive\""),
        ("\"to\": \"defensive\"", "\"to\": \"defensive\", \"to\": \"strictest\""),
        ("\"account\": ", "\"account\": \"999999999999\", \"account\": "),
        ("\"steps\": ", "\"steps\": [], \"steps\": "),
        ("\"digest\": ", "\"digest\": \"00\", \"digest\": "),
        ("\"id\": \"o-change00001\"", "\"id\": \"o-change00001\", \"id\": \"o-other\""),
    ] {
        let error = Plan::read(&with(&text, once, twice)).unwrap_err();
        assert!(matches!(error, PlanError::NotAsWritten(_) | PlanError::NotAPlan(_)), "{twice}: {error}");
    }
    // Another spelling of the same, and a key that is left out where it has a default.
    for (from, to) in [
        ("\"made\": \"2026-11-23T09:00:00Z\"", "\"made\": \"2026-11-23T10:00:00+01:00\""),
        ("\"environment\": null,", ""),
    ] {
        let error = Plan::read(&with(&text, from, to)).unwrap_err();
        assert!(matches!(error, PlanError::NotAsWritten(_)), "{to}: {error}");
    }
    assert!(matches!(Plan::read(&with(&text, "\"o-change00001\"", "\"o-other\"")), Err(PlanError::Edited { .. })));
}

/// A plan of the format before, as a ledger may hold it, is read and not applied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_names_no_organization_is_not_applied() {
    let text = include_str!("../data/change-plan-v1.json");
    let plan = Plan::read(text).expect("the format before can be read");
    assert_eq!(plan.text().unwrap(), text);
    assert!(!plan.names_its_organization());
    let (server, access, _) = begin().await;
    let (paper, wheel) = (Paper::default(), Wheel::new());
    let applied = apply(&Hand { access: &access, fate: &Peace }, &paper, &plan, &settings(), &wheel).await;
    assert!(matches!(&applied.stopped, Some(StopReason::NotApplicable(why)) if why.contains("organization")));
    assert!(server.calls().is_empty());
    let mixed = text.replacen("change-plan-v1", "change-plan-v2", 1);
    assert!(Plan::read(&mixed).is_err());
}

fn gap<T>() -> Observed<T> {
    Observed::unread(Gap::new(GapReason::AccessDenied, "elasticloadbalancing:DescribeTags"))
}

/// A client whose load balancer has become something else since it was planned.
struct Become<'a> {
    current: &'a Current,
    sent: std::cell::Cell<usize>,
}

impl ModeClient for Become<'_> {
    async fn inspect(&self, _: &ChangeTarget, _: SettingValue) -> Result<Inspection, Gap> {
        Ok(Inspection::Found(Box::new(self.current.clone())))
    }

    async fn read(&self, target: &ChangeTarget, _: SettingValue) -> Result<ModeReading, Gap> {
        let mode = if self.sent.get() > 0 { "defensive" } else { "monitor" };
        assert_eq!(target.arn, self.current.load_balancer.arn);
        Ok(ModeReading::Value(mode.to_owned()))
    }

    async fn set(&self, _: &ChangeTarget, _: SettingValue) -> Result<SetResponse, SetFailure> {
        self.sent.set(self.sent.get() + 1);
        Ok(SetResponse { value: None, request_id: None })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_load_balancer_has_become_since_decides() {
    let (_server, _access, report) = begin().await;
    let order = some(&report, 1);
    let plan = plan_of(&report, &order, &settings());
    let lb = report.load_balancers[0].clone();
    let fail = report.findings.iter().find(|f| f.load_balancer == lb.arn && f.rule == doorward_change::RULE).unwrap();
    let as_planned = Current {
        load_balancer: lb,
        verdict: Some(fail.verdict.as_ref().clone()),
        required: Some(Mode::Defensive),
        may_be_excepted: None,
    };
    type Alter<'a> = &'a dyn Fn(&mut Current);
    let owner = |current: &mut Current, name: &str| {
        let Observed::Known(owner) = &mut current.load_balancer.owner else { panic!("it has an owner") };
        owner.name = name.to_owned();
    };
    let rows: [(Option<&str>, Alter<'_>); 11] = [
        (None, &|_| {}),
        (Some("CloudFormation stack web now manages it"), &|current| {
            current.load_balancer.managed_by = Observed::Known(doorward_model::Manager::CloudFormation("web".into()));
        }),
        (Some("Terraform (managed-by=terraform)"), &|current| {
            let tag = "managed-by=terraform".to_owned();
            current.load_balancer.managed_by = Observed::Known(doorward_model::Manager::Terraform(tag));
        }),
        (Some("not known whether code or a stack manages it"), &|current| current.load_balancer.managed_by = gap()),
        (Some("tags could not be read"), &|current| current.load_balancer.tags = gap()),
        (Some("Exception EX-9 covers it"), &|current| {
            current.verdict = Some(Verdict::Excepted {
                reason: VerdictReason::ExceptionValid,
                because: String::new(),
                severity: doorward_model::Severity::High,
                exception: "EX-9".into(),
                expires: "2027-01-01".into(),
            });
        }),
        (Some("EX-7 may cover it"), &|current| {
            current.may_be_excepted =
                Some("exception EX-7 may cover it, but a value that decides this could not be read".into());
        }),
        (Some("is shop now"), &|current| owner(current, "shop")),
        (Some("is unknown now"), &|current| current.load_balancer.owner = gap()),
        (Some("now requires strictest"), &|current| current.required = Some(Mode::Strictest)),
        (Some("of kind network"), &|current| current.load_balancer.kind = Kind::Network),
    ];
    for (refused, alter) in rows {
        let mut current = as_planned.clone();
        alter(&mut current);
        let client = Become { current: &current, sent: std::cell::Cell::new(0) };
        let (paper, wheel) = (Paper::default(), Wheel::new());
        let rehearsed = dry_run(&plan, &client, &settings(), &wheel.time()).await;
        let applied = apply(&client, &paper, &plan, &settings(), &wheel).await;
        let load_balancer = applied.state.record(&plan.steps[0].target.arn).unwrap();
        match refused {
            None => {
                assert_eq!((load_balancer.state, client.sent.get()), (StepState::Changed, 1));
                assert_eq!(rehearsed, [DryRunResult::WouldChange]);
            }
            Some(about) => {
                assert_eq!((load_balancer.state, client.sent.get()), (StepState::Refused, 0), "{about}");
                assert!(load_balancer.detail.contains(about), "{about}: {}", load_balancer.detail);
                assert_eq!(rehearsed, [DryRunResult::WouldRefuse(load_balancer.detail.clone())]);
            }
        }
    }
    // A person who insisted over a manager did so knowing that there may be one.
    let mut insisting = order.clone();
    let over = Insistence { without_evidence: None, over_manager: Some("agreed".into()) };
    insisting.insisted = [(plan.steps[0].target.arn.clone(), over)].into();
    let plan = plan_of(&report, &insisting, &settings());
    let mut current = as_planned.clone();
    current.load_balancer.managed_by = Observed::Known(doorward_model::Manager::CloudFormation("web".into()));
    let client = Become { current: &current, sent: std::cell::Cell::new(0) };
    let applied = apply(&client, &Paper::default(), &plan, &settings(), &Wheel::new()).await;
    assert_eq!(applied.state.step_state(&plan.steps[0].target.arn), StepState::Changed);
}

/// The tags that a scan read are not the tags that decide: they are read again, with the manager that they name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_that_took_a_load_balancer_over_is_found_at_the_wire() {
    let (server, access, report) = begin().await;
    let plan = plan_of(&report, &some(&report, 2), &settings());
    let taken = &plan.steps[1].target;
    let (_, name) = bed::place(&taken.arn);
    let tags = [("owner", plan.steps[1].owner.as_deref().unwrap()), ("aws:cloudformation:stack-name", "web")];
    assert!(server.world().set_tags(taken.account.as_str(), taken.region.as_str(), &name, &tags));
    let (paper, wheel) = (Paper::default(), Wheel::new());
    let applied = apply(&Hand { access: &access, fate: &Peace }, &paper, &plan, &settings(), &wheel).await;
    let load_balancer = applied.state.record(&taken.arn).unwrap();
    assert!(
        load_balancer.state == StepState::Refused && load_balancer.detail.contains("stack web"),
        "{load_balancer:?}"
    );
    assert_eq!(sets(&server).len(), 1);
}
