//! Owner, environment and application of a declared load balancer.

use std::sync::Arc;

use doorward_model::{Account, Gap, LoadBalancer, Observed, OwnerSource};

use super::{NormalizeSettings, find_tag, first_tag, normalized_text};

/// Sets owner, environment and application from the tags and the account, as for a scanned load balancer. If deployment may add
/// tags (`more`), only values that no added tag could change are set: those of the first configured key.
pub fn label(lb: &mut LoadBalancer, account: Option<&Account>, more: Option<&Arc<Gap>>, settings: &NormalizeSettings) {
    let unplaced = || match lb.known_account() {
        Observed::Unread(gap) => Observed::Unread(gap),
        Observed::Known(_) | Observed::Absent => Observed::Absent,
    };
    let account_tags = account.map_or_else(unplaced, |account| account.tags.clone());
    if let Some(account) = account {
        lb.ou = account.ou.clone();
        lb.account_name = account.name.clone();
    }
    let is_first =
        |keys: &[String], key: &str| keys.first().is_some_and(|first| normalized_text(first) == normalized_text(key));
    let first_of = |keys: &[String]| {
        let found = lb.tags.known().and_then(|tags| find_tag(tags, keys)).map(|found| found.key);
        match more {
            Some(gap) if !keys.is_empty() && !found.is_some_and(|key| is_first(keys, key)) => {
                Observed::Unread(gap.clone())
            }
            _ => first_tag(&lb.tags, keys),
        }
    };
    let (environment, application) = (first_of(&settings.environment_tags), first_of(&settings.application_tags));
    let owner = settings.owner.of(&lb.tags, &account_tags, &lb.ou);
    let certain = match &owner {
        Observed::Known(owner) => match &owner.source {
            OwnerSource::ResourceTag(key) => is_first(&settings.owner.tags, key),
            OwnerSource::AccountTag(_) | OwnerSource::OuMap(_) => settings.owner.tags.is_empty(),
        },
        Observed::Absent | Observed::Unread(_) => settings.owner.tags.is_empty(),
    };
    lb.owner = match more {
        Some(gap) if !certain => Observed::Unread(gap.clone()),
        _ => owner,
    };
    lb.environment = environment;
    lb.application = application;
}
