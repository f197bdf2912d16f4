//! Organizational units (OUs): their names, and the OU of each account.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_organizations::operation::list_organizational_units_for_parent::ListOrganizationalUnitsForParentOutput;
use aws_sdk_organizations::operation::list_parents::ListParentsOutput;
use aws_sdk_organizations::operation::list_roots::ListRootsOutput;
use aws_sdk_organizations::types::OrganizationalUnit;
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use doorward_aws::{Access, Operation, organizations_as};
use doorward_model::{AccountId, Gap, GapReason, Observed, OuPath};

use crate::pages::{self, pages};

/// The tree of OUs as far as it could be read.
pub(super) struct Units {
    /// By OU or root id.
    paths: BTreeMap<String, OuPath>,
    /// Why OUs are missing.
    gap: Option<Arc<Gap>>,
}

impl Units {
    /// Reads the tree from the root, one call per OU. An OU that cannot be read leaves a gap, not an error.
    pub(super) async fn read(access: &Access) -> Self {
        let mut units = Self { paths: BTreeMap::new(), gap: None };
        let roots = match roots(access).await {
            Ok(roots) => roots,
            Err(gap) => return Self { gap: Some(Arc::new(gap)), ..units },
        };
        let mut pending = FuturesUnordered::new();
        let mut contradicted = Vec::new();
        for id in roots {
            let path = OuPath { names: "/".to_owned(), ids: vec![id.clone()] };
            if units.paths.insert(id.clone(), path.clone()).is_some() {
                return Self { gap: Some(Arc::new(twice(Operation::ListRoots, &id))), paths: BTreeMap::new() };
            }
            pending.push(children(access, path));
        }
        while let Some((parent, found, gap)) = pending.next().await {
            if let Some(gap) = gap {
                units.gap = Some(Arc::new(gap));
            }
            for (id, name) in found {
                let names = format!("{}/{name}", parent.names.trim_end_matches('/'));
                let ids = parent.ids.iter().cloned().chain([id.clone()]).collect();
                let path = OuPath { names, ids };
                match units.paths.entry(id) {
                    Entry::Vacant(place) => {
                        place.insert(path.clone());
                        pending.push(children(access, path));
                    }
                    // Pages may overlap; another name or another place is a contradiction.
                    Entry::Occupied(known) if *known.get() == path => {}
                    Entry::Occupied(known) => {
                        units.gap = Some(Arc::new(twice(Operation::ListOrganizationalUnitsForParent, known.key())));
                        contradicted.push(known.key().clone());
                    }
                }
            }
        }
        // The position of these, and of every OU below them, is unknown.
        units.paths.retain(|_, path| !path.ids.iter().any(|id| contradicted.contains(id)));
        units
    }

    /// Every OU; none if the tree could not be read in full.
    pub(super) fn all(&self) -> Option<Vec<OuPath>> {
        self.gap.is_none().then(|| self.paths.values().cloned().collect())
    }

    /// The OU of an account: by the paths in the list of accounts, or else by reading its parent.
    pub(super) async fn path_of(&self, access: &Access, account: &AccountId, paths: &[String]) -> Observed<OuPath> {
        let units: BTreeSet<&str> = paths
            .iter()
            // o-.../r-.../ou-.../ou-.../account/
            .filter_map(|path| path.split('/').rfind(|part| part.starts_with("ou-") || part.starts_with("r-")))
            .collect();
        if units.len() > 1 {
            return Observed::unread(
                Gap::new(GapReason::Malformed, Operation::ListAccounts.action())
                    .with_message(format!("account {account} is in more than one place of the organization")),
            );
        }
        let own = units.first().map(|unit| (*unit).to_owned());
        let unit = match own {
            Some(unit) => unit,
            None => match parent(access, account).await {
                Ok(unit) => unit,
                Err(gap) => return Observed::unread(gap),
            },
        };
        match (self.paths.get(&unit), &self.gap) {
            (Some(path), _) => Observed::Known(path.clone()),
            (None, Some(gap)) => Observed::Unread(gap.clone()),
            (None, None) => Observed::unread(
                Gap::new(GapReason::Malformed, Operation::ListOrganizationalUnitsForParent.action())
                    .with_message(format!("the tree of organizational units does not contain {unit}")),
            ),
        }
    }
}

/// The gap of an id that occurs in two places or with two names.
fn twice(operation: Operation, id: &str) -> Gap {
    Gap::new(GapReason::Malformed, operation.action())
        .with_message(format!("the responses contain {id} twice, with different contents"))
}

async fn roots(access: &Access) -> Result<Vec<String>, Gap> {
    let operation = Operation::ListRoots;
    let client = access.clients.organizations(access.home_region());
    let send = |credentials, token| {
        let request = client.list_roots().set_next_token(token);
        request.customize().config_override(organizations_as(credentials)).send()
    };
    let take = |response: ListRootsOutput| (response.roots, response.next_token);
    let (roots, gap) = pages(access, pages::home(access, operation), "roots", send, take).await;
    match gap {
        Some(gap) => Err(gap),
        None => roots
            .into_iter()
            .map(|root| {
                root.id.ok_or_else(|| {
                    Gap::new(GapReason::Malformed, operation.action()).with_message("a root without an id")
                })
            })
            .collect(),
    }
}

/// A parent, the ids and names of the OUs below it, and why there may be more.
type Children = (OuPath, Vec<(String, String)>, Option<Gap>);

async fn children(access: &Access, parent: OuPath) -> Children {
    let operation = Operation::ListOrganizationalUnitsForParent;
    let client = access.clients.organizations(access.home_region());
    let send = |credentials, token| {
        let request = client.list_organizational_units_for_parent().set_parent_id(parent.ids.last().cloned());
        let request = request.max_results(20).set_next_token(token);
        request.customize().config_override(organizations_as(credentials)).send()
    };
    let take = |response: ListOrganizationalUnitsForParentOutput| (response.organizational_units, response.next_token);
    let route = pages::home(access, operation);
    let (found, gap) = pages(access, route, "organizational units", send, take).await;
    // AWS allows a slash in a name, where it would look like another level; it is replaced by a similar character.
    let named = |unit: OrganizationalUnit| Some((unit.id?, unit.name?.replace('/', "\u{2215}")));
    let listed = found.len();
    let found: Vec<(String, String)> = found.into_iter().filter_map(named).collect();
    let nameless = || {
        Gap::new(GapReason::Malformed, operation.action())
            .with_message("the response lists an organizational unit without id or name")
    };
    let gap = gap.or_else(|| (found.len() < listed).then(nameless));
    (parent, found, gap)
}

async fn parent(access: &Access, account: &AccountId) -> Result<String, Gap> {
    let operation = Operation::ListParents;
    let client = access.clients.organizations(access.home_region());
    let send = |credentials, token| {
        let request = client.list_parents().child_id(account.as_str()).set_next_token(token);
        request.customize().config_override(organizations_as(credentials)).send()
    };
    let take = |response: ListParentsOutput| (response.parents, response.next_token);
    let (parents, gap) = pages(access, pages::home(access, operation), "parents", send, take).await;
    if let Some(gap) = gap {
        return Err(gap);
    }
    let named: Option<BTreeSet<String>> = parents.into_iter().map(|parent| parent.id).collect();
    match named.unwrap_or_default().into_iter().collect::<Vec<_>>() {
        one if one.len() == 1 => Ok(one.into_iter().collect()),
        _ => Err(Gap::new(GapReason::Malformed, operation.action())
            .with_message("the response does not name exactly one parent")),
    }
}
