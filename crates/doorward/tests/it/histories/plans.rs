//! Plans that are applied under faults as a step of a history: one request for each entry of the journal.

use super::*;

impl History {
    pub(super) fn plan_and_apply(&mut self) {
        let out = format!("plan-{}.json", self.bed.now().as_second());
        let said = self.command(&["-q", "plan", "--to", "defensive", "--out", &out]);
        let _ = writeln!(self.log, "plan: {:?}", said.code);
        if said.code != Some(0) {
            return;
        }
        let plan: Value = serde_json::from_str(&std::fs::read_to_string(self.path().join(&out)).unwrap()).unwrap();
        if self.dice.bool() {
            // The plan waits: it may expire, and the world may change.
            let wait = self.dice.u64(1..20) * 86_400;
            self.pass(wait);
            self.world_changes();
        }
        let kinds = [What::ErrorAfter(502), What::LostAnswer, What::Throttle, What::AccessDenied];
        let what = kinds[self.dice.usize(..kinds.len())].clone();
        if self.dice.bool() {
            let fault = Fault::new(what).action("ModifyLoadBalancerAttributes").times(self.dice.u64(1..3));
            self.bed.server.set_faults(vec![fault]);
        }
        self.bed.server.clear_calls();
        let hash = text(&plan["digest"]);
        let said = self.command(&["-q", "apply", &out, "--yes", "--hash", &hash]);
        self.bed.server.set_faults(vec![]);
        let _ = writeln!(self.log, "apply: {:?} {}", said.code, said.err);
        assert!(matches!(said.code, Some(0 | 2 | 8)), "{}", self.log);
        let calls = self.bed.server.calls();
        let sent = calls.iter().filter(|call| call.action == "ModifyLoadBalancerAttributes").count();
        assert_eq!(sent, self.intended(&text(&plan["id"])), "{}", self.log);
        let now = self.bed.now();
        for (name, known) in &mut self.known {
            let world = self.bed.server.world();
            let mode = world.attribute(&name.0, &name.1, &name.2, DESYNC_MODE);
            let mode = mode.and_then(|mode| MODES.into_iter().find(|one| *one == mode));
            if known.at(Timestamp::MAX) != mode {
                assert!(sent > 0 && mode == Some("defensive"), "{}{name:?}", self.log);
                known.truth.push((now, mode));
            }
        }
    }

    /// How many entries of a change's journal intend a request.
    fn intended(&self, change: &str) -> usize {
        let path = self.path().join(".local/state/doorward/ledger.sqlite");
        let rows = Ledger::open_read_only(&path).unwrap().journal(change).unwrap();
        let intends = |document: &str| serde_json::from_str::<Value>(document).unwrap()["event"] == "intended";
        rows.iter().filter(|row| intends(&row.document)).count()
    }
}
