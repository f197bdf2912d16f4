//! Copies between objects and local files: reads that name their ETag, writes that state a condition.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorward_aws::{Access, CallFailure, ClientProvider, Operation, RetryAction};
use doorward_model::{AccountId, AccountRegion, Region};
use tokio::time::Instant;

use crate::error::Parties;
use crate::request_count::RequestCount;
use crate::settings::RemoteFileSettings;
use crate::{ObjectUrl, RemoteFileError};

mod content_hash;
mod copies;
mod requests;

use content_hash::ContentHash;
use requests::FileBody;
pub use requests::Versioning;

/// Tries of one write: sends, lost answers and refusals for its rate together.
const TRIES: u32 = 8;

/// The identity of one state of an object, as S3 names it. Opaque: it is a hash of the content for some kinds of encryption only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ETag(String);

impl ETag {
    /// An ETag as S3 answered it, with its quotation marks.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As S3 answered it, with its quotation marks.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The condition on the object under which a write takes effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Anything: the object is replaced.
    Always,
    /// There is no object yet (`If-None-Match: *`).
    Absent,
    /// The object is still in this state (`If-Match`).
    Same(ETag),
}

/// The result of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// The object has the content of the file. The ETag names that state.
    Written(ETag),
    /// The condition does not hold: another writer was first. It may have written on top of this very write, where the answer of an
    /// earlier try was lost; only the content tells.
    Changed,
}

/// An object that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteObject {
    /// Its state.
    pub etag: ETag,
    /// Its length in bytes.
    pub bytes: u64,
}

/// The result of a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The file has the content of the object.
    Read(RemoteObject),
    /// The object is still in the state that the caller knows; the file was not touched.
    Unchanged,
    /// There is no such object, by S3's own word (`NoSuchKey`), which it gives only to identities that may list the bucket. A refusal
    /// is never this.
    Missing,
}

/// Reads and writes objects with one identity. Cheap to clone; clones share counts and the known Regions of buckets.
#[derive(Clone)]
pub struct RemoteFiles {
    aws: ClientProvider,
    account: AccountId,
    home: Region,
    settings: RemoteFileSettings,
    shared: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    /// The Region of each bucket that is not in the home Region.
    regions: HashMap<String, Region>,
    count: RequestCount,
}

impl RemoteFiles {
    /// Reads and writes with the base identity.
    pub fn new(access: &Access, settings: RemoteFileSettings) -> Self {
        Self::with(access.base_provider(), access.account().clone(), access.home_region().clone(), settings)
    }

    /// Reads and writes with a provider of calls: as `account`, whose buckets are looked for in `home` first.
    pub fn with(aws: ClientProvider, account: AccountId, home: Region, settings: RemoteFileSettings) -> Self {
        Self { aws, account, home, settings, shared: Arc::default() }
    }

    /// Requests and bytes so far.
    pub fn count(&self) -> RequestCount {
        self.known(|known| known.count)
    }

    /// Waits before something is tried again: anything between nothing and a bound that doubles with each try.
    pub async fn back_off(&self, tries: u32) {
        self.aws.caller().back_off(tries).await;
    }

    /// The account that must own the bucket.
    pub fn bucket_owner(&self) -> &AccountId {
        self.settings.bucket_owner.as_ref().unwrap_or(&self.account)
    }

    fn known<T>(&self, act: impl FnOnce(&mut Known) -> T) -> T {
        act(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn place(&self, url: &ObjectUrl) -> AccountRegion {
        let region = self.known(|known| known.regions.get(url.bucket()).cloned());
        AccountRegion { account: self.account.clone(), region: region.unwrap_or_else(|| self.home.clone()) }
    }

    /// Whether a failure names another Region for the bucket than the one that was asked; it is kept.
    fn follows(&self, url: &ObjectUrl, asked: &AccountRegion, failure: &CallFailure) -> bool {
        let RetryAction::Redirect(region) = &failure.action else { return false };
        *region != asked.region
            && self.known(|known| known.regions.insert(url.bucket().to_owned(), region.clone())) != Some(region.clone())
    }

    fn error(&self, url: &ObjectUrl, operation: Operation, failure: &CallFailure) -> RemoteFileError {
        let parties = Parties { owner: self.bucket_owner(), identity: &self.account };
        RemoteFileError::of(url, operation, failure, &parties)
    }

    /// Copies an object to a local file, readable by its owner only. The file appears complete or not at all. Where the caller knows
    /// a state of the object already, nothing is sent if it is still that.
    ///
    /// # Errors
    /// The object cannot be read, or whether there is one is not known.
    pub async fn fetch(&self, url: &ObjectUrl, to: &Path, known: Option<&ETag>) -> Result<Fetched, RemoteFileError> {
        let operation = Operation::GetObject;
        loop {
            let place = self.place(url);
            let begun = Instant::now();
            let asked = self.get(&place, url, to, known).await;
            self.known(|known| known.count.took += begun.elapsed());
            match asked {
                Ok(fetched) => {
                    if let Fetched::Read(object) = &fetched {
                        self.known(|known| known.count.received += object.bytes);
                    }
                    return Ok(fetched);
                }
                Err(failure) if failure.code() == Some("NoSuchKey") => return Ok(Fetched::Missing),
                Err(failure) if self.follows(url, &place, &failure) => {}
                Err(failure) => return Err(self.error(url, operation, &failure)),
            }
        }
    }

    /// Copies a local file to an object, if the object is what `condition` says.
    ///
    /// # Errors
    /// The object cannot be written, or it is not known whether it was.
    pub async fn store(&self, url: &ObjectUrl, from: &Path, condition: &Condition) -> Result<Stored, RemoteFileError> {
        let operation = Operation::PutObject;
        let local = |error: std::io::Error| RemoteFileError::local(url, operation, from, &error);
        let body = FileBody { path: from, hash: ContentHash::of_file(from).map_err(local)? };
        let mut tries = 0;
        loop {
            let place = self.place(url);
            let begun = Instant::now();
            let sent = self.put(&place, url, &body, condition).await;
            self.known(|known| {
                known.count.took += begun.elapsed();
                known.count.sent += body.hash.bytes;
            });
            let failure = match sent {
                Ok(etag) => return Ok(Stored::Written(etag)),
                Err(failure) if self.follows(url, &place, &failure) => continue,
                Err(failure) => failure,
            };
            tries += 1;
            if is_settled(&failure) {
                return Err(self.error(url, operation, &failure));
            }
            // A refusal for the rate has no effect, and says nothing about the object.
            if !failure.refused || is_conflict(&failure) {
                match self.look(url).await.map_err(|read| RemoteFileError::undecided(url, &failure, &read))? {
                    Some((etag, hash)) if hash.as_deref() == Some(&*body.hash.hex) => return Ok(Stored::Written(etag)),
                    found => {
                        let holds = match condition {
                            Condition::Always => true,
                            Condition::Absent => found.is_none(),
                            Condition::Same(etag) => found.is_some_and(|(now, _)| now == *etag),
                        };
                        if !holds {
                            return Ok(Stored::Changed);
                        }
                    }
                }
            }
            // The object is as it was. A lost request that still arrives and this one exclude each other: both state the same
            // condition, and send the same bytes.
            if tries >= TRIES {
                return Err(RemoteFileError::contended(url, &failure, tries));
            }
            self.aws.caller().back_off(tries).await;
        }
    }

    /// State and stored hash of an object; none where there is none.
    async fn look(&self, url: &ObjectUrl) -> Result<Option<(ETag, Option<String>)>, RemoteFileError> {
        loop {
            let place = self.place(url);
            match self.head(&place, url).await {
                Ok(found) => return Ok(Some(found)),
                Err(failure) if failure.code() == Some("NoSuchKey") => return Ok(None),
                Err(failure) if self.follows(url, &place, &failure) => {}
                Err(failure) => return Err(self.error(url, Operation::GetObject, &failure)),
            }
        }
    }

    /// Whether the bucket keeps earlier versions of its objects.
    ///
    /// # Errors
    /// It could not be read: then it is not known.
    pub async fn versioning(&self, url: &ObjectUrl) -> Result<Versioning, RemoteFileError> {
        loop {
            let place = self.place(url);
            match self.get_versioning(&place, url).await {
                Ok(versioning) => return Ok(versioning),
                Err(failure) if self.follows(url, &place, &failure) => {}
                Err(failure) => return Err(self.error(url, Operation::GetBucketVersioning, &failure)),
            }
        }
    }

    /// The time for one try that sends so many bytes: that of the settings, and a second for each 256 KiB, the slowest line that is
    /// waited for.
    fn patience(&self, bytes: u64) -> Duration {
        self.aws.caller().attempt_timeout() + Duration::from_secs(bytes >> 18)
    }
}

/// Whether S3 refused a write because of the state of the object, or because of another write at the same time. S3 answers 404 where
/// the object of an `If-Match` does not exist any more.
fn is_conflict(failure: &CallFailure) -> bool {
    matches!(
        failure.code(),
        Some(
            "PreconditionFailed"
                | "ConditionalRequestConflict"
                | "OperationAborted"
                | "NoSuchKey"
                | "ConditionalRequestFailed"
        )
    )
}

/// Whether a failed write had no effect, and another try would give the same answer.
fn is_settled(failure: &CallFailure) -> bool {
    failure.refused && !is_conflict(failure) && failure.action == RetryAction::Stop
}
