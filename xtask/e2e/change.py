#!/usr/bin/env python3
"""Reads all attributes of load balancers in a moto, with boto3, which shares no code with us.

usage: change.py ENDPOINT_URL ARN...   prints an object of attributes by ARN as JSON
"""

import json
import sys

import boto3


def session(endpoint, account):
    base = boto3.client("sts", "eu-central-1", endpoint_url=endpoint, aws_access_key_id="a", aws_secret_access_key="b")
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    keys = base.assume_role(RoleArn=role, RoleSessionName="change")["Credentials"]
    return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def flat(value, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{path}.{key}" if path else key)
    else:
        yield path, str(value)


def attributes(endpoint, arn):
    _, _, _, region, account, resource = arn.split(":", 5)
    name = resource.removeprefix("loadbalancer/")
    found = session(endpoint, account)
    if name.startswith("app/"):
        client = found.client("elbv2", region_name=region, endpoint_url=endpoint)
        attributes = client.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        return {one["Key"]: one["Value"] for one in attributes}
    client = found.client("elb", region_name=region, endpoint_url=endpoint)
    attributes = client.describe_load_balancer_attributes(LoadBalancerName=name)["LoadBalancerAttributes"]
    more = {one["Key"]: one["Value"] for one in attributes.pop("AdditionalAttributes", [])}
    return dict(flat(attributes)) | more


def main():
    endpoint, *arns = sys.argv[1:]
    json.dump({arn: attributes(endpoint, arn) for arn in arns}, sys.stdout)


if __name__ == "__main__":
    main()
