//! Traffic evidence as a step of a history: ten days of access logs of one load balancer, up to now.

use super::*;

impl History {
    pub(super) fn gather_evidence(&mut self) {
        let report: Value =
            serde_json::from_str(&std::fs::read_to_string(self.path().join("scan.json")).unwrap()).unwrap();
        let Some(lb) = self.dice.choice(report["load_balancers"].as_array().unwrap()).cloned() else { return };
        let logs = self.path().join("logs");
        let _ = std::fs::remove_dir_all(&logs);
        std::fs::create_dir(&logs).unwrap();
        // Compliant requests only, or some that strictest would block although a target serves them.
        let odd_share = self.dice.choice([0, 0, 400]).unwrap();
        for day in 0..10 {
            write_day(&logs, &lb, self.bed.now() - SignedDuration::from_hours(24 * day), odd_share);
        }
        let arguments = ["-q", "traffic", "--logs", "logs", "--from", "scan.saved", "--save", "traffic.json"];
        let said = self.command(&arguments);
        let _ = writeln!(self.log, "traffic of {}: {:?}", lb["arn"], said.code);
        assert!(matches!(said.code, Some(0 | 4)), "{}{}", self.log, said.err);
        self.has_evidence = true;
    }
}

/// One log file with the requests of the 24 hours before a time, twelve in every hour.
fn write_day(folder: &Path, lb: &Value, end: Timestamp, odd_share: usize) {
    let (account, region, arn) = (text(&lb["account"]), text(&lb["region"]), text(&lb["arn"]));
    let id = arn.split_once("loadbalancer/").unwrap().1;
    let mut lines = String::new();
    for n in 0..288 {
        let time = (end - SignedDuration::from_secs(300 * n + 10)).strftime("%Y-%m-%dT%H:%M:%S.000000Z");
        let is_odd = odd_share > 0 && n % 40 == 0;
        let class = if is_odd { "\"Ambiguous\" \"UndefinedContentLengthSemantics\"" } else { "\"-\" \"-\"" };
        let _ = writeln!(
            lines,
            "https {time} {id} 203.0.113.{}:4711 10.0.0.1:80 0.001 0.002 0.000 200 200 34 366 \
             \"GET https://shop.example:443/ HTTP/1.1\" \"till/1.0\" ECDHE TLSv1.3 \
             arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/shop/73e2d6bc24d8a067 \"Root=1\" \"shop.example\" \
             \"-\" 0 {time} \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" {class} TID_1",
            n % 200
        );
    }
    let name = format!(
        "{account}_elasticloadbalancing_{region}_{}_{}_10.0.0.1_abc.log",
        id.replace('/', "."),
        end.strftime("%Y%m%dT%H%MZ")
    );
    std::fs::write(folder.join(name), lines).unwrap();
}
