//! What is true of every load balancer, what was read of it, and what follows for every verdict and figure.

use super::*;

pub(super) type Name = (String, String, String);

/// What the oracle knows of one load balancer.
#[derive(Clone, Default)]
pub(super) struct Known {
    /// The modes that it had, each from a time on; none once it is deleted.
    pub(super) truth: Vec<(Timestamp, Option<&'static str>)>,
    /// The last reading that a recorded scan or event made of it.
    pub(super) read: Option<(Timestamp, &'static str)>,
    /// By rule, whether the last verdict that rests on an observation is a failure.
    pub(super) failing: BTreeMap<&'static str, bool>,
    /// Whether a recorded scan listed it, with its mode or without.
    pub(super) listed: bool,
    /// Whether a recorded scan saw that it is gone.
    pub(super) gone: bool,
}

impl Known {
    pub(super) fn at(&self, time: Timestamp) -> Option<&'static str> {
        self.truth.iter().rev().find(|(from, _)| *from <= time).and_then(|(_, mode)| *mode)
    }

    fn failures(&self) -> usize {
        self.failing.values().filter(|failing| **failing).count()
    }
}

impl History {
    /// Takes in the mode of one load balancer that a command read.
    pub(super) fn take(&mut self, lb: &Value) {
        let name = name(lb);
        let Some(mode) = lb["mode"]["known"].as_str() else { return };
        let at: Timestamp = text(&lb["evidence"]["at"]).parse().unwrap();
        self.newest = self.newest.max(at);
        let known = self.known.get_mut(&name).unwrap_or_else(|| panic!("{}{name:?} does not exist", self.log));
        assert_eq!(known.at(at), Some(mode), "{}{name:?} at {at}", self.log);
        let mode = MODES.into_iter().find(|one| *one == mode).unwrap();
        known.read = Some((at, mode));
    }

    /// Takes in verdicts, which may rest only on what was read and on evidence that this command had.
    pub(super) fn judged(&mut self, findings: &Value, with_traffic: bool) {
        for finding in findings.as_array().unwrap() {
            let Some(rule) = [RULE, HEADROOM].into_iter().find(|rule| finding["rule"] == *rule) else { continue };
            let name = name(finding);
            let known = self.known.get_mut(&name).unwrap();
            let verdict = finding["verdict"].as_str().unwrap();
            let is_failing = match verdict {
                "fail" => finding["severity"] != "informational",
                "pass" | "not-applicable" => false,
                _ => {
                    assert!(matches!(verdict, "unknown" | "not-asked"), "{}{finding:#}", self.log);
                    continue;
                }
            };
            let mode = known.read.unwrap().1;
            if rule == RULE {
                assert!(self.settings.rule, "{}a disabled rule gave a verdict: {finding:#}", self.log);
                assert_eq!(is_failing, below(mode, self.settings.required), "{}{finding:#}", self.log);
            } else if verdict == "fail" {
                assert!(with_traffic && mode == "defensive", "{}{finding:#}", self.log);
            } else {
                let rests_on_mode = mode != "defensive" || self.settings.required == "strictest";
                assert!(with_traffic || rests_on_mode, "{}{finding:#}", self.log);
            }
            let was = known.failing.insert(rule, is_failing);
            self.remediated += usize::from(was == Some(true) && !is_failing);
        }
    }

    /// Takes in what a scan read, and holds what it reports against the truth.
    pub(super) fn observe(&mut self, report: &Value, with_traffic: bool) {
        let whole: BTreeSet<(String, String)> = report["coverage"]["lines"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|line| line["fully_listed"] == true)
            .map(|line| (text(&line["account"]), text(&line["region"])))
            .collect();
        let mut listed = BTreeSet::new();
        self.last_seen.clear();
        self.newest = text(&report["run"]["finished"]).parse().unwrap();
        for lb in report["load_balancers"].as_array().unwrap() {
            listed.insert(name(lb));
            if lb["mode"]["known"].is_string() {
                self.last_seen.insert(name(lb));
            }
            self.take(lb);
        }
        for (name, known) in &mut self.known {
            let is_whole = whole.contains(&(name.0.clone(), name.1.clone()));
            let is_listed = listed.contains(name);
            if is_whole && !is_listed && known.listed && !known.gone {
                assert_eq!(known.at(Timestamp::MAX), None, "{}{name:?} was taken for gone", self.log);
                known.gone = true;
            }
            known.listed |= is_listed;
        }
        self.judged(&report["findings"], with_traffic);
        self.is_newest = true;
    }

    /// The figures are those of the last observation of every finding, whatever the last scan saw.
    pub(super) fn figures(&self) -> Value {
        let said = self.command(&["history", "--format", "json"]);
        assert_eq!(said.code, Some(0), "{}{}", self.log, said.err);
        let history: Value = serde_json::from_str(&said.out).unwrap();
        let kpi = &history["kpis"][0];
        assert_eq!(kpi["open"], self.failing(), "{}{kpi:#}", self.log);
        assert_eq!(kpi["time_to_remediate"]["count"], self.remediated, "{}{kpi:#}", self.log);
        let gone: usize = self.known.values().filter(|known| known.gone).map(Known::failures).sum();
        assert_eq!(kpi["gone"], gone, "{}{kpi:#}", self.log);
        history
    }

    /// How many findings fail by their last observation.
    pub(super) fn failing(&self) -> usize {
        self.known.values().filter(|known| !known.gone).map(Known::failures).sum()
    }

    /// Whether a load balancer in this mode may be said to fail, or not to, by what commands judge now. One that the newest scan
    /// did not read keeps the verdict that the settings of an earlier time gave it.
    pub(super) fn may_be(&self, is_failing: bool, name: &Name, mode: &str) -> bool {
        let is_now = self.settings.rule && self.last_seen.contains(name);
        let now = [self.settings.required];
        let policies = if is_now { &now[..] } else { &self.settings.all_required[..] };
        policies.iter().any(|required| below(mode, required) == is_failing)
    }
}

pub(super) fn below(mode: &str, required: &str) -> bool {
    let place = |mode: &str| MODES.into_iter().position(|one| one == mode).unwrap();
    place(mode) < place(required)
}

pub(super) fn name(of: &Value) -> Name {
    (text(&of["account"]), text(&of["region"]), text(&of["name"]))
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
