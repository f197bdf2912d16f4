//! Looks whether logs could be read: one list and one byte, nothing counted.

use doorward_aws::{CallFailure, Operation, with_credentials};
use doorward_model::{AccountId, AccountRegion, Gap, Region};

use super::Source;
use super::plan::LogPlace;
use super::s3::Day;
use crate::tally::LoadBalancerKey;

impl Source {
    /// Lists the first keys below a load balancer's prefix, of the logs of one account, and reads one byte of the first object.
    /// False where nothing lies there yet, so that reading was not tried. `reader` is whose session reads, and the Region that the
    /// bucket is expected in.
    ///
    /// # Errors
    /// Why logs there would stay unread.
    pub async fn look(
        &self,
        reader: &AccountRegion,
        bucket: &str,
        prefix: &str,
        account: &AccountId,
    ) -> Result<bool, Gap> {
        let place = LogPlace {
            load_balancer: LoadBalancerKey { account: None, region: None, id: String::new() },
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            reader: reader.clone(),
            spans: Vec::new(),
        };
        let prefix = prefix.trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        let folder = format!("{prefix}{slash}AWSLogs/{account}/elasticloadbalancing/");
        let mut day = Day { keys: Vec::new(), lists: 0, region: reader.region.clone() };
        let page = self.list_page(&place, &folder, &(String::new(), None), &mut day).await?;
        let Some(first) = page.keys.iter().find(|listed| listed.bytes > 0) else { return Ok(false) };
        self.byte(reader, &day.region, bucket, &first.key).await.map(|()| true)
    }

    async fn byte(&self, reader: &AccountRegion, region: &Region, bucket: &str, key: &str) -> Result<(), Gap> {
        let operation = Operation::GetObject;
        let reader = AccountRegion { account: reader.account.clone(), region: region.clone() };
        let client = self.s3(&reader.region);
        let asked = self.aws.call(&reader, operation, |credentials| {
            let request = client.get_object().bucket(bucket).key(key).range("bytes=0-0");
            let request = request.set_request_payer(self.payer()).customize();
            let request = request.config_override(with_credentials!(aws_sdk_s3, credentials));
            async move { request.send().await.map(|_| ()).map_err(|error| CallFailure::of(operation, &error)) }
        });
        asked.await.map_err(|failure| self.with_remedy(failure.gap, bucket, key))
    }
}
