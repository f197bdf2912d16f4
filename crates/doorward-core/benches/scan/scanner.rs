//! The scanner itself, as the `doorward` binary runs it, up to the verdicts.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use doorward_aws::Stop;
use doorward_aws::access::{Access, AccessSettings, Emulator};
use doorward_aws::settings::{CallSettings, Span};
use doorward_core::collect::CollectSettings;
use doorward_core::discover::{DiscoverSettings, RegionSettings, ScopeSettings};
use doorward_core::normalize::{ManagerSettings, NormalizeSettings, OwnerSettings};
use doorward_core::{collect, discover, evaluate, normalize};
use doorward_model::{Inventory, Mode, Policy, Run};
use futures::StreamExt;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::measure::Usage;
use crate::world::{HOME, KEY, ROLE};
use crate::{IN_FLIGHT, Outcome, Place};

/// Scans, keeps everything, judges; says what was used when the last call was answered, and at the end.
pub(crate) async fn run(place: &Place) -> Outcome<Value> {
    let begun = Instant::now();
    let emulator = Emulator {
        endpoint_url: place.url.clone(),
        access_key: (KEY.0.to_owned(), KEY.1.to_owned()),
        region: HOME.to_owned(),
    };
    let (_stopper, stop) = Stop::new();
    let access = Access::connect(access()?, calls(), Arc::new(Timestamp::now), Some(&emulator), &stop).await?;
    let plan = discover(&access, &everywhere(), &[], &stop, &|_, _| {}).await?;
    let mut cells = plan.settled;
    let settings =
        CollectSettings { alb_listeners: false, vended_logs: true, target_groups: true, reachability: false };
    let mut collected = pin!(collect(&access, settings, plan.targets, &stop));
    while let Some(cell) = collected.next().await {
        cells.push(cell);
    }
    let (calling, requests) = (Usage::so_far()?.as_json(begun.elapsed()), access.requests());

    let run = Run {
        id: "bench".into(),
        tool_version: "bench".into(),
        started: Timestamp::UNIX_EPOCH,
        finished: Timestamp::UNIX_EPOCH,
        caller: access.identity().clone(),
        account: access.account().clone(),
        partition: access.partition().to_owned(),
        home_region: access.home_region().clone(),
        clock_offset: None,
        unmatched: Vec::new(),
        interrupted: false,
        only: None,
    };
    let (organization, accounts, accounts_listing) = (plan.organization, plan.accounts, plan.accounts_listing);
    let inventory = Inventory { run, organization, accounts, accounts_listing, cells };
    let policy = Policy { required_mode: Mode::Defensive, rules: vec![], disabled: vec![], ..Policy::default() };
    let scan = normalize(inventory, &reading());
    let rules = doorward_rules::asked(&scan.load_balancers, false);
    let report = evaluate(scan, &rules, &policy);
    let counts = report.coverage.counts;
    if report.accounts.len() != place.accounts || counts.complete != counts.all {
        return Err(format!("{} accounts, {counts:?}: the scan did not see everything", report.accounts.len()).into());
    }
    Ok(json!({
        "used": Usage::so_far()?.as_json(begun.elapsed()),
        "calling": calling,
        "requests": requests,
        "seen": report.load_balancers.len(),
        "findings": report.findings.len(),
    }))
}

fn access() -> Outcome<AccessSettings> {
    Ok(AccessSettings {
        role_name: ROLE.to_owned().try_into()?,
        external_id: None,
        session_name: "doorward".into(),
        source_identity: None,
        session_duration: Span(Duration::from_secs(3600)),
        home_region: None,
        profile: None,
        assume_in_own_account: false,
        overrides: vec![],
        origins: doorward_aws::access::SettingOrigins::default(),
    })
}

/// The settings of `config/default.toml` without rate limits: the emulator has no quotas to protect.
fn calls() -> CallSettings {
    CallSettings {
        concurrency: IN_FLIGHT,
        share_of_limits: 1_000_000.0,
        connect_timeout: Span(Duration::from_secs(3)),
        read_timeout: Span(Duration::from_secs(15)),
        attempt_timeout: Span(Duration::from_secs(20)),
        call_deadline: Span(Duration::from_secs(120)),
        tries: 12,
        longest_pause: Span(Duration::from_secs(10)),
    }
}

fn everywhere() -> DiscoverSettings {
    DiscoverSettings {
        scope: ScopeSettings {
            single_account: false,
            include_accounts: vec![],
            exclude_accounts: vec![],
            include_ous: vec![],
            exclude_ous: vec![],
            include_tags: vec![],
            exclude_tags: vec![],
        },
        regions: RegionSettings { include: vec![], exclude: vec![], fallback: vec![] },
        account_tags_wanted: false,
    }
}

fn reading() -> NormalizeSettings {
    NormalizeSettings {
        owner: OwnerSettings {
            tags: vec!["owner".into()],
            account_tags: vec![],
            ous: BTreeMap::new(),
            aliases: BTreeMap::new(),
        },
        manager: ManagerSettings { terraform_tags: BTreeMap::new(), ecs_tags: vec![] },
        environment_tags: vec!["environment".into()],
        application_tags: vec!["application".into()],
    }
}
