//! What CloudWatch learns of each invocation: one line in its embedded metric format, of which CloudWatch Logs makes metrics.
//!
//! Incomplete coverage is a result of a scan and not an error of the function, so that no metric of Lambda's shows it.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::exit::Exit;

/// The namespace of the metrics.
const NAMESPACE: &str = "Doorward";

/// What came of an invocation.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Whether it was a scan, and whether that came to its end.
    pub(super) finished: Option<bool>,
    /// Whether a scan that came to its end read everything that it had to.
    pub(super) complete: Option<bool>,
    /// Whether what was to be delivered was accepted.
    pub(super) delivered: Option<bool>,
}

impl Figures {
    /// A scan came to its end.
    pub(super) fn scanned(&mut self, exit: Exit) {
        self.finished = Some(true);
        self.complete = Some(matches!(exit, Exit::Clean | Exit::Findings));
    }

    /// Something was delivered, or was not.
    pub(super) fn delivery(&mut self, accepted: bool) {
        self.delivered = Some(self.delivered.unwrap_or(true) && accepted);
    }

    /// The line. What is not known is left out: a metric without a value is not zero.
    pub(super) fn line(&self, function: &str, at: Timestamp, exit: Exit) -> String {
        let shares = [
            ("ScanFinished", self.finished),
            ("CoverageComplete", self.complete),
            ("DeliveryComplete", self.delivered),
        ];
        let known = shares.into_iter().filter_map(|(name, holds)| Some((name, u8::from(holds?))));
        let values: Vec<(&str, u8)> = [("ExitCode", exit.code())].into_iter().chain(known).collect();
        let names: Vec<Value> = values.iter().map(|(name, _)| json!({"Name": name})).collect();
        let mut line = Map::from_iter(values.into_iter().map(|(name, value)| (name.to_owned(), json!(value))));
        line.insert("FunctionName".to_owned(), json!(function));
        let metrics = json!({"Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": names});
        line.insert("_aws".to_owned(), json!({"Timestamp": at.as_millisecond(), "CloudWatchMetrics": [metrics]}));
        Value::Object(line).to_string() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_no_metric() {
        let at = Timestamp::from_second(1_800_000_000).expect("a time");
        let of = |figures: &Figures, exit| -> Value {
            let mut line: Value = serde_json::from_str(&figures.line("doorward", at, exit)).expect("JSON");
            let about = line.as_object_mut().expect("an object").remove("_aws").expect("metrics");
            assert_eq!(about["Timestamp"], 1_800_000_000_000_i64);
            let names = about["CloudWatchMetrics"][0]["Metrics"].as_array().expect("names").iter();
            let names: Vec<&str> = names.map(|one| one["Name"].as_str().expect("a name")).collect();
            let values = line.as_object().expect("an object").keys().filter(|key| *key != "FunctionName");
            let mut values: Vec<&str> = values.map(String::as_str).collect();
            let mut sorted = names.clone();
            sorted.sort_unstable();
            values.sort_unstable();
            assert_eq!(sorted, values, "each metric has its value");
            line
        };
        let failed = Figures { finished: Some(false), ..Figures::default() };
        assert_eq!(of(&failed, Exit::Preflight), json!({"FunctionName": "doorward", "ExitCode": 6, "ScanFinished": 0}));
        for (exit, complete) in [
            (Exit::Clean, 1),
            (Exit::Findings, 1),
            (Exit::Coverage, 0),
            (Exit::FindingsAndCoverage, 0),
            (Exit::Terminated, 0),
        ] {
            let mut figures = Figures::default();
            figures.scanned(exit);
            assert_eq!(of(&figures, exit)["CoverageComplete"], complete, "{exit:?}");
        }
        let mut figures = Figures::default();
        figures.delivery(false);
        figures.delivery(true);
        assert_eq!(of(&figures, Exit::Sink)["DeliveryComplete"], 0);
        assert_eq!(of(&Figures::default(), Exit::Clean), json!({"FunctionName": "doorward", "ExitCode": 0}));
    }
}
