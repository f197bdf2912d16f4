//! Publishing as a step of a history, and what Security Hub may hold after it.

use super::*;

impl History {
    pub(super) fn publish(&mut self) {
        let _ = writeln!(self.log, "publish");
        let said = self.command(&["publish", "--format", "json"]);
        assert!(matches!(said.code, Some(0 | 2 | 4)), "{}{:?} {}", self.log, said.code, said.err);
        if said.code == Some(2) {
            return;
        }
        let now = self.bed.now();
        for account in ACCOUNTS {
            for region in REGIONS {
                for record in self.bed.server.world().security_hub_findings(account, region) {
                    self.record(&record, now);
                }
            }
        }
    }

    /// What Security Hub holds of the rule was read when it says, is current if it passes, and is archived only when gone.
    fn record(&self, record: &Value, now: Timestamp) {
        let id = text(&record["Id"]);
        let parts: Vec<&str> = id.split('/').collect();
        let [_, _, region, account, rule, _, lb, ..] = parts[..] else { panic!("{id}") };
        if rule != RULE {
            return;
        }
        let name = (account.to_owned(), region.to_owned(), lb.to_owned());
        let known = &self.known[&name];
        let status = record["Compliance"]["Status"].as_str().unwrap();
        // That nothing could be read is an observation too, of the time at which it was tried.
        if status == "NOT_AVAILABLE" && record["RecordState"] == "ACTIVE" {
            return;
        }
        if record["RecordState"] == "ARCHIVED" {
            assert!(known.gone, "{}{record:#}", self.log);
        }
        let Some((read, mode)) = known.read else {
            assert_eq!(status, "NOT_AVAILABLE", "{}{id} was never read", self.log);
            return;
        };
        let last: Timestamp = text(&record["LastObservedAt"]).parse().unwrap();
        assert!(last <= read || status == "NOT_AVAILABLE", "{}{id} was last read at {read}: {record:#}", self.log);
        match status {
            "PASSED" if record["RecordState"] == "ACTIVE" => {
                let held = known.at(last).unwrap();
                assert!(self.may_be(false, &name, held), "{}{held} {record:#}", self.log);
                // What did not change is not sent again, so its date may be older than the reading that confirmed it.
                assert!(now.duration_since(read) <= CURRENT + SignedDuration::from_mins(1), "{}{record:#}", self.log);
                assert!(self.may_be(false, &name, mode), "{}{mode} {record:#}", self.log);
            }
            "FAILED" => {
                let held = known.at(last).unwrap();
                assert!(self.may_be(true, &name, held), "{}{held} {record:#}", self.log);
            }
            _ => {}
        }
    }
}
