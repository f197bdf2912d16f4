//! Files that are objects in S3: read with their ETag, written under a condition, lost answers resolved by reading back.
//!
//! [`RemoteFiles`] copies between an object and a local file. A write states what the object must be ([`Condition`]), so that two
//! writers never overwrite each other; S3 decides which of them is first. A write whose answer is lost is never repeated blindly: the
//! object is read back, and the hash that every write stores beside its bytes tells whether the write took effect.

mod actions;
mod error;
mod object_url;
mod remote_files;
mod request_count;
mod settings;

pub use actions::object_grants;
pub use error::{RemoteFileError, RemoteProblem};
pub use object_url::{ObjectUrl, ObjectUrlError};
pub use remote_files::{Condition, ETag, Fetched, RemoteFiles, RemoteObject, Stored, Versioning};
pub use request_count::RequestCount;
pub use settings::RemoteFileSettings;
