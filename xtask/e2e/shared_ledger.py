#!/usr/bin/env python3
"""The bucket of a ledger in a moto; with boto3, which shares no code with us.

usage: shared_ledger.py ENDPOINT_URL create BUCKET        creates a versioned bucket
       shared_ledger.py ENDPOINT_URL versions BUCKET KEY  prints the number of versions of an object
       shared_ledger.py ENDPOINT_URL foreign BUCKET KEY   replaces an object by one that is no ledger
"""

import sys

import boto3

REGION = "eu-west-1"


def main():
    endpoint, verb, bucket, *key = sys.argv[1:]
    keys = {"aws_access_key_id": "any-key", "aws_secret_access_key": "any-secret"}
    s3 = boto3.client("s3", REGION, endpoint_url=endpoint, **keys)
    if verb == "create":
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    elif verb == "versions":
        print(len(s3.list_object_versions(Bucket=bucket, Prefix=key[0]).get("Versions", [])))
    elif verb == "foreign":
        s3.put_object(Bucket=bucket, Key=key[0], Body=b"not a database, and longer than the header of one would be; " * 4)
    else:
        sys.exit(f"shared_ledger.py does not know {verb!r}")


if __name__ == "__main__":
    main()
