//! Events of CloudTrail and EventBridge: which load balancer a call may have changed, and who made the call.
//!
//! [`parse_text`] and [`parse_json`] read an event, which is text from outside: it names a load balancer to read again, and only what
//! is then read counts. [`RescanContext::rescan`] reads and judges that load balancer and no other; [`EventDocument`] is the result of
//! all events as text and as JSON. [`queue_batch`] separates the messages of a queue, so that each fails or succeeds by itself.
//!
//! What it deliberately does not do: deliver the result, choose an exit code, or serve Lambda; the program does.

mod cloudtrail;
mod envelopes;
mod error;
mod event_document;
mod invocation_metrics;
mod queue_batch;
mod rescan;

pub use cloudtrail::{ModeChangeEvent, NamedLoadBalancer, ParsedEvent, parse_json, parse_text};
pub use error::{EventError, RescanError};
pub use event_document::{EventDocument, EventLine, EventOutcome, EventResult, JudgedOutcome};
pub use invocation_metrics::InvocationMetrics;
pub use queue_batch::{QueuedMessage, batch_answer, queue_batch};
pub use rescan::{JudgedLoadBalancer, RescanContext, Rescanned};
