//! Times as SQLite stores them: nanoseconds since 1970 in UTC, so that a time is read exactly as it was written.

use jiff::Timestamp;

/// Nanoseconds since 1970. Times before 1677 or after 2262 are moved to that edge; no scan ever ran there.
pub(crate) fn nanos(at: Timestamp) -> i64 {
    let wide = at.as_nanosecond();
    i64::try_from(wide).unwrap_or(if wide < 0 { i64::MIN } else { i64::MAX })
}

/// The time that [`nanos`] was given. Every 64-bit value is a valid time.
pub(crate) fn timestamp(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_to_the_nanosecond() {
        let at: Timestamp = "2024-02-29T23:59:59.123456789Z".parse().expect("valid");
        assert_eq!(timestamp(nanos(at)), at);
        assert_eq!(nanos(Timestamp::MAX), i64::MAX);
        assert_eq!(nanos(Timestamp::MIN), i64::MIN);
    }
}
