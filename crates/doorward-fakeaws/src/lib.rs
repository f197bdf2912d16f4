//! An AWS organization in one process: STS, Organizations, Account, Elastic Load Balancing (both generations),
//! CloudWatch Logs deliveries, Security Hub, publishing to SNS topics, S3 (reading, and writing under conditions), CloudWatch metrics and Athena over their
//! real wire protocols, with IAM evaluation, quotas, faults and a call log.
//!
//! The demo scans it, and everything that calls AWS is tested against it. It depends on no other crate of the workspace and shares no
//! code with the clients that are tested against it.
//!
//! # Use
//!
//! ```
//! # async fn demo(toml: &str) -> Result<(), Box<dyn std::error::Error>> {
//! use doorward_fakeaws::{Fault, Options, Server, What, World};
//!
//! let world = World::from_toml(toml)?;
//! let server = Server::start(world, Options::default()).await?;
//! let key = &server.world().callers()[0];
//! // Point any SDK at server.url() with key.access_key and key.secret …
//!
//! let faults = server.set_faults(vec![Fault::new(What::Throttle).service("elbv2").region("eu-west-1").times(30)]);
//! // … make calls …
//! assert_eq!(faults.fired(), [30]);
//! let calls = server.calls();
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! - [`World`]: [`World::from_toml`], [`World::from_file`], [`World::build`] from a [`spec::WorldSpec`], `set_attribute`, `set_tags`,
//!   `add_load_balancer`, `remove_load_balancer`, `attribute`, `arn`, `callers`, `summary`, `set_security_hub`,
//!   `security_hub_findings`, `add_topic`, `published`, `put_object`, `add_metric`, `add_athena`, `athena_queries`.
//! - [`Server`]: [`Server::start`], `url`, `calls`, `counts`, `clear_calls`, `set_faults`, `faults`, `before_each_call`, `after_each_call`, `shutdown`.
//! - [`Options`]: port, [`Clock`], quotas on or off, [`CallDetail`], date check, faults.
//! - [`Fault`]: the calls that it matches, a [`Schedule`], and [`What`] happens to them; [`FaultPlan::fired`] counts.
//! - Over HTTP: `GET /_fake/health`, `/_fake/world`, `/_fake/calls`, `/_fake/counts`, `/_fake/faults`;
//!   `POST /_fake/faults` with a JSON array of [`FaultSpec`]; `DELETE /_fake/faults`, `DELETE /_fake/calls`.
//!
//! A world file is documented key by key in [`spec`]; `examples/acme-org/org.toml` uses nearly all of it. The smallest:
//!
//! ```
//! # fn main() -> Result<(), doorward_fakeaws::WorldError> {
//! let world = doorward_fakeaws::World::from_toml(
//!     r#"
//!     [organization]
//!     id = "o-example000"
//!     management = "100000000001"
//!     home_region = "eu-west-1"
//!     regions = ["eu-west-1"]
//!     [[account]]
//!     id = "100000000001"
//!     name = "management"
//!     [[caller]]
//!     access_key = "AKIAEXAMPLE000000001"
//!     secret = "example"
//!     account = "100000000001"
//!     arn = "arn:aws:iam::100000000001:user/admin"
//!     allow = ["*"]
//!     [[load_balancer]]
//!     account = "100000000001"
//!     region = "eu-west-1"
//!     name = "web"
//!     mode = "monitor"
//!     "#,
//! )?;
//! assert_eq!(world.summary().load_balancers["application"], 1);
//! # Ok(())
//! # }
//! ```
//!
//! # What it deliberately does not do
//!
//! It does not verify signatures (key and session token must match, dates must be near). Of resource policies it knows only which
//! accounts a bucket admits. It does not evaluate permissions boundaries or SCP allow lists, and it creates nothing but findings,
//! messages, queries and objects: everything else comes from the world file.

mod calls;
mod cbor;
mod clock;
mod digest;
mod failure;
mod faults;
mod iam;
mod quota;
mod reply;
mod request;
mod seed;
mod server;
mod service;
mod services;
mod world;
mod xml;

pub use calls::{CallCount, CallDetail, CallRecord};
pub use clock::Clock;
pub use faults::{Fault, FaultPlan, FaultSpec, Form, Schedule, What};
pub use seed::seed;
pub use server::{Options, RequestIds, Server, WaitingCall};
pub use world::attributes::{CLASSIC_DESYNC_MODE, DESYNC_MODE};
pub use world::spec;
pub use world::{Caller, World, WorldError, WorldSummary};
