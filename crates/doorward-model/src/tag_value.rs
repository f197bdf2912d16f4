//! The value of a tag of a load balancer or, failing that, of its account: the one definition of a cost centre.

use crate::{Account, LoadBalancer, Observed};

/// The first value, in the order of `keys`, that a tag of the load balancer gives; without one, that a tag of its account gives. Keys
/// are compared without regard to case and surrounding white space; an empty value is none. A source that could not be read ends the
/// search, because its value would count more than those after it.
pub fn tag_value(lb: &LoadBalancer, account: Option<&Account>, keys: &[String]) -> Observed<String> {
    for tags in [Some(&lb.tags), account.map(|account| &account.tags)].into_iter().flatten() {
        match tags {
            Observed::Known(tags) => {
                let found = keys.iter().find_map(|wanted| {
                    let same = |key: &str| letters(key) == letters(wanted);
                    tags.iter().find(|(key, value)| same(key) && !value.trim().is_empty())
                });
                if let Some((_, value)) = found {
                    return Observed::Known(value.trim().to_owned());
                }
            }
            Observed::Absent => {}
            Observed::Unread(gap) => return Observed::Unread(gap.clone()),
        }
    }
    Observed::Absent
}

/// A tag key without case and separators: `cost-center`, `CostCenter` and `cost_center` are one key, because people type them.
fn letters(key: &str) -> String {
    key.chars().filter(|letter| !matches!(letter, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
}
