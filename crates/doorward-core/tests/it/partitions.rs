//! The partition is read from the caller, never assumed.

use crate::bed::{SMALL, Setup, check_honest, scan, serve};

#[tokio::test(flavor = "multi_thread")]
async fn every_partition_is_scanned_alike() {
    for (partition, regions) in [
        ("aws-us-gov", ["us-gov-west-1", "us-gov-east-1", "us-gov-south-1"]),
        ("aws-cn", ["cn-north-1", "cn-northwest-1", "cn-south-1"]),
        ("aws-eusc", ["eusc-de-east-1", "eusc-de-east-2", "eusc-de-east-3"]),
        ("aws-iso", ["us-iso-east-1", "us-iso-west-1", "us-iso-south-1"]),
    ] {
        let world = SMALL
            .replace("arn:aws:", &format!("arn:{partition}:"))
            .replacen("id = \"o-small00001\"", &format!("id = \"o-small00001\"\npartition = \"{partition}\""), 1)
            .replace("eu-west-1", regions[0])
            .replace("us-east-1", regions[1])
            .replace("me-south-1", regions[2]);
        let server = serve(&world, vec![]).await;
        let report = scan(&server, &Setup::default()).await.unwrap_or_else(|e| panic!("{partition}: {e}"));
        check_honest(partition, &report, &world, &server);
        assert_eq!(report.run.partition, partition);
        assert_eq!(report.coverage.counts.complete, 7, "{partition}: {:?}", report.coverage.lines);
        for lb in &report.load_balancers {
            assert_eq!(lb.arn.partition(), partition);
        }
        for finding in &report.findings {
            assert!(finding.id.starts_with(&format!("doorward/{partition}/")), "{}", finding.id);
        }
    }
}
