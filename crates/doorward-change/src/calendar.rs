//! When load balancers of an owner may be changed: windows allow changes, freezes forbid them. All times are UTC.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A time of the week in which load balancers of some owners may be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeWindow {
    /// The owners, by name, case-insensitive; empty for all.
    #[serde(default)]
    pub owners: Vec<String>,
    /// The days on which it begins; empty for all.
    #[serde(default)]
    pub days: Vec<Weekday>,
    /// When it begins, UTC.
    #[schemars(with = "String")]
    pub from: Time,
    /// When it ends, UTC; earlier than its beginning means on the next day.
    #[schemars(with = "String")]
    pub until: Time,
}

/// A time in which no mode is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// Its first day, UTC.
    #[schemars(with = "String")]
    pub from: Date,
    /// Its last day, UTC.
    #[schemars(with = "String")]
    pub until: Date,
    /// The reason, which refusals name.
    pub reason: String,
    /// The owners it holds for; empty for all.
    #[serde(default)]
    pub owners: Vec<String>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the documentation")]
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

/// Why load balancers of an owner may not be changed at a time; none if they may. If the owner could not be read, windows and freezes
/// of some owners may apply to it, so that a change is refused as soon as there are any.
pub(crate) fn closed(
    owner: Option<&str>,
    at: Timestamp,
    windows: &[ChangeWindow],
    freezes: &[Freeze],
) -> Option<String> {
    let now = at.to_zoned(TimeZone::UTC).datetime();
    let Some(owner) = owner else {
        let depends = windows.iter().any(|w| !w.owners.is_empty()) || freezes.iter().any(|f| !f.owners.is_empty());
        return if depends {
            Some("its owner could not be read, so its change windows are unknown".to_owned())
        } else {
            closed(Some(""), at, windows, freezes)
        };
    };
    let of = |owners: &[String]| {
        owners.is_empty() || owners.iter().any(|one| doorward_model::owner_key(one) == doorward_model::owner_key(owner))
    };
    let frozen = freezes.iter().find(|f| of(&f.owners) && (f.from..=f.until).contains(&now.date()));
    if let Some(freeze) = frozen {
        return Some(format!("changes are frozen from {} to {}: {}", freeze.from, freeze.until, freeze.reason));
    }
    let mut own = windows.iter().filter(|window| of(&window.owners)).peekable();
    own.peek()?;
    let open = |window: &ChangeWindow| {
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
        let windows: Vec<ChangeWindow> = serde_json::from_str(windows).expect("windows");
        let freezes: Vec<Freeze> = serde_json::from_str(freezes).expect("freezes");
        let reason = closed(Some(owner), at.parse().expect("a time"), &windows, &freezes);
        match wanted {
            None => assert_eq!(reason, None, "{owner} at {at}"),
            Some(about) => {
                assert!(reason.as_ref().is_some_and(|reason| reason.contains(about)), "{owner} at {at}: {reason:?}")
            }
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
    fn an_unread_owner_may_have_windows() {
        let window: ChangeWindow =
            serde_json::from_str(r#"{"owners": ["a"], "from": "08:00", "until": "12:00"}"#).expect("a window");
        let for_all = ChangeWindow { owners: Vec::new(), ..window.clone() };
        let at: Timestamp = "2026-11-23T09:00:00Z".parse().expect("a time");
        assert!(closed(None, at, &[window], &[]).is_some_and(|reason| reason.contains("owner could not be read")));
        assert_eq!(closed(None, at, &[for_all], &[]), None);
        assert_eq!(closed(None, at, &[], &[]), None);
    }
}
