//! Deliver: parcels into one hub, in batches that AWS accepts, each finding ending as accepted or with a reason.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_securityhub::config::{Builder, IdentityCache};
use aws_sdk_securityhub::operation::batch_import_findings::BatchImportFindingsOutput;

use doorward_model::{AccountRegion, Gap};

use crate::doors::{Door, Doors, Time};
use crate::failure::{Failure, malformed};
use crate::pace::Pace;
use crate::plan::Parcel;
use crate::wire;

/// What importing needs of IAM.
pub(crate) const IMPORT_ACTION: &str = "securityhub:BatchImportFindings";

/// Most findings in a call.
const BATCH: usize = 100;
/// Largest call, in bytes of JSON; what the envelope takes is left out of it.
const CALL_BYTES: usize = 5_900_000;
/// Tries of one call, and rounds for findings that fail inside accepted calls.
const TRIES: u32 = 8;
/// Longest pause between tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Why a hub took nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// Security Hub is not enabled in this account-Region.
    NotEnabled(Gap),
    /// There is no way in.
    Unreachable(Gap),
}

impl Closed {
    /// The gap, with the IAM action that would mend it where one would.
    pub fn gap(&self) -> &Gap {
        match self {
            Self::NotEnabled(gap) | Self::Unreachable(gap) => gap,
        }
    }
}

/// What became of one parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    Accepted,
    /// Code and message.
    Refused(String, String),
    /// The hub is closed.
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

/// One hub as a destination of calls.
pub(crate) struct Hub<'a, D> {
    pub(crate) place: &'a AccountRegion,
    pub(crate) doors: &'a D,
    pub(crate) pace: &'a Pace,
    pub(crate) time: &'a Time,
}

impl<D: Doors> Hub<'_, D> {
    /// Sends a batch until every parcel has its fate. A batch that Security Hub calls invalid is halved until the odd
    /// finding stands alone; findings that fail inside an accepted call are sent again, with the same dates.
    pub(crate) async fn import(&self, batch: Vec<Parcel>) -> Vec<(Parcel, Fate)> {
        let mut fates = Vec::with_capacity(batch.len());
        let mut waiting = VecDeque::from([(batch, 0_u32)]);
        while let Some((batch, rounds)) = waiting.pop_front() {
            let answer = self
                .call(IMPORT_ACTION, |door| {
                    let findings = batch.iter().map(|parcel| wire::outward(&parcel.finding)).collect();
                    let call = door.client.batch_import_findings().set_findings(Some(findings));
                    let call = call.customize().config_override(as_credentials(&door.credentials));
                    let count = batch.len();
                    async move {
                        let answer = call.send().await.map_err(|e| Failure::of(IMPORT_ACTION, &e))?;
                        adds_up(&answer, count)?;
                        Ok(answer)
                    }
                })
                .await;
            match answer {
                Ok(answer) => {
                    let again = sort(batch, &answer, rounds + 1 < TRIES, &mut fates);
                    if !again.is_empty() {
                        self.time.pause(pause(rounds + 1)).await;
                        waiting.push_back((again, rounds + 1));
                    }
                }
                Err(Stop::Invalid(message)) => {
                    let mut first = batch;
                    let second = first.split_off(first.len() / 2);
                    if first.is_empty() {
                        let refused = Fate::Refused("InvalidInputException".to_owned(), message);
                        fates.extend(second.into_iter().map(|parcel| (parcel, refused.clone())));
                    } else {
                        waiting.push_front((second, rounds));
                        waiting.push_front((first, rounds));
                    }
                }
                Err(Stop::Closed(closed)) => {
                    let rest = waiting.drain(..).flat_map(|(batch, _)| batch);
                    let fate = Fate::Closed(closed);
                    fates.extend(batch.into_iter().chain(rest).map(|parcel| (parcel, fate.clone())));
                }
            }
        }
        fates
    }

    /// Makes one call with as many tries as it takes.
    pub(crate) async fn call<T, Sent>(&self, action: &'static str, send: impl Fn(&Door) -> Sent) -> Result<T, Stop>
    where
        Sent: Future<Output = Result<T, Failure>>,
    {
        let mut refused: Option<Credentials> = None;
        let (mut tries, mut renewals) = (0, 0);
        loop {
            self.pace.turn().await;
            let door = match self.doors.open(self.place, refused.as_ref()).await {
                Ok(door) => door,
                Err(gap) => return Err(Stop::Closed(Closed::Unreachable(gap))),
            };
            let failure = match send(&door).await {
                Ok(answer) => {
                    self.pace.speed_up();
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            tries += 1;
            tracing::debug!(hub = %self.place, action, tries, ?failure, "call failed");
            let gap = match failure {
                Failure::Invalid(message) => return Err(Stop::Invalid(message)),
                Failure::NotEnabled(gap) => return Err(Stop::Closed(Closed::NotEnabled(gap))),
                Failure::Closed(gap) => return Err(Stop::Closed(Closed::Unreachable(gap))),
                Failure::SlowDown(gap) => {
                    self.pace.slow_down();
                    gap
                }
                Failure::Renew(gap) => {
                    renewals += 1;
                    refused = Some(door.credentials);
                    if renewals > 2 {
                        return Err(Stop::Closed(Closed::Unreachable(gap)));
                    }
                    gap
                }
                Failure::Retry(gap) => gap,
            };
            if tries >= TRIES {
                return Err(Stop::Closed(Closed::Unreachable(gap)));
            }
            self.time.pause(pause(tries)).await;
        }
    }
}

/// Why a call was given up.
pub(crate) enum Stop {
    /// The batch is not valid, says Security Hub.
    Invalid(String),
    /// No further call to this hub would fare better.
    Closed(Closed),
}

/// Makes one call with these credentials. They are already resolved, so nothing caches them again.
pub(crate) fn as_credentials(credentials: &Credentials) -> Builder {
    Builder::new().credentials_provider(credentials.clone()).identity_cache(IdentityCache::no_cache())
}

/// An answer must account for every finding that was sent; one that does not says nothing.
fn adds_up(answer: &BatchImportFindingsOutput, sent: usize) -> Result<(), Failure> {
    let count = |number: Option<i32>| number.and_then(|number| usize::try_from(number).ok());
    let listed = answer.failed_findings().len();
    match (count(answer.success_count()), count(answer.failed_count())) {
        (Some(accepted), Some(failed)) if accepted + failed == sent && failed == listed => Ok(()),
        _ => Err(Failure::Retry(malformed(IMPORT_ACTION, "the answer does not account for every finding sent"))),
    }
}

/// Gives each parcel of an answered call its fate; returns those worth another round.
fn sort(
    batch: Vec<Parcel>,
    answer: &BatchImportFindingsOutput,
    more: bool,
    fates: &mut Vec<(Parcel, Fate)>,
) -> Vec<Parcel> {
    let failed: BTreeMap<&str, (&str, &str)> = answer
        .failed_findings()
        .iter()
        .map(|failed| {
            let words = (failed.error_code().unwrap_or_default(), failed.error_message().unwrap_or_default());
            (failed.id().unwrap_or_default(), words)
        })
        .collect();
    let strangers = failed.keys().any(|id| !batch.iter().any(|parcel| parcel.finding.id == *id));
    let mut again = Vec::new();
    for parcel in batch {
        match failed.get(parcel.finding.id.as_str()) {
            // A failure that names nobody we know may be anybody's: nothing is taken as accepted.
            None if strangers && more => again.push(parcel),
            None if strangers => {
                let message = "Security Hub reported a failure without saying of which finding".to_owned();
                fates.push((parcel, Fate::Refused("Malformed".to_owned(), message)));
            }
            None => fates.push((parcel, Fate::Accepted)),
            Some((code, message)) => match *code {
                code if is_final(code) || !more => {
                    fates.push((parcel, Fate::Refused(code.to_owned(), (*message).to_owned())));
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

/// Full jitter: anything between nothing and a bound that doubles.
fn pause(tries: u32) -> Duration {
    Duration::from_millis(200).saturating_mul(1 << tries.min(10)).min(LONGEST_PAUSE).mul_f64(fastrand::f64())
}
