//! One line of an access log, taken apart in full. This is the truth: every short cut has to agree with it.
//!
//! Fields are separated by one space. A field in quotes ends at the next quote that no backslash stands before; one without
//! holds no quote. Fields are counted from the front, because the end has grown six times. AWS documents no escapes,
//! but `\x22` and `\"` are seen, so a backslash and the byte after it are one unit; where that reading makes no sense,
//! the line is read again with the backslash as a byte like any other. If neither makes sense, the line cannot be parsed,
//! and it is refused.

use crate::window::{Hour, STAMP, STAMP_HOUR, is_stamp};

/// Fields up to the reason; what follows is ignored.
const FIELDS: usize = 29;
/// Lengths of lines from the time before classifications: 2016, 2018 and 2019. Others are lines that were cut.
const OLD: [usize; 3] = [18, 25, 27];
/// Lengths that there were for a few months of 2017 and 2018. A later line with as many was cut.
const OLDER: [usize; 3] = [20, 21, 24];
/// The last years of those begin with these digits.
const OLDER_YEARS: &[u8] = b"201";
/// The longest line, in bytes. A request cannot have more than 64 KiB of headers.
pub(crate) const LONGEST: usize = 256 * 1024;

/// A line that was understood. All texts are as the log has them, without their quotes, escapes untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) protocol: &'a [u8],
    pub(crate) hour: Hour,
    pub(crate) load_balancer: &'a [u8],
    /// Address and port, split at the last colon: IPv6 has no brackets here.
    pub(crate) client: &'a [u8],
    pub(crate) status: Status,
    pub(crate) target_status: Status,
    /// Method, URL and version; the URL may have spaces in it.
    pub(crate) request: &'a [u8],
    pub(crate) agent: &'a [u8],
    pub(crate) target_group: &'a [u8],
    /// The name of the TLS handshake, or `-`.
    pub(crate) domain: &'a [u8],
    /// The trace id, or `-`.
    pub(crate) trace: &'a [u8],
    /// The actions that were taken, in order and separated by commas, or `-`.
    pub(crate) actions: &'a [u8],
    pub(crate) class: Class<'a>,
}

impl<'a> Line<'a> {
    /// The address of the client.
    pub(crate) fn address(&self) -> &'a [u8] {
        address(self.client)
    }
}

/// A client without its port.
#[inline]
pub(crate) fn address(client: &[u8]) -> &[u8] {
    memchr::memrchr(b':', client).map_or(client, |colon| &client[..colon])
}

/// The classification in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class<'a> {
    Compliant,
    /// Tier and reason.
    Tier(&'a [u8], &'a [u8]),
    /// The line is of a format without classification.
    Absent,
    /// The load balancer refused the request before it looked at its rules.
    Rejected,
}

/// A status of three digits, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status([u8; 3]);

impl Status {
    const NONE: Self = Self(*b"-  ");

    fn read(field: Field<'_>) -> Option<Self> {
        match field.bare()? {
            b"-" => Some(Self::NONE),
            [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => Some(Self([*a, *b, *c])),
            _ => None,
        }
    }

    /// As the log has it.
    pub(crate) fn text(self) -> String {
        String::from_utf8_lossy(&self.0).trim_end().to_owned()
    }

    /// Whether it is one of these.
    pub(crate) fn is_one_of(self, statuses: &[&[u8; 3]]) -> bool {
        statuses.contains(&&self.0)
    }

    /// Its first digit; none if there is no status.
    pub(crate) fn family(self) -> Option<u8> {
        self.0[0].is_ascii_digit().then(|| self.0[0] - b'0')
    }

    pub(crate) fn is_400(self) -> bool {
        self.0 == *b"400"
    }

    /// A status by its three digits, which the caller has checked.
    pub(crate) fn of_digits(digits: [u8; 3]) -> Self {
        Self(digits)
    }

    /// Its three digits, and the first byte of the target's.
    pub(crate) fn with_first_byte_of(self, target: Self) -> [u8; 4] {
        let ([a, b, c], [first, ..]) = (self.0, target.0);
        [a, b, c, first]
    }

    pub(crate) fn of_first_byte(byte: u8) -> Self {
        if byte == b'-' { Self::NONE } else { Self([byte, b'0', b'0']) }
    }
}

#[derive(Debug, Clone, Copy)]
enum Field<'a> {
    Bare(&'a [u8]),
    Quoted(&'a [u8]),
}

impl<'a> Field<'a> {
    fn bare(self) -> Option<&'a [u8]> {
        match self {
            Self::Bare(text) => Some(text),
            Self::Quoted(_) => None,
        }
    }

    fn text(self) -> &'a [u8] {
        match self {
            Self::Bare(text) | Self::Quoted(text) => text,
        }
    }
}

/// Parses a line, without its line feed. None if it cannot be parsed.
pub(crate) fn read(line: &[u8]) -> Option<Line<'_>> {
    if line.len() > LONGEST {
        return None;
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let escaped = memchr::memchr(b'\\', line).is_some();
    if !escaped {
        return understand(line, Backslash::Plain, Anchors::Few);
    }
    understand(line, Backslash::Escapes, Anchors::All).or_else(|| understand(line, Backslash::Plain, Anchors::All))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backslash {
    Escapes,
    Plain,
}

/// Fields with a known form, by which a wrong reading is detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anchors {
    Few,
    /// Also those after the texts that clients write.
    All,
}

fn understand(line: &[u8], backslash: Backslash, anchors: Anchors) -> Option<Line<'_>> {
    let mut fields = [Field::Bare(b""); FIELDS];
    let count = split(line, backslash, &mut fields)?;
    let bare = |field: usize| fields[field].bare().filter(|text| !text.is_empty());
    let stamp: &[u8; STAMP] = bare(1)?.try_into().ok()?;
    if !is_stamp(stamp) {
        return None;
    }
    let hour: &[u8; STAMP_HOUR] = stamp.first_chunk()?;
    let (status, target_status) = (Status::read(fields[8])?, Status::read(fields[9])?);
    let protocol = bare(0).filter(|text| text.len() <= 7 && text.iter().all(u8::is_ascii_alphanumeric))?;
    let request = fields[12].text();
    // Neither a target nor a target group nor a rule was chosen.
    let unrouted = target_status == Status::NONE && bare(16) == Some(b"-") && bare(20) == Some(b"-");
    let class = match (fields[27], fields[28]) {
        (Field::Quoted(tier), Field::Quoted(reason)) if count >= FIELDS => {
            class(tier, reason, status, unrouted || request.starts_with(b"- "))?
        }
        // AWS puts a bare `-` where a field is to come; before there were classifications it stood where they are now.
        (Field::Bare(b"-"), Field::Bare(b"-")) if count >= FIELDS => Class::Absent,
        (Field::Bare(b"-"), _) if count == FIELDS - 1 => Class::Absent,
        _ if OLD.contains(&count) || (OLDER.contains(&count) && hour.starts_with(OLDER_YEARS)) => Class::Absent,
        _ => return None,
    };
    if anchors == Anchors::All && count > 21 {
        let made = bare(21)?;
        if made != b"-" && !made.try_into().is_ok_and(is_stamp) {
            return None;
        }
    }
    Some(Line {
        protocol,
        hour: Hour::of_stamp(hour)?,
        load_balancer: bare(2)?,
        client: bare(3)?,
        status,
        target_status,
        request,
        agent: fields[13].text(),
        target_group: bare(16)?,
        domain: if count > 18 { fields[18].text() } else { b"-" },
        trace: fields[17].text(),
        actions: if count > 22 { fields[22].text() } else { b"-" },
        class,
    })
}

fn class<'a>(tier: &'a [u8], reason: &'a [u8], status: Status, early: bool) -> Option<Class<'a>> {
    // A word and not a status, which is what stands there when the fields have moved by one.
    let word = |text: &[u8]| {
        text.first().is_some_and(u8::is_ascii_alphabetic)
            && text.len() <= 64
            && text.iter().all(u8::is_ascii_alphanumeric)
    };
    match (tier, reason) {
        // Refused before any rule was looked at: no mode saw the request.
        (b"-", b"-") if status.is_400() && early => Some(Class::Rejected),
        (b"-" | b"Compliant", b"-" | b"Compliant") => Some(Class::Compliant),
        (tier, reason) if word(tier) && (word(reason) || reason == b"-") => Some(Class::Tier(tier, reason)),
        _ => None,
    }
}

/// Splits off the fields up to the reason and counts all. The rest of a line that is long enough is not looked at.
fn split<'a>(line: &'a [u8], backslash: Backslash, fields: &mut [Field<'a>; FIELDS]) -> Option<usize> {
    let mut rest = line;
    for (place, field) in fields.iter_mut().enumerate() {
        let end = if let Some(text) = rest.strip_prefix(b"\"") {
            let close = closing(text, backslash)?;
            *field = Field::Quoted(&text[..close]);
            close + 2
        } else {
            let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
            let text = &rest[..end];
            if memchr::memchr(b'"', text).is_some() {
                return None;
            }
            *field = Field::Bare(text);
            end
        };
        match rest.get(end) {
            None => return Some(place + 1),
            Some(b' ') => rest = &rest[end + 1..],
            Some(_) => return None,
        }
    }
    // There was a space after the last: more fields follow, and how many does not matter.
    Some(FIELDS + 1)
}

/// Where a text in quotes ends.
fn closing(text: &[u8], backslash: Backslash) -> Option<usize> {
    if backslash == Backslash::Plain {
        return memchr::memchr(b'"', text);
    }
    let mut from = 0;
    loop {
        let found = from + memchr::memchr2(b'"', b'\\', text.get(from..)?)?;
        if text[found] == b'"' {
            return Some(found);
        }
        from = found + 2;
    }
}

#[cfg(test)]
mod tests;
