//! The reports of the conformance tests: lines of `ndjson-v1` made from one example of each.

use serde_json::{Map, Value, json};

use crate::contract::CONTRACT;

/// One line of each kind: run, account, coverage (complete, failed), load balancer, finding (fail, unknown), end.
const BASE: &str = include_str!("base.ndjson");

/// Texts that programs trip over: formulas, markup, control characters, directions of writing, quotes, very long words.
pub(super) const HOSTILE: &[&str] = &[
    "=HYPERLINK(\"http://example.com\",\"open\")",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "'; DROP TABLE findings; --",
    "$(touch /tmp/x) `id` ${HOME}",
    "../../../../etc/passwd",
    "line one\nline two\r\n\ttabbed",
    "\u{0}\u{1}\u{7}\u{1b}[31mred\u{1b}[0m",
    "\u{202e}txt.exe\u{2066}\u{200b}\u{feff}",
    "Équipe 🚀 日本語 ﷽ a\u{0301}\u{0301}",
    "quotes ' \" \\ / and {\"json\": [true]}",
    "%s %n {} {{}} {% raw %}",
    "",
];

/// The shape of a report.
#[derive(Clone, Copy)]
pub(super) struct ReportShape<'a> {
    /// How many load balancers there are, with one finding each.
    pub(super) findings: usize,
    /// Whether nothing could be read.
    pub(super) is_unread: bool,
    /// Names and owners; by default plain ones.
    pub(super) texts: &'a [&'a str],
    /// Whether lines and members of a later version are among them.
    pub(super) is_newer: bool,
    /// Whether each load balancer has a name of its own.
    pub(super) has_own_names: bool,
}

impl ReportShape<'_> {
    pub(super) fn of(findings: usize) -> Self {
        Self { findings, is_unread: false, texts: &["web"], is_newer: false, has_own_names: false }
    }
}

/// The lines of a report after the header.
pub(super) fn lines(shape: ReportShape<'_>) -> Vec<Value> {
    let base: Vec<Value> = BASE.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let [run, account, complete, failed, load_balancer, fail, unknown, end] = base.as_slice() else {
        return Vec::new();
    };
    let mut lines = vec![run.clone(), account.clone()];
    let coverage = if shape.is_unread { failed } else { complete };
    lines.push(with(coverage, &[("load_balancers", json!(shape.findings))]));
    let finding = if shape.is_unread { unknown } else { fail };
    let text = |n: usize| shape.texts.get(n % shape.texts.len().max(1)).copied().unwrap_or("web");
    let name =
        |n: usize| if shape.has_own_names { format!("load-balancer-{n:04}-of-the-test") } else { text(n).to_owned() };
    let each = (0..shape.findings)
        .map(|n| (n, format!("arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/a/{n:016x}")));
    let each: Vec<(usize, String)> = each.collect();
    lines.extend(each.iter().map(|(n, arn)| with(load_balancer, &[("arn", json!(arn)), ("name", json!(name(*n)))])));
    for (n, arn) in &each {
        let id = format!("doorward/aws/eu-west-1/111122223333/desync-mode-below-required/app/a/{n:016x}");
        let mut line = with(
            finding,
            &[
                ("id", json!(id)),
                ("load_balancer", json!(arn)),
                ("name", json!(name(*n))),
                ("owner", json!(text(n + 1))),
                ("content_hash", json!(format!("{n:032x}"))),
            ],
        );
        if shape.is_newer {
            line = with(&line, &[("member_of_a_later_version", json!({ "deep": [1, null] }))]);
        }
        lines.push(line);
    }
    if shape.is_newer {
        lines.push(json!({ "type": "line_of_a_later_version", "id": "x", "findings": 7 }));
    }
    lines.push(with(end, &[("load_balancers", json!(shape.findings)), ("findings", json!(shape.findings))]));
    lines
}

/// The header line.
pub(super) fn header(config: &Map<String, Value>, id: &str, may_repeat: bool, destination: Option<&str>) -> Value {
    let mut header = json!({
        "type": "header",
        "contract": CONTRACT,
        "config": config,
        "delivery": { "id": id, "may_repeat": may_repeat },
        "delta": false,
    });
    if let (Some(path), Some(members)) = (destination, header.as_object_mut()) {
        members.insert("destination".to_owned(), json!(path));
    }
    header
}

/// The lines as bytes.
pub(super) fn bytes(lines: &[Value]) -> Vec<u8> {
    lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
}

fn with(line: &Value, members: &[(&str, Value)]) -> Value {
    let mut line = line.clone();
    if let Some(object) = line.as_object_mut() {
        object.extend(members.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    }
    line
}
