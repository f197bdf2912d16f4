//! Reads the records that Security Hub already has of findings that are about to be sent.
//!
//! The outbox knows what this ledger sent. Another ledger, or one that was lost, may have sent the same findings before: their first
//! dates stay, and an update must be later than the record, because Security Hub drops an older one without a word.

use std::collections::BTreeMap;

use aws_sdk_securityhub::types::{AwsSecurityFindingFilters, StringFilter, StringFilterComparison};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use doorward_model::is_ahead;

use crate::asff::FIRST_SEEN;
use crate::deliver::{Closed, SecurityHub};
use crate::outbox::FindingIntent;
use crate::plan::{Parcel, moment};
use crate::reconcile::{all, ours};
use crate::render::stamp;

/// Most values of one filter of GetFindings.
const VALUES: usize = 20;
/// Findings on one page.
const PAGE: usize = 100;

/// The dates of a record; those that are no dates are left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Found {
    id: String,
    created_at: String,
    first_observed_at: String,
    updated_at: String,
}

/// The records of one Security Hub that were read so far.
#[derive(Default)]
pub(crate) struct Records {
    by_id: BTreeMap<String, Found>,
    /// Whether all of them were read.
    whole: bool,
}

impl Records {
    /// Reads the records of some findings: by their ids, or all of the Security Hub where that takes fewer calls. `remembered` is how many
    /// the Security Hub is thought to hold.
    pub(crate) async fn read(
        &mut self,
        security_hub: &SecurityHub<'_>,
        product: &str,
        parcels: &[Parcel],
        remembered: usize,
    ) -> Result<(), Closed> {
        if self.whole {
            return Ok(());
        }
        let found = if parcels.len().div_ceil(VALUES) > remembered.div_ceil(PAGE) + 1 {
            self.whole = true;
            all(security_hub, &ours(product)).await?
        } else {
            let mut found = Vec::new();
            for some in parcels.chunks(VALUES) {
                found.extend(all::<Found>(security_hub, &named(product, some)).await?);
            }
            found
        };
        self.by_id.extend(found.into_iter().map(|record| (record.id.clone(), record)));
        Ok(())
    }

    /// Gives a parcel the dates that its record admits. Answers whether the record is dated in the future.
    pub(crate) fn meet(&self, intent: &mut FindingIntent, parcel: &mut Parcel, now: Timestamp) -> bool {
        let Some(found) = self.by_id.get(&intent.id) else { return false };
        let row = &mut intent.row;
        let earlier = |ours: Timestamp, theirs: &str| moment(theirs).map_or(ours, |theirs| theirs.min(ours));
        row.created_at = earlier(row.created_at, &found.created_at);
        row.first_observed_at = earlier(row.first_observed_at, &found.first_observed_at);
        let updated = moment(&found.updated_at);
        if let Some(after) = updated.and_then(|at| at.checked_add(SignedDuration::from_millis(1)).ok()) {
            row.updated_at = row.updated_at.max(after);
        }
        let finding = &mut parcel.finding;
        finding.created_at = stamp(row.created_at);
        finding.first_observed_at = stamp(row.first_observed_at);
        finding.updated_at = stamp(row.updated_at);
        finding.product_fields.insert(FIRST_SEEN.to_owned(), finding.first_observed_at.clone());
        parcel.updated_at = row.updated_at;
        intent.document = finding.to_json().unwrap_or_default();
        parcel.bytes = intent.document.len();
        updated.is_some_and(|at| is_ahead(at, now))
    }
}

/// Selects findings of ours by their ids.
fn named(product: &str, parcels: &[Parcel]) -> AwsSecurityFindingFilters {
    let equals = |value: &str| StringFilter::builder().value(value).comparison(StringFilterComparison::Equals).build();
    let ids = parcels.iter().map(|parcel| equals(&parcel.finding.id)).collect();
    AwsSecurityFindingFilters::builder().product_arn(equals(product)).set_id(Some(ids)).build()
}
