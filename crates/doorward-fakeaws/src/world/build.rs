//! Builds a world from its description: derives ids, resolves names and refuses contradictions.

mod additions;
mod identity;
mod load_balancers;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, RwLock};

use jiff::Timestamp;

use identity::{attach_policies, caller, delegate, role};
use load_balancers::add_load_balancer;

use super::organization::{Account, Organization, Region, RegionState, Role, Trust, Unit};
use super::spec::{AccountSpec, AthenaSpec, LoadBalancerSpec, MetricSpec, OrganizationSpec, UnitSpec, WorldSpec};
use super::{Cell, World, WorldError};
use crate::digest::{BASE36, digest, spell};
use crate::iam::policy::Policy;

/// The default of joining and creation dates.
const LONG_AGO: &str = "2021-03-04T05:06:07Z";

impl World {
    /// Builds a world from a description made in code.
    ///
    /// # Errors
    /// [`WorldError`] without a line when the description contradicts itself.
    pub fn build(spec: WorldSpec) -> Result<Self, WorldError> {
        build(spec)
    }

    /// Adds load balancers to a world that may already be served.
    ///
    /// # Errors
    /// [`WorldError`] when the account, Region or type does not exist or the name is taken.
    pub fn add_load_balancer(&self, spec: &LoadBalancerSpec) -> Result<(), WorldError> {
        add_load_balancer(self, spec).map_err(|message| WorldError {
            line: None,
            section: "load_balancer".to_owned(),
            message,
        })
    }

    /// Adds points to a metric of a world that may already be served.
    ///
    /// # Errors
    /// [`WorldError`] when the account, Region or load balancer does not exist.
    pub fn add_metric(&self, spec: &MetricSpec) -> Result<(), WorldError> {
        additions::metric(self, spec).map_err(|message| WorldError {
            line: None,
            section: "metric".to_owned(),
            message,
        })
    }

    /// Prepares an answer of Athena, after those that are there.
    ///
    /// # Errors
    /// [`WorldError`] when the account or Region does not exist, or a row is not as long as the columns.
    pub fn add_athena(&self, spec: &AthenaSpec) -> Result<(), WorldError> {
        additions::athena(self, spec).map_err(|message| WorldError {
            line: None,
            section: "athena".to_owned(),
            message,
        })
    }
}

fn build(spec: WorldSpec) -> Result<World, WorldError> {
    let organization = organization(&spec.organization, &spec.units)?;
    let mut world = World {
        organization,
        accounts: Vec::with_capacity(spec.accounts.len()),
        by_id: HashMap::with_capacity(spec.accounts.len()),
        callers: HashMap::new(),
        caller_keys: Vec::new(),
        cells: Vec::new(),
        buckets: BTreeMap::new(),
        faults: Vec::new(),
        metrics_as_of: std::sync::OnceLock::new(),
    };
    let shared = each("role", &spec.roles, role)?;
    let full_access = Arc::new(Role {
        trusts: vec![Trust::Account(spec.organization.management.clone())],
        trust_policy: None,
        external_id: None,
        source_identity: true,
        max_session: 43_200,
        policy: Arc::new(Policy::allowing(&["*"])),
    });
    for (number, entry) in spec.accounts.iter().enumerate() {
        let account = account(&world, &spec, entry, &shared, &full_access).map_err(at("account", number))?;
        let index = u32::try_from(number).map_err(|_| at("account", number)("too many accounts".to_owned()))?;
        if world.by_id.insert(account.id.clone(), index).is_some() {
            return Err(at("account", number)(format!("account {} is listed twice", account.id)));
        }
        world.accounts.push(account);
    }
    world.organization.management = *world
        .by_id
        .get(&spec.organization.management)
        .ok_or_else(|| organization_error("the management account is not among the accounts"))?;
    for id in &spec.organization.delegated_admins {
        delegate(&mut world, id).map_err(|message| organization_error(&message))?;
    }
    attach_policies(&mut world, &spec.policies)?;
    for (number, entry) in spec.callers.iter().enumerate() {
        caller(&mut world, entry).map_err(at("caller", number))?;
    }
    let cells = world.accounts.len() * world.organization.regions.len();
    world.cells = std::iter::repeat_with(|| RwLock::new(Cell::default())).take(cells.max(1)).collect();
    for (number, entry) in spec.accounts.iter().enumerate() {
        without_security_hub(&world, entry).map_err(at("account", number))?;
    }
    for (number, entry) in spec.load_balancers.iter().enumerate() {
        add_load_balancer(&world, entry).map_err(at("load_balancer", number))?;
    }
    for (number, entry) in spec.buckets.iter().enumerate() {
        let bucket = additions::bucket(&world, entry).map_err(at("bucket", number))?;
        if world.buckets.insert(entry.name.clone(), RwLock::new(bucket)).is_some() {
            return Err(at("bucket", number)(format!("bucket {} is declared twice", entry.name)));
        }
    }
    for (number, entry) in spec.metrics.iter().enumerate() {
        additions::metric(&world, entry).map_err(at("metric", number))?;
    }
    for (number, entry) in spec.athena.iter().enumerate() {
        additions::athena(&world, entry).map_err(at("athena", number))?;
    }
    world.faults = each("fault", &spec.faults, crate::faults::FaultSpec::to_fault)?;
    Ok(world)
}

/// Runs `make` over the entries of a section; an error names the entry.
fn each<S, T>(
    section: &'static str,
    entries: &[S],
    make: impl Fn(&S) -> Result<T, String>,
) -> Result<Vec<T>, WorldError> {
    entries.iter().enumerate().map(|(number, entry)| make(entry).map_err(at(section, number))).collect()
}

fn at(section: &'static str, number: usize) -> impl FnOnce(String) -> WorldError {
    move |message| WorldError { line: None, section: format!("{section} {}", number + 1), message }
}

fn organization_error(message: &str) -> WorldError {
    WorldError { line: None, section: "organization".to_owned(), message: message.to_owned() }
}

fn organization(spec: &OrganizationSpec, units: &[UnitSpec]) -> Result<Organization, WorldError> {
    let suffix = spec.id.strip_prefix("o-").unwrap_or_default();
    let well_formed = (10..=32).contains(&suffix.len())
        && suffix.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !well_formed {
        return Err(organization_error("id must be o- and 10 to 32 lower-case letters or digits"));
    }
    if !spec.regions.contains(&spec.home_region) {
        return Err(organization_error("home_region is not among regions"));
    }
    if let Some(stray) = spec.opt_in.iter().find(|region| !spec.regions.contains(region)) {
        return Err(organization_error(&format!("opt_in names {stray}, which is not among regions")));
    }
    if spec.regions.iter().collect::<HashSet<_>>().len() != spec.regions.len() || spec.regions.len() > 512 {
        return Err(organization_error("regions must be distinct, and at most 512"));
    }
    let root = format!("r-{}", spell(digest(&[&spec.id, "/"]), BASE36, 4));
    let mut organization = Organization {
        id: spec.id.clone(),
        partition: spec.partition.clone(),
        management: 0,
        home_region: spec.home_region.clone(),
        regions: spec
            .regions
            .iter()
            .map(|name| Region { name: name.clone(), opt_in: spec.opt_in.contains(name) })
            .collect(),
        units: vec![Unit {
            id_path: format!("{}/{root}/", spec.id),
            id: root,
            name: "Root".to_owned(),
            path: "/".to_owned(),
            parent: None,
        }],
        empty_pages: spec.empty_pages,
        page_size: spec.page_size,
        quotas: spec.quotas,
        legacy_status: spec.legacy_status,
        paths: spec.paths,
        session_seconds: spec.session_seconds,
        announce_expiry: spec.announce_expiry,
    };
    for (number, unit) in units.iter().enumerate() {
        add_unit(&mut organization, &unit.path).map_err(at("ou", number))?;
    }
    Ok(organization)
}

fn add_unit(organization: &mut Organization, path: &str) -> Result<(), String> {
    let names: Vec<&str> = path.strip_prefix('/').unwrap_or_default().split('/').collect();
    if names.iter().any(|name| name.is_empty()) || names.len() > 5 {
        return Err(format!("path {path:?} must be /Name/Name, at most five deep"));
    }
    let mut parent = 0;
    let mut walked = String::new();
    for name in names {
        walked.push('/');
        walked.push_str(name);
        if let Some(known) = organization.units.iter().position(|unit| unit.path == walked) {
            parent = known;
            continue;
        }
        let root = organization.units.first().map_or("", |unit| unit.id.trim_start_matches("r-"));
        let id = format!("ou-{root}-{}", spell(digest(&[&organization.id, &walked]), BASE36, 8));
        let above = organization.units.get(parent).map_or("", |unit| unit.id_path.as_str());
        organization.units.push(Unit {
            id_path: format!("{above}{id}/"),
            id,
            name: name.to_owned(),
            path: walked.clone(),
            parent: Some(parent),
        });
        parent = organization.units.len() - 1;
    }
    Ok(())
}

fn account(
    world: &World,
    spec: &WorldSpec,
    entry: &AccountSpec,
    shared: &[Arc<Role>],
    full_access: &Arc<Role>,
) -> Result<Account, String> {
    if entry.id.len() != 12 || !entry.id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("account id {:?} is not twelve digits", entry.id));
    }
    let path = entry.ou.as_deref().unwrap_or("/");
    let units = &world.organization.units;
    let unit = units.iter().position(|unit| unit.path == path).ok_or_else(|| format!("there is no OU {path:?}"))?;
    let state = entry.state.clone().unwrap_or_else(|| "ACTIVE".to_owned());
    if !["ACTIVE", "SUSPENDED", "PENDING_CLOSURE", "PENDING_ACTIVATION", "CLOSED"].contains(&state.as_str()) {
        return Err(format!("state {state:?} is not one of AWS's"));
    }
    let mut region_states = HashMap::new();
    for name in &entry.opted_in {
        region_states.insert(world.find_region(name)?, RegionState::Enabled);
    }
    for (name, state) in &entry.region_states {
        let state: RegionState = state.parse().map_err(|_| format!("Region state {state:?} is not one of AWS's"))?;
        region_states.insert(world.find_region(name)?, state);
    }
    let mut roles = HashMap::new();
    if !entry.invited && entry.id != spec.organization.management {
        roles.insert("OrganizationAccountAccessRole".to_owned(), Arc::clone(full_access));
    }
    for (declared, role) in spec.roles.iter().zip(shared) {
        let everywhere = declared.accounts.is_empty();
        if everywhere || declared.accounts.iter().any(|target| covers(target, &entry.id, path)) {
            roles.insert(declared.name.clone(), Arc::clone(role));
        }
    }
    for name in &entry.without_roles {
        if roles.remove(name).is_none() {
            return Err(format!("without_roles names {name:?}, which this account does not have"));
        }
    }
    for own in &entry.roles {
        roles.insert(own.name.clone(), role(own)?);
    }
    let slug: String =
        entry.name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    Ok(Account {
        id: entry.id.clone(),
        name: entry.name.clone(),
        email: entry.email.clone().unwrap_or_else(|| format!("aws+{slug}@example.com")),
        unit,
        state,
        invited: entry.invited,
        joined: timestamp(entry.joined.as_deref())?,
        tags: entry.tags.clone(),
        region_states,
        roles,
        policies: Vec::new(),
        delegated_admin: false,
        outside: entry.outside,
    })
}

fn without_security_hub(world: &World, entry: &AccountSpec) -> Result<(), String> {
    for named in &entry.without_security_hub {
        if named == "*" {
            for name in world.region_names() {
                world.set_security_hub(&entry.id, name, false);
            }
        } else {
            world.find_region(named)?;
            world.set_security_hub(&entry.id, named, false);
        }
    }
    Ok(())
}

/// `*`, an account id, or an OU path with everything below it.
fn covers(target: &str, account: &str, path: &str) -> bool {
    target == "*"
        || target == "/"
        || target == account
        || path.strip_prefix(target).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn timestamp(text: Option<&str>) -> Result<Timestamp, String> {
    let text = text.unwrap_or(LONG_AGO);
    let full = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    full.parse().map_err(|_| format!("{text:?} is neither a date nor a timestamp"))
}
