//! The two rules that watch the register of exceptions, and the rules as a register wraps them.

mod exception_expired;
mod exception_expiring;

use std::sync::Arc;

use doorward_model::{Rule, RuleMeta};
use jiff::Timestamp;

use crate::exceptions::{Register, Wrapped};
use exception_expired::ExceptionExpired;
use exception_expiring::ExceptionExpiring;

/// The definitions of the rules that watch the register.
pub(crate) static METAS: [&RuleMeta; 2] = [&exception_expired::META, &exception_expiring::META];

impl Register {
    /// The rules as judged at a time: each wrapped with its exceptions, and, if a register is configured, the two rules that
    /// watch it. Pass the time of the scan rather than of the rendering, so that a saved scan gets the same verdicts again.
    pub fn wrap(&self, rules: &[&'static dyn Rule], now: Timestamp) -> Vec<Box<dyn Rule>> {
        let wrapped: Vec<Wrapped> = rules.iter().map(|rule| self.wrapped(*rule, now)).collect();
        let mut all: Vec<Box<dyn Rule>> = Vec::with_capacity(wrapped.len() + METAS.len());
        if self.is_configured() {
            let watched: Arc<[Wrapped]> = wrapped.clone().into();
            all.push(Box::new(ExceptionExpired::new(watched.clone())));
            all.push(Box::new(ExceptionExpiring::new(watched)));
        }
        all.extend(wrapped.into_iter().map(|rule| Box::new(rule) as Box<dyn Rule>));
        all.sort_by_key(|rule| rule.meta().id);
        all
    }
}
