//! The table and the query, in Athena's dialects: Hive's for the table, Trino's for the query.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::super::actions::TABLES;
use super::regex::{FIELDS, columns, regex};
use super::{AthenaJob, AthenaLogs};
use crate::object::INTERVAL;
use crate::window::{Hour, Window};

/// The columns of the result: what is counted, whose it is, up to four keys, and two counts.
pub(super) const COLUMNS: [&str; 10] =
    ["what", "account", "region", "elb", "key1", "key2", "key3", "key4", "requests", "served"];

/// Entries of a table of sources that are read for each load balancer; one more shows whether the table is complete.
pub(super) const SOURCES: usize = 256;

/// Rows of clients that are read for each load balancer: one for each client, cause, hour and way of being answered. One more shows
/// whether the table is complete.
pub(super) const CLIENTS: usize = 65_536;

/// The id of rows that name no load balancer.
pub(super) const UNKNOWN_ID: &str = "-";

/// The columns by which one pass over the lines groups them in several ways.
const GROUPED: [&str; 13] = [
    "hour",
    "day",
    "kind",
    "class",
    "handled_by",
    "status",
    "type",
    "target_group",
    "address",
    "agent",
    "shape",
    "domain",
    "odd",
];

/// The counts, and their columns besides the load balancer.
const SETS: [(&str, &[&str]); 12] = [
    ("hour", &["hour", "kind", "class", "reason", "handled_by", "family", "target_family"]),
    ("status", &["hour", "kind", "status"]),
    ("type", &["hour", "kind", "type"]),
    ("group", &["hour", "kind", "target_group"]),
    ("client_day", &["day", "address"]),
    ("odd", &["kind", "odd"]),
    ("addresses", &["is_source", "address"]),
    ("agents", &["is_source", "agent"]),
    ("shapes", &["is_source", "shape"]),
    ("domains", &["is_source", "domain"]),
    ("groups", &["is_source", "target_group"]),
    ("clients", &["is_source", "address", "agent", "class", "reason", "hour", "handled_by"]),
];

/// What `GROUPING` answers for rows that are grouped by these columns: a bit for each that they are not grouped by.
fn mask(by: &[&str]) -> u32 {
    GROUPED.iter().fold(0, |mask, column| mask << 1 | u32::from(!by.contains(column)))
}

/// A text as a literal of Trino or, but for backslashes, of Hive.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A text as a literal of Hive, where a backslash is an escape.
fn hive(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// How late an object may be delivered and still be counted. Folders go by the day of delivery, and every day more is
/// scanned as a whole, and billed.
const LATE: SignedDuration = SignedDuration::from_hours(1);

/// The first and the last day whose folders are scanned for a window.
pub(super) fn days(window: Window) -> (Date, Date) {
    let last = window.ends_at().saturating_add(LATE).unwrap_or(Timestamp::MAX);
    (window.first.day(), Hour::of(last).day())
}

/// Where the logs of all accounts begin, and the template of the folder of one account, Region and day.
pub(super) fn locations(job: &AthenaJob) -> (String, String) {
    match &job.logs {
        AthenaLogs::Lines { bucket, prefix } => {
            let prefix = prefix.trim_matches('/');
            let slash = if prefix.is_empty() { "" } else { "/" };
            let begin = format!("s3://{bucket}/{prefix}{slash}AWSLogs/");
            let template = format!("{begin}${{account}}/elasticloadbalancing/${{region}}/${{day}}");
            (begin, template)
        }
        AthenaLogs::Parquet(logs) => logs.locations(),
    }
}

fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(",")
}

/// The table's columns, and how Hive is to read them.
fn format(job: &AthenaJob) -> (Vec<String>, String) {
    match &job.logs {
        AthenaLogs::Lines { .. } => {
            let format = format!(
                "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.RegexSerDe'\n\
                 WITH SERDEPROPERTIES ('serialization.format' = '1', 'input.regex' = {})",
                hive(&regex())
            );
            (columns(), format)
        }
        AthenaLogs::Parquet(logs) => {
            let columns = logs.columns.named().map(|(column, _)| column.to_owned()).to_vec();
            (columns, "STORED AS PARQUET".to_owned())
        }
    }
}

/// A name that is another one for other logs, accounts, Regions, columns or expressions.
fn name(job: &AthenaJob) -> String {
    let ((begin, template), (columns, format)) = (locations(job), format(job));
    let about = [begin, template, list(&job.accounts), list(&job.regions), list(columns), format].join("\n");
    // FNV-1a: it distinguishes the tables of one organization, and is no protection.
    let hash = about
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{TABLES}{hash:016x}")
}

pub(super) fn table(job: &AthenaJob) -> String {
    let (columns, format) = format(job);
    let columns: Vec<String> = columns.iter().map(|name| format!("  `{name}` string")).collect();
    let (begin, template) = locations(job);
    let properties = [
        ("projection.enabled", "true".to_owned()),
        ("projection.account.type", "enum".to_owned()),
        ("projection.account.values", list(&job.accounts)),
        ("projection.region.type", "enum".to_owned()),
        ("projection.region.values", list(&job.regions)),
        ("projection.day.type", "date".to_owned()),
        ("projection.day.range", "2016/01/01,NOW+2DAYS".to_owned()),
        ("projection.day.format", "yyyy/MM/dd".to_owned()),
        ("projection.day.interval", "1".to_owned()),
        ("projection.day.interval.unit", "DAYS".to_owned()),
        ("storage.location.template", template),
    ];
    let properties: Vec<String> =
        properties.iter().map(|(key, value)| format!("  {} = {}", hive(key), hive(value))).collect();
    format!(
        "CREATE EXTERNAL TABLE IF NOT EXISTS `{}`.`{}` (\n{}\n)\n\
         PARTITIONED BY (`account` string, `region` string, `day` string)\n\
         {format}\nLOCATION {}\nTBLPROPERTIES (\n{}\n)",
        job.database.replace('`', ""),
        name(job),
        columns.join(",\n"),
        hive(&begin),
        properties.join(",\n")
    )
}

/// A time as objects have it in their names: the ends of their intervals.
fn stamp(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%MZ").to_string()
}

/// Quotes taken off, where there are some.
fn bare(column: &str) -> String {
    format!("IF(substr({column}, 1, 1) = '\"', substr({column}, 2, length({column}) - 2), {column})")
}

/// A text cut to a number of characters; an ellipsis shows that there was more.
fn cut(column: &str, most: usize) -> String {
    format!("IF(length({column}) > {most}, substr({column}, 1, {most}) || '…', {column})")
}

/// The beginning of the query for lines: what the expression took apart, of the objects that can hold lines of the window.
fn lines(job: &AthenaJob, table: &str, places: &str, load_balancers: &str) -> String {
    let read: Vec<String> = FIELDS.iter().map(|name| format!("coalesce(a_{name}, b_{name}) AS {name}")).collect();
    format!(
        r#"WITH named AS (
  SELECT account, region, odd, {read},
    regexp_extract("$path", '/[0-9]{{12}}_elasticloadbalancing_[^_/]+_(app[.][^_]+)_[0-9]{{8}}T[0-9]{{4}}Z_[^/]*$', 1) AS object_name,
    regexp_extract("$path", '_([0-9]{{8}}T[0-9]{{4}}Z)_[^/_]*_[^/_]*$', 1) AS object_end
  FROM {table}
  WHERE {places}
), owned AS (
  SELECT *, replace(object_name, '.', '/') AS object_elb
  FROM named
  WHERE object_name IS NOT NULL AND object_name <> '' AND object_end > {after} AND object_end <= {until}
    AND coalesce(odd, '-') NOT IN ('', chr(13))
), bared AS (
  SELECT account, region, object_elb, odd, type, substr(time, 1, 13) AS hour, elb, client, status, target_status,
    {request} AS request, {agent} AS agent, target_group, coalesce({domain}, '-') AS domain,
    coalesce(rule, '') AS rule, coalesce({actions}, '-') AS actions, class, reason
  FROM owned
  WHERE true{load_balancers}
)"#,
        read = read.join(", "),
        request = bare("request"),
        agent = bare("agent"),
        domain = bare("domain"),
        actions = bare("actions"),
        after = quoted(&stamp(job.window.starts_at())),
        until = quoted(&stamp(job.window.ends_at().saturating_add(INTERVAL).unwrap_or(Timestamp::MAX))),
    )
}

pub(super) fn query(job: &AthenaJob) -> String {
    let table = format!("\"{}\".\"{}\"", job.database.replace('"', ""), name(job));
    let (from, to) = days(job.window);
    let all = |values: Vec<String>| values.join(", ");
    let places = format!(
        "account IN ({}) AND region IN ({})\n    AND day >= '{}' AND day <= '{}'",
        all(job.scanned.iter().map(|account| quoted(account.as_str())).collect()),
        all(job.regions.iter().map(|region| quoted(region.as_str())).collect()),
        from.strftime("%Y/%m/%d"),
        to.strftime("%Y/%m/%d")
    );
    let (first, end) = (job.window.first.to_string(), job.window.end.to_string());
    let (first, end) = (quoted(first.trim_end_matches('Z')), quoted(end.trim_end_matches('Z')));
    // A line that cannot be parsed belongs to the load balancer in its object's name; rows without one have an unknown id,
    // and are not left out.
    let load_balancers = job.load_balancers.as_ref().map_or_else(String::new, |load_balancers| {
        let unknown = matches!(job.logs, AthenaLogs::Parquet(_)).then(|| quoted(UNKNOWN_ID));
        let names = load_balancers.iter().map(|id| quoted(id)).chain(unknown).collect();
        format!("\n    AND object_elb IN ({})", all(names))
    });
    let begin = match &job.logs {
        AthenaLogs::Lines { .. } => lines(job, &table, &places, &load_balancers),
        AthenaLogs::Parquet(logs) => logs.rows(&table, &places, &load_balancers, &first, &end),
    };
    // The words of `handled_by` in rows.rs, by the rules of `by` in outcome.rs.
    let by = "CASE WHEN substr(target_status, 1, 1) BETWEEN '1' AND '3' THEN 'served' \
              WHEN substr(target_status, 1, 1) = '4' AND status IN ('400', '403') THEN 'denied' \
              WHEN substr(target_status, 1, 1) = '4' THEN 'refused' \
              WHEN target_status <> '-' THEN 'failed' \
              WHEN (substr(status, 1, 1) BETWEEN '1' AND '3' OR status = '401') AND strpos(actions, 'authenticate') > 0 THEN 'login' \
              WHEN substr(status, 1, 1) BETWEEN '1' AND '3' THEN 'answered' \
              WHEN status = '400' AND actions IS NULL THEN 'unknown' \
              WHEN status = '400' AND actions = '-' THEN 'blocked' \
              WHEN status = '400' AND actions <> 'waf' AND strpos(actions, 'fixed-response') = 0 THEN 'unanswered' \
              WHEN substr(status, 1, 1) = '4' AND NOT regexp_like(actions, '^(-|authenticate|fixed-response|forward|redirect|waf|waf-failed)?(,(-|authenticate|fixed-response|forward|redirect|waf|waf-failed)?)*$') THEN 'unanswered' \
              WHEN status IN ('408', '460') OR (status = '405' AND actions = 'waf') THEN 'unanswered' \
              WHEN status IN ('400', '403') OR (substr(status, 1, 1) = '4' AND actions = 'waf') THEN 'firewall' \
              WHEN substr(status, 1, 1) = '4' THEN 'load_balancer' ELSE 'unanswered' END";
    let kind = "CASE WHEN elb IS NULL THEN 'unparsed' \
                WHEN class IS NULL THEN 'absent' \
                WHEN class = '-' AND reason = '-' AND status = '400' AND (substr(request, 1, 2) = '- ' \
                OR (target_status = '-' AND target_group = '-' AND rule = '-')) THEN 'rejected' \
                WHEN class IN ('-', 'Compliant') AND reason IN ('-', 'Compliant') THEN 'compliant' ELSE 'tier' END";
    let sets: Vec<String> = SETS
        .iter()
        .map(|(_, by)| {
            format!("({})", ["account", "region", "elb"].iter().chain(*by).copied().collect::<Vec<_>>().join(", "))
        })
        .collect();
    let whats: Vec<String> = SETS.iter().map(|(what, by)| format!("WHEN {} THEN '{what}'", mask(by))).collect();
    format!(
        r#"{begin}, lines AS (
  SELECT account, region, coalesce(elb, object_elb) AS elb, type, status, target_group, class, reason,
    substr(odd, 1, 300) AS odd,
    {kind} AS kind,
    CASE WHEN hour IS NULL THEN '-' WHEN hour >= {first} AND hour < {end} THEN hour ELSE 'outside' END AS hour,
    {by} AS handled_by, substr(status, 1, 1) AS family, 
    substr(target_status, 1, 1) || IF(target_group = '-', '', '+') AS target_family,
    regexp_replace(client, ':[^:]*$', '') AS address, {agent_cut} AS agent,
    regexp_extract(request, '^[^ ]*') AS method,
    regexp_extract(regexp_extract(request, '^[^ ]* (.*?)( [^ ]*)? *$', 1), '^(?:.*?://[^/]*)?([^?#;]*)', 1) AS path,
    IF(domain = '-' OR domain = '', regexp_replace(coalesce(nullif(regexp_extract(request, '://([^/? ]*)', 1), ''), '-'), ':[0-9]*$', ''), domain) AS domain
  FROM bared
), shaped AS (
  SELECT *, CASE WHEN handled_by = 'served' THEN 1 ELSE 0 END AS good,
    CASE WHEN kind <> 'unparsed' AND hour NOT IN ('-', 'outside') THEN substr(hour, 1, 10) END AS day,
    CASE WHEN kind <> 'tier' OR hour = 'outside' THEN NULL ELSE
      IF(regexp_like(method, '^[A-Za-z0-9]{{1,16}}$'), method, '?') || ' '
      || IF(path IS NULL OR strpos(path, '/') = 0, '', '/' || array_join(transform(slice(split(path, '/'), 2, 6),
        part -> IF(regexp_like(part, '[^A-Za-z0-9._~-]') OR length(part) > 32
          OR (regexp_like(part, '[0-9]') AND (NOT regexp_like(part, '[^0-9]') OR length(part) >= 8)), '*', part)), '/')
        || IF(cardinality(split(path, '/')) > 7, '/**', ''))
    END AS shape,
    kind = 'tier' AND hour <> 'outside' AS is_source
  FROM lines
), counted AS (
  SELECT account, region, elb, hour, day, kind, class, reason, handled_by, family, target_family, status, type, target_group,
    address, agent, shape, domain, odd, is_source,
    GROUPING({grouping}) AS g,
    count(*) AS requests, sum(good) AS served
  FROM shaped
  GROUP BY GROUPING SETS (
    {sets})
), labelled AS (
  SELECT CASE g {whats} END AS what, *
  FROM counted
), keyed AS (
  SELECT what, account, region, elb,
    CASE what WHEN 'hour' THEN hour || ' ' || kind WHEN 'client_day' THEN day WHEN 'status' THEN status WHEN 'type' THEN type WHEN 'group' THEN {group_cut}
      WHEN 'odd' THEN odd WHEN 'addresses' THEN address WHEN 'agents' THEN agent WHEN 'shapes' THEN {shape_cut}
      WHEN 'domains' THEN {domain_cut} WHEN 'groups' THEN {group_cut} WHEN 'clients' THEN address END AS key1,
    CASE what WHEN 'hour' THEN handled_by || ' ' || coalesce(family, '-') || ' ' || coalesce(target_family, '-')
      WHEN 'clients' THEN agent ELSE '' END AS key2,
    CASE what WHEN 'hour' THEN coalesce(class, '') WHEN 'clients' THEN class || ' ' || reason ELSE '' END AS key3,
    CASE what WHEN 'hour' THEN coalesce(reason, '') WHEN 'clients' THEN hour || ' ' || handled_by ELSE '' END AS key4,
    IF(what = 'client_day', 1, requests) AS requests, served
  FROM labelled
  WHERE (what IN ('hour')) OR (what = 'client_day' AND day IS NOT NULL)
    OR (what IN ('status', 'type', 'group') AND hour <> 'outside' AND kind <> 'unparsed')
    OR (what = 'odd' AND kind = 'unparsed') OR is_source
), added AS (
  SELECT what, account, region, elb, key1, key2, key3, key4, sum(requests) AS requests, sum(served) AS served
  FROM keyed GROUP BY what, account, region, elb, key1, key2, key3, key4
), ranked AS (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY what, account, region, elb ORDER BY requests DESC, key1, key2, key3, key4) AS place
  FROM added
)
SELECT {columns}
FROM ranked
WHERE what IN ('hour', 'client_day', 'status', 'type', 'group') OR (what = 'odd' AND place <= 5)
  OR (what = 'clients' AND place <= {clients}) OR (what NOT IN ('odd', 'clients') AND place <= {sources})
ORDER BY what, account, region, elb, requests DESC, key1, key2, key3, key4"#,
        agent_cut = cut("agent", 200),
        shape_cut = cut("shape", 200),
        domain_cut = cut("domain", 200),
        group_cut = cut("target_group", 300),
        grouping = GROUPED.join(", "),
        sets = sets.join(",\n    "),
        whats = whats.join(" "),
        columns = COLUMNS.join(", "),
        sources = SOURCES + 1,
        clients = CLIENTS + 1,
    )
}
