//! Deliver: parcels into one Security Hub, in batches that AWS accepts, each finding ending as accepted or with a reason.

use std::collections::{BTreeMap, VecDeque};

use aws_sdk_securityhub::Client;
use aws_sdk_securityhub::config::Builder;
use aws_sdk_securityhub::operation::batch_import_findings::BatchImportFindingsOutput;

use doorward_aws::response_integrity::CompleteJson;
use doorward_aws::{CallFailure, ClientProvider, Credentials, Operation, RetryAction, with_credentials};
use doorward_model::{AccountRegion, Gap, GapReason};

use crate::plan::Parcel;
use crate::wire;

/// Most findings in a call.
const BATCH: usize = 100;
/// Largest call, in bytes of JSON; what the envelope takes is left out of it.
const CALL_BYTES: usize = 5_900_000;
/// Rounds for findings that fail inside accepted calls: with doubling pauses they take about as long as the tries of a call.
const ROUNDS: u32 = 8;

/// Why a Security Hub took nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// Security Hub is not enabled in this account-Region.
    NotEnabled(Gap),
    /// There is no way in.
    Unreachable(Gap),
}

impl Closed {
    /// The gap, with the IAM action that fixes it, if one does.
    pub fn gap(&self) -> &Gap {
        match self {
            Self::NotEnabled(gap) | Self::Unreachable(gap) => gap,
        }
    }
}

/// What became of one parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ImportFate {
    Accepted,
    /// Code and message.
    Refused(String, String),
    /// The Security Hub is closed.
    Closed(Closed),
}

/// Cuts parcels into batches of at most 100 findings and 6 MB.
pub(crate) fn batches(parcels: Vec<Parcel>) -> Vec<Vec<Parcel>> {
    let mut all: Vec<Vec<Parcel>> = Vec::new();
    let mut size = 0;
    for parcel in parcels {
        let more = parcel.bytes + 1;
        match all.last_mut() {
            Some(batch) if batch.len() < BATCH && size + more <= CALL_BYTES => {
                size += more;
                batch.push(parcel);
            }
            _ => {
                size = more;
                all.push(vec![parcel]);
            }
        }
    }
    all
}

/// Security Hub of one account-Region as a destination of calls.
pub(crate) struct SecurityHub<'a> {
    pub(crate) place: &'a AccountRegion,
    pub(crate) aws: &'a ClientProvider,
}

impl SecurityHub<'_> {
    /// Sends a batch until every parcel has its fate. A batch that Security Hub calls invalid is halved until the odd
    /// finding stands alone; findings that fail inside an accepted call are sent again, with the same dates. An import that
    /// is repeated writes the same finding again, so a call without an answer may be sent again too.
    pub(crate) async fn import(&self, batch: Vec<Parcel>) -> Vec<(Parcel, ImportFate)> {
        let mut fates = Vec::with_capacity(batch.len());
        let mut waiting = VecDeque::from([(batch, 0_u32)]);
        while let Some((batch, rounds)) = waiting.pop_front() {
            let operation = Operation::BatchImportFindings;
            let answer = self
                .call(operation, |client, credentials| {
                    let findings = batch.iter().map(|parcel| wire::outward(&parcel.finding)).collect();
                    let call = client.batch_import_findings().set_findings(Some(findings));
                    let call = call.customize().config_override(with_credentials!(aws_sdk_securityhub, credentials));
                    let count = batch.len();
                    async move {
                        let answer = call.send().await.map_err(|e| CallFailure::of(operation, &e))?;
                        adds_up(&answer, count)?;
                        Ok(answer)
                    }
                })
                .await;
            match answer {
                Ok(answer) => {
                    let again = sort(batch, &answer, rounds + 1 < ROUNDS, &mut fates);
                    if !again.is_empty() {
                        self.aws.caller().back_off(rounds + 1).await;
                        waiting.push_back((again, rounds + 1));
                    }
                }
                Err(BatchStop::Invalid(message)) => {
                    let mut first = batch;
                    let second = first.split_off(first.len() / 2);
                    if first.is_empty() {
                        let refused = ImportFate::Refused("InvalidInputException".to_owned(), message);
                        fates.extend(second.into_iter().map(|parcel| (parcel, refused.clone())));
                    } else {
                        waiting.push_front((second, rounds));
                        waiting.push_front((first, rounds));
                    }
                }
                Err(BatchStop::Closed(closed)) => {
                    let rest = waiting.drain(..).flat_map(|(batch, _)| batch);
                    let fate = ImportFate::Closed(closed);
                    fates.extend(batch.into_iter().chain(rest).map(|parcel| (parcel, fate.clone())));
                }
            }
        }
        fates
    }

    /// Makes one call with as many tries as it takes.
    pub(crate) async fn call<T, Sent>(
        &self,
        operation: Operation,
        send: impl Fn(&Client, Credentials) -> Sent,
    ) -> Result<T, BatchStop>
    where
        Sent: Future<Output = Result<T, CallFailure>>,
    {
        let client = self.aws.client(&self.place.region, |config| {
            // A count of refused findings that comes twice must not be taken for the last one.
            Client::from_conf(Builder::from(config).interceptor(CompleteJson).build())
        });
        let answer = self.aws.call(self.place, operation, |credentials| send(&client, credentials)).await;
        answer.map_err(BatchStop::of)
    }
}

/// Why a call was given up.
pub(crate) enum BatchStop {
    /// The batch is not valid, says Security Hub.
    Invalid(String),
    /// No further call to this Security Hub would fare better.
    Closed(Closed),
}

impl BatchStop {
    /// What a failure means for the findings of the call.
    fn of(failure: CallFailure) -> Self {
        let CallFailure { action, gap, status, .. } = failure;
        let unsendable = status.is_none() && action == RetryAction::Stop && gap.reason == GapReason::Malformed;
        match gap.code.as_deref() {
            Some("InvalidInputException" | "ValidationException") => Self::Invalid(gap.message.unwrap_or_default()),
            // AWS says with this code that the account is not subscribed, and nothing else in an import by its own account.
            Some("InvalidAccessException") => Self::Closed(Closed::NotEnabled(gap)),
            _ if status == Some(413) => Self::Invalid("the batch is too large".to_owned()),
            None if unsendable => Self::Invalid("the request could not be built".to_owned()),
            _ => Self::Closed(Closed::Unreachable(gap)),
        }
    }
}

/// An answer must account for every finding that was sent; one that does not says nothing.
fn adds_up(answer: &BatchImportFindingsOutput, sent: usize) -> Result<(), CallFailure> {
    let count = |number: Option<i32>| number.and_then(|number| usize::try_from(number).ok());
    let listed = answer.failed_findings().len();
    match (count(answer.success_count()), count(answer.failed_count())) {
        (Some(accepted), Some(failed)) if accepted + failed == sent && failed == listed => Ok(()),
        _ => {
            let operation = Operation::BatchImportFindings;
            Err(CallFailure::malformed(operation, "the response does not account for every finding that was sent"))
        }
    }
}

/// Gives each parcel of an answered call its fate; returns those worth another round.
fn sort(
    batch: Vec<Parcel>,
    answer: &BatchImportFindingsOutput,
    more: bool,
    fates: &mut Vec<(Parcel, ImportFate)>,
) -> Vec<Parcel> {
    let failed: BTreeMap<&str, (&str, &str)> = answer
        .failed_findings()
        .iter()
        .map(|failed| {
            let words = (failed.error_code().unwrap_or_default(), failed.error_message().unwrap_or_default());
            (failed.id().unwrap_or_default(), words)
        })
        .collect();
    // Where an id comes twice, another finding that failed is not named.
    let strangers = failed.len() != answer.failed_findings().len()
        || failed.keys().any(|id| !batch.iter().any(|parcel| parcel.finding.id == *id));
    let mut again = Vec::new();
    for parcel in batch {
        match failed.get(parcel.finding.id.as_str()) {
            // A failure without an id of the batch may belong to any finding of the batch: none is taken as accepted.
            None if strangers && more => again.push(parcel),
            None if strangers => {
                let message = "Security Hub reported a failure without naming the finding".to_owned();
                fates.push((parcel, ImportFate::Refused("Malformed".to_owned(), message)));
            }
            None => fates.push((parcel, ImportFate::Accepted)),
            Some((code, message)) => match *code {
                code if is_final(code) || !more => {
                    fates.push((parcel, ImportFate::Refused(code.to_owned(), (*message).to_owned())));
                }
                _ => again.push(parcel),
            },
        }
    }
    again
}

/// Whether the same finding would fail again.
fn is_final(code: &str) -> bool {
    ["InvalidInput", "InvalidAccess", "AccessDenied", "InvalidParameter", "Validation", "NotFound"]
        .iter()
        .any(|known| code.starts_with(known))
}

#[cfg(test)]
mod tests {
    use aws_sdk_securityhub::types::ImportFindingsError;
    use jiff::Timestamp;

    use super::*;
    use crate::asff::Asff;
    use crate::plan::Why;

    fn fates(batch: &[&str], failed: &[&str], more: bool) -> (Vec<(String, bool)>, Vec<String>) {
        let parcel = |id: &&str| Parcel {
            finding: Asff { id: (*id).to_owned(), ..Asff::default() },
            bytes: 1,
            updated_at: Timestamp::UNIX_EPOCH,
            why: Why::New,
        };
        let mut answer = BatchImportFindingsOutput::builder()
            .success_count(i32::try_from(batch.len() - failed.len()).unwrap_or(0))
            .failed_count(i32::try_from(failed.len()).unwrap_or(0));
        for id in failed {
            let error = ImportFindingsError::builder().id(*id).error_code("InvalidInput").error_message("no").build();
            answer = answer.failed_findings(error);
        }
        let answer = answer.build();
        assert!(adds_up(&answer, batch.len()).is_ok(), "the counts alone show nothing");
        let mut fates = Vec::new();
        let again = sort(batch.iter().map(parcel).collect(), &answer, more, &mut fates);
        let accepted = |(parcel, fate): (Parcel, ImportFate)| (parcel.finding.id, fate == ImportFate::Accepted);
        (fates.into_iter().map(accepted).collect(), again.into_iter().map(|parcel| parcel.finding.id).collect())
    }

    /// Two failures, and one finding named twice: which other one failed is unknown.
    #[test]
    fn a_refused_finding_that_is_not_named_is_not_accepted() {
        let of = |all: &[(&str, bool)]| all.iter().map(|(id, taken)| ((*id).to_owned(), *taken)).collect::<Vec<_>>();
        assert_eq!(fates(&["a", "b", "c"], &["a", "a"], true), (of(&[("a", false)]), vec!["b".into(), "c".into()]));
        assert_eq!(fates(&["a", "b"], &["a", "a"], false).0, of(&[("a", false), ("b", false)]));
        assert_eq!(fates(&["a", "b"], &["x"], false).0, of(&[("a", false), ("b", false)]));
        assert_eq!(fates(&["a", "b"], &["a"], false), (of(&[("a", false), ("b", true)]), vec![]));
    }
}
