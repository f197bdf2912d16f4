//! Identity and access: wildcard patterns, policy documents, the decision, and the sessions that calls run under.

pub(crate) mod decision;
pub(crate) mod pattern;
pub(crate) mod policy;
pub(crate) mod session;

#[cfg(test)]
mod tests;
