//! The end-to-end cases as data: the faults, and the verdicts and coverage that are accepted.

use anyhow::Result;

use super::expected::{LoadBalancer, SeededOrganization};

/// One run of the scanner.
#[derive(Clone, Copy)]
pub(super) struct Case {
    /// Its name on the command line.
    pub(super) name: &'static str,
    /// What the case tests.
    pub(super) what: &'static str,
    /// What is between the scanner and moto.
    pub(super) through: Through,
    /// The mode that the policy requires.
    pub(super) required: &'static str,
    /// The severity that decides the exit code.
    fail_on: &'static str,
    /// Whether the account whose answers lack the mode is scanned.
    pub(super) with_unset: bool,
    /// The maximum number of tries of one call.
    tries: u32,
    /// The verdicts that are accepted for a load balancer.
    pub(super) expect: fn(Asked<'_>) -> Expect,
    /// The accepted coverage of an account-Region, by account name and Region.
    pub(super) coverage: fn(&str, &str) -> &'static [&'static str],
    /// Whether at least one verdict has to be unknown and one of the same rule known.
    pub(super) mixed: bool,
    /// The exit code.
    pub(super) exit: i32,
}

/// What is between the scanner and moto.
#[derive(Clone, Copy)]
pub(super) enum Through {
    /// Nothing.
    Moto,
    /// microburst with these rules. `{name}` stands for an account's id.
    Faults(&'static str),
    /// moto with checks of signatures and of the shipped policies, two of which the seed restricts.
    Locked,
    /// The same, and the wrong secret.
    WrongSecret,
}

/// A rule asked of a load balancer.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) rule: &'a str,
    pub(super) lb: &'a LoadBalancer,
}

/// The accepted verdicts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expect {
    /// The verdict that follows from the seed.
    Seeded,
    /// Unknown, for one of these reasons.
    Unknown(&'static [&'static str]),
    /// Either.
    SeededOrUnknown(&'static [&'static str]),
    /// None: the load balancer is not listed.
    Unlisted,
}

impl Asked<'_> {
    /// Whether the answer rests on attributes.
    fn of_attributes(self) -> bool {
        self.of_http_kind()
            && match self.rule {
                "access-logs-disabled" => true,
                "invalid-headers-forwarded" => self.lb.kind == "application",
                rule => rule.starts_with("desync-") && self.lb.http,
            }
    }

    /// Whether the answer rests on tags.
    fn of_tags(self) -> bool {
        self.of_http_kind() && self.rule == "owner-missing"
    }

    fn of_http_kind(self) -> bool {
        matches!(self.lb.kind.as_str(), "application" | "classic")
    }
}

const COMPLETE: &[&str] = &["complete"];
const PARTIAL: &[&str] = &["partial"];
const FAILED: &[&str] = &["failed"];

/// legacy has no load balancer in eu-central-1, so a refusal there changes nothing.
fn empty(account: &str, region: &str) -> bool {
    (account, region) == ("legacy", "eu-central-1")
}

const CLEAN: Case = Case {
    name: "clean",
    what: "everything readable",
    through: Through::Moto,
    required: "defensive",
    fail_on: "medium",
    with_unset: false,
    tries: 12,
    expect: |_| Expect::Seeded,
    coverage: |_, _| COMPLETE,
    mixed: false,
    exit: 3,
};

/// All cases. microburst calls both generations of load balancers `elbv2`; their API version distinguishes them.
pub(super) const CASES: &[Case] = &[
    CLEAN,
    Case { name: "strictest", what: "a stricter policy", required: "strictest", ..CLEAN },
    Case { name: "content", what: "a policy that is met", required: "monitor", fail_on: "high", exit: 0, ..CLEAN },
    Case { name: "unset", what: "an answer that lacks the mode is unknown", with_unset: true, exit: 5, ..CLEAN },
    Case {
        name: "attributes-denied",
        what: "attributes refused in one Region",
        through: Through::Faults(
            r#"[{"service": "elbv2", "operation": "DescribeLoadBalancerAttributes", "region": "eu-west-1",
                 "error": {"code": "AccessDenied", "status": 403, "message": "not authorized"}}]"#,
        ),
        expect: |asked| match asked.lb.region.as_str() {
            "eu-west-1" if asked.of_attributes() => Expect::Unknown(&["access-denied"]),
            _ => Expect::Seeded,
        },
        coverage: |_, region| if region == "eu-west-1" { PARTIAL } else { COMPLETE },
        exit: 5,
        ..CLEAN
    },
    Case {
        name: "throttled-hard",
        what: "85 % of attribute calls throttled, three tries",
        through: Through::Faults(
            r#"[{"service": "elbv2", "operation": "DescribeLoadBalancerAttributes", "probability": 0.85,
                 "error": {"code": "Throttling", "status": 400, "message": "Rate exceeded"}}]"#,
        ),
        tries: 3,
        expect: |asked| if asked.of_attributes() { Expect::SeededOrUnknown(&["throttled"]) } else { Expect::Seeded },
        coverage: |account, region| if empty(account, region) { COMPLETE } else { &["complete", "partial"] },
        mixed: true,
        exit: 5,
        ..CLEAN
    },
    Case {
        name: "throttled-lightly",
        what: "30 % of all calls throttled, enough tries",
        through: Through::Faults(
            r#"[{"service": "*", "probability": 0.3, "error": {"code": "Throttling", "status": 400, "message": "Rate exceeded"}}]"#,
        ),
        tries: 25,
        ..CLEAN
    },
    Case {
        name: "server-errors",
        what: "40 % of load balancer calls end in a server error, enough tries",
        through: Through::Faults(
            r#"[{"service": "elbv2", "probability": 0.4, "error": {"code": "InternalFailure", "status": 500, "message": "oops"}}]"#,
        ),
        tries: 25,
        ..CLEAN
    },
    Case {
        name: "tags-denied",
        what: "tags refused everywhere",
        through: Through::Faults(
            r#"[{"service": "elbv2", "operation": "DescribeTags",
                 "error": {"code": "AccessDenied", "status": 403, "message": "not authorized"}}]"#,
        ),
        expect: |asked| if asked.of_tags() { Expect::Unknown(&["access-denied"]) } else { Expect::Seeded },
        coverage: |account, region| if empty(account, region) { COMPLETE } else { PARTIAL },
        exit: 5,
        ..CLEAN
    },
    Case {
        name: "role-refused",
        what: "one account's role cannot be assumed",
        through: Through::Faults(
            r#"[{"service": "sts", "operation": "AssumeRole", "body": "contains(RoleArn, '{payments}')",
                 "error": {"code": "AccessDenied", "status": 403, "message": "not authorized"}}]"#,
        ),
        expect: |asked| if asked.lb.account_name == "payments" { Expect::Unlisted } else { Expect::Seeded },
        coverage: |account, _| if account == "payments" { FAILED } else { COMPLETE },
        exit: 5,
        ..CLEAN
    },
    Case {
        name: "lists-denied",
        what: "both lists refused in one Region",
        through: Through::Faults(
            r#"[{"service": "elbv2", "operation": "DescribeLoadBalancers", "region": "eu-central-1",
                 "error": {"code": "AccessDenied", "status": 403, "message": "not authorized"}}]"#,
        ),
        expect: |asked| if asked.lb.region == "eu-central-1" { Expect::Unlisted } else { Expect::Seeded },
        coverage: |_, region| if region == "eu-central-1" { FAILED } else { COMPLETE },
        exit: 5,
        ..CLEAN
    },
    Case {
        name: "classic-list-denied",
        what: "the classic list refused, the other one not",
        through: Through::Faults(
            r#"[{"service": "elbv2", "operation": "DescribeLoadBalancers", "body": "Version == '2012-06-01'",
                 "error": {"code": "AccessDenied", "status": 403, "message": "not authorized"}}]"#,
        ),
        expect: |asked| if asked.lb.kind == "classic" { Expect::Unlisted } else { Expect::Seeded },
        coverage: |_, _| PARTIAL,
        exit: 5,
        ..CLEAN
    },
    Case {
        name: "cut-short",
        what: "attribute answers end in the middle",
        through: Through::Faults(
            r#"[{"service": "elbv2", "operation": "DescribeLoadBalancerAttributes", "region": "us-east-1",
                 "response": {"truncate_frac": 0.6}}]"#,
        ),
        tries: 2,
        expect: |asked| match asked.lb.region.as_str() {
            "us-east-1" if asked.of_attributes() => Expect::Unknown(&["malformed", "unreachable"]),
            _ => Expect::Seeded,
        },
        coverage: |_, region| if region == "us-east-1" { PARTIAL } else { COMPLETE },
        exit: 5,
        ..CLEAN
    },
    Case {
        name: "connection-reset",
        what: "connections break on attribute calls",
        through: Through::Faults(
            r#"[{"service": "elbv2", "operation": "DescribeLoadBalancerAttributes", "region": "us-east-1", "reset": true}]"#,
        ),
        tries: 2,
        expect: |asked| match asked.lb.region.as_str() {
            "us-east-1" if asked.of_attributes() => Expect::Unknown(&["unreachable", "malformed"]),
            _ => Expect::Seeded,
        },
        coverage: |_, region| if region == "us-east-1" { PARTIAL } else { COMPLETE },
        exit: 5,
        ..CLEAN
    },
    Case {
        name: "accounts-denied",
        what: "the organization cannot be listed",
        through: Through::Faults(
            r#"[{"service": "organizations", "operation": "ListAccounts",
                 "error": {"code": "AccessDeniedException", "status": 400, "message": "not authorized"}}]"#,
        ),
        exit: 6,
        ..CLEAN
    },
    Case {
        name: "policies",
        what: "the shipped policies suffice, one without attributes, one role refused",
        through: Through::Locked,
        expect: |asked| match asked.lb.account_name.as_str() {
            "payments" => Expect::Unlisted,
            "legacy" if asked.of_attributes() => Expect::Unknown(&["access-denied"]),
            _ => Expect::Seeded,
        },
        coverage: |account, region| match account {
            "payments" => FAILED,
            "legacy" if !empty(account, region) => PARTIAL,
            _ => COMPLETE,
        },
        exit: 5,
        ..CLEAN
    },
    Case { name: "wrong-secret", what: "the signature is refused", through: Through::WrongSecret, exit: 6, ..CLEAN },
];

impl Case {
    /// The settings of the run.
    pub(super) fn settings(&self, seeded: &SeededOrganization) -> Result<String> {
        let Self { required, fail_on, tries, .. } = self;
        let regions = seeded.regions.join("\", \"");
        let excluded = if self.with_unset { String::new() } else { format!("\"{}\"", seeded.account("unset")?) };
        let home = seeded.regions.first().map_or("", String::as_str);
        Ok(format!(
            r#"[access]
home_region = "{home}"

[scope]
exclude_accounts = [{excluded}]

[regions]
# moto has no account:ListRegions.
include = ["{regions}"]
fallback = ["{regions}"]

[calls]
# An emulator has no owner whose share of the limits needs protection.
share_of_limits = 20.0
concurrency = 16
tries = {tries}
longest_pause = "200ms"
call_deadline = "60s"

[owner]
tags = ["Owner"]

[policy]
required_mode = "{required}"

[report]
fail_on = "{fail_on}"
minimum_coverage = 100.0
"#
        ))
    }
}
