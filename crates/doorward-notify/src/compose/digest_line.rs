//! One finding as a line of a digest.

use doorward_model::Verdict;

use super::Composer;
use crate::days::days;
use crate::digest::DigestLine;
use crate::notified_state::DigestEntry;

impl Composer<'_> {
    /// The line of a finding; `open` says whether it is open or unknown.
    pub(super) fn line(&self, id: &str, entry: &DigestEntry, open: bool) -> DigestLine {
        let finding = self.findings.get(id);
        let history = finding.and_then(|finding| finding.history.as_ref());
        let opened = history.and_then(|history| history.open_since()).filter(|_| open);
        let lb = self.load_balancers.get(&entry.arn);
        let declared = lb.and_then(|lb| lb.declared.as_ref()?.place()).filter(|_| open);
        let code_link = self.directory.settings.code_link.as_ref();
        DigestLine {
            finding: id.to_owned(),
            rule: entry.rule.clone(),
            title: self.titles.get(entry.rule.as_str()).map_or_else(|| entry.rule.clone(), |title| (*title).to_owned()),
            load_balancer: entry.arn.to_string(),
            name: entry.name.clone(),
            account: entry.arn.account().to_owned(),
            region: entry.arn.region().to_owned(),
            owner: finding.map_or_else(|| entry.owner.clone(), |finding| finding.owner.to_string()),
            standing: entry.standing.clone().filter(|_| open),
            unseen: entry.unseen && open,
            because: finding.map(|finding| finding.verdict.because().to_owned()).filter(|_| open),
            remedy: finding.filter(|_| open).and_then(|finding| match &*finding.verdict {
                Verdict::Fail { remedy, .. } => Some(remedy.clone()),
                _ => None,
            }),
            declared_at: declared.map(|place| format!("{}:{}", place.file, place.line)),
            declared_link: declared.zip(code_link).and_then(|(place, link)| link.of(place)),
            first_seen: history.map(|history| history.first_seen),
            age_days: opened.map(|opened| days(opened, self.report.run.finished)),
        }
    }
}
