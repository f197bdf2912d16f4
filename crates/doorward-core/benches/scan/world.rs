//! The organization that is scanned, and the fewest calls with which all of it can be seen.
//!
//! Most account-Regions are empty, as in life: an account has three quarters of its load balancers in one Region, most
//! of the rest in a second and a few in a third.

use std::collections::BTreeMap;

use doorward_core::actions;
use doorward_fakeaws::spec::{
    AccountSpec, CallerSpec, Grant, LoadBalancerSpec, OrganizationSpec, RoleSpec, UnitSpec, WorldSpec,
};

/// The Regions that every account has without opting in.
pub(crate) const REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Where everybody starts.
pub(crate) const HOME: &str = "eu-west-1";
/// The role in every account.
pub(crate) const ROLE: &str = "doorward-scan";
/// The base identity's access key id and secret.
pub(crate) const KEY: (&str, &str) = ("AKIABENCH00000000001", "bench");

/// Units directly below the root, and units below each of these: 50 in all.
const UNITS: (usize, usize) = (5, 9);
/// Accounts or units on a page of AWS Organizations.
const ORGANIZATION_PAGE: usize = 20;
/// Load balancers on a page.
const PAGE: usize = 400;
/// Load balancers in one question for tags.
const TAG_BATCH: usize = 20;

/// How large the organization is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) accounts: usize,
    pub(crate) load_balancers: usize,
    /// Percentage of application load balancers whose attributes say that nothing is logged.
    pub(crate) silent: usize,
}

/// The id of the account with this number; number 0 is the management account.
pub(crate) fn account_id(number: usize) -> String {
    format!("{:012}", 100_000_000_001 + number)
}

/// The ARN of the role in an account.
pub(crate) fn role_arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/{ROLE}")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Application,
    Network,
    Classic,
}

/// A load balancer to be: everything about it follows from its number.
struct Planned {
    number: usize,
    account: usize,
    region: usize,
    kind: Kind,
    silent: bool,
}

fn plan(size: Size) -> impl Iterator<Item = Planned> {
    (0..size.load_balancers).map(move |number| {
        let (account, place) = (number % size.accounts, number / size.accounts);
        let step = match place % 20 {
            16 => 11,
            place if place % 4 == 3 => 5,
            _ => 0,
        };
        // No factor in common with 100, so that every hundred neighbours get every percentage once; and the place moves
        // it along, so that an account does not have only one kind.
        let percentile =
            |number_factor: usize, place_factor: usize| (number * number_factor + place * place_factor) % 100;
        let kind = match percentile(61, 17) {
            0..5 => Kind::Classic,
            5..7 => Kind::Network,
            _ => Kind::Application,
        };
        let silent = kind == Kind::Application && percentile(37, 53) < size.silent;
        Planned { number, account, region: (account + step) % REGIONS.len(), kind, silent }
    })
}

/// The description of the organization, for the emulator to build.
pub(crate) fn spec(size: Size) -> WorldSpec {
    let management = account_id(0);
    let mut units = Vec::new();
    for outer in 0..UNITS.0 {
        units.push(format!("/Division{outer}"));
        units.extend((0..UNITS.1).map(|inner| format!("/Division{outer}/Team{inner}")));
    }
    let accounts = (0..size.accounts).map(|number| AccountSpec {
        id: account_id(number),
        name: format!("account-{number}"),
        ou: units.get(number % units.len()).cloned(),
        ..AccountSpec::default()
    });
    let grants = actions::scan_role_actions().into_iter().map(|action| Grant::Action(action.to_owned()));
    WorldSpec {
        organization: OrganizationSpec {
            id: "o-bench00000".to_owned(),
            management: management.clone(),
            home_region: HOME.to_owned(),
            regions: REGIONS.map(str::to_owned).to_vec(),
            ..OrganizationSpec::default()
        },
        callers: vec![CallerSpec {
            access_key: KEY.0.to_owned(),
            secret: KEY.1.to_owned(),
            account: management.clone(),
            arn: format!("arn:aws:iam::{management}:user/bench"),
            allow: vec![Grant::Action("*".to_owned())],
            ..CallerSpec::default()
        }],
        accounts: accounts.collect(),
        roles: vec![RoleSpec {
            name: ROLE.to_owned(),
            accounts: vec!["*".to_owned()],
            trusts: vec![management],
            allow: grants.collect(),
            ..RoleSpec::default()
        }],
        load_balancers: plan(size).map(|planned| load_balancer(&planned)).collect(),
        units: units.into_iter().map(|path| UnitSpec { path }).collect(),
        ..WorldSpec::default()
    }
}

fn load_balancer(planned: &Planned) -> LoadBalancerSpec {
    let Planned { number, account, region, kind, silent } = *planned;
    let region = REGIONS.get(region).copied().unwrap_or(HOME);
    let pair = |key: &str, value: String| (key.to_owned(), value);
    let tags = [
        pair("owner", format!("team-{}", account % 45)),
        pair("environment", if number.is_multiple_of(3) { "staging" } else { "production" }.to_owned()),
        pair("application", format!("service-{}", number % 400)),
        pair("cost-center", format!("{}", 4000 + account % 90)),
        pair("terraform-workspace", format!("network-{}", account % 12)),
    ];
    let logging = [
        pair("access_logs.s3.enabled", "true".to_owned()),
        pair("access_logs.s3.bucket", format!("access-logs-{region}")),
        pair("access_logs.s3.prefix", account_id(account)),
    ];
    LoadBalancerSpec {
        account: account_id(account),
        region: region.to_owned(),
        name: format!("service-{number}"),
        kind: Some(
            match kind {
                Kind::Application => "application",
                Kind::Network => "network",
                Kind::Classic => "classic",
            }
            .to_owned(),
        ),
        mode: (kind != Kind::Network && number.is_multiple_of(19)).then(|| "monitor".to_owned()),
        attributes: if kind == Kind::Application && !silent { logging.into() } else { BTreeMap::new() },
        tags: tags.into(),
        ..LoadBalancerSpec::default()
    }
}

/// The fewest calls that see everything, by `service:Action` as the emulator names them.
///
/// Computed from the plan alone: neither the scanner nor the emulator has a say.
pub(crate) fn minimum(size: Size) -> BTreeMap<&'static str, usize> {
    let mut cells: BTreeMap<(usize, usize), Cell> = BTreeMap::new();
    for planned in plan(size) {
        let cell = cells.entry((planned.account, planned.region)).or_default();
        match planned.kind {
            Kind::Application => cell.application += 1,
            Kind::Network => cell.network += 1,
            Kind::Classic => cell.classic += 1,
        }
        cell.silent |= planned.silent;
    }
    // An empty account-Region is one empty page.
    let empty = size.accounts * REGIONS.len() - cells.len();
    let sum = |count: fn(&Cell) -> usize| cells.values().map(count).sum::<usize>();
    let units_and_root = 1 + UNITS.0 + UNITS.0 * UNITS.1;
    BTreeMap::from([
        ("sts:GetCallerIdentity", 1),
        ("sts:AssumeRole", size.accounts - 1),
        ("organizations:DescribeOrganization", 1),
        ("organizations:ListAccounts", size.accounts.div_ceil(ORGANIZATION_PAGE)),
        ("organizations:ListRoots", 1),
        ("organizations:ListOrganizationalUnitsForParent", units_and_root),
        ("account:ListRegions", size.accounts),
        ("elbv2:DescribeLoadBalancers", empty + sum(|c| (c.application + c.network).div_ceil(PAGE).max(1))),
        ("elb:DescribeLoadBalancers", empty + sum(|c| c.classic.div_ceil(PAGE).max(1))),
        ("elbv2:DescribeLoadBalancerAttributes", sum(|c| c.application)),
        ("elb:DescribeLoadBalancerAttributes", sum(|c| c.classic)),
        ("elbv2:DescribeTags", sum(|c| c.application.div_ceil(TAG_BATCH))),
        ("elb:DescribeTags", sum(|c| c.classic.div_ceil(TAG_BATCH))),
        // A load balancer has one target group, and only where there is an application load balancer are they read.
        ("elbv2:DescribeTargetGroups", cells.values().filter(|c| c.application > 0).map(Cell::group_pages).sum()),
        ("logs:DescribeDeliverySources", sum(|c| usize::from(c.silent))),
    ])
}

/// The load balancers of one account-Region.
#[derive(Default)]
struct Cell {
    application: usize,
    network: usize,
    classic: usize,
    silent: bool,
}

impl Cell {
    fn group_pages(&self) -> usize {
        (self.application + self.network).div_ceil(PAGE)
    }
}
