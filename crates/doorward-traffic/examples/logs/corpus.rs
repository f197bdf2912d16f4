//! Writes access logs of many load balancers in AWS's key layout, from a seed, in constant memory, with the truth beside them.
//!
//! The truth is kept by the writer itself, line by line as it decides what the line is to be, and shares nothing with the
//! crate that reads. It is a list of counts: what is counted, the load balancer, and up to three keys. The file is long because
//! what is written and what is counted of it are best read together.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use fastrand::Rng;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Every reason that AWS documents, with its tier.
pub(crate) const REASONS: [(&str, &str); 20] = [
    ("Acceptable", "GetHeadZeroContentLength"),
    ("Acceptable", "NonCompliantHeader"),
    ("Acceptable", "NonCompliantVersion"),
    ("Acceptable", "SpaceInUri"),
    ("Ambiguous", "AmbiguousUri"),
    ("Ambiguous", "BothTeClPresent"),
    ("Ambiguous", "DuplicateContentLength"),
    ("Ambiguous", "EmptyHeader"),
    ("Ambiguous", "SuspiciousHeader"),
    ("Ambiguous", "UndefinedContentLengthSemantics"),
    ("Ambiguous", "UndefinedTransferEncodingSemantics"),
    ("Severe", "BadContentLength"),
    ("Severe", "BadHeader"),
    ("Severe", "BadMethod"),
    ("Severe", "BadTransferEncoding"),
    ("Severe", "BadUri"),
    ("Severe", "BadVersion"),
    ("Severe", "MultipleContentLength"),
    ("Severe", "MultipleTransferEncodingChunked"),
    ("Severe", "SuspiciousTeClPresent"),
];

/// Numbers of fields that lines had over the years, with those that a future may bring, and how often each is written.
const SHAPES: [(usize, u32); 9] =
    [(18, 4), (25, 4), (27, 4), (29, 40), (30, 40), (33, 100), (34, 40), (36, 9_748), (40, 20)];

/// A source of requests that are not compliant.
#[derive(Debug, Clone)]
pub(crate) struct Offender {
    /// Client address.
    pub(crate) address: String,
    /// User agent.
    pub(crate) agent: String,
    /// Index into [`REASONS`].
    pub(crate) reason: usize,
    /// Request line.
    pub(crate) request: String,
    /// Of a million requests.
    pub(crate) per_million: u32,
    /// Status and target status.
    pub(crate) answer: (&'static str, &'static str),
}

/// One load balancer to write.
#[derive(Debug, Clone)]
pub(crate) struct LoadBalancer {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) name: String,
    pub(crate) id: String,
    /// Requests of random reasons, of a million.
    pub(crate) per_million: u32,
    pub(crate) offenders: Vec<Offender>,
    pub(crate) target_groups: usize,
}

/// What to write.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) load_balancers: Vec<LoadBalancer>,
    /// Bytes of lines, of all files together.
    pub(crate) bytes: u64,
    /// Bytes of lines of one file.
    pub(crate) file_bytes: usize,
    /// When the first file ends, in seconds since 1970, a multiple of 300.
    pub(crate) start: i64,
    /// Seconds from one file of a load balancer to the next.
    pub(crate) step: i64,
    /// Ids and times that are easy to pack.
    pub(crate) plain: bool,
    /// Whether quotes inside of fields are also written as `\"`, which some readers refuse.
    pub(crate) escaped_quotes: bool,
}

/// Counts by what is counted, load balancer and keys.
pub(crate) type Truth = BTreeMap<String, u64>;

impl Plan {
    /// Twelve load balancers of three accounts and Regions with all there is.
    pub(crate) fn fleet(seed: u64, bytes: u64, file_bytes: usize) -> Self {
        let regions = ["eu-west-1", "us-east-1", "ap-southeast-2"];
        let load_balancers = (0..12_u32)
            .map(|number| LoadBalancer {
                account: format!("{}", 111_122_223_333_u64 + u64::from(number / 4) * 111_111_111_111),
                region: regions[number as usize % 3].to_owned(),
                name: format!("shop-{number}"),
                id: format!("{:016x}", 0x50dc_6c49_5c0c_9188_u64.wrapping_mul(u64::from(number) + 1)),
                per_million: [500, 1_000, 2_000, 3_000, 5_000, 10_000][number as usize % 6],
                offenders: Vec::new(),
                target_groups: 1 + number as usize % 5,
            })
            .collect();
        // 2026-09-01T00:05:00Z
        Self {
            seed,
            load_balancers,
            bytes,
            file_bytes,
            start: 1_788_221_100,
            step: 300,
            plain: false,
            escaped_quotes: true,
        }
    }

    /// Writes the files below a folder and says what is in them.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<Truth> {
        let mut truth = Truth::new();
        let (mut written, mut number) = (0_u64, 0_usize);
        let mut text = String::with_capacity(self.file_bytes + 16 * 1024);
        while written < self.bytes {
            let load_balancer = &self.load_balancers[number % self.load_balancers.len()];
            let end = self.start + self.step * (number / self.load_balancers.len()) as i64;
            text.clear();
            let mut writer = Writer {
                rng: Rng::with_seed(self.seed ^ (number as u64) << 20),
                load_balancer,
                plan: self,
                end,
                line: 0,
            };
            while text.len() < self.file_bytes.min((self.bytes - written) as usize) {
                writer.line(&mut text, &mut truth);
            }
            let path = folder.join(writer.key());
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            let mut packed =
                GzEncoder::new(BufWriter::new(File::create(path)?), Compression::new(if self.plain { 9 } else { 6 }));
            packed.write_all(text.as_bytes())?;
            packed.finish()?.flush()?;
            written += text.len() as u64;
            number += 1;
        }
        Ok(truth)
    }
}

/// Writes the lines of one file.
struct Writer<'a> {
    rng: Rng,
    load_balancer: &'a LoadBalancer,
    plan: &'a Plan,
    end: i64,
    line: u64,
}

impl Writer<'_> {
    fn key(&mut self) -> String {
        let LoadBalancer { account, region, name, id, .. } = self.load_balancer;
        let end = TimeZone::UTC.to_datetime(Timestamp::from_second(self.end).unwrap_or_default());
        let (day, end) = (end.strftime("%Y/%m/%d"), end.strftime("%Y%m%dT%H%MZ"));
        let node = format!("198.51.100.{}", self.rng.u8(1..250));
        let random: String = (0..8).map(|_| char::from(b'a' + self.rng.u8(0..26))).collect();
        let folder = format!("AWSLogs/{account}/elasticloadbalancing/{region}/{day}");
        format!("{folder}/{account}_elasticloadbalancing_{region}_app.{name}.{id}_{end}_{node}_{random}.log.gz")
    }

    /// One of many, the first ones far more often than the last.
    fn zipf(&mut self, of: u32) -> u32 {
        (f64::from(of + 1).powf(self.rng.f64()) - 1.0) as u32
    }

    fn line(&mut self, text: &mut String, truth: &mut Truth) {
        let from = text.len();
        let facts = self.facts();
        self.write(text, &facts);
        debug_assert!(!text[from..].contains('\n'));
        text.push('\n');
        self.count(truth, &facts);
        self.line += 1;
    }

    fn facts(&mut self) -> Facts {
        let mut pick = self.rng.u32(0..10_000);
        let fields = if self.plan.plain {
            36
        } else {
            let found = SHAPES.iter().find(|(_, share)| {
                let hit = pick < *share;
                pick = pick.saturating_sub(*share);
                hit
            });
            found.map_or(36, |(fields, _)| *fields)
        };
        let within = if self.plan.plain { self.line as i64 * 5 / 2 % 300 } else { self.rng.i64(0..300) };
        let second = self.end - 300 + within;
        let protocol = match self.rng.u32(0..1_000) {
            0..=9 => "ws",
            10..=24 => "wss",
            25..=44 => "grpcs",
            45..=344 => "http",
            345..=644 => "h2",
            _ => "https",
        };
        let status = match self.rng.u32(0..1_000) {
            0..=849 => ("200", "200"),
            850..=919 => ("304", "304"),
            920..=949 => ("302", "302"),
            950..=964 => ("404", "404"),
            965..=974 => ("301", "-"),
            975..=984 => ("403", "403"),
            985..=989 => ("500", "500"),
            990..=993 => ("502", "-"),
            994..=995 => ("460", "-"),
            _ => ("201", "201"),
        };
        let status = if protocol.starts_with("ws") { ("101", "101") } else { status };
        let mut facts = Facts { fields, second, protocol, status, cause: None, offender: None, rejected: false };
        if fields < 29 {
            return facts;
        }
        let mut draw = self.rng.u32(0..1_000_000);
        for (number, offender) in self.load_balancer.offenders.iter().enumerate() {
            if draw < offender.per_million {
                facts.cause = Some(offender.reason);
                facts.offender = Some(number);
                facts.status = offender.answer;
                facts.protocol = "https";
                return facts;
            }
            draw -= offender.per_million;
        }
        if draw < self.load_balancer.per_million {
            let reason = self.zipf(REASONS.len() as u32 - 1) as usize;
            facts.cause = Some(reason);
            facts.protocol = if self.rng.bool() { "http" } else { "https" };
            facts.status = match self.rng.u32(0..10) {
                0..=5 => ("200", "200"),
                6 => ("404", "404"),
                7 => ("301", "-"),
                8 => ("500", "500"),
                _ => ("400", "-"),
            };
        } else if draw >= 999_000 && !self.plan.plain {
            facts.rejected = true;
            facts.protocol = "http";
            facts.status = ("400", "-");
        } else if draw >= 998_500 && !self.plan.plain {
            // A target's own 400: compliant, and not rejected.
            facts.status = ("400", "400");
        }
        facts
    }

    fn hex(&mut self, text: &mut String, digits: usize) {
        if self.plan.plain {
            let _ = write!(text, "{:0digits$x}", self.line);
            return;
        }
        for _ in 0..digits / 8 {
            let _ = write!(text, "{:08x}", self.rng.u32(..));
        }
    }

    fn client(&mut self, text: &mut String) {
        let client = self.zipf(if self.plan.plain { 12 } else { 200_000 });
        let (a, b, c) = ((client >> 16) as u8, (client >> 8) as u8, client as u8);
        let port = if self.plan.plain { 40_000 + client } else { self.rng.u32(1_024..65_536) };
        // Every seventh has an IPv6 address, which stands there without brackets.
        let _ = if client % 7 == 3 {
            write!(text, "2001:db8:{a:x}{b:02x}::{c:x}:{port}")
        } else {
            write!(text, "10.{a}.{b}.{c}:{port}")
        };
    }

    fn agent(&mut self, text: &mut String) {
        let agent = self.zipf(if self.plan.plain { 5 } else { 3_000 });
        let _ = match agent % 40 {
            7 => write!(text, "okhttp/4.{}.0", agent % 12),
            11 => write!(text, "-"),
            // A quote in a user agent is written like this.
            13 if agent > 1_000 => write!(text, r"curl \x22{agent}\x22"),
            17 if agent > 2_000 && self.plan.escaped_quotes => write!(text, r#"odd \" agent {agent} \\"#),
            _ => write!(
                text,
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.{}.0 Safari/537.36",
                90 + agent % 60,
                agent
            ),
        };
    }

    fn request(&mut self, text: &mut String, facts: &Facts, host: &str) {
        if facts.rejected {
            let _ = write!(text, "- http://{host}:80- -");
            return;
        }
        let (scheme, port, version) = match facts.protocol {
            "http" | "ws" => ("http", 80, "HTTP/1.1"),
            "https" | "wss" => ("https", 443, "HTTP/1.1"),
            _ => ("https", 443, "HTTP/2.0"),
        };
        let method = ["GET", "GET", "GET", "POST", "HEAD", "PUT"][self.rng.usize(0..6)];
        let path = self.zipf(if self.plan.plain { 12 } else { 5_000 });
        let space = facts.cause.is_some_and(|cause| REASONS[cause].1 == "SpaceInUri");
        let section = ["catalog", "orders", "api/v2/users", "static/assets", "search"][path as usize % 5];
        let gap = if space { "two words" } else { "item" };
        let _ = write!(text, "{method} {scheme}://{host}:{port}/{section}/{path}/{gap}?page={}&sort=asc", path % 50);
        let _ = write!(text, " {version}{}", if path % 997 == 5 { " " } else { "" });
    }

    fn write(&mut self, text: &mut String, facts: &Facts) {
        let LoadBalancer { account, region, name, id, target_groups, .. } = self.load_balancer;
        let (account, region, name, id) = (account.clone(), region.clone(), name.clone(), id.clone());
        let offender = facts.offender.map(|number| self.load_balancer.offenders[number].clone());
        let micros = if self.plan.plain { 0 } else { self.rng.u32(0..1_000_000) };
        let time = TimeZone::UTC.to_datetime(Timestamp::from_second(facts.second).unwrap_or_default());
        let time = format!("{}.{micros:06}Z", time.strftime("%Y-%m-%dT%H:%M:%S"));
        let _ = write!(text, "{} {time} app/{name}/{id} ", facts.protocol);
        match &offender {
            Some(offender) => {
                let _ = write!(text, "{}:{}", offender.address, 50_000 + self.line % 1_000);
            }
            None => self.client(text),
        }
        let answered = facts.status.1 != "-";
        // Times and sizes are what makes lines hard to pack.
        let mut number = |most: u32| if self.plan.plain { 7 } else { self.rng.u32(0..most) };
        let (node, times, sizes) = (number(40), [number(3), number(900), number(3)], [number(3_000), number(60_000)]);
        let _ = if answered {
            write!(text, " 10.0.{}.{}:8080", id.len() % 7, 10 + node)
                .and_then(|()| times.iter().try_for_each(|time| write!(text, " 0.{time:03}")))
        } else {
            write!(text, " - -1 -1 -1")
        };
        let _ = write!(text, " {} {} {} {} \"", facts.status.0, facts.status.1, 100 + sizes[0], 272 + sizes[1]);
        let host = format!("{name}.example.com");
        match &offender {
            Some(offender) => text.push_str(&offender.request),
            None => self.request(text, facts, &host),
        }
        text.push_str("\" \"");
        match &offender {
            Some(offender) => text.push_str(&offender.agent),
            None if facts.rejected => text.push('-'),
            None => self.agent(text),
        }
        let secure = matches!(facts.protocol, "https" | "h2" | "wss" | "grpcs");
        text.push_str(if secure { "\" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 " } else { "\" - - " });
        let _ = match self.target_group(facts, *target_groups) {
            Some(group) => {
                write!(
                    text,
                    "arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{name}-{group}/73e2d6bc24d8a0{group:02x}"
                )
            }
            None => write!(text, "-"),
        };
        text.push_str(" \"Root=1-");
        let _ = write!(text, "{:08x}-", facts.second);
        self.hex(text, 24);
        text.push('"');
        if facts.fields == 18 {
            return;
        }
        let domain = if secure { host.as_str() } else { "-" };
        let _ = write!(text, " \"{domain}\" \"");
        let _ = if secure {
            write!(text, "arn:aws:acm:{region}:{account}:certificate/12345678-1234-1234-1234-123456789012")
        } else {
            write!(text, "-")
        };
        // A mode blocks a request before any action.
        let actions = if facts.status == ("400", "-") { "-" } else { "forward" };
        let _ = write!(text, "\" {} {time} \"{actions}\" \"-\" \"-\"", facts.second % 30);
        if facts.fields == 25 {
            return;
        }
        let target = if answered { "10.0.2.12:8080" } else { "-" };
        // These two had no quotes in AWS's own examples of that time.
        if facts.fields == 27 {
            let _ = write!(text, " {target} {}", facts.status.1);
            return;
        }
        let (tier, reason) = facts.cause.map_or(("-", "-"), |cause| REASONS[cause]);
        let _ = write!(text, " \"{target}\" \"{}\" \"{tier}\" \"{reason}\"", facts.status.1);
        if facts.fields >= 30 {
            text.push_str(" TID_");
            self.hex(text, 32);
        }
        if facts.fields >= 33 {
            text.push_str(" \"-\" \"-\" \"-\"");
        }
        if facts.fields >= 34 {
            text.push_str(" 198.51.100.60");
        }
        if facts.fields >= 36 {
            text.push_str(" \"-\" \"-\"");
        }
        if facts.fields >= 40 {
            text.push_str(" \"Compliant\" - \"to come\" \"-\"");
        }
    }

    fn target_group(&mut self, facts: &Facts, groups: usize) -> Option<usize> {
        // The same second gives the same group, so that the expected counts need no group.
        (facts.status.1 != "-").then(|| facts.second as usize % groups)
    }

    fn count(&mut self, truth: &mut Truth, facts: &Facts) {
        let LoadBalancer { account, region, name, id, target_groups, .. } = self.load_balancer;
        let who = format!("{account}/{region}/app/{name}/{id}");
        let mut add = |what: &str, key: &str| {
            let line = format!("{what}\t{who}\t{key}");
            *truth.entry(line).or_default() += 1;
        };
        let (status, target) = facts.status;
        add("lines", "");
        add("status", status);
        add("protocol", facts.protocol);
        let hour = TimeZone::UTC.to_datetime(Timestamp::from_second(facts.second).unwrap_or_default());
        add("hour", &hour.strftime("%Y-%m-%dT%HZ").to_string());
        let group = (target != "-").then(|| facts.second as usize % target_groups);
        match group {
            Some(group) => add(
                "target group",
                &format!(
                    "arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{name}-{group}/73e2d6bc24d8a0{group:02x}"
                ),
            ),
            None => add("target group", "-"),
        }
        match facts.cause {
            _ if facts.fields < 29 => add("class", "absent"),
            _ if facts.rejected => add("class", "rejected"),
            None => add("class", "compliant"),
            Some(cause) => {
                let (tier, reason) = REASONS[cause];
                let by = match (status, target.as_bytes()[0]) {
                    (_, b'1'..=b'3') => "served",
                    (_, b'4'..) => "refused",
                    ("400", _) => "blocked",
                    _ => "by load balancer",
                };
                add("class", &format!("{tier} {reason} {by}"));
            }
        }
    }
}

struct Facts {
    fields: usize,
    second: i64,
    protocol: &'static str,
    status: (&'static str, &'static str),
    cause: Option<usize>,
    offender: Option<usize>,
    rejected: bool,
}
