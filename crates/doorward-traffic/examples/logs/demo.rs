//! The traffic of `examples/traffic`: four load balancers of the example organization over the two weeks before the demo's day.

use crate::corpus::{LoadBalancer, Offender, Plan, REASONS};

/// Of each load balancer's three: the logs of two weeks, six files a day. Fewer would be no evidence of a day.
pub(crate) fn plan() -> Plan {
    let load_balancer = |account: &str, region: &str, name: &str, id: &str, offenders: Vec<Offender>| LoadBalancer {
        account: account.to_owned(),
        region: region.to_owned(),
        name: name.to_owned(),
        id: id.to_owned(),
        per_million: 0,
        offenders,
        target_groups: 2,
    };
    let load_balancers = vec![
        // Scanners only.
        load_balancer(
            "100000000020",
            "eu-west-1",
            "storefront-edge",
            "215931f2c7b87197",
            vec![
                offender(
                    "198.51.100.23",
                    "zgrab/0.x",
                    "BadUri",
                    "GET https://shop.acme.example:443/%00 HTTP/1.1",
                    1_500,
                    ("404", "404"),
                ),
                offender(
                    "198.51.100.77",
                    "-",
                    "SuspiciousTeClPresent",
                    "POST https://shop.acme.example:443/ HTTP/1.1",
                    900,
                    ("400", "400"),
                ),
            ],
        ),
        // Two clients of Acme's own.
        load_balancer(
            "100000000020",
            "us-east-1",
            "storefront-edge",
            "c6451a849a476031",
            vec![
                offender(
                    "203.0.113.14",
                    "AcmeInventorySync/2.3 (java 8)",
                    "GetHeadZeroContentLength",
                    "GET https://shop.acme.example:443/api/v2/stock/88412 HTTP/1.1",
                    18_000,
                    ("200", "200"),
                ),
                offender(
                    "203.0.113.201",
                    "reporting-cron/1.0",
                    "SpaceInUri",
                    "GET https://shop.acme.example:443/exports/monthly sales.csv HTTP/1.1",
                    7_000,
                    ("200", "200"),
                ),
                offender(
                    "198.51.100.23",
                    "zgrab/0.x",
                    "BadMethod",
                    "- https://shop.acme.example:443/ HTTP/1.1",
                    1_200,
                    ("405", "405"),
                ),
            ],
        ),
        // A partner's fleet.
        load_balancer("100000000021", "eu-west-1", "partner-api", "f09573d0cf14c780", (0..12).map(partner).collect()),
    ];
    // 2026-10-19T04:00:00Z, in steps of four hours to 2026-11-02T00:00:00Z.
    Plan {
        seed: 20_261_102,
        load_balancers,
        bytes: 14 * 6 * 3 * 18_700,
        file_bytes: 18_700,
        start: 1_792_382_400,
        step: 14_400,
        plain: true,
        escaped_quotes: false,
    }
}

fn partner(number: u32) -> Offender {
    offender(
        &format!("192.0.2.{}", 40 + number),
        "SettlementClient/1.4",
        "BadTransferEncoding",
        "POST https://partner-api.acme.example:443/settlements HTTP/1.1",
        3_000 + 400 * number,
        ("202", "202"),
    )
}

fn offender(
    address: &str,
    agent: &str,
    reason: &str,
    request: &str,
    per_million: u32,
    answer: (&'static str, &'static str),
) -> Offender {
    let reason = REASONS.iter().position(|(_, code)| *code == reason).unwrap_or_default();
    Offender {
        address: address.to_owned(),
        agent: agent.to_owned(),
        reason,
        request: request.to_owned(),
        per_million,
        answer,
    }
}
