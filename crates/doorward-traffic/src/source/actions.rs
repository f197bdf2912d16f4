//! The IAM actions that reading traffic needs, by capability: declared once, for role templates and for gaps.

/// An API operation that is called here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Keys of a bucket. Its permission is `s3:ListBucket`, on the bucket.
    ListObjectsV2,
    /// An object. Its permission is on the objects.
    GetObject,
    /// Points of metrics.
    GetMetricData,
    /// Starts a query.
    StartQueryExecution,
    /// How far a query is.
    GetQueryExecution,
    /// What a query found.
    GetQueryResults,
    /// Ends a query that nobody waits for any more.
    StopQueryExecution,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 7] = [
        Self::ListObjectsV2,
        Self::GetObject,
        Self::GetMetricData,
        Self::StartQueryExecution,
        Self::GetQueryExecution,
        Self::GetQueryResults,
        Self::StopQueryExecution,
    ];

    /// The IAM action, as in a policy document.
    pub const fn action(self) -> &'static str {
        match self {
            Self::ListObjectsV2 => "s3:ListBucket",
            Self::GetObject => "s3:GetObject",
            Self::GetMetricData => "cloudwatch:GetMetricData",
            Self::StartQueryExecution => "athena:StartQueryExecution",
            Self::GetQueryExecution => "athena:GetQueryExecution",
            Self::GetQueryResults => "athena:GetQueryResults",
            Self::StopQueryExecution => "athena:StopQueryExecution",
        }
    }
}

/// Something an operator switches on, with the permissions it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Reading access logs from S3.
    Logs,
    /// Reading metrics from CloudWatch.
    Metrics,
    /// Counting access logs by Athena.
    Athena,
}

impl Capability {
    /// All capabilities.
    pub const ALL: [Self; 3] = [Self::Logs, Self::Metrics, Self::Athena];

    /// The operations it calls.
    pub const fn operations(self) -> &'static [Operation] {
        match self {
            Self::Logs => &[Operation::ListObjectsV2, Operation::GetObject],
            Self::Metrics => &[Operation::GetMetricData],
            Self::Athena => &[
                Operation::StartQueryExecution,
                Operation::GetQueryExecution,
                Operation::GetQueryResults,
                Operation::StopQueryExecution,
            ],
        }
    }

    /// What Athena does in the caller's name, besides the operations: it reads the logs and the table, and writes results.
    const fn on_behalf(self) -> &'static [&'static str] {
        match self {
            Self::Logs | Self::Metrics => &[],
            Self::Athena => &[
                "glue:CreateTable",
                "glue:GetDatabase",
                "glue:GetTable",
                "s3:AbortMultipartUpload",
                "s3:GetBucketLocation",
                "s3:GetObject",
                "s3:ListBucket",
                "s3:PutObject",
            ],
        }
    }

    /// The IAM actions it needs, sorted, each once.
    pub fn actions(self) -> Vec<&'static str> {
        let own = self.operations().iter().map(|operation| operation.action());
        let mut actions: Vec<&'static str> = own.chain(self.on_behalf().iter().copied()).collect();
        actions.sort_unstable();
        actions.dedup();
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_belongs_to_a_capability() {
        for operation in Operation::ALL {
            let homes = Capability::ALL.iter().filter(|capability| capability.operations().contains(&operation));
            assert_eq!(homes.count(), 1, "{operation:?}");
        }
    }

    #[test]
    fn logs_and_metrics_only_read() {
        for action in Capability::Logs.actions().into_iter().chain(Capability::Metrics.actions()) {
            let verb = action.split(':').nth(1).expect("service:Verb");
            assert!(verb.starts_with("Get") || verb.starts_with("List"), "{action}");
        }
    }
}
