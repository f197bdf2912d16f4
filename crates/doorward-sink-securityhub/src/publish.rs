//! Publish: sends a report to each Security Hub, one after the other, and accounts for every finding.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};

use doorward_aws::ClientProvider;
use doorward_model::{AccountRegion, Finding, Receipt, ScanReport, Sink, SinkContext, SinkError, SinkFuture};

use crate::asff::Asff;
use crate::decide::{DecidedStep, Hearing};
use crate::deliver::{ImportFate, SecurityHub, batches};
use crate::limits::FINDING_BYTES;
use crate::outbox::{FindingIntent, Outbox, OutboxError};
use crate::outcome::{PublishOutcome, Refused, SecurityHubLine};
use crate::plan::{Parcel, Planner, Why};
use crate::records::Records;
use crate::render::{FindingRenderer, ReportIndex, product_arn};

/// Findings of one Security Hub that are in memory at a time.
const CHUNK: usize = 400;

/// How findings are delivered.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Age in days at which an unchanged finding is sent again, from 1 to 80; Security Hub deletes it at 90.
    pub keep_alive_days: u32,
    /// The age from which an observation says nothing about today: its finding is not available.
    pub maximum_age: SignedDuration,
    /// The share of AWS's quotas to use, from 0 to 1; other products of the account use the same ones.
    pub share_of_quotas: f64,
    /// Security Hubs that are delivered to at once.
    pub security_hubs: usize,
    /// Calls to one Security Hub at once.
    pub calls_per_security_hub: usize,
}

impl Default for Settings {
    fn default() -> Self {
        let maximum_age = SignedDuration::from_hours(72);
        Self { keep_alive_days: 60, maximum_age, share_of_quotas: 0.95, security_hubs: 32, calls_per_security_hub: 16 }
    }
}

/// Delivers reports to Security Hub.
pub struct Publisher<O> {
    renderer: FindingRenderer,
    settings: Settings,
    aws: ClientProvider,
    outbox: O,
}

/// What a dry run says about one finding.
#[derive(Debug)]
pub struct PlannedFinding {
    /// The Security Hub.
    pub security_hub: AccountRegion,
    /// The finding's id.
    pub id: String,
    /// What would be done, and why.
    pub why: Why,
    /// What would be sent; none when nothing would.
    pub finding: Option<Asff>,
    /// Whether what is known of it is too old to say how it stands.
    pub stale: bool,
}

/// The findings of a report by the Security Hub they go to.
type BySecurityHub<'a> = BTreeMap<AccountRegion, Vec<&'a Finding>>;

impl<O: Outbox> Publisher<O> {
    /// A publisher with everything it needs.
    pub fn new(renderer: FindingRenderer, settings: Settings, aws: ClientProvider, outbox: O) -> Self {
        let aws = aws.with_share(settings.share_of_quotas);
        Self { renderer, settings, aws, outbox }
    }

    pub(crate) fn parts(&self) -> (&ClientProvider, &O, &Settings) {
        (&self.aws, &self.outbox, &self.settings)
    }

    /// Reports, for every finding of the report and everything remembered, what [`Publisher::publish`] would do and why.
    /// Sends nothing and stores nothing.
    ///
    /// # Errors
    /// When the outbox cannot be read.
    pub fn plan(&self, report: &ScanReport, mut report_plan: impl FnMut(PlannedFinding)) -> Result<(), OutboxError> {
        let index = ReportIndex::new(report);
        let planner = self.planner(&index);
        for (security_hub, findings) in self.by_security_hub(report)? {
            let remembered = self.outbox.remembered(&security_hub)?;
            let hearing = self.hearing(&index, &planner, &security_hub);
            for step in hearing.steps(&findings, &remembered) {
                if let DecidedStep::Present(id, decision) | DecidedStep::Absent(id, decision) = step? {
                    let (why, stale) = (decision.why, decision.stale);
                    let finding = decision.send.map(|(_, parcel)| parcel.finding);
                    report_plan(PlannedFinding { security_hub: security_hub.clone(), id, why, finding, stale });
                }
            }
        }
        Ok(())
    }

    /// Delivers a report; where it is of one load balancer, what is remembered of others is left alone. Every finding of it ends in exactly one count of the outcome.
    ///
    /// # Errors
    /// When the outbox cannot even say which Security Hubs it knows; nothing was sent then.
    pub async fn publish(&self, report: &ScanReport) -> Result<PublishOutcome, OutboxError> {
        let index = ReportIndex::new(report);
        let planner = self.planner(&index);
        let security_hubs = self.by_security_hub(report)?;
        // The Security Hub with most to take decides how long it all lasts, so it begins first.
        let mut security_hubs: Vec<_> = security_hubs.iter().collect();
        security_hubs.sort_by_key(|(_, findings)| Reverse(findings.len()));
        let deliveries: Vec<_> = security_hubs
            .into_iter()
            .map(|(security_hub, findings)| self.security_hub(&index, &planner, security_hub, findings))
            .collect();
        let lines =
            futures::stream::iter(deliveries).buffer_unordered(self.settings.security_hubs.max(1)).collect().await;
        Ok(PublishOutcome::of(report.findings.len(), lines))
    }

    fn planner(&self, index: &ReportIndex<'_>) -> Planner {
        let days = i64::from(self.settings.keep_alive_days.clamp(1, 80));
        Planner::new(index, self.aws.time().now(), SignedDuration::from_hours(24 * days), self.settings.maximum_age)
    }

    fn hearing<'a>(
        &'a self,
        index: &'a ReportIndex<'a>,
        planner: &'a Planner,
        security_hub: &'a AccountRegion,
    ) -> Hearing<'a, O> {
        Hearing { renderer: &self.renderer, index, planner, outbox: &self.outbox, security_hub }
    }

    /// The report's findings by Security Hub, with an empty entry for every Security Hub that is only remembered.
    fn by_security_hub<'a>(&self, report: &'a ScanReport) -> Result<BySecurityHub<'a>, OutboxError> {
        // Where one load balancer was read, no other Security Hub than its own can have anything to hear.
        let all = report.run.only.is_none();
        let known = if all { self.outbox.security_hubs()? } else { BTreeSet::new() };
        let mut security_hubs: BySecurityHub<'a> =
            known.into_iter().map(|security_hub| (security_hub, Vec::new())).collect();
        for finding in &report.findings {
            let security_hub = self.renderer.delivery().security_hub(&finding.account, &finding.region);
            security_hubs.entry(security_hub).or_default().push(finding);
        }
        Ok(security_hubs)
    }

    async fn security_hub(
        &self,
        index: &ReportIndex<'_>,
        planner: &Planner,
        place: &AccountRegion,
        findings: &[&Finding],
    ) -> SecurityHubLine {
        let mut line = SecurityHubLine::new(place.clone(), findings.len());
        let remembered = match self.outbox.remembered(place) {
            Ok(remembered) => remembered,
            Err(error) => {
                line.unread(&error);
                return line;
            }
        };
        let security_hub = SecurityHub { place, aws: &self.aws };
        let (mut records, held) = (Records::default(), remembered.len());
        let product = product_arn(&index.report.run.partition, place);
        let hearing = self.hearing(index, planner, place);
        let mut steps = hearing.steps(findings, &remembered).peekable();
        while steps.peek().is_some() {
            let mut chunk = Chunk::default();
            for step in steps.by_ref() {
                chunk.take(step, &mut line);
                if chunk.parcels.len() >= CHUNK {
                    break;
                }
            }
            if line.closed.is_none() && !chunk.parcels.is_empty() {
                match records.read(&security_hub, &product, &chunk.parcels, held).await {
                    Ok(()) => line.ahead += chunk.meet(&records, self.aws.time().now()),
                    Err(closed) => line.closed = Some(closed),
                }
            }
            self.send(&security_hub, chunk, &mut line).await;
        }
        line
    }

    /// Stores the intents, sends the parcels, stores the acknowledgements.
    async fn send(&self, security_hub: &SecurityHub<'_>, chunk: Chunk, line: &mut SecurityHubLine) {
        let Chunk { intents, parcels, present } = chunk;
        if parcels.is_empty() {
            return;
        }
        if line.closed.is_some() {
            for parcel in &parcels {
                line.unsent(present.contains(&parcel.finding.id));
            }
            return;
        }
        if let Err(error) = self.outbox.intend(security_hub.place, &intents) {
            for parcel in &parcels {
                line.refuse(refused(parcel, "NotStored", &error.to_string()), present.contains(&parcel.finding.id));
            }
            return;
        }
        drop(intents);
        let mut answers = futures::stream::iter(batches(parcels))
            .map(|batch| async {
                let fates = security_hub.import(batch).await;
                let accepted: Vec<_> = fates
                    .iter()
                    .filter(|(_, fate)| *fate == ImportFate::Accepted)
                    .map(|(parcel, _)| (parcel.finding.id.clone(), parcel.updated_at))
                    .collect();
                let stored = if accepted.is_empty() {
                    Ok(())
                } else {
                    self.outbox.acknowledge(security_hub.place, &accepted, self.aws.time().now())
                };
                (fates, stored)
            })
            .buffer_unordered(self.settings.calls_per_security_hub.max(1));
        while let Some((fates, stored)) = answers.next().await {
            for (parcel, fate) in fates {
                let of_report = present.contains(&parcel.finding.id);
                match (fate, &stored) {
                    (ImportFate::Accepted, Ok(())) => line.accept(parcel.why, of_report),
                    (ImportFate::Accepted, Err(error)) => {
                        line.refuse(refused(&parcel, "NotStored", &error.to_string()), of_report);
                    }
                    (ImportFate::Refused(code, message), _) => {
                        line.refuse(refused(&parcel, &code, &message), of_report);
                    }
                    (ImportFate::Closed(closed), _) => {
                        line.closed.get_or_insert(closed);
                        line.unsent(of_report);
                    }
                }
            }
        }
    }
}

fn refused(parcel: &Parcel, code: &str, message: &str) -> Refused {
    Refused { id: parcel.finding.id.clone(), why: parcel.why, code: code.to_owned(), message: message.to_owned() }
}

/// What is stored and sent together.
#[derive(Default)]
struct Chunk {
    intents: Vec<FindingIntent>,
    parcels: Vec<Parcel>,
    /// Ids of the findings that are in the report.
    present: BTreeSet<String>,
}

impl Chunk {
    /// Gives what is to be sent the dates that its records admit. Answers how many records are dated in the future.
    fn meet(&mut self, records: &Records, now: Timestamp) -> usize {
        let both = self.intents.iter_mut().zip(&mut self.parcels);
        both.filter_map(|(intent, parcel)| records.meet(intent, parcel, now).then_some(())).count()
    }

    /// Takes what is to be sent; counts at once what is not.
    fn take(&mut self, step: Result<DecidedStep, OutboxError>, line: &mut SecurityHubLine) {
        let (id, decision, of_report) = match step {
            Ok(DecidedStep::Omitted(omitted)) => return line.omit(omitted),
            Ok(DecidedStep::Present(id, decision)) => (id, decision, true),
            Ok(DecidedStep::Absent(id, decision)) => (id, decision, false),
            Err(error) => return line.undecided(&error),
        };
        line.stale += usize::from(decision.stale);
        let Some((intent, parcel)) = decision.send else { return line.leave(decision.why, of_report) };
        if parcel.bytes > FINDING_BYTES {
            let message =
                format!("the finding has {} bytes; Security Hub accepts at most {FINDING_BYTES}", parcel.bytes);
            return line.refuse(refused(&parcel, "TooLarge", &message), of_report);
        }
        if of_report {
            self.present.insert(id);
        }
        self.intents.push(intent);
        self.parcels.push(parcel);
    }
}

impl<O: Outbox> Sink for Publisher<O> {
    fn name(&self) -> &str {
        "securityhub"
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        Box::pin(async { self.outbox.security_hubs().map(|_| ()).map_err(|error| trouble(&error)) })
    }

    fn emit<'a>(&'a self, report: &'a ScanReport, _: SinkContext<'a>) -> SinkFuture<'a, Receipt> {
        Box::pin(async {
            let outcome = self.publish(report).await.map_err(|error| trouble(&error))?;
            Ok(Receipt { statement: Some(self.statement(report, &outcome)), ..outcome.receipt() })
        })
    }
}

fn trouble(error: &OutboxError) -> SinkError {
    SinkError { sink: "securityhub".to_owned(), problem: error.to_string() }
}
