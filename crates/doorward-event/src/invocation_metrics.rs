//! Metrics of each invocation: one line in CloudWatch's embedded metric format, from which CloudWatch Logs creates metrics.
//!
//! Incomplete coverage is a result of a scan and not an error of the function, so that no metric of Lambda's own shows it.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace of the metrics.
const NAMESPACE: &str = "Doorward";

/// The result of an invocation.
#[derive(Debug, Default)]
pub struct InvocationMetrics {
    /// Whether a scan was finished; none if the invocation was no scan.
    pub finished: Option<bool>,
    /// Whether a finished scan read everything in scope; none without a finished scan.
    pub complete: Option<bool>,
    /// Whether every delivery was accepted; none if there was no delivery.
    pub delivered: Option<bool>,
}

impl InvocationMetrics {
    /// Records a finished scan.
    pub fn scanned(&mut self, complete: bool) {
        self.finished = Some(true);
        self.complete = Some(complete);
    }

    /// Records a delivery.
    pub fn delivery(&mut self, accepted: bool) {
        self.delivered = Some(self.delivered.unwrap_or(true) && accepted);
    }

    /// The line. Unknown values are omitted: a metric without a value is not zero.
    pub fn line(&self, function: &str, at: Timestamp, exit_code: u8) -> String {
        let shares = [
            ("ScanFinished", self.finished),
            ("CoverageComplete", self.complete),
            ("DeliveryComplete", self.delivered),
        ];
        let known = shares.into_iter().filter_map(|(name, holds)| Some((name, u8::from(holds?))));
        let values: Vec<(&str, u8)> = [("ExitCode", exit_code)].into_iter().chain(known).collect();
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
    fn unknown_values_are_omitted() {
        let at = Timestamp::from_second(1_800_000_000).expect("a time");
        let of = |figures: &InvocationMetrics, exit: u8| -> Value {
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
        let failed = InvocationMetrics { finished: Some(false), ..InvocationMetrics::default() };
        assert_eq!(of(&failed, 6), json!({"FunctionName": "doorward", "ExitCode": 6, "ScanFinished": 0}));
        for (exit, complete) in [(0, 1), (3, 1), (4, 0), (5, 0), (143, 0)] {
            let mut figures = InvocationMetrics::default();
            figures.scanned(complete == 1);
            assert_eq!(of(&figures, exit)["CoverageComplete"], complete, "{exit}");
        }
        let mut figures = InvocationMetrics::default();
        figures.delivery(false);
        figures.delivery(true);
        assert_eq!(of(&figures, 7)["DeliveryComplete"], 0);
        assert_eq!(of(&InvocationMetrics::default(), 0), json!({"FunctionName": "doorward", "ExitCode": 0}));
    }
}
