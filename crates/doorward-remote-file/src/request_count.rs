//! What the use of S3 cost so far: requests, bytes, and their list price.

use std::fmt;
use std::time::Duration;

/// Requests and bytes of a [`crate::RemoteFiles`], every try counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestCount {
    /// `GetObject` and `GetBucketVersioning` requests.
    pub reads: u64,
    /// `PutObject` requests.
    pub writes: u64,
    /// Bytes of objects that were received.
    pub received: u64,
    /// Bytes of objects that were sent.
    pub sent: u64,
    /// Time from the first byte of a request to the last of its answer, summed.
    pub took: Duration,
}

/// List prices of S3 Standard in us-east-1, November 2026, in millionths of a US dollar for 1,000 requests: PUT 0.005 USD, GET 0.0004
/// USD. Transfer within the Region is free. Other Regions cost up to twice as much, so the figure is an estimate.
const PER_THOUSAND: (u64, u64) = (5000, 400);

impl RequestCount {
    /// The list price of the requests, in millionths of a US dollar.
    pub fn micro_dollars(&self) -> u64 {
        (self.writes * PER_THOUSAND.0 + self.reads * PER_THOUSAND.1).div_ceil(1000)
    }
}

impl fmt::Display for RequestCount {
    /// `3 reads (1,203,200 bytes), 2 writes (1,204,224 bytes), 0.8 s, about 0.000012 USD`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reads, writes, received, sent, took } = self;
        let (dollars, rest) = (self.micro_dollars() / 1_000_000, self.micro_dollars() % 1_000_000);
        write!(
            f,
            "{reads} reads ({received} bytes), {writes} writes ({sent} bytes), {:.1} s, about {dollars}.{rest:06} USD",
            took.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_a_price() {
        let count = RequestCount { reads: 3, writes: 2, received: 40, sent: 50, took: Duration::from_millis(1240) };
        assert_eq!(count.to_string(), "3 reads (40 bytes), 2 writes (50 bytes), 1.2 s, about 0.000012 USD");
        let many = RequestCount { reads: 0, writes: 300_000, ..count };
        assert!(many.to_string().ends_with("about 1.500000 USD"), "{many}");
    }
}
