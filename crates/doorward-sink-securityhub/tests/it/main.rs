//! The sink against the emulated Security Hub, and its renderings against golden files.

mod bed;
mod closing;
mod delivery;
mod doubles;
mod odd;
mod reconcile;
mod render;
mod schedules;
