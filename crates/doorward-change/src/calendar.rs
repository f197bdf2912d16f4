//! When an owner admits a change: windows that allow, freezes that forbid. All times are UTC.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A time of the week at which some owners admit changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The owners, by name without regard to case; none means all.
    #[serde(default)]
    pub owners: Vec<String>,
    /// The days on which it begins; none means all.
    #[serde(default)]
    pub days: Vec<Weekday>,
    /// When it begins, UTC.
    #[schemars(with = "String")]
    pub from: Time,
    /// When it ends, UTC; earlier than its beginning means on the next day.
    #[schemars(with = "String")]
    pub until: Time,
}

/// A time in which nothing is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// Its first day, UTC.
    #[schemars(with = "String")]
    pub from: Date,
    /// Its last day, UTC.
    #[schemars(with = "String")]
    pub until: Date,
    /// Why; shown where it stops something.
    pub reason: String,
    /// The owners it holds for; none means all.
    #[serde(default)]
    pub owners: Vec<String>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Weekday {
    fn of(date: Date) -> Self {
        match date.weekday() {
            jiff::civil::Weekday::Monday => Self::Mon,
            jiff::civil::Weekday::Tuesday => Self::Tue,
            jiff::civil::Weekday::Wednesday => Self::Wed,
            jiff::civil::Weekday::Thursday => Self::Thu,
            jiff::civil::Weekday::Friday => Self::Fri,
            jiff::civil::Weekday::Saturday => Self::Sat,
            jiff::civil::Weekday::Sunday => Self::Sun,
        }
    }
}

/// Why an owner does not admit a change at a time; none where nothing speaks against it. Without an owner, because nobody could
/// read it, whatever holds for some owners may hold for this one.
pub(crate) fn closed(owner: Option<&str>, at: Timestamp, windows: &[Window], freezes: &[Freeze]) -> Option<String> {
    let now = at.to_zoned(TimeZone::UTC).datetime();
    let Some(owner) = owner else {
        let depends = windows.iter().any(|w| !w.owners.is_empty()) || freezes.iter().any(|f| !f.owners.is_empty());
        return if depends {
            Some("its owner could not be read, and change windows depend on the owner".to_owned())
        } else {
            closed(Some(""), at, windows, freezes)
        };
    };
    let of = |owners: &[String]| owners.is_empty() || owners.iter().any(|one| one.eq_ignore_ascii_case(owner));
    let frozen = freezes.iter().find(|f| of(&f.owners) && (f.from..=f.until).contains(&now.date()));
    if let Some(freeze) = frozen {
        return Some(format!("changes are frozen from {} to {}: {}", freeze.from, freeze.until, freeze.reason));
    }
    let mut own = windows.iter().filter(|window| of(&window.owners)).peekable();
    own.peek()?;
    let open = |window: &Window| {
        let begins = |day: Date| window.days.is_empty() || window.days.contains(&Weekday::of(day));
        if window.from < window.until {
            begins(now.date()) && (window.from..window.until).contains(&now.time())
        } else {
            // It began today, or yesterday and lasts until today.
            (begins(now.date()) && now.time() >= window.from)
                || (now.time() < window.until && now.date().yesterday().is_ok_and(begins))
        }
    };
    if own.any(open) {
        return None;
    }
    Some(format!(
        "it is outside the change windows{}",
        if owner.is_empty() { String::new() } else { format!(" of {owner}") }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(owner: &str, at: &str, wanted: Option<&str>) {
        let windows = r#"[
            {"owners": ["Payments"], "days": ["mon", "tue"], "from": "08:00", "until": "12:00"},
            {"owners": ["payments"], "days": ["fri"], "from": "22:00", "until": "02:00"}
        ]"#;
        let freezes = r#"[
            {"from": "2026-12-18", "until": "2027-01-04", "reason": "year end"},
            {"from": "2026-11-23", "until": "2026-11-23", "reason": "sale", "owners": ["shop"]}
        ]"#;
        let windows: Vec<Window> = serde_json::from_str(windows).expect("windows");
        let freezes: Vec<Freeze> = serde_json::from_str(freezes).expect("freezes");
        let told = closed(Some(owner), at.parse().expect("a time"), &windows, &freezes);
        match wanted {
            None => assert_eq!(told, None, "{owner} at {at}"),
            Some(about) => assert!(told.as_ref().is_some_and(|told| told.contains(about)), "{owner} at {at}: {told:?}"),
        }
    }

    #[test]
    fn windows_and_freezes() {
        // 2026-11-23 is a Monday.
        check("payments", "2026-11-23T08:00:00Z", None);
        check("payments", "2026-11-23T07:59:59Z", Some("outside"));
        check("payments", "2026-11-23T12:00:00Z", Some("outside"));
        check("payments", "2026-11-25T09:00:00Z", Some("outside"));
        check("payments", "2026-11-27T23:00:00Z", None);
        check("payments", "2026-11-28T01:59:59Z", None);
        check("payments", "2026-11-28T02:00:00Z", Some("outside"));
        check("payments", "2026-11-27T01:00:00Z", Some("outside"));
        check("search", "2026-11-25T03:00:00Z", None);
        check("shop", "2026-11-23T23:59:59Z", Some("sale"));
        check("shop", "2026-11-24T00:00:00Z", None);
        check("search", "2026-12-18T00:00:00Z", Some("year end"));
        check("payments", "2027-01-04T09:00:00Z", Some("frozen"));
        check("search", "2027-01-05T00:00:00Z", None);
    }

    #[test]
    fn an_owner_nobody_read_may_have_windows() {
        let window: Window =
            serde_json::from_str(r#"{"owners": ["a"], "from": "08:00", "until": "12:00"}"#).expect("a window");
        let everybody = Window { owners: Vec::new(), ..window.clone() };
        let at: Timestamp = "2026-11-23T09:00:00Z".parse().expect("a time");
        assert!(closed(None, at, &[window], &[]).is_some_and(|told| told.contains("owner could not be read")));
        assert_eq!(closed(None, at, &[everybody], &[]), None);
        assert_eq!(closed(None, at, &[], &[]), None);
    }
}
