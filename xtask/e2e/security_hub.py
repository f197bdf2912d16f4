#!/usr/bin/env python3
"""Looks at, and changes, what Security Hub and the load balancers hold in a moto; with boto3, which shares no code with us.

usage: security_hub.py ENDPOINT_URL read ACCOUNT/REGION...   prints every finding there as JSON
       security_hub.py ENDPOINT_URL strictest ARN            sets a load balancer's mode
       security_hub.py ENDPOINT_URL delete ARN               deletes a load balancer
"""

import json
import sys

import boto3


def client(endpoint, service, account, region):
    base = boto3.client("sts", "eu-central-1", endpoint_url=endpoint, aws_access_key_id="a", aws_secret_access_key="b")
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    keys = base.assume_role(RoleArn=role, RoleSessionName="security_hub")["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    return session.client(service, region_name=region, endpoint_url=endpoint)


def main():
    endpoint, verb, *what = sys.argv[1:]
    if verb == "read":
        findings = []
        for place in what:
            account, region = place.split("/")
            pages = client(endpoint, "securityhub", account, region).get_paginator("get_findings").paginate()
            findings += [finding for page in pages for finding in page["Findings"]]
        json.dump(findings, sys.stdout, default=str)
        return
    (arn,) = what
    _, _, _, region, account, _ = arn.split(":", 5)
    load_balancers = client(endpoint, "elbv2", account, region)
    if verb == "strictest":
        attribute = {"Key": "routing.http.desync_mitigation_mode", "Value": "strictest"}
        load_balancers.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[attribute])
    elif verb == "delete":
        load_balancers.delete_load_balancer(LoadBalancerArn=arn)
    else:
        sys.exit(f"security_hub.py does not know {verb!r}")


if __name__ == "__main__":
    main()
