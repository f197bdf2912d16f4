//! The protected clients of the thresholds: addresses, networks, and patterns of user agents.

use std::net::IpAddr;

use doorward_model::Pattern;

use crate::tally::Client;

/// Whether an entry covers a client: by address, network or user agent.
pub(super) fn covers(wanted: &str, client: &Client) -> bool {
    if let Ok(address) = client.address.parse::<IpAddr>() {
        if let Ok(only) = wanted.parse::<IpAddr>() {
            return only == address;
        }
        if let Some((network, length)) = wanted.split_once('/')
            && let (Ok(network), Ok(length)) = (network.parse::<IpAddr>(), length.parse::<u32>())
        {
            return within(address, network, length);
        }
    }
    Pattern::from(wanted).matches(&client.agent)
}

fn within(address: IpAddr, network: IpAddr, length: u32) -> bool {
    let (address, network, bits): (u128, u128, u32) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (address.to_bits().into(), network.to_bits().into(), 32),
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    match bits.checked_sub(length) {
        None => false,
        Some(rest) => (address ^ network).checked_shr(rest).unwrap_or(0) == 0,
    }
}
