//! Functions of networks in CIDR notation.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Function, missing, only, text, text_list, whole};
use crate::terraform::types::as_number;
use crate::terraform::value::{ConfigValue, Evaluation, EvaluationFailure};

/// The function of a name.
pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "cidrhost" => host,
        "cidrnetmask" => |arguments| {
            let network = Network::of(only(arguments)?)?;
            if network.bits != 32 {
                return Err(EvaluationFailure::refused("cidrnetmask takes a network of IPv4"));
            }
            let mask = network.mask();
            Ok(ConfigValue::text(network.shown(mask)))
        },
        "cidrsubnet" => subnet,
        "cidrsubnets" => subnets,
        _ => return None,
    })
}

/// A network: its first address, the length of its prefix and the number of bits of an address.
#[derive(Clone, Copy)]
struct Network {
    first: u128,
    prefix: u32,
    bits: u32,
}

impl Network {
    fn of(value: &ConfigValue) -> Result<Self, EvaluationFailure> {
        let text = text(value)?;
        let unsure = || EvaluationFailure::unsure("a network is not in its usual form");
        let (address, prefix) =
            text.split_once('/').ok_or_else(|| EvaluationFailure::refused("the network has no prefix"))?;
        // Terraform also takes octets with leading zeros.
        let (address, bits) = match address.parse::<IpAddr>().map_err(|_| unsure())? {
            IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
            // An IPv4 address within IPv6 is written as IPv4.
            IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => return Err(unsure()),
            IpAddr::V6(address) => (u128::from(address), 128),
        };
        let is_digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|prefix| is_digits && *prefix <= bits).ok_or_else(unsure)?;
        let network = Self { first: address, prefix, bits };
        Ok(Self { first: address & network.mask(), ..network })
    }

    /// The number of bits behind the prefix.
    fn rest(self) -> u32 {
        self.bits - self.prefix
    }

    /// The bits of the prefix.
    fn mask(self) -> u128 {
        let all = u128::MAX >> (128 - self.bits);
        all & all.checked_shl(self.rest()).unwrap_or_default()
    }

    fn last(self) -> u128 {
        self.first | ((u128::MAX >> (128 - self.bits)) & !self.mask())
    }

    fn shown(self, address: u128) -> String {
        match u32::try_from(address).ok().filter(|_| self.bits == 32) {
            Some(address) => Ipv4Addr::from(address).to_string(),
            None => Ipv6Addr::from(address).to_string(),
        }
    }

    fn text(self) -> String {
        format!("{}/{}", self.shown(self.first), self.prefix)
    }
}

fn host(arguments: &[ConfigValue]) -> Evaluation {
    let [network, number] = arguments else { return Err(missing()) };
    let network = Network::of(network)?;
    let number =
        as_number(number)?.as_whole().ok_or_else(|| EvaluationFailure::refused("the number of a host is whole"))?;
    let size = 1_u128.checked_shl(network.rest());
    let offset = number.unsigned_abs();
    // A negative number counts from the end.
    let fits = size.is_none_or(|size| if number < 0 { offset <= size } else { offset < size });
    if !fits {
        return Err(EvaluationFailure::refused("the network has fewer hosts"));
    }
    let address = if number < 0 { network.last() - (offset - 1) } else { network.first + offset };
    Ok(ConfigValue::text(network.shown(address)))
}

/// The prefix of a network that is longer by a number of bits.
fn extended(network: Network, by: i64, at_least: i64) -> Result<u32, EvaluationFailure> {
    let refused = || EvaluationFailure::refused("the network cannot be divided so far");
    let by = u32::try_from(by).ok().filter(|_| by >= at_least).ok_or_else(refused)?;
    // Terraform refuses more than 32 bits on some platforms only.
    if by > 32 {
        return Err(EvaluationFailure::unsure("a network is divided by more than 32 bits"));
    }
    Some(network.prefix + by).filter(|prefix| *prefix <= network.bits).ok_or_else(refused)
}

fn subnet(arguments: &[ConfigValue]) -> Evaluation {
    let [network, bits, number] = arguments else { return Err(missing()) };
    let network = Network::of(network)?;
    let prefix = extended(network, whole(bits)?, 0)?;
    let number =
        u128::try_from(whole(number)?).map_err(|_| EvaluationFailure::unsure("the number of a network is negative"))?;
    let own = prefix - network.prefix;
    if number >= 1 << own {
        return Err(EvaluationFailure::refused("there are fewer networks of this size"));
    }
    let first = network.first | number.checked_shl(network.bits - prefix).unwrap_or_default();
    Ok(ConfigValue::text(Network { first, prefix, ..network }.text()))
}

/// One network after the other, each aligned to its own size.
fn subnets(arguments: &[ConfigValue]) -> Evaluation {
    let (network, sizes) = arguments.split_first().ok_or_else(missing)?;
    let network = Network::of(network)?;
    let mut next = Some(network.first);
    let mut texts = Vec::new();
    for size in sizes {
        let prefix = extended(network, whole(size)?, 1)?;
        let full = || EvaluationFailure::refused("the network has no room for all of them");
        let from = next.ok_or_else(full)?;
        let one = Network { first: from, prefix, ..network };
        // The first address of the size that is not below `from`.
        let first = if from & !one.mask() == 0 {
            Some(from)
        } else {
            Network { first: from & one.mask(), ..one }.last().checked_add(1)
        };
        let first = first.filter(|first| *first <= network.last()).ok_or_else(full)?;
        let one = Network { first, ..one };
        texts.push(one.text());
        next = one.last().checked_add(1).filter(|next| *next <= network.last());
    }
    Ok(text_list(texts))
}
