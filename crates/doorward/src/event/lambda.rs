//! AWS Lambda.
use super::Work;
use crate::exit::{Exit, Failure};
pub(super) fn serve(_: &Work<'_>) -> Result<Exit, Failure> {
    Ok(Exit::Clean)
}
