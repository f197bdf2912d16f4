//! Digests as a step of a history: what owners are notified of was observed, and is no newer than that.

use super::*;

impl History {
    pub(super) fn notify(&mut self) {
        let is_refused = self.dice.u8(0..4) == 0;
        let refuse = self.path().join("refuse");
        if is_refused {
            std::fs::write(&refuse, "").unwrap();
        }
        let said = self.command(&["notify", "--format", "json"]);
        let _ = std::fs::remove_file(&refuse);
        let _ = writeln!(self.log, "notify: {:?} {}", said.code, said.err);
        assert!(matches!(said.code, Some(0 | 2 | 4)) || is_refused && said.code == Some(7), "{}{}", self.log, said.err);
        let received = std::fs::read_to_string(self.path().join("digests")).unwrap_or_default();
        let lines: Vec<&str> = received.lines().filter(|line| !line.is_empty()).collect();
        for line in &lines[self.digests..] {
            self.digest(&serde_json::from_str(line).unwrap());
        }
        self.digests = lines.len();
    }

    fn digest(&self, digest: &Value) {
        if let Some(last) = digest["scan"]["observed"]["to"].as_str() {
            assert!(last.parse::<Timestamp>().unwrap() <= self.newest, "{}{digest:#}", self.log);
        }
        let changes = digest["changes"].as_array().unwrap().iter().filter(|line| line["rule"] == RULE);
        for line in changes {
            let name = name(line);
            let known = &self.known[&name];
            let mode = known.read.map(|(_, mode)| mode);
            let may_be = |is_failing| mode.is_some_and(|mode| self.may_be(is_failing, &name, mode));
            let holds = match line["change"].as_str().unwrap() {
                "fixed" | "cleared" => may_be(false) && !known.gone,
                "new" | "reopened" | "severity" | "seen-again" => may_be(true) && !known.gone,
                "gone" => known.gone,
                "unseen" | "not-asked" | "unknown" | "restated" => true,
                _ => false,
            };
            assert!(holds, "{}{mode:?} {line:#}", self.log);
            if line["standing"]["is"] == "failing" {
                assert!(may_be(true), "{}{mode:?} {line:#}", self.log);
            }
        }
        if self.is_newest {
            let totals = &digest["totals"];
            let failing = totals["failing"].as_u64().unwrap() + totals["unseen_failing"].as_u64().unwrap();
            assert_eq!(failing, self.failing() as u64, "{}{totals:#}", self.log);
        }
    }
}
