//! The ledger of a team: its file is an object in S3.
//!
//! The ledger's calls block, and are made from synchronous commands and from the tasks of a scan alike. Each request to S3 therefore
//! runs on a thread and a runtime of its own, so that no task waits for a connection that it would have to drive itself.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use doorward_aws::access::AccessSettings;
use doorward_aws::settings::CallSettings;
use doorward_aws::{Access, Clock, Stop};
use doorward_file::{create_private_folder, ownership};
use doorward_ledger::{FetchedLedger, LedgerStore, LedgerStoreError, StoredLedger, open_stores_with};
use doorward_model::sha256_hex;
use doorward_remote_file::{
    Condition, ETag, Fetched, ObjectUrl, RemoteFileError, RemoteFileSettings, RemoteFiles, Stored, Versioning,
};
use tokio::runtime::Runtime;

/// How ledgers in S3 are opened.
#[derive(Clone)]
pub struct S3LedgerSettings {
    /// How the base identity is found; it reads and writes the object.
    pub access: AccessSettings,
    /// How calls are made.
    pub calls: CallSettings,
    /// Owner and key of the bucket.
    pub files: RemoteFileSettings,
    /// The folder for copies.
    pub cache: PathBuf,
    /// The date.
    pub clock: Clock,
}

/// Opens paths such as `s3://bucket/key` as ledgers, from here on. Nothing is called before such a path is opened.
pub fn keep_ledgers_in_s3(settings: S3LedgerSettings) {
    let opened: Mutex<HashMap<PathBuf, Weak<S3Ledger>>> = Mutex::default();
    open_stores_with(move |path| {
        let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = opened.get(path).and_then(Weak::upgrade) {
            return Ok(store);
        }
        let url: ObjectUrl =
            path.to_string_lossy().parse().map_err(|e| LedgerStoreError(format!("ledger.path: {e}")))?;
        let store = Arc::new(S3Ledger::new(url, settings.clone())?);
        opened.insert(path.to_owned(), Arc::downgrade(&store));
        Ok(store)
    });
}

/// An object that holds a ledger.
pub struct S3Ledger {
    url: ObjectUrl,
    folder: PathBuf,
    connect: Option<S3LedgerSettings>,
    files: OnceLock<RemoteFiles>,
    /// Always there until it is dropped.
    runtime: Option<Runtime>,
}

impl S3Ledger {
    fn new(url: ObjectUrl, settings: S3LedgerSettings) -> Result<Self, LedgerStoreError> {
        let folder = cache_of(&settings.cache, &url)?;
        Ok(Self { folder, connect: Some(settings), files: OnceLock::new(), runtime: Some(runtime(&url)?), url })
    }

    /// An object that is read and written by `files`, with copies in a folder below `cache`.
    ///
    /// # Errors
    /// The folder cannot be created, or belongs to another user.
    pub fn with(url: ObjectUrl, files: RemoteFiles, cache: &Path) -> Result<Self, LedgerStoreError> {
        let (folder, runtime) = (cache_of(cache, &url)?, runtime(&url)?);
        Ok(Self { folder, connect: None, files: OnceLock::from(files), runtime: Some(runtime), url })
    }

    /// Runs work to its end on a thread of its own, whatever thread this is.
    fn wait<T: Send, Work: Future<Output = T>>(
        &self,
        begin: impl FnOnce() -> Work + Send,
    ) -> Result<T, LedgerStoreError> {
        let ended = || {
            let sentence = "the requests to S3 failed because of an error in Doorward; please report it";
            LedgerStoreError(format!("{}: {sentence}", self.url))
        };
        let runtime = self.runtime.as_ref().ok_or_else(ended)?;
        std::thread::scope(|scope| scope.spawn(|| runtime.block_on(begin())).join()).map_err(|_| ended())
    }

    async fn files(&self) -> Result<&RemoteFiles, LedgerStoreError> {
        if let (None, Some(settings)) = (self.files.get(), &self.connect) {
            let S3LedgerSettings { access, calls, files, clock, .. } = settings.clone();
            let (_stopper, stop) = Stop::new();
            let access = Access::connect(access, calls, clock, None, &stop).await;
            let access = access
                .map_err(|error| LedgerStoreError(format!("{}: the ledger cannot be reached: {error}", self.url)))?;
            let _ = self.files.set(RemoteFiles::new(&access, files));
        }
        let unset = || LedgerStoreError(format!("{}: the ledger cannot be reached", self.url));
        self.files.get().ok_or_else(unset)
    }

    /// Makes requests, and logs what all of them cost by then.
    fn request<T, Sent>(
        &self,
        what: &'static str,
        act: impl FnOnce(RemoteFiles) -> Sent + Send,
    ) -> Result<T, LedgerStoreError>
    where
        T: Send,
        Sent: Future<Output = Result<T, RemoteFileError>>,
    {
        let done = self.wait(|| async {
            let files = self.files().await?.clone();
            act(files).await.map_err(|error| LedgerStoreError(error.to_string()))
        })??;
        if let Some(files) = self.files.get() {
            tracing::info!(ledger = %self.url, so_far = %files.count(), "{what}");
        }
        Ok(done)
    }
}

impl LedgerStore for S3Ledger {
    fn name(&self) -> String {
        self.url.to_string()
    }

    fn folder(&self) -> &Path {
        &self.folder
    }

    fn fetch(&self, to: &Path, known: Option<&str>) -> Result<FetchedLedger, LedgerStoreError> {
        let known = known.map(ETag::new);
        let fetched =
            self.request("ledger read", |files| async move { files.fetch(&self.url, to, known.as_ref()).await })?;
        Ok(match fetched {
            Fetched::Read(object) => FetchedLedger::Read(object.etag.as_str().to_owned()),
            Fetched::Unchanged => FetchedLedger::Unchanged,
            Fetched::Missing => FetchedLedger::Missing,
        })
    }

    fn store(&self, from: &Path, replaces: Option<&str>) -> Result<StoredLedger, LedgerStoreError> {
        let condition = replaces.map_or(Condition::Absent, |state| Condition::Same(ETag::new(state)));
        let stored =
            self.request("ledger written", |files| async move { files.store(&self.url, from, &condition).await })?;
        Ok(match stored {
            Stored::Written(etag) => StoredLedger::Written(etag.as_str().to_owned()),
            Stored::Changed => StoredLedger::Changed,
        })
    }

    fn pause(&self, tries: u32) {
        if let Some(files) = self.files.get() {
            let _ = self.wait(|| files.back_off(tries));
        }
    }

    fn advice(&self) -> Option<String> {
        let bucket = self.url.bucket();
        let found = self.request("versioning read", |files| async move { files.versioning(&self.url).await });
        let off = |how: &str| {
            format!(
                "versioning of the bucket {bucket} is {how}; enable it, so that a removed or damaged ledger can be \
                 restored"
            )
        };
        match found {
            Ok(Versioning::Enabled) => None,
            Ok(Versioning::Suspended) => Some(off("suspended")),
            Ok(Versioning::Off) => Some(off("off")),
            Err(error) => Some(format!("it is unknown whether the bucket {bucket} keeps earlier versions: {error}")),
        }
    }
}

impl Drop for S3Ledger {
    fn drop(&mut self) {
        if let Some(files) = self.files.get() {
            tracing::info!(ledger = %self.url, total = %files.count(), "ledger closed");
        }
        // A runtime that is dropped by a task would wait for its threads, which a task may not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn runtime(url: &ObjectUrl) -> Result<Runtime, LedgerStoreError> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|e| LedgerStoreError(format!("{url}: the requests to S3 could not be started: {e}")))
}

/// The folder of an object's copies. Ledgers say where an organization is weak, so no other user may read it or write there.
fn cache_of(cache: &Path, url: &ObjectUrl) -> Result<PathBuf, LedgerStoreError> {
    let digest = sha256_hex(url.to_string().as_bytes());
    let folder = cache.join("ledgers").join(digest.get(..16).unwrap_or_default());
    let refused = |problem: String| {
        LedgerStoreError(format!(
            "{url}: the folder {} for copies cannot be used: {problem}; set XDG_CACHE_HOME to a folder that only you \
             can write to",
            folder.display()
        ))
    };
    create_private_folder(&folder).map_err(|e| refused(e.to_string()))?;
    ownership::check(&folder, None).map_err(refused)?;
    Ok(folder)
}
