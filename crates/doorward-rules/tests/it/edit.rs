//! Changes to the text of a register: what is not meant stays as it is, byte for byte, and what comes out reads back.

use std::collections::BTreeMap;

use doorward_model::{AccountId, Arn, Pattern};
use doorward_rules::exceptions::register_edit::{EditError, Renewal, add, check_dates, renew};
use doorward_rules::exceptions::{Exception, ExceptionScope, Moment, Register, Terms};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

const FILE: &str = "exceptions.toml";

/// A register that somebody wrote by hand, with everything that an editor is tempted to tidy up.
const BY_HAND: &str = r#"# Exceptions of the edge team.   Ask in #edge before you touch this.

	[[ exception ]]   # the partner
	id    = "EX-1"    # never reuse
	rule  = 'desync-mode-below-required'
	reason = """
Two Host headers,
see the thread."""
	requester = "Sam Field"
	approver  =   "Kim Stone"   # head of security
	start     = 2026-01-01      # first day
	expires   = 2026-03-31      # until the partner migrates


[exception.scope]  # narrow!
names = [
  "web",   # the old one
  "api",
]


# ---- the lab ----
[[exception]]
expires = "2026-02-28T18:00:00+01:00"
start = "2026-02-01"
id = 'EX-2'
"rule" = "access-logs-disabled"
scope.accounts = [ "111122223333" ]
reason = "No bucket\tyet"
ticket = "SEC-1"
review = 2026-02-15
requester = "Ada North"
approver = 'Kim "K" Stone'"#;

fn terms() -> Terms {
    Terms { maximum_days: 4000, ..Terms::default() }
}

fn parse(text: &str) -> Result<Register, String> {
    Register::parse(&[(FILE.to_owned(), text.to_owned())], &terms()).map_err(|wrong| format!("{wrong:#?}\n{text}"))
}

fn exceptions(text: &str) -> Vec<Exception> {
    let register = parse(text).expect("valid");
    let mut entries = register.entries(Timestamp::UNIX_EPOCH);
    entries.sort_by_key(|entry| entry.line);
    entries.into_iter().map(|entry| entry.exception.clone()).collect()
}

fn moment(text: &str) -> Moment {
    text.parse().expect("a moment")
}

fn plain() -> Exception {
    Exception {
        id: "EX-9".to_owned(),
        rule: "owner-missing".to_owned(),
        scope: ExceptionScope { names: vec![Pattern::from("web-*")], ..ExceptionScope::default() },
        reason: "Reorganization".to_owned(),
        risk: None,
        compensating_control: None,
        requester: "Sam Field".to_owned(),
        approver: "Kim Stone".to_owned(),
        ticket: Some("SEC-2".to_owned()),
        start: moment("2026-03-01"),
        expires: moment("2026-03-31"),
        review: None,
        many: false,
    }
}

fn renewal() -> Renewal {
    Renewal {
        start: moment("2026-03-20"),
        expires: moment("2026-05-31"),
        approver: "Lee Park".to_owned(),
        ticket: "SEC-7".to_owned(),
        review: None,
    }
}

#[test]
fn an_added_exception_looks_as_if_written_by_hand() {
    let added = add(FILE, "# Ours.\n", &plain(), &terms()).expect("added");
    let expected = r#"# Ours.

[[exception]]
id = "EX-9"
rule = "owner-missing"
scope = { names = ["web-*"] }
reason = "Reorganization"
requester = "Sam Field"
approver = "Kim Stone"
ticket = "SEC-2"
start = 2026-03-01
expires = 2026-03-31
"#;
    assert_eq!(added, expected);
    assert_eq!(add(FILE, "", &plain(), &terms()).expect("added"), expected.trim_start_matches("# Ours.\n\n"));
}

#[test]
fn a_renewal_changes_its_own_values_and_nothing_else() {
    let renewed = renew(FILE, BY_HAND, "EX-1", &renewal(), &terms()).expect("renewed");
    let expected = BY_HAND
        .replace("\"Kim Stone\"   # head of security\n", "\"Lee Park\"   # head of security\n\tticket = \"SEC-7\"\n")
        .replace("2026-01-01      # first day", "2026-03-20      # first day")
        .replace("2026-03-31      # until", "2026-05-31      # until");
    assert_eq!(renewed, expected);

    let with_review = Renewal { review: Some(moment("2026-04-30")), ..renewal() };
    let renewed = renew(FILE, BY_HAND, "EX-2", &with_review, &terms()).expect("renewed");
    let expected = BY_HAND
        .replace("\"2026-02-28T18:00:00+01:00\"", "2026-05-31")
        .replace("\"2026-02-01\"", "2026-03-20")
        .replace("\"SEC-1\"", "\"SEC-7\"")
        .replace("review = 2026-02-15", "review = 2026-04-30")
        .replace("'Kim \"K\" Stone'", "\"Lee Park\"");
    assert_eq!(renewed, expected);
}

#[test]
fn missing_lines_find_their_place_at_the_end_of_the_file_too() {
    let text = BY_HAND.replace("ticket = \"SEC-1\"\nreview = 2026-02-15\n", "");
    let with_review = Renewal { review: Some(moment("2026-04-30")), ..renewal() };
    let renewed = renew(FILE, &text, "EX-2", &with_review, &terms()).expect("renewed");
    assert!(renewed.ends_with("approver = \"Lee Park\"\nticket = \"SEC-7\"\nreview = 2026-04-30"), "{renewed}");
    let windows = text.replace('\n', "\r\n");
    let renewed = renew(FILE, &windows, "EX-1", &with_review, &terms()).expect("renewed");
    assert!(renewed.contains("security\r\n\tticket = \"SEC-7\"\r\n\treview = 2026-04-30\r\n\tstart"), "{renewed}");
}

#[test]
fn what_would_not_read_back_is_refused() {
    let refused = |result: Result<String, EditError>| result.expect_err("refused").to_string();
    let default = Terms::default();
    assert_eq!(
        refused(renew(FILE, BY_HAND, "EX-3", &renewal(), &terms())),
        "exceptions.toml has no exception \"EX-3\"; did you mean EX-2?"
    );
    assert_eq!(
        refused(renew(FILE, "# empty", "EX-3", &renewal(), &terms())),
        "exceptions.toml has no exception \"EX-3\""
    );
    let long = Renewal { expires: moment("2026-06-30"), ..renewal() };
    assert_eq!(
        refused(renew(FILE, BY_HAND, "EX-1", &long, &default)),
        "the result would not be a valid register: exceptions.toml:13: exception EX-1 lasts 103 days, from 2026-03-20 to \
         2026-06-30; the maximum is 90; the latest end is 2026-06-17"
    );
    let nobody = Renewal { approver: " ".to_owned(), ..renewal() };
    assert_eq!(
        refused(renew(FILE, BY_HAND, "EX-1", &nobody, &default)),
        "the result would not be a valid register: exceptions.toml:10: approver is empty"
    );
    assert_eq!(
        refused(add(FILE, BY_HAND, &Exception { id: "EX-2".to_owned(), ..plain() }, &default)),
        "the result would not be a valid register: exceptions.toml:36: exception EX-2 is already defined at exceptions.toml:26; \
         ids must be unique"
    );
    assert_eq!(
        refused(add(FILE, "", &Exception { scope: ExceptionScope::default(), ..plain() }, &default)),
        "the result would not be a valid register: exceptions.toml:4: exception EX-9 has an empty scope, which would cover \
         every load balancer; name what it covers by arn, accounts, ous, tags, names"
    );
    assert_eq!(
        refused(add(FILE, "[[exceptions]]\n", &plain(), &default)),
        "fix the errors of the register first: exceptions.toml:1: there is no key \"exceptions\"; did you mean exception?"
    );
}

/// Text that people, and people of ill will, put into a field.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z .,]{1,20}[a-z]",
        "\\PC{0,12}x",
        "[\\x00-\\x7f]{0,12}x",
        select(vec!["\"\"\"", "'''", "# no comment", "]]\n[[exception]]", "\\", "a\r\nb\tc", "=1+1", "\u{7f}", "🦀"])
            .prop_map(str::to_owned),
    ]
}

fn any_moment(days: std::ops::Range<i64>) -> impl Strategy<Value = Moment> {
    (days, 0i64..86_400, any::<bool>()).prop_map(|(day, second, whole)| {
        let instant = Timestamp::from_second(day * 86_400 + second).expect("within the calendar");
        if whole { moment(&instant.to_string()[..10]) } else { Moment::instant(instant) }
    })
}

fn any_scope() -> impl Strategy<Value = ExceptionScope> {
    let arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/web/50dc6c495c0c9188";
    let texts = || prop::collection::vec(any_text(), 0..3);
    let accounts = prop::collection::vec("[0-9]{12}", 0..3);
    let tags = prop::collection::btree_map(any_text(), any_text(), 0..3);
    (any::<bool>(), accounts, texts(), tags, texts()).prop_filter_map(
        "empty",
        move |(one, accounts, ous, tags, names)| {
            let scope = ExceptionScope {
                arn: if one { vec![Arn::new(arn).expect("an ARN")] } else { Vec::new() },
                accounts: accounts.iter().map(|id| AccountId::new(id).expect("an account")).collect(),
                ous: ous.iter().map(|unit| format!("/{unit}")).collect(),
                tags: tags.into_iter().map(|(key, value)| (key, Pattern::from(value))).collect::<BTreeMap<_, _>>(),
                names: names.into_iter().map(Pattern::from).collect(),
            };
            (!scope.is_empty()).then_some(scope)
        },
    )
}

fn any_exception() -> impl Strategy<Value = Exception> {
    let rules: Vec<_> = doorward_rules::all().iter().map(|rule| rule.meta().id.to_owned()).collect();
    let optional = || proptest::option::of(any_text());
    (
        ("[A-Za-z0-9][A-Za-z0-9._-]{0,20}", select(rules), any_scope(), any::<bool>()),
        (any_text(), optional(), optional(), any_text(), any_text(), optional()),
        (any_moment(18_000..19_000), any_moment(19_000..20_000), proptest::option::of(any_moment(18_500..19_000))),
    )
        .prop_map(|((id, rule, scope, many), texts, (start, expires, review))| {
            let (reason, risk, compensating_control, requester, approver, ticket) = texts;
            // Two persons, and a scope that may be everything is meant.
            let (requester, approver) = (format!("r{requester}"), format!("a{approver}"));
            let many = many || (scope.arn.is_empty() && scope.accounts.is_empty() && scope.tags.is_empty());
            Exception {
                id: format!("N-{id}"),
                rule,
                scope,
                reason,
                risk,
                compensating_control,
                requester,
                approver,
                ticket,
                start,
                expires,
                review,
                many,
            }
        })
}

/// Registers as people keep them: none, without a last line end, with the other line end, with a byte order mark.
fn any_file() -> impl Strategy<Value = String> {
    let windows = BY_HAND.replace('\n', "\r\n");
    let files = [
        String::new(),
        "\n".to_owned(),
        "# Only a comment".to_owned(),
        BY_HAND.to_owned(),
        format!("{BY_HAND}\n\n\n"),
        format!("{windows}\r\n"),
        windows,
        format!("\u{feff}{BY_HAND}"),
    ];
    select(files.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn add_keeps_every_byte_and_reads_back_what_it_was_given(text in any_file(), new in any_exception()) {
        let added = add(FILE, &text, &new, &terms()).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(added.starts_with(&text));
        let mut expected = exceptions(&text);
        expected.push(new);
        prop_assert_eq!(exceptions(&added), expected);
        // A file keeps to one line end.
        if text.contains("\r\n") {
            prop_assert!(!added.replace("\r\n", "").contains('\n'));
        }
    }

    #[test]
    fn renew_leaves_every_other_line_alone(
        text in any_file().prop_filter("something to renew", |text| text.contains("EX-1")),
        id in select(vec!["EX-1", "EX-2"]),
        start in any_moment(20_000..20_400), expires in any_moment(20_500..21_000),
        approver in any_text(), ticket in any_text(), review in proptest::option::of(any_moment(20_000..20_500)),
    ) {
        let renewal = Renewal { start, expires, approver, ticket, review };
        let renewed = renew(FILE, &text, id, &renewal, &terms()).map_err(|error| TestCaseError::fail(error.to_string()))?;

        let mut expected = exceptions(&text);
        for exception in expected.iter_mut().filter(|exception| exception.id == id) {
            exception.start = start;
            exception.expires = expires;
            exception.approver = renewal.approver.clone();
            exception.ticket = Some(renewal.ticket.clone());
            exception.review = review.or(exception.review);
        }
        prop_assert_eq!(exceptions(&renewed), expected);

        let mine = |line: &str| ["start", "expires", "approver", "ticket", "review"].iter().any(|key| line.trim().starts_with(key));
        let others = |text: &str| text.split_inclusive('\n').filter(|line| !mine(line)).map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(others(&renewed), others(&text));
        let comments = |text: &str| text.matches('#').count();
        prop_assert!(comments(&renewed) >= comments(&text));
        // And of those lines, only the ones of this exception.
        let half = |text: &str, second: bool| {
            let (first, last) = text.split_once("# ---- the lab ----").expect("two halves");
            if second { last.to_owned() } else { first.to_owned() }
        };
        prop_assert_eq!(half(&renewed, id == "EX-1"), half(&text, id == "EX-1"));
    }
}

#[test]
fn dates_that_are_written_lie_ahead() {
    let now = "2026-03-15T12:00:00Z".parse().expect("a time");
    let check = |start: &str, expires: &str, review: Option<&str>, is_kept: bool| {
        let term = (moment(start), moment(expires));
        check_dates("EX-1", term, (review.map(moment), is_kept), now).err().map(|error| error.to_string())
    };
    for (start, expires, review) in [
        ("2026-03-15", "2026-03-31", None),
        ("2026-03-01", "2026-03-15", None),
        ("2026-03-01", "2026-03-31", Some("2026-03-15")),
        ("2026-03-20", "2026-05-31", Some("2026-05-31")),
    ] {
        assert_eq!(check(start, expires, review, false), None, "{start} {expires} {review:?}");
    }
    for (start, expires, review, part) in [
        ("2026-03-20", "2026-03-19", None, "before it starts"),
        ("2026-01-01", "2026-03-14", None, "which is past"),
        ("2026-03-01", "2026-03-31", Some("2026-02-28"), "is before the term"),
        ("2026-03-20", "2026-03-31", Some("2026-03-16"), "is before the term"),
        ("2026-03-01", "2026-03-31", Some("2026-04-01"), "is after the term"),
        ("2026-03-01", "2026-03-31", Some("2026-03-14"), "is past"),
    ] {
        let refused = check(start, expires, review, false).expect(part);
        assert!(refused.contains(part) && refused.contains("EX-1"), "{refused}");
        if review.is_some() {
            let refused = check(start, expires, review, true).expect(part);
            assert!(refused.contains(part) && refused.contains("--review"), "{refused}");
        }
    }
}
