//! Logs that a CloudWatch Logs delivery writes to S3 as Parquet: where they lie, and what their columns are called.
//!
//! AWS documents the fields of a delivery by their identifiers (`CLIENT_PORT`, `CLASSIFICATION_REASON`, ...). Neither the
//! spelling of the columns nor the folders are documented for load balancers, so both are settings. What a wrong
//! setting finds is never compliant: a column that is not there is empty, and a row without its fields is not understood.

use doorward_model::{AccountId, Region};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::regex::TIME;

/// Parquet logs in one bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParquetLogs {
    /// The bucket.
    pub bucket: String,
    /// The folder of a day, with `{account}`, `{region}` and `{day}` where the keys have them.
    pub folder: String,
    /// The columns.
    pub columns: ParquetColumns,
}

/// Where Parquet logs lie: `s3://bucket/folder`, with `{account}`, `{region}` and `{day}` (yyyy/MM/dd, UTC) in the folder; bucket
/// names may differ by account and Region in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ParquetPlace {
    bucket: String,
    folder: String,
}

/// The names of the columns. By default, the documented identifiers of a delivery's fields, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ParquetColumns {
    /// The protocol.
    pub protocol: String,
    /// When the answer was sent, in ISO 8601 with microseconds and `Z`.
    pub time: String,
    /// The load balancer, as `app/name/id`.
    pub elb: String,
    /// Address and port of the client, as `address:port`.
    pub client: String,
    /// The status that the client saw.
    pub status: String,
    /// The status that the target answered, or `-`.
    pub target_status: String,
    /// The request line.
    pub request: String,
    /// The user agent.
    pub agent: String,
    /// The target group's ARN, or `-`.
    pub target_group: String,
    /// The domain that the client asked for, or `-`.
    pub domain: String,
    /// The priority of the rule that matched, or `-`.
    pub rule: String,
    /// The actions that were taken. Without this column it is unknown whether a 400 is of the mode in force or of a rule.
    pub actions: String,
    /// The classification.
    pub class: String,
    /// Why it is not compliant.
    pub reason: String,
}

impl Default for ParquetColumns {
    fn default() -> Self {
        let name = str::to_owned;
        Self {
            protocol: name("type"),
            time: name("time"),
            elb: name("elb"),
            client: name("client_port"),
            status: name("elb_status_code"),
            target_status: name("target_status_code"),
            request: name("request_line"),
            agent: name("user_agent"),
            target_group: name("target_group_arn"),
            domain: name("domain_name"),
            rule: name("matched_rule_priority"),
            actions: name("actions_executed"),
            class: name("classification"),
            reason: name("classification_reason"),
        }
    }
}

impl ParquetColumns {
    /// The columns with the names that the query has for them, in its order.
    pub(super) fn named(&self) -> [(&str, &'static str); 14] {
        [
            (&self.protocol, "type"),
            (&self.time, "time"),
            (&self.elb, "elb"),
            (&self.client, "client"),
            (&self.status, "status"),
            (&self.target_status, "target_status"),
            (&self.request, "request"),
            (&self.agent, "agent"),
            (&self.target_group, "target_group"),
            (&self.domain, "domain"),
            (&self.rule, "rule"),
            (&self.actions, "actions"),
            (&self.class, "class"),
            (&self.reason, "reason"),
        ]
    }

    /// What is wrong with the names: they stand in statements, and each is a column of its own.
    pub fn problem(&self) -> Option<String> {
        let columns = self.named();
        let is_name = |name: &str| {
            (1..=255).contains(&name.len())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_:.-".contains(&byte))
        };
        for (number, (name, of)) in columns.iter().enumerate() {
            if !is_name(name) {
                return Some(format!(
                    "{name:?} (for {of}) is not a column name; use lower-case letters, digits or \
                     _:.-"
                ));
            }
            if ["account", "region", "day"].contains(name) || columns[..number].iter().any(|(other, _)| other == name) {
                return Some(format!("{name:?} (for {of}) is already the name of another column"));
            }
        }
        None
    }
}

impl ParquetPlace {
    /// The logs of one account-Region.
    pub fn of(&self, account: &AccountId, region: &Region, columns: &ParquetColumns) -> ParquetLogs {
        let bucket = self.bucket.replace("{account}", account.as_str()).replace("{region}", region.as_str());
        ParquetLogs { bucket, folder: self.folder.clone(), columns: columns.clone() }
    }

    /// The bucket, where the folder begins, and the folder of a day, as patterns of a policy.
    pub(crate) fn patterns(&self) -> (String, String, String) {
        let any = |text: &str| text.replace("{account}", "*").replace("{region}", "*").replace("{day}", "*");
        (any(&self.bucket), fixed(&self.folder).to_owned(), any(&self.folder))
    }
}

impl TryFrom<String> for ParquetPlace {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |problem: &str| format!("{text:?} {problem}");
        let rest = text.strip_prefix("s3://").ok_or_else(|| wrong("does not begin with s3://"))?;
        let (bucket, folder) = rest.split_once('/').ok_or_else(|| wrong("names no folder"))?;
        let folder = folder.trim_matches('/');
        if let Some(missing) = ["{account}", "{region}", "{day}"].into_iter().find(|part| !folder.contains(part)) {
            return Err(wrong(&format!("has no {missing} in its folder, so the load balancers' logs cannot be found")));
        }
        let plain = [bucket, folder].join("/").replace("{account}", "").replace("{region}", "").replace("{day}", "");
        if bucket.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!-_.*()/=".contains(&byte))
        {
            return Err(wrong("has characters other than letters, digits and !-_.*()/="));
        }
        Ok(Self { bucket: bucket.to_owned(), folder: folder.to_owned() })
    }
}

impl From<ParquetPlace> for String {
    fn from(place: ParquetPlace) -> Self {
        format!("s3://{}/{}", place.bucket, place.folder)
    }
}

/// The part of a folder that is the same for every account, Region and day, with the slash.
fn fixed(folder: &str) -> &str {
    let fixed = folder.split('{').next().unwrap_or_default();
    fixed.rfind('/').map_or("", |slash| &fixed[..=slash])
}

impl ParquetLogs {
    /// The folder of a day, ending in a slash.
    pub(super) fn folder(&self, account: &AccountId, region: &Region, day: Date) -> String {
        let day = day.strftime("%Y/%m/%d").to_string();
        let folder = self.folder.replace("{account}", account.as_str()).replace("{region}", region.as_str());
        folder.replace("{day}", &day) + "/"
    }

    /// Where all of it begins, and the template of Athena's partitions.
    pub(super) fn locations(&self) -> (String, String) {
        let fixed = fixed(&self.folder);
        let template = self.folder.replace('{', "${");
        (format!("s3://{}/{fixed}", self.bucket), format!("s3://{}/{template}/", self.bucket))
    }

    /// The beginning of the query: what `bared` gives is what it gives of lines. Rows that are not as they should be keep their
    /// load balancer, where they name one, and nothing else.
    pub(super) fn rows(&self, table: &str, places: &str, load_balancers: &str, first: &str, end: &str) -> String {
        let columns = self.columns.named();
        let named: Vec<String> = columns.iter().map(|(column, name)| format!("\"{column}\" AS {name}")).collect();
        let all: Vec<&str> = columns.iter().map(|(_, name)| *name).collect();
        let kept: Vec<String> = ["elb", "client", "status", "target_status", "request", "agent", "target_group"]
            .into_iter()
            .map(|name| format!("IF(good, {name}) AS {name}"))
            .collect();
        let (status, word) = ("^(-|[1-9][0-9]{2})$", "^(-|[A-Za-z][A-Za-z0-9]{0,63})$");
        format!(
            r#"WITH named AS (
  SELECT account, region, {named}
  FROM {table}
  WHERE {places}
), judged AS (
  SELECT *, coalesce(
      regexp_like(type, '^[A-Za-z0-9]{{1,7}}$') AND regexp_like(time, '^{TIME}$')
      AND regexp_like(elb, '^[^ "]+$') AND regexp_like(client, '^[^ "]+$')
      AND regexp_like(status, '{status}') AND regexp_like(target_status, '{status}')
      AND request IS NOT NULL AND agent IS NOT NULL AND target_group <> ''
      AND ((class IS NULL AND reason IS NULL) OR (regexp_like(class, '{word}') AND regexp_like(reason, '{word}')
        AND (class <> '-' OR reason IN ('-', 'Compliant')))), false) AS good,
    coalesce(nullif(elb, ''), '-') AS object_elb
  FROM named
), bared AS (
  SELECT account, region, object_elb, IF(good, NULL, concat_ws(' ', {all})) AS odd,
    IF(good, type) AS type, IF(good, substr(time, 1, 13)) AS hour, {kept}, coalesce(domain, '-') AS domain,
    coalesce(rule, '-') AS rule, nullif(actions, '') AS actions, IF(good, class) AS class, IF(good, reason) AS reason
  FROM judged
  WHERE (NOT good OR (time >= {first} AND time < {end})){load_balancers}
)"#,
            named = named.join(", "),
            all = all.join(", "),
            kept = kept.join(", "),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_say_whose_logs_are_where() {
        let place = ParquetPlace::try_from("s3://logs-{region}/alb/AWSLogs/{account}/x/{region}/{day}/".to_owned());
        let place = place.expect("a place");
        let (account, region) = (AccountId::new("111122223333"), Region::new("eu-west-1"));
        let (account, region) = (account.expect("an account"), region.expect("a Region"));
        let logs = place.of(&account, &region, &ParquetColumns::default());
        let day = jiff::civil::date(2026, 9, 1);
        assert_eq!(logs.folder(&account, &region, day), "alb/AWSLogs/111122223333/x/eu-west-1/2026/09/01/");
        let (begin, template) = logs.locations();
        assert_eq!(begin, "s3://logs-eu-west-1/alb/AWSLogs/");
        assert_eq!(template, "s3://logs-eu-west-1/alb/AWSLogs/${account}/x/${region}/${day}/");
        for bad in [
            "",
            "logs/{account}/{region}/{day}",
            "s3://b",
            "s3://b/{account}/{region}",
            "s3://b/{account}{region}{day}';",
        ] {
            assert!(ParquetPlace::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn columns_are_names_and_different() {
        let with = |client: &str| ParquetColumns { client: client.to_owned(), ..ParquetColumns::default() };
        assert_eq!(ParquetColumns::default().problem(), None);
        assert_eq!(with("client:port").problem(), None);
        for bad in ["", "a b", "a\"b", "a`b", "time", "day", "Client"] {
            assert!(with(bad).problem().is_some(), "{bad}");
        }
    }
}
