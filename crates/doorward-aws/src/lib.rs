//! The only way to call AWS: credentials, sessions, clients, rate limits, retries, response integrity, error classification.
//!
//! [`Access`] holds the base identity, one HTTP client and one [`Caller`]. A [`ClientProvider`] gives other crates calls for one
//! purpose: one session in each account, one client in each Region. Every request of the process goes through the loop of
//! [`Caller`]: it waits for the rate limit of its account, Region and API family, resolves credentials, sends, and repeats until
//! the deadline. An error is classified once, in [`CallFailure`].
//!
//! `way_in` resolves how AWS is called: profile, credentials, Region, endpoints, proxies and certificates, each with its origin, in
//! the order of botocore and the AWS CLI. [`HttpPolicy`] holds for calls of AWS and for webhooks alike.
//!
//! This crate is also the only one that knows how to wait: [`Time`] is a date, a steady clock and pauses, and [`Stop`] ends
//! work early.

pub mod access;
pub mod rate_limit;
pub mod response_integrity;
pub mod settings;

mod call;
mod cancellation;
mod credential_source;
mod failure;
mod http_policy;
mod operation;
mod shared_config;
mod time;
mod variables;
mod way_in;

use std::sync::Arc;

pub use access::{
    Access, AccessError, ClientProvider, Emulator, OpenSession, Purpose, Session, account_as, classic_as, elb_as,
    logs_as, organizations_as, sts_as,
};
pub use aws_config::SdkConfig;
pub use aws_credential_types::Credentials;
pub use call::{CallRoute, Caller};
pub use cancellation::{Stop, Stopper};
pub use credential_source::CredentialProblem;
pub use failure::{CallFailure, RetryAction};
pub use http_policy::{HttpPolicy, HttpPolicyError, NetworkFault, WebClient};
pub use operation::Operation;
pub use rate_limit::Family;
pub use shared_config::SharedConfigError;
pub use time::{Pause, Time};
pub use variables::{ValueOrigin, Variables};
pub use way_in::{WayInError, WayInLine};

/// Where the date comes from: the system clock in the binary, a fixed one in tests.
pub type Clock = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;
