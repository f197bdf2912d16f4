//! The permissions that one object needs.

use doorward_aws::Operation;
use doorward_model::{Grant, PARTITION};

use crate::{ObjectUrl, RemoteFileSettings};

/// What an identity needs to read and write one object, and to tell one that is missing from one that may not be read. A KMS key
/// that is named by its ARN is included; one that is named otherwise, or that only the bucket's setting names, is not known here.
pub fn object_grants(url: &ObjectUrl, settings: &RemoteFileSettings) -> Vec<Grant> {
    let bucket = format!("arn:{PARTITION}:s3:::{}", url.bucket());
    let object = format!("{bucket}/{}", url.key());
    let (read, write) = (Operation::GetObject.action(), Operation::PutObject.action());
    let of_bucket = [Operation::ListObjectsV2.action(), Operation::GetBucketVersioning.action()];
    let mut grants =
        vec![Grant::on("UseObject", &[read, write], &[object]), Grant::on("FindObject", &of_bucket, &[bucket])];
    if let Some(key) = settings.kms_key.as_ref().filter(|key| key.starts_with("arn:")) {
        grants.push(Grant::on("UseKey", &["kms:Decrypt", "kms:GenerateDataKey"], &[key]));
    }
    grants
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_and_its_bucket_are_granted_and_no_pattern() {
        let url: ObjectUrl = "s3://acme-security/doorward/ledger.sqlite".parse().expect("an address");
        let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        for (kms_key, all) in [(None, 2), (Some("alias/doorward"), 2), (Some(key), 3)] {
            let settings = RemoteFileSettings { bucket_owner: None, kms_key: kms_key.map(str::to_owned) };
            let grants = object_grants(&url, &settings);
            assert_eq!(grants.len(), all, "{kms_key:?}");
            let resources: Vec<&String> = grants.iter().flat_map(|grant| &grant.resources).collect();
            assert!(resources.iter().all(|resource| !resource.contains('*')), "{resources:?}");
        }
    }
}
