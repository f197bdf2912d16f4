//! Composes the digest of leadership and FinOps.

use doorward_model::sha256_hex;

use super::{Composed, Composer, NoDigest};
use crate::audience::Audience;
use crate::audience_notice::AudienceNotice;
use crate::delivery_store::{DigestState, StoredDigest};
use crate::digest::link;
use crate::posture_digest::{POSTURE_FORMAT, PostureDigest, PostureState, period, sections};
use crate::settings::{DigestSchedule, PostureAudience};

impl Composer<'_> {
    /// The digest of an audience above the owners, or why there is none: it has arrived for the period of the scan, or for a later one.
    ///
    /// # Errors
    /// When what is remembered cannot be read.
    pub(super) fn compose_posture(
        &self,
        audience: &Audience,
        settings: &PostureAudience,
        channel: &str,
        remembered: &DigestState,
    ) -> Result<Result<Composed, NoDigest>, serde_json::Error> {
        // A look at one load balancer says nothing of the posture, and an interrupted scan is continued by another.
        if self.report.run.only.is_some() {
            return Ok(Err(NoDigest::OneLoadBalancer));
        }
        if self.report.run.interrupted {
            return Ok(Err(NoDigest::Interrupted));
        }
        let (schedule, finished) = (settings.schedule, self.report.run.finished);
        let state = PostureState::of(&self.posture, finished)?;
        if let Some(delivered) = &remembered.delivered {
            let known: PostureState = serde_json::from_str(&delivered.state)?;
            if !known.is_due(&state, schedule) {
                return Ok(Err(match schedule {
                    DigestSchedule::OnChange if known.finished > finished => NoDigest::LaterScanSent,
                    DigestSchedule::OnChange => NoDigest::SameFigures,
                    DigestSchedule::Weekly | DigestSchedule::Monthly => NoDigest::SentForPeriod,
                }));
            }
        }
        let period = period(schedule, finished);
        let after = remembered.delivered.as_ref().map(|intent: &StoredDigest| intent.id.as_str());
        // A period has one digest, whatever is scanned again in it.
        let content = match schedule {
            DigestSchedule::OnChange => (state.figures.as_str(), after),
            DigestSchedule::Weekly | DigestSchedule::Monthly => (period.as_str(), None),
        };
        let id = sha256_hex(&serde_json::to_vec(&(POSTURE_FORMAT, audience.key(), channel, schedule, content))?);
        let digest = PostureDigest {
            format: POSTURE_FORMAT,
            may_repeat: remembered.open.as_ref().is_some_and(|open| open.id == id),
            id,
            audience: audience.clone(),
            period,
            sections: sections(audience, settings),
            since: remembered.delivered.as_ref().map(|intent| intent.at),
            scan: self.scan(),
            posture: self.posture.clone(),
            link: self.directory.settings.link_base.as_deref().map(|base| link(base, audience)),
        };
        let state = serde_json::to_string(&state)?;
        Ok(Ok(Composed { notice: AudienceNotice::Posture(Box::new(digest)), state }))
    }
}
