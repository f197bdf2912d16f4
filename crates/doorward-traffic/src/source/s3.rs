//! Lists the logs of load balancers: by pages, jumping in time, and only below the folders that can hold them.
//!
//! Keys of a load balancer sort by the end of their interval within a day's folder, so a list starts where the wanted time
//! does and ends where it does. Folders go by the day of delivery, so the day after the last one is looked at too.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use aws_sdk_s3::config::ResponseChecksumValidation;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use futures::{StreamExt, stream};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use doorward_aws::{CallFailure, Operation, RetryAction, with_credentials};
use doorward_model::{AccountRegion, Gap, GapReason, Region};

use super::Source;
use super::plan::{LogPlace, LogPlan, LogSpan, Planned, UnreadLogs, last_end};
use crate::object::{Key, Selection, day_folder};
use crate::tally::LoadBalancerKey;

/// A page of a list, checked.
pub(super) struct Page {
    pub(super) keys: Vec<ListedKey>,
    /// Where to go on: a token of S3's, for the case that a page is empty.
    more: Option<String>,
}

pub(super) struct ListedKey {
    pub(super) key: String,
    etag: String,
    pub(super) bytes: u64,
}

/// What a list of one day found, and the Region that the bucket is in.
pub(super) struct Day {
    pub(super) keys: Vec<ListedKey>,
    pub(super) lists: u64,
    pub(super) region: Region,
}

impl Source {
    /// Lists what the places hold of their spans and plans to read it. Nothing is read. A place that cannot be listed is in
    /// [`LogPlan::missed`], once, and does not stop the others.
    pub async fn plan_logs(&self, places: &[LogPlace]) -> LogPlan {
        let walks = stream::iter(places.iter().map(|place| self.list_place(place)));
        let listed: Vec<_> = walks.buffered(self.concurrency).collect().await;
        let mut plan = LogPlan::default();
        let ids: BTreeSet<String> = places.iter().map(|place| place.load_balancer.id.clone()).collect();
        let mut selection = Selection::new(None, Some(ids));
        let mut before = selection.listed.clone();
        for (number, (place, (days, missed))) in places.iter().zip(listed).enumerate() {
            for Day { keys, lists, region } in days {
                plan.lists += lists;
                for ListedKey { key, etag, bytes } in keys {
                    if matches!(Key::read(&key), Key::AccessLog(object) if !place.wants(object.end)) {
                        selection.listed.elsewhere += 1;
                        continue;
                    }
                    let Some(object) = selection.offer(&key) else { continue };
                    let reader = AccountRegion { account: place.reader.account.clone(), region: region.clone() };
                    plan.objects.push(Planned {
                        object,
                        bucket: place.bucket.clone(),
                        key,
                        etag,
                        bytes,
                        reader,
                        place: number,
                    });
                }
            }
            plan.missed.extend(missed);
            let mut of_place = selection.listed.clone();
            of_place.take_off(&before);
            plan.listed_of.push(of_place);
            before.clone_from(&selection.listed);
        }
        plan.listed = selection.listed;
        plan
    }

    /// Every day of a place, one after another: the first refusal is the answer for all of it. What was found before it is
    /// returned beside it.
    async fn list_place(&self, place: &LogPlace) -> (Vec<Day>, Option<UnreadLogs>) {
        let missed = |what: String, gap: Gap| UnreadLogs { load_balancer: place.load_balancer.clone(), what, gap };
        let (Some(account), Some(region)) = (&place.load_balancer.account, &place.load_balancer.region) else {
            let gap = Gap::new(GapReason::NotAsked, Operation::ListObjectsV2.action()).with_message(
                "the account and Region of the load balancer are not known, so the folder of its logs is not known \
                 either",
            );
            return (Vec::new(), Some(missed(format!("s3://{}", place.bucket), gap)));
        };
        let stem = format!("{account}_elasticloadbalancing_{region}_{}_", place.load_balancer.id.replace('/', "."));
        let mut found = Vec::new();
        let mut home = place.reader.region.clone();
        for day in days(place) {
            let folder = format!("{}{stem}", day_folder(&place.prefix, account, region, day));
            match self.list_day(place, day, &folder, &home).await {
                Ok(listed) => {
                    home = listed.region.clone();
                    found.push(listed);
                }
                Err(gap) => {
                    let lost = missed(format!("s3://{}/{folder}", place.bucket), gap);
                    return (found, Some(lost));
                }
            }
        }
        (found, None)
    }

    async fn list_day(&self, place: &LogPlace, date: Date, folder: &str, home: &Region) -> Result<Day, Gap> {
        let mut day = Day { keys: Vec::new(), lists: 0, region: home.clone() };
        let mut spans = place.spans.iter().filter(|span| days_of(**span).contains(&date)).peekable();
        let (mut after, mut token) = (String::new(), None::<String>);
        while let Some(span) = spans.peek() {
            // A jump forward, never back: the spans may lie within one page.
            after = after.max(format!("{folder}{}", stamp(span.0)));
            loop {
                let asked = (after.clone(), token.clone());
                let page = self.list_page(place, folder, &asked, &mut day).await?;
                let last = page.keys.last().map(|listed| listed.key.clone());
                let beyond = last.as_deref().and_then(end_of).is_some_and(|end| end > last_end(**span));
                day.keys.extend(page.keys);
                let Some(more) = page.more else { return Ok(day) };
                match last {
                    Some(last) => (after, token) = (last, None),
                    None => token = Some(more),
                }
                if asked == (after.clone(), token.clone()) {
                    return Err(same_page());
                }
                if beyond {
                    break;
                }
            }
            spans.next();
        }
        Ok(day)
    }

    /// One page. A bucket in another Region is asked there, and `day` keeps that Region.
    pub(super) async fn list_page(
        &self,
        place: &LogPlace,
        folder: &str,
        (after, token): &(String, Option<String>),
        day: &mut Day,
    ) -> Result<Page, Gap> {
        let operation = Operation::ListObjectsV2;
        let mut follow = true;
        loop {
            let reader = AccountRegion { account: place.reader.account.clone(), region: day.region.clone() };
            day.lists += 1;
            let client = self.s3(&reader.region);
            let asked = self.aws.call(&reader, operation, |credentials| {
                let request = client
                    .list_objects_v2()
                    .bucket(&place.bucket)
                    .prefix(folder)
                    .set_start_after((!after.is_empty()).then(|| after.clone()))
                    .set_continuation_token(token.clone())
                    .set_request_payer(self.payer())
                    .customize()
                    .config_override(with_credentials!(aws_sdk_s3, credentials));
                async move {
                    let answer = request.send().await.map_err(|error| CallFailure::of(operation, &error))?;
                    checked(&answer)
                }
            });
            match asked.await {
                Ok(page) => return Ok(page),
                Err(CallFailure { action: RetryAction::Redirect(region), .. }) if follow => {
                    follow = false;
                    day.region = region;
                }
                Err(failure) => return Err(self.with_remedy(failure.gap, &place.bucket, folder)),
            }
        }
    }

    /// Objects below a folder, and their bytes, whatever they are. `each` sees their keys.
    pub(super) async fn folder(
        &self,
        place: &AccountRegion,
        bucket: &str,
        folder: &str,
        mut each: impl FnMut(&str),
    ) -> Result<(u64, u64), Gap> {
        let everything = LogPlace {
            load_balancer: LoadBalancerKey { account: None, region: None, id: String::new() },
            bucket: bucket.to_owned(),
            prefix: String::new(),
            reader: place.clone(),
            spans: Vec::new(),
        };
        let mut day = Day { keys: Vec::new(), lists: 0, region: place.region.clone() };
        let (mut objects, mut bytes) = (0, 0);
        let mut asked = (String::new(), None);
        loop {
            let page = self.list_page(&everything, folder, &asked, &mut day).await?;
            objects += page.keys.len() as u64;
            page.keys.iter().for_each(|listed| each(&listed.key));
            bytes += page.keys.iter().map(|listed| listed.bytes).sum::<u64>();
            let Some(more) = page.more else { return Ok((objects, bytes)) };
            let next = match page.keys.last() {
                Some(last) => (last.key.clone(), None),
                None => (asked.0.clone(), Some(more)),
            };
            if next == asked {
                return Err(same_page());
            }
            asked = next;
        }
    }

    pub(super) fn s3(&self, region: &Region) -> aws_sdk_s3::Client {
        self.aws.client(region, |config| {
            let config = aws_sdk_s3::config::Builder::from(config)
                // Every member of a gzip file has a checksum of its own, and it is looked at.
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
                .build();
            aws_sdk_s3::Client::from_conf(config)
        })
    }
}

fn same_page() -> Gap {
    let gap = Gap::new(GapReason::Malformed, Operation::ListObjectsV2.action());
    gap.with_message("the responses name the same next page twice")
}

/// The days whose folders can hold objects of a place: those of its spans, and the day after each, in order.
fn days(place: &LogPlace) -> BTreeSet<Date> {
    let mut days = BTreeSet::new();
    for span in &place.spans {
        let (mut day, last) = days_of(*span).into_inner();
        while day <= last && days.len() < DAYS {
            days.insert(day);
            day = day.saturating_add(1.day());
        }
    }
    days
}

fn days_of(span: LogSpan) -> RangeInclusive<Date> {
    let date = |time: Timestamp| TimeZone::UTC.to_datetime(time).date();
    date(span.0)..=date(last_end(span)).saturating_add(1.day())
}

/// More days than that are no window: the service is not as old.
const DAYS: usize = 100_000;

/// A time as keys have it, so that it sorts before every key of an interval that ends then or later.
fn stamp(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%MZ").to_string()
}

fn end_of(key: &str) -> Option<Timestamp> {
    match Key::read(key) {
        Key::AccessLog(object) => Some(object.end),
        _ => None,
    }
}

/// The SDK's decoder takes a document that ends early for a short one, so that the answer has to add up by itself: the count
/// of keys that comes before the keys, and every part of every key.
fn checked(answer: &ListObjectsV2Output) -> Result<Page, CallFailure> {
    let malformed = |what| CallFailure::malformed(Operation::ListObjectsV2, what);
    let keys: Option<Vec<ListedKey>> = answer
        .contents()
        .iter()
        .map(|object| {
            Some(ListedKey {
                key: object.key()?.to_owned(),
                etag: object.e_tag()?.to_owned(),
                bytes: u64::try_from(object.size()?).ok()?,
            })
        })
        .collect();
    let keys = keys.ok_or_else(|| malformed("the list contains an object without key, size or tag"))?;
    let count = answer.key_count().and_then(|count| usize::try_from(count).ok());
    if count != Some(keys.len() + answer.common_prefixes().len()) {
        return Err(malformed("the length of the list does not match its key count"));
    }
    let more = match (answer.is_truncated(), answer.next_continuation_token()) {
        (Some(false), _) => None,
        (Some(true), Some(token)) => Some(token.to_owned()),
        _ => return Err(malformed("the list does not name its next page")),
    };
    Ok(Page { keys, more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_after_is_looked_at_too() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let reader = AccountRegion {
            account: doorward_model::AccountId::new("111111111111").expect("an account"),
            region: Region::new("eu-west-1").expect("a Region"),
        };
        let place = LogPlace {
            load_balancer: "111111111111/eu-west-1/app/web/1".parse().expect("a load balancer"),
            bucket: "b".to_owned(),
            prefix: String::new(),
            reader,
            spans: vec![
                (at("2026-09-01T10:00:00Z"), at("2026-09-02T00:00:00Z")),
                (at("2026-09-10T10:00:00Z"), at("2026-09-10T11:00:00Z")),
            ],
        };
        let listed: Vec<String> = days(&place).iter().map(Date::to_string).collect();
        assert_eq!(listed, ["2026-09-01", "2026-09-02", "2026-09-03", "2026-09-10", "2026-09-11"]);
    }
}
