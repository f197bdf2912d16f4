//! Functions of given times. The present time is never known.

use std::cmp::Ordering;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::{Function, missing, text};
use crate::terraform::number::Number;
use crate::terraform::value::{ConfigValue, EvaluationFailure};

/// The function of a name.
pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "timeadd" => |arguments| {
            let [time, duration] = arguments else { return Err(missing()) };
            let time = ZonedTime::of(&text(time)?)?;
            let moved = duration_of(&text(duration)?).and_then(|by| time.at.checked_add(by).ok());
            let at = moved.ok_or_else(|| EvaluationFailure::unsure("a duration is not in its usual form"))?;
            let moved = ZonedTime { at, offset: time.offset };
            formatted("YYYY-MM-DD'T'hh:mm:ss", &moved).map(|text| ConfigValue::text(text + &moved.zone(true)))
        },
        "timecmp" => |arguments| {
            let [left, right] = arguments else { return Err(missing()) };
            let (left, right) = (ZonedTime::of(&text(left)?)?, ZonedTime::of(&text(right)?)?);
            let one = Number::whole(1);
            Ok(ConfigValue::Number(match left.at.cmp(&right.at) {
                Ordering::Less => one.negated(),
                Ordering::Equal => Number::whole(0),
                Ordering::Greater => one,
            }))
        },
        "formatdate" => |arguments| {
            let [format, time] = arguments else { return Err(missing()) };
            formatted(&text(format)?, &ZonedTime::of(&text(time)?)?).map(ConfigValue::text)
        },
        _ => return None,
    })
}

/// A time with the offset in which it is written.
struct ZonedTime {
    at: Timestamp,
    /// In minutes.
    offset: i32,
}

impl ZonedTime {
    /// A time in RFC 3339, to the second.
    fn of(text: &str) -> Result<Self, EvaluationFailure> {
        let unsure = || EvaluationFailure::unsure("a time is not in its usual form");
        let (date, zone) = text.split_at_checked(19).ok_or_else(unsure)?;
        let is_digit = |(at, byte): (usize, u8)| match at {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 | 16 => byte == b':',
            _ => byte.is_ascii_digit(),
        };
        let offset = match zone.as_bytes() {
            b"Z" => 0,
            [sign @ (b'+' | b'-'), hours @ .., b':', _, _] if zone.len() == 6 && hours.len() == 2 => {
                let hours: i32 = zone.get(1..3).and_then(|text| text.parse().ok()).ok_or_else(unsure)?;
                let minutes: i32 = zone.get(4..6).and_then(|text| text.parse().ok()).ok_or_else(unsure)?;
                let minutes = hours * 60 + minutes;
                if *sign == b'-' { -minutes } else { minutes }
            }
            _ => return Err(unsure()),
        };
        if !date.bytes().enumerate().all(is_digit) || offset.abs() >= 24 * 60 {
            return Err(unsure());
        }
        // A second of 60 is refused by Terraform, and read by the library.
        let date: DateTime = date.parse().ok().filter(|_| !date.ends_with("60")).ok_or_else(unsure)?;
        let zone = Offset::from_seconds(offset * 60).map_err(|_| unsure())?;
        Ok(Self { at: zone.to_timestamp(date).map_err(|_| unsure())?, offset })
    }

    fn local(&self) -> DateTime {
        Offset::from_seconds(self.offset * 60)
            .map_or_else(|_| Offset::UTC.to_datetime(self.at), |zone| zone.to_datetime(self.at))
    }

    /// `+01:00` or `+0100`; `Z` for an offset of zero if `short`.
    fn zone(&self, short: bool) -> String {
        if short && self.offset == 0 {
            return "Z".to_owned();
        }
        let sign = if self.offset < 0 { '-' } else { '+' };
        format!("{sign}{:02}:{:02}", self.offset.abs() / 60, self.offset.abs() % 60)
    }
}

/// A duration as Go writes it: `1h30m`, `-10s`. Fractions are not read.
fn duration_of(text: &str) -> Option<SignedDuration> {
    let (is_negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    let mut seconds = 0_i64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| (1..=9).contains(end))?;
        let (digits, unit) = rest.split_at(end);
        let (factor, length) = match unit.as_bytes() {
            [b'm', b's', ..] => return None,
            [b'h', ..] => (3_600, 1),
            [b'm', ..] => (60, 1),
            [b's', ..] => (1, 1),
            _ => return None,
        };
        seconds = seconds.checked_add(digits.parse::<i64>().ok()?.checked_mul(factor)?)?;
        rest = unit.get(length..)?;
    }
    (!text.trim_start_matches(['-', '+']).is_empty())
        .then(|| SignedDuration::from_secs(if is_negative { -seconds } else { seconds }))
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A time in the format of `formatdate`: <https://developer.hashicorp.com/terraform/language/functions/formatdate>
fn formatted(format: &str, time: &ZonedTime) -> Result<String, EvaluationFailure> {
    let refused = || EvaluationFailure::refused("the format of a date has a letter without meaning");
    let local = time.local();
    let name = |names: &[&'static str], at: i8| {
        usize::try_from(at - 1).ok().and_then(|at| names.get(at).copied()).unwrap_or_default()
    };
    let mut out = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            // Two quotes within a quoted part are one quote.
            let mut quoted = rest.get(1..).unwrap_or_default();
            loop {
                let (text, after) = quoted
                    .split_once('\'')
                    .ok_or_else(|| EvaluationFailure::refused("a quote of the format is open"))?;
                out.push_str(text);
                quoted = after;
                match quoted.strip_prefix('\'') {
                    Some(more) => {
                        out.push('\'');
                        quoted = more;
                    }
                    None => break,
                }
            }
            rest = quoted;
            continue;
        }
        if !first.is_ascii_alphabetic() {
            out.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        let length = rest.chars().take_while(|c| *c == first).count();
        let hour12 = if local.hour() % 12 == 0 { 12 } else { local.hour() % 12 };
        let (month, day) = (name(&MONTHS, local.month()), name(&DAYS, local.weekday().to_monday_one_offset()));
        out.push_str(&match (first, length) {
            ('Y', 2) => format!("{:02}", local.year() % 100),
            ('Y', 4) => format!("{:04}", local.year()),
            ('M', 1) => local.month().to_string(),
            ('M', 2) => format!("{:02}", local.month()),
            ('M', 3) => month.chars().take(3).collect(),
            ('M', 4) => month.to_owned(),
            ('D', 1) => local.day().to_string(),
            ('D', 2) => format!("{:02}", local.day()),
            ('E', 3) => day.chars().take(3).collect(),
            ('E', 4) => day.to_owned(),
            ('h', 1) => local.hour().to_string(),
            ('h', 2) => format!("{:02}", local.hour()),
            ('H', 1) => hour12.to_string(),
            ('H', 2) => format!("{hour12:02}"),
            ('A', 2) => if local.hour() < 12 { "AM" } else { "PM" }.to_owned(),
            ('a', 2) => if local.hour() < 12 { "am" } else { "pm" }.to_owned(),
            ('m', 1) => local.minute().to_string(),
            ('m', 2) => format!("{:02}", local.minute()),
            ('s', 1) => local.second().to_string(),
            ('s', 2) => format!("{:02}", local.second()),
            ('Z', 1) => time.zone(true),
            ('Z', 3) if time.offset == 0 => "UTC".to_owned(),
            ('Z', 3 | 4) => time.zone(false).replace(':', ""),
            ('Z', 5) => time.zone(false),
            _ => return Err(refused()),
        });
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(out)
}
