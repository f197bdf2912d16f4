//! Addresses of load balancers in the AWS console.

use crate::{Arn, Kind};

/// The address of a load balancer in the AWS console; none in a partition whose console is not known. The page's script makes the same
/// address.
pub fn console_address(arn: &Arn, kind: Kind, name: &str) -> Option<String> {
    let host = match arn.partition() {
        "aws" => "console.aws.amazon.com",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        "aws-cn" => "console.amazonaws.cn",
        _ => return None,
    };
    let region = arn.region();
    let is_region = |region: &str| region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if region.is_empty() || !is_region(region) {
        return None;
    }
    // The console finds a classic load balancer by its name.
    let named = if kind == Kind::Classic { name } else { arn.as_str() };
    let mut address = format!("https://{region}.{host}/ec2/home?region={region}#LoadBalancer:loadBalancerArn=");
    for byte in named.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => address.push(char::from(byte)),
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_is_that_of_partition_and_region() {
        let arn = |partition: &str, region: &str| {
            Arn::new(&format!(
                "arn:{partition}:elasticloadbalancing:{region}:111122223333:loadbalancer/app/web/50dc6c495c0c9188"
            ))
            .expect("valid")
        };
        let of = |partition, kind| console_address(&arn(partition, "eu-west-1"), kind, "we b\u{1b}");
        assert_eq!(
            of("aws", Kind::Application).expect("known"),
            "https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1#LoadBalancer:loadBalancerArn=\
             arn%3Aaws%3Aelasticloadbalancing%3Aeu-west-1%3A111122223333%3Aloadbalancer%2Fapp%2Fweb%2F50dc6c495c0c9188"
        );
        assert!(of("aws-cn", Kind::Application).expect("known").contains("eu-west-1.console.amazonaws.cn/"));
        assert!(of("aws", Kind::Classic).expect("known").ends_with("loadBalancerArn=we%20b%1B"));
        assert_eq!(of("aws-iso", Kind::Application), None);
    }
}
