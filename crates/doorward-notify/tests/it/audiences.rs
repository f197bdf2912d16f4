//! Leadership and FinOps: one digest in a period whatever is repeated or killed, with the figures of the posture sheet, and *unknown*
//! where nothing was read.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::{
    AppliedPolicy, Durations, HistoryContext, Kpi, KpiGrouping, KpiRow, Mode, Observed, PostureSummary, ReportTally,
    RiskProfile, ScanReport, Share,
};
use doorward_notify::{
    Audience, AudienceNotice, ChannelsConfig, DigestFate, DigestSchedule, Dispatcher, Environment, NotifyOutcome,
    PostureAudience, PostureReader, Settings, plan,
};
use jiff::tz::TimeZone;

use crate::bed::{RULES, exec, report, settings, slack};
use crate::doubles::{Act, Book, Receiver, digest_of, time};

const READERS: [(PostureReader, &str); 2] =
    [(PostureReader::Organization, "organization"), (PostureReader::Finops, "finops")];

/// Settings in which only the audiences above the owners have channels.
pub(crate) fn audiences(schedule: DigestSchedule) -> Settings {
    let mut all = settings(&[], vec![("chat", slack("HOOK"))]);
    (all.fallback, all.unowned) = (Vec::new(), Vec::new());
    let audience = PostureAudience { schedule, channels: vec!["chat".to_owned()], sections: None };
    all.audiences = READERS.map(|(reader, _)| (reader, audience.clone())).into();
    all
}

/// A report with its counts.
pub(crate) fn counted(days: i64, scene: &str) -> ScanReport {
    let mut report = report(days, scene);
    report.tally = ReportTally::of(&report.load_balancers, &report.findings);
    report
}

async fn run(settings: Settings, url: &str, book: &Book, report: &ScanReport) -> Option<NotifyOutcome> {
    let environment = Environment::new([("HOOK".to_owned(), url.to_owned())]);
    let channels = ChannelsConfig::new(settings).expect("valid");
    let dispatcher = Dispatcher::new(channels, &environment, book.clone(), None, time().0).expect("opens");
    let history = HistoryContext::default();
    tokio::select! {
        biased;
        () = book.killed.notified() => None,
        outcome = dispatcher.deliver(report, &RULES, &history) => {
            assert!(outcome.receipt().adds_up(), "{outcome:#?}");
            (!book.is_dead()).then_some(outcome)
        }
    }
}

fn period(report: &ScanReport, schedule: DigestSchedule) -> String {
    let day = report.run.finished.to_zoned(TimeZone::UTC).date();
    match schedule {
        DigestSchedule::Weekly => format!("{:?}", (day.iso_week_date().year(), day.iso_week_date().week())),
        _ => format!("{:?}", (day.year(), day.month())),
    }
}

#[tokio::test]
async fn each_audience_has_one_digest_in_a_period_over_300_schedules_of_kills_and_repeats() {
    let (mut kills, mut repeats, mut periods, mut failures) = (0, 0, 0, 0);
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let schedule = [DigestSchedule::Weekly, DigestSchedule::Monthly][random.usize(0..2)];
        let book = Book::new();
        let mut own = random.fork();
        let calm = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let quiet = std::sync::Arc::clone(&calm);
        let receiver = Receiver::start(std::sync::Arc::clone(&book.events), move || {
            let acts = [Act::Take, Act::Take, Act::Confirmation(500, ""), Act::TakeAndHangup, Act::Hangup];
            if quiet.load(std::sync::atomic::Ordering::SeqCst) {
                Act::Take
            } else {
                acts.into_iter().nth(own.usize(0..5)).expect("an act")
            }
        })
        .await;
        let mut days = 0;
        let mut last = report(0, "");
        let mut seen: BTreeSet<String> = BTreeSet::new();
        for _ in 0..random.usize(3..9) {
            days += [0, 0, 1, 3, 9, 31][random.usize(0..6)];
            let scenes = ["a:high@web", "a:pass@web b:low@pay", "!denied", "a:unknown@web !half"];
            last = counted(days, scenes[random.usize(0..scenes.len())]);
            let steps = if random.u8(0..3) == 0 { random.i64(0..8) } else { i64::MAX };
            let mut all = audiences(schedule);
            all.tries = 1;
            match run(all, &receiver.url(), &book.mortal(steps), &last).await {
                None => kills += 1,
                Some(outcome) => failures += outcome.failures().count(),
            }
            seen.insert(period(&last, schedule));
        }
        calm.store(true, std::sync::atomic::Ordering::SeqCst);
        let outcome = run(audiences(schedule), &receiver.url(), &book, &last).await.expect("not killed");
        assert!(outcome.is_complete(), "seed {seed}: {outcome:#?}");
        let before = receiver.bodies().len();
        // Another scan of the same period, and older ones, send nothing.
        for again in [&last, &counted(days, "a:pass@web c:critical@new"), &counted(0, "a:low@web")] {
            let outcome = run(audiences(schedule), &receiver.url(), &book, again).await.expect("not killed");
            assert!(outcome.lines.iter().all(|line| line.fate == DigestFate::Unchanged), "seed {seed}: {outcome:#?}");
        }
        assert_eq!(receiver.bodies().len(), before, "seed {seed}");

        // One id for each audience and period; what came again under it says so.
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for body in receiver.bodies() {
            let time = times.entry(digest_of(&body)).or_default();
            *time += 1;
            let says_so = body.to_string().contains("This may be a duplicate");
            assert!(*time == 1 || says_so, "seed {seed}: a repeat that does not say so");
            repeats += usize::from(*time > 1);
        }
        assert!(times.len() <= seen.len() * READERS.len(), "seed {seed}: {times:?} in {seen:?}");
        for (_, audience) in READERS {
            assert!(book.page(audience, "chat").delivered.is_some(), "seed {seed}: {audience}");
        }
        periods += times.len();
    }
    assert!(kills > 100 && repeats > 30 && periods > 600 && failures > 100, "{kills} {repeats} {periods} {failures}");
}

/// The digests that would be sent, by audience.
fn planned(schedule: DigestSchedule, book: &Book, report: &ScanReport) -> BTreeMap<String, (AudienceNotice, String)> {
    let channels = ChannelsConfig::new(audiences(schedule)).expect("valid");
    let (planned, _) = plan(report, &RULES, &HistoryContext::default(), &channels, book).expect("reads");
    let with_text = planned.into_iter().filter_map(|one| Some((one.audience.key(), (one.digest?, one.text?))));
    with_text.collect()
}

#[test]
fn the_figures_are_those_of_the_posture_sheet() {
    let report = counted(3, "a:high@web b:pass@web c:low@pay d:unknown@pay e:ex=2026-11-20@web !half");
    let summary = PostureSummary::of(&report, &HistoryContext::default(), &[]);
    let digests = planned(DigestSchedule::Weekly, &Book::new(), &report);
    let (AudienceNotice::Posture(digest), text) = &digests["organization"] else { panic!("{digests:#?}") };
    assert_eq!(digest.posture, summary);
    assert!(summary.figures.len() > 3);
    for figure in &summary.figures {
        assert!(text.contains(&format!("{}: {}, {}", figure.label, figure.figure, figure.of)), "{text}");
    }
    for said in ["Not everything was read", "web: 0 overdue, 0 critical, 1 high", "EX-1", "Unknown: no daily metrics"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let (_, finops) = &digests["finops"];
    assert!(finops.contains("no price of any load balancer is known"), "{finops}");
    assert!(!finops.contains("Owners with the highest risk"), "{finops}");
}

#[test]
fn nothing_read_is_unknown_and_one_load_balancer_is_no_posture() {
    for (_, audience) in READERS {
        let digests = planned(DigestSchedule::Monthly, &Book::new(), &counted(3, "!denied"));
        let (notice, text) = &digests[audience];
        assert!(notice.headline().contains("posture unknown, nothing was read"), "{}", notice.headline());
        assert!(text.contains("Nothing was read: the posture is unknown. This is not a good result."), "{text}");
        for fine in ["Nothing that was read", "None, as far", "Open findings", "0 overdue"] {
            assert!(!text.contains(fine), "{fine}: {text}");
        }
        assert!(planned(DigestSchedule::Weekly, &Book::new(), &counted(3, "a:high@web !only")).is_empty());
    }
}

#[tokio::test]
async fn on_change_sends_what_differs_from_the_last_digest() {
    let receiver = Receiver::kind().await;
    let book = Book::new();
    for (days, scene, sent) in [
        (1, "a:high@web", 2),
        (2, "a:high@web", 0),
        (9, "a:high@web", 0),
        // A pass in place of a failure differs for leadership; what FinOps reads does not name it.
        (10, "a:pass@web", 2),
        (11, "!denied", 2),
        (10, "a:high@web", 0),
    ] {
        let before = receiver.bodies().len();
        let all = audiences(DigestSchedule::OnChange);
        let outcome = run(all, &receiver.url(), &book, &counted(days, scene)).await.expect("not killed");
        assert!(outcome.is_complete());
        assert_eq!(receiver.bodies().len() - before, sent, "{days} {scene}");
    }
}

#[test]
fn wrong_settings_are_named() {
    let mut none = audiences(DigestSchedule::Weekly);
    none.audiences.values_mut().for_each(|audience| audience.channels.clear());
    let mut stranger = audiences(DigestSchedule::Weekly);
    stranger.audiences.values_mut().for_each(|audience| audience.channels = vec!["mail".to_owned()]);
    for (settings, expected) in [
        (none, "setting notify.audiences.organization.channels names no channel"),
        (stranger, "setting notify.audiences.organization.channels names the channel \"mail\""),
    ] {
        let error = ChannelsConfig::new(settings).expect_err("wrong").to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    for (text, expected) in [
        ("[audiences.organization]\nschedule = \"daily\"\nchannels = [\"x\"]", "daily"),
        ("[audiences.board]\nschedule = \"weekly\"\nchannels = [\"x\"]", "board"),
        ("[audiences.finops]\nchannels = [\"x\"]", "schedule"),
    ] {
        let error = toml::from_str::<Settings>(text).expect_err("wrong").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_digest_of_an_owner_has_its_key_figures() {
    let kpi = Kpi {
        group: Some("WEB".to_owned()),
        time_to_remediate: Durations::of(vec![86_400_000_000_000; 3]),
        in_time: Share { count: 2, of: 3 },
        in_time_unknown: 0,
        ..Kpi::default()
    };
    let history =
        HistoryContext { kpis: Some(vec![KpiRow { by: KpiGrouping::Owner, kpi }]), ..HistoryContext::default() };
    let channels = settings(&["web", "pay"], vec![("own", exec(&["/bin/true"]))]);
    let channels = ChannelsConfig::new(channels).expect("valid");
    let report = counted(3, "a:high@web b:low@pay");
    let (planned, _) = plan(&report, &RULES, &history, &channels, &Book::new()).expect("reads");
    let text = |owner: &str| {
        let is_owner = |audience: &Audience| *audience == Audience::Owner(owner.to_owned());
        planned.iter().find(|one| is_owner(&one.audience)).and_then(|one| one.text.clone()).expect("a digest")
    };
    let said = "Time to remediate, median: 1.0 day, of 3 resolved failures; mean 1.0 day, 90% within 1.0 day. \
                Resolved in time: 2, 66.7% (2 of 3).";
    assert!(text("web").contains(said), "{}", text("web"));
    assert!(!text("pay").contains("Time to remediate"), "{}", text("pay"));
}

#[test]
fn a_risk_profile_has_channels_of_its_own_beside_those_of_owners() {
    let mut report = counted(3, "a:high@web b:low@pay c:high@web");
    for (lb, profile) in report.load_balancers.iter_mut().zip(["card-data", "card-data", "internal"]) {
        lb.policy = Some(AppliedPolicy {
            profile: Observed::Known(profile.to_owned()),
            required_at_least: Mode::Strictest,
            required_at_most: Mode::Strictest,
            decided_by: String::new(),
            by_default: Some(false),
        });
    }
    let profile = |notify: &str| {
        let text = format!("name = \"card-data\"\nnotify = [\"{notify}\"]");
        toml::from_str::<RiskProfile>(&text).expect("valid")
    };
    let channels =
        || ChannelsConfig::new(settings(&["web", "pay"], vec![("own", exec(&["/bin/true"]))])).expect("valid");
    let error = channels().with_profiles(&[profile("cards")]).expect_err("wrong").to_string();
    assert!(error.contains("policy.profiles \"card-data\" notify names the channel \"cards\""), "{error}");
    let channels = channels().with_profiles(&[profile("own")]).expect("valid");
    let (planned, _) = plan(&report, &RULES, &HistoryContext::default(), &channels, &Book::new()).expect("reads");
    let names = |audience: &Audience| -> Vec<String> {
        let one = planned.iter().find(|one| one.audience == *audience).and_then(|one| one.digest.as_ref());
        let changes = one.and_then(AudienceNotice::changes).map(|digest| digest.changes.clone()).unwrap_or_default();
        changes.into_iter().map(|changed| changed.line.name).collect()
    };
    assert_eq!(names(&Audience::Profile("card-data".to_owned())), ["a", "b"]);
    assert_eq!(names(&Audience::Owner("web".to_owned())), ["a", "c"]);
    assert_eq!(names(&Audience::Owner("pay".to_owned())), ["b"]);
}
