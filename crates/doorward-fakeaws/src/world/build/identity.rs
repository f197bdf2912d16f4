//! Builds the identity side of a world: roles, their policies, service control policies and callers.

use std::sync::Arc;

use super::super::organization::{Organization, Role, Trust};
use super::super::spec::{CallerSpec, Grant, PolicySpec, RoleSpec, StatementSpec};
use super::super::{Caller, World, WorldError};
use super::{at, covers};
use crate::digest::{BASE32, digest, spell};
use crate::iam::decision::OrganizationPolicy;
use crate::iam::pattern::Pattern;
use crate::iam::policy::{Condition, Policy, Set, Statement, TrustPolicy};
use crate::iam::session::Principal;

pub(super) fn delegate(world: &mut World, id: &str) -> Result<(), String> {
    let index = world.find_account(id)?;
    if let Some(account) = usize::try_from(index).ok().and_then(|index| world.accounts.get_mut(index)) {
        account.delegated_admin = true;
    }
    Ok(())
}

pub(super) fn role(spec: &RoleSpec) -> Result<Arc<Role>, String> {
    if spec.name.is_empty() {
        return Err("a role needs a name".to_owned());
    }
    let trusts = spec
        .trusts
        .iter()
        .map(|trust| {
            if trust.len() == 12 && trust.bytes().all(|byte| byte.is_ascii_digit()) {
                Trust::Account(trust.clone())
            } else {
                Trust::Arn(Pattern::exact_case(trust))
            }
        })
        .collect();
    if spec.trust_policy.is_some() && (!spec.trusts.is_empty() || spec.external_id.is_some()) {
        return Err("trust_policy excludes trusts and external_id".to_owned());
    }
    Ok(Arc::new(Role {
        trusts,
        trust_policy: spec.trust_policy.as_deref().map(TrustPolicy::parse).transpose()?,
        external_id: spec.external_id.clone(),
        source_identity: spec.source_identity.unwrap_or(true),
        max_session: spec.max_session.unwrap_or(43_200),
        policy: Arc::new(identity_policy(spec.policy.as_deref(), &spec.allow, &spec.deny)?),
    }))
}

fn identity_policy(document: Option<&str>, allow: &[Grant], deny: &[StatementSpec]) -> Result<Policy, String> {
    if let Some(document) = document {
        if !allow.is_empty() || !deny.is_empty() {
            return Err("policy excludes allow and deny".to_owned());
        }
        return Policy::parse(document);
    }
    let mut statements = Vec::new();
    for grant in allow {
        statements.push(match grant {
            Grant::Action(action) => {
                let spec = StatementSpec { actions: vec![action.clone()], ..StatementSpec::default() };
                statement(&spec, false)?
            }
            Grant::Statement(spec) => statement(spec, false)?,
        });
    }
    for spec in deny {
        statements.push(statement(spec, true)?);
    }
    Ok(Policy { statements })
}

fn statement(spec: &StatementSpec, deny: bool) -> Result<Statement, String> {
    let actions = match (spec.actions.is_empty(), spec.except_actions.is_empty()) {
        (false, true) => Set::actions(&spec.actions, false),
        (true, false) => Set::actions(&spec.except_actions, true),
        _ => return Err("a statement needs either actions or except_actions".to_owned()),
    };
    let resources = if spec.resources.is_empty() { Set::everything() } else { Set::resources(&spec.resources, false) };
    let mut conditions = Vec::new();
    if !spec.regions.is_empty() {
        conditions.push(Condition::region(&spec.regions, false));
    }
    if !spec.not_regions.is_empty() {
        conditions.push(Condition::region(&spec.not_regions, true));
    }
    Ok(Statement { deny, actions, resources, conditions })
}

pub(super) fn attach_policies(world: &mut World, policies: &[PolicySpec]) -> Result<(), WorldError> {
    let management = world.organization.management;
    let management_id = world.account(management).map(|account| account.id.clone()).unwrap_or_default();
    let Organization { partition, id, .. } = &world.organization;
    let prefix = format!("arn:{partition}:organizations::{management_id}:policy/{id}/service_control_policy/");
    for (number, spec) in policies.iter().enumerate() {
        let policy = match &spec.policy {
            Some(document) => Policy::parse(document),
            None => statement(
                &StatementSpec {
                    actions: spec.deny.clone(),
                    except_actions: spec.except_actions.clone(),
                    resources: spec.resources.clone(),
                    regions: spec.regions.clone(),
                    not_regions: spec.not_regions.clone(),
                },
                true,
            )
            .map(|statement| Policy { statements: vec![statement] }),
        };
        let policy = policy.map_err(at("scp", number))?;
        let attached = Arc::new(OrganizationPolicy { arn: format!("{prefix}{}", spec.id).into(), policy });
        for target in &spec.targets {
            let known =
                world.by_id.contains_key(target) || world.organization.units.iter().any(|unit| unit.path == *target);
            if !known {
                return Err(at("scp", number)(format!("target {target:?} is neither an OU path nor an account")));
            }
        }
        for (index, account) in world.accounts.iter_mut().enumerate() {
            let path = world.organization.units.get(account.unit).map_or("/", |unit| unit.path.as_str());
            let bound = spec.targets.iter().any(|target| covers(target, &account.id, path));
            if bound && u32::try_from(index) != Ok(management) {
                account.policies.push(Arc::clone(&attached));
            }
        }
    }
    Ok(())
}

pub(super) fn caller(world: &mut World, spec: &CallerSpec) -> Result<(), String> {
    let account = world.find_account(&spec.account)?;
    if !spec.arn.contains(&format!("::{}:", spec.account)) {
        return Err(format!("arn {} is not in account {}", spec.arn, spec.account));
    }
    let assumed = spec.arn.contains(":assumed-role/");
    let id = spell(digest(&[&spec.arn]), BASE32, 17);
    let user_id = match spec.arn.rsplit_once('/') {
        Some((_, session)) if assumed => format!("AROA{id}:{session}"),
        _ => format!("AIDA{id}"),
    };
    let principal = Principal {
        account,
        arn: spec.arn.clone(),
        user_id,
        access_key: spec.access_key.clone(),
        token: None,
        expires: None,
        identity: Arc::new(identity_policy(spec.policy.as_deref(), &spec.allow, &spec.deny)?),
        session: None,
        assumed,
        source_identity: None,
    };
    if spec.delegated_admin {
        delegate(world, &spec.account)?;
    }
    world.caller_keys.push(Caller {
        access_key: spec.access_key.clone(),
        secret: spec.secret.clone(),
        account: spec.account.clone(),
        arn: spec.arn.clone(),
    });
    match world.callers.insert(spec.access_key.clone(), Arc::new(principal)) {
        Some(_) => Err(format!("access key {} is listed twice", spec.access_key)),
        None => Ok(()),
    }
}
