//! Reconcile: compares the outbox with the content of each Security Hub. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_securityhub::types::{AwsSecurityFindingFilters, StringFilter, StringFilterComparison};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;

use doorward_aws::{CallFailure, ClientProvider, Operation, with_credentials};
use doorward_model::AccountRegion;

use crate::asff::Asff;
use crate::deliver::{BatchStop, Closed, SecurityHub};
use crate::listing::{ListingPage, Unread};
use crate::outbox::{Outbox, OutboxError, RecordState};
use crate::publish::Publisher;
use crate::render::{GENERATOR, product_arn};

/// Days after which Security Hub deletes an archived finding.
const ARCHIVED_DAYS: i64 = 30;

/// How a Security Hub differs from what is remembered of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordDifference {
    /// Remembered as accepted, and not there.
    Missing,
    /// Sent, never confirmed, and not there: the next delivery sends it again.
    NeverArrived,
    /// Sent, never confirmed, and there as it was sent: the next delivery sends it again, which changes nothing.
    Unconfirmed,
    /// There, of a Doorward rule, and not remembered: another ledger's, or one that was lost.
    NotRemembered,
    /// There, and saying something else.
    Differs {
        /// The member, such as `/Compliance/Status`.
        member: String,
        /// The value that was sent.
        sent: String,
        /// The value that was found.
        found: String,
    },
}

impl std::fmt::Display for RecordDifference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("was accepted, but is not there"),
            Self::NeverArrived => f.write_str("was sent, but never confirmed, and is not there"),
            Self::Unconfirmed => f.write_str("was sent, but never confirmed, and is there"),
            Self::NotRemembered => f.write_str("is there, but not in the ledger"),
            Self::Differs { member, sent, found } => write!(f, "{member} was sent as {sent}, but is {found}"),
        }
    }
}

/// One Security Hub, compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The Security Hub.
    pub security_hub: AccountRegion,
    /// Why nothing could be read, where nothing could: then nothing is known of it either.
    pub closed: Option<Closed>,
    /// Findings remembered.
    pub remembered: usize,
    /// Findings there.
    pub found: usize,
    /// Every difference, by finding id.
    pub differences: Vec<(String, RecordDifference)>,
}

impl<O: Outbox> Publisher<O> {
    /// Compares every Security Hub that the outbox knows with what it holds, in order. `partition` is the run's.
    ///
    /// # Errors
    /// When the outbox cannot be read.
    pub async fn reconcile(&self, partition: &str) -> Result<Vec<Audit>, OutboxError> {
        let (_, outbox, settings) = self.parts();
        let security_hubs: BTreeSet<AccountRegion> = outbox.security_hubs()?;
        let audits: Vec<_> = security_hubs.iter().map(|security_hub| self.audit(partition, security_hub)).collect();
        let mut audits: Vec<Result<Audit, OutboxError>> =
            futures::stream::iter(audits).buffer_unordered(settings.security_hubs.max(1)).collect().await;
        let mut all = audits.drain(..).collect::<Result<Vec<_>, _>>()?;
        all.sort_by(|a, b| a.security_hub.cmp(&b.security_hub));
        Ok(all)
    }

    async fn audit(&self, partition: &str, place: &AccountRegion) -> Result<Audit, OutboxError> {
        let (aws, outbox, _) = self.parts();
        let security_hub = SecurityHub { place, aws };
        let mut remembered = outbox.remembered(place)?;
        let mut audit = Audit {
            security_hub: place.clone(),
            closed: None,
            remembered: remembered.len(),
            found: 0,
            differences: Vec::new(),
        };
        let found = match read(&security_hub, &product_arn(partition, place)).await {
            Ok(found) => found,
            Err(closed) => {
                audit.closed = Some(closed);
                return Ok(audit);
            }
        };
        audit.found = found.len();
        for (id, theirs) in &found {
            let Some(row) = remembered.remove(id) else {
                audit.differences.push((id.clone(), RecordDifference::NotRemembered));
                continue;
            };
            if !row.acknowledged {
                audit.differences.push((id.clone(), RecordDifference::Unconfirmed));
            }
            let document = outbox.document(place, id)?.unwrap_or_default();
            let ours = serde_json::from_str::<Asff>(&document).map_err(|error| OutboxError {
                verb: "read",
                problem: format!("the document of {id} is damaged: {error}"),
            })?;
            audit.differences.extend(compare(&ours, theirs).into_iter().map(|difference| (id.clone(), difference)));
        }
        let now = aws.time().now();
        for (id, row) in remembered {
            let difference = match row.accepted_at {
                // What Security Hub deletes by itself is not missing.
                Some(at)
                    if row.state == RecordState::Archived
                        && now.duration_since(at).as_hours() >= 24 * ARCHIVED_DAYS =>
                {
                    continue;
                }
                _ if !row.acknowledged => RecordDifference::NeverArrived,
                _ => RecordDifference::Missing,
            };
            audit.differences.push((id, difference));
        }
        audit.differences.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(audit)
    }
}

/// Asks a Security Hub for one finding of ours: whether it is enabled and can be read. Whether it would take one is not asked, since
/// that would be a write; the same role has both permissions.
///
/// # Errors
/// Why nothing can be read there.
pub async fn look(aws: &ClientProvider, place: &AccountRegion, partition: &str) -> Result<(), Closed> {
    let security_hub = SecurityHub { place, aws };
    page::<Asff>(&security_hub, &ours(&product_arn(partition, place)), None, 1).await.map(|_| ())
}

/// Selects findings of ours.
pub(crate) fn ours(product: &str) -> AwsSecurityFindingFilters {
    let equals = |value: &str, comparison| StringFilter::builder().value(value).comparison(comparison).build();
    AwsSecurityFindingFilters::builder()
        .product_arn(equals(product, StringFilterComparison::Equals))
        .generator_id(equals(GENERATOR, StringFilterComparison::Prefix))
        .build()
}

/// Reads one page of findings.
async fn page<T: DeserializeOwned>(
    security_hub: &SecurityHub<'_>,
    filters: &AwsSecurityFindingFilters,
    token: Option<&str>,
    size: i32,
) -> Result<ListingPage<T>, Closed> {
    let operation = Operation::GetFindings;
    security_hub
        .call(operation, |client, credentials| {
            let kept = Unread::default();
            let call = client.get_findings().filters(filters.clone()).max_results(size);
            let call = call.set_next_token(token.map(str::to_owned)).customize().interceptor(kept.clone());
            let call = call.config_override(with_credentials!(aws_sdk_securityhub, credentials));
            async move {
                call.send().await.map_err(|e| CallFailure::of(operation, &e))?;
                kept.page().map_err(|problem| CallFailure::malformed(operation, &problem))
            }
        })
        .await
        .map_err(|stop| match stop {
            BatchStop::Closed(closed) => closed,
            BatchStop::Invalid(message) => unreadable(&message),
        })
}

fn unreadable(problem: &str) -> Closed {
    Closed::Unreachable(CallFailure::malformed(Operation::GetFindings, problem).gap)
}

/// Reads every finding of ours in a Security Hub, by id.
async fn read(security_hub: &SecurityHub<'_>, product: &str) -> Result<BTreeMap<String, Asff>, Closed> {
    let found: Vec<Asff> = all(security_hub, &ours(product)).await?;
    Ok(found.into_iter().map(|finding| (finding.id.clone(), finding)).collect())
}

/// Reads every finding that passes filters, page by page.
pub(crate) async fn all<T: DeserializeOwned>(
    security_hub: &SecurityHub<'_>,
    filters: &AwsSecurityFindingFilters,
) -> Result<Vec<T>, Closed> {
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    let mut seen = BTreeSet::new();
    loop {
        let page = page(security_hub, filters, token.as_deref(), 100).await?;
        found.extend(page.findings);
        match page.next_token.filter(|next| !next.is_empty()) {
            None => return Ok(found),
            Some(next) if !seen.insert(next.clone()) => {
                return Err(unreadable("the answers name the same next page twice"));
            }
            Some(next) => token = Some(next),
        }
    }
}

/// Names the members in which two findings differ. What Security Hub sets by itself is not compared.
fn compare(ours: &Asff, theirs: &Asff) -> Vec<RecordDifference> {
    let mut theirs = theirs.clone();
    theirs.product_name.clone_from(&ours.product_name);
    theirs.company_name.clone_from(&ours.company_name);
    theirs.aws_account_name.clone_from(&ours.aws_account_name);
    theirs.product_fields.retain(|key, _| key.starts_with(GENERATOR));
    let (Ok(ours), Ok(theirs)) = (serde_json::to_value(ours), serde_json::to_value(&theirs)) else { return Vec::new() };
    let mut differences = Vec::new();
    walk("", &ours, &theirs, &mut differences);
    differences
}

fn walk(path: &str, ours: &Value, theirs: &Value, differences: &mut Vec<RecordDifference>) {
    if let (Value::Object(a), Value::Object(b)) = (ours, theirs) {
        let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for name in names {
            let side = |map: &serde_json::Map<String, Value>| map.get(name).cloned().unwrap_or(Value::Null);
            walk(&format!("{path}/{}", name.replace('/', "~1")), &side(a), &side(b), differences);
        }
    } else if ours != theirs {
        let member = path.to_owned();
        differences.push(RecordDifference::Differs { member, sent: ours.to_string(), found: theirs.to_string() });
    }
}
