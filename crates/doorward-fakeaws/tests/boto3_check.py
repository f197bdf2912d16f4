#!/usr/bin/env python3
"""Walks a whole organization with boto3 and prints what it finds as JSON, as an independent cross-check.

usage: boto3_check.py ENDPOINT_URL ACCESS_KEY SECRET_KEY ROLE_NAME [HOME_REGION]

Output: {"accounts": [ids], "load_balancers": [{account, region, arn or name, type, mode, ...}], "gaps": [...]}, sorted.
Nothing here shares code with the emulator or the scanner; boto3 parses every answer by AWS's own service models.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

MODE = "routing.http.desync_mitigation_mode"
CLASSIC_MODE = "elb.http.desyncmitigationmode"


class Walk:
    def __init__(self, endpoint, key, secret, role, home):
        self.endpoint, self.role, self.home = endpoint, role, home
        self.base = boto3.Session(key, secret, region_name=home)
        self.config = Config(retries={"mode": "standard", "max_attempts": 12}, read_timeout=20)
        self.accounts, self.load_balancers, self.gaps = [], [], []

    def client(self, session, service, region=None):
        return session.client(service, region_name=region or self.home, endpoint_url=self.endpoint, config=self.config)

    def gap(self, where, error):
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        self.gaps.append({**where, "error": code})

    def run(self):
        organizations = self.client(self.base, "organizations")
        organizations.describe_organization()
        for page in organizations.get_paginator("list_accounts").paginate():
            for account in page["Accounts"]:
                self.accounts.append(account["Id"])
                organizations.list_parents(ChildId=account["Id"])
                organizations.get_paginator("list_tags_for_resource").paginate(ResourceId=account["Id"]).build_full_result()
                if account["State"] != "ACTIVE":
                    self.gaps.append({"account": account["Id"], "error": account["State"]})
                    continue
                self.account(account["Id"])

    def account(self, account):
        where = {"account": account}
        try:
            answer = self.client(self.base, "sts").assume_role(
                RoleArn=f"arn:aws:iam::{account}:role/{self.role}", RoleSessionName="boto3-check", DurationSeconds=900
            )
            keys = answer["Credentials"]
            session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
            identity = self.client(session, "sts").get_caller_identity()
            assert identity["Account"] == account, identity
            pages = self.client(session, "account").get_paginator("list_regions").paginate(
                RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"]
            )
            regions = [region["RegionName"] for page in pages for region in page["Regions"]]
        except (ClientError, BotoCoreError) as error:
            return self.gap(where, error)
        for region in sorted(regions):
            for look in (self.current, self.classic):
                try:
                    look(session, account, region)
                except (ClientError, BotoCoreError) as error:
                    self.gap({"account": account, "region": region, "api": look.__name__}, error)

    def current(self, session, account, region):
        elb = self.client(session, "elbv2", region)
        pages = elb.get_paginator("describe_load_balancers").paginate(PaginationConfig={"PageSize": 3})
        found = [load_balancer for page in pages for load_balancer in page["LoadBalancers"]]
        arns = [load_balancer["LoadBalancerArn"] for load_balancer in found]
        tags = {}
        try:
            for start in range(0, len(arns), 20):
                for entry in elb.describe_tags(ResourceArns=arns[start : start + 20])["TagDescriptions"]:
                    tags[entry["ResourceArn"]] = {tag["Key"]: tag["Value"] for tag in entry["Tags"]}
        except ClientError as error:
            self.gap({"account": account, "region": region, "api": "tags"}, error)
        logs = self.client(session, "logs", region)
        sources = logs.get_paginator("describe_delivery_sources").paginate().build_full_result()["deliverySources"]
        deliveries = logs.get_paginator("describe_deliveries").paginate().build_full_result()["deliveries"]
        delivered = {delivery["deliverySourceName"] for delivery in deliveries}
        vended = {arn for source in sources if source["name"] in delivered for arn in source["resourceArns"]}
        for load_balancer in found:
            arn = load_balancer["LoadBalancerArn"]
            entry = {"account": account, "region": region, "arn": arn, "type": load_balancer["Type"], "mode": None}
            entry["tags"], entry["vended_logs"] = tags.get(arn), arn in vended
            entry["listeners"] = sorted(
                f"{one['Protocol']}:{one['Port']}"
                for page in elb.get_paginator("describe_listeners").paginate(LoadBalancerArn=arn)
                for one in page["Listeners"]
                if "Port" in one
            )
            try:
                attributes = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
                entry["mode"] = {one["Key"]: one["Value"] for one in attributes}.get(MODE)
            except ClientError as error:
                self.gap({"account": account, "region": region, "arn": arn}, error)
            self.load_balancers.append(entry)

    def classic(self, session, account, region):
        elb = self.client(session, "elb", region)
        pages = elb.get_paginator("describe_load_balancers").paginate(PaginationConfig={"PageSize": 2})
        for load_balancer in [one for page in pages for one in page["LoadBalancerDescriptions"]]:
            name = load_balancer["LoadBalancerName"]
            entry = {"account": account, "region": region, "name": name, "type": "classic", "mode": None, "tags": None}
            entry["listeners"] = sorted(
                f"{one['Listener']['Protocol']}:{one['Listener']['LoadBalancerPort']}"
                for one in load_balancer["ListenerDescriptions"]
            )
            try:
                described = elb.describe_tags(LoadBalancerNames=[name])["TagDescriptions"]
                entry["tags"] = {tag["Key"]: tag["Value"] for tag in described[0]["Tags"]}
            except ClientError as error:
                self.gap({"account": account, "region": region, "name": name}, error)
            attributes = elb.describe_load_balancer_attributes(LoadBalancerName=name)["LoadBalancerAttributes"]
            extra = {one["Key"]: one["Value"] for one in attributes.get("AdditionalAttributes", [])}
            entry["mode"], entry["access_logs"] = extra.get(CLASSIC_MODE), attributes["AccessLog"]["Enabled"]
            self.load_balancers.append(entry)


def main():
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    walk = Walk(*sys.argv[1:5], sys.argv[5] if len(sys.argv) == 6 else "eu-west-1")
    walk.run()
    order = lambda entry: tuple(str(entry.get(key, "")) for key in ("account", "region", "type", "arn", "name", "api"))
    result = {
        "accounts": sorted(walk.accounts),
        "load_balancers": sorted(walk.load_balancers, key=order),
        "gaps": sorted(walk.gaps, key=order),
    }
    json.dump(result, sys.stdout, indent=1, ensure_ascii=True)
    print()


if __name__ == "__main__":
    main()
