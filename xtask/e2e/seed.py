#!/usr/bin/env python3
"""Builds an organization in an empty moto and prints, as JSON, its content.

usage: seed.py ENDPOINT_URL IAM_TEMPLATES_FOLDER

Its content is what was written through AWS's API with boto3: it shares no code with the scanner, so that a verdict that
equals it was really read. The IAM templates are the ones that are shipped to operators.
"""

import json
import pathlib
import sys

import boto3
from botocore.config import Config

REGIONS = ["eu-central-1", "eu-west-1", "us-east-1"]
ROLE = "doorward-scan"
CONFIG = Config(retries={"mode": "standard", "max_attempts": 3})

# What AWS answers for a load balancer that was not configured; moto leaves these out of its answers.
AWS_DEFAULTS = {
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "waf.fail_open.enabled": "false",
    "access_logs.s3.enabled": "false",
}
# Text that is markup, a formula or a control character elsewhere, and data here.
HOSTILE = {"Note": "<b>&amp;\"'\\=cmd|' /C calc'!A0\t\u202eend", "émoji": "🚪", "Empty": ""}


class TestBed:
    def __init__(self, endpoint, templates):
        self.endpoint = endpoint
        self.templates = pathlib.Path(templates)
        self.base = boto3.Session("anybody", "anything", region_name=REGIONS[0])
        self.accounts, self.load_balancers = [], []

    def client(self, session, service, region=None):
        region = region or REGIONS[0]
        return session.client(service, region_name=region, endpoint_url=self.endpoint, config=CONFIG)

    def member(self, account):
        role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        keys = self.client(self.base, "sts").assume_role(RoleArn=role, RoleSessionName="seed")["Credentials"]
        return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def policy(self, name):
        return json.loads((self.templates / name).read_text())

    # --- the organization -------------------------------------------------------------------------------------------

    def organization(self):
        org = self.client(self.base, "organizations")
        made = org.create_organization(FeatureSet="ALL")["Organization"]
        root = org.list_roots()["Roots"][0]["Id"]
        unit = lambda parent, name: org.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"]["Id"]
        workloads = unit(root, "Workloads")
        units = {"/Workloads": workloads, "/Workloads/Prod": unit(workloads, "Prod"), "/Legacy": unit(root, "Legacy")}
        self.accounts.append({"id": made["MasterAccountId"], "name": "management", "ou": "/", "active": True})
        for name, ou in [
            ("shop", "/Workloads/Prod"),
            ("payments", "/Workloads/Prod"),
            ("legacy", "/Legacy"),
            ("unset", "/Workloads"),
            ("closed", "/Legacy"),
        ]:
            asked = org.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
            account = asked["AccountId"]
            org.move_account(AccountId=account, SourceParentId=root, DestinationParentId=units[ou])
            if name == "closed":
                org.close_account(AccountId=account)
            self.accounts.append({"id": account, "name": name, "ou": ou, "active": name != "closed"})
        return made["Id"]

    def permissions(self):
        """The scanner's user and roles from the shipped templates; two of them are broken on purpose."""
        account = {one["name"]: one["id"] for one in self.accounts}
        iam = self.client(self.base, "iam")
        iam.create_user(UserName="scanner")
        iam.put_user_policy(
            UserName="scanner", PolicyName="base", PolicyDocument=json.dumps(self.policy("base-identity.policy.json"))
        )
        refuse = {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::{account['payments']}:role/{ROLE}"}
        iam.put_user_policy(
            UserName="scanner",
            PolicyName="not-payments",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [refuse]}),
        )
        for one in self.accounts:
            if one["name"] in ("management", "closed"):
                continue
            policy = self.policy("scan-role.policy.json")
            if one["name"] == "legacy":
                for statement in policy["Statement"]:
                    statement["Action"] = [a for a in statement["Action"] if not a.endswith("LoadBalancerAttributes")]
            member = self.client(self.member(one["id"]), "iam")
            trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": account["management"]}}
            member.create_role(
                RoleName=ROLE, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
            )
            member.put_role_policy(RoleName=ROLE, PolicyName="scan", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName="scanner")["AccessKey"]
        return {"id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}

    # --- load balancers ---------------------------------------------------------------------------------------------

    def note(self, account, region, arn, name, kind, mode, tags, scheme="internet-facing", http=True, logs=False, drops=False):
        seeded = {"account": account["id"], "account_name": account["name"], "region": region, "arn": arn, "name": name}
        seeded |= {"kind": kind, "mode": mode, "tags": tags, "scheme": scheme, "http": http, "logs": logs}
        seeded |= {"drops": drops}
        self.load_balancers.append(seeded)

    def fill(self, account):
        session = self.base if account["name"] == "management" else self.member(account["id"])
        for region in REGIONS:
            if account["name"] == "legacy" and region == "eu-central-1":
                continue  # an account-Region where there is nothing, and that is known
            subnets = self.client(session, "ec2", region).describe_subnets()["Subnets"]
            site = Site(self, account, region, self.client(session, "elbv2", region), self.client(session, "elb", region))
            site.subnets = [subnet["SubnetId"] for subnet in subnets[:2]]
            site.zone = subnets[0]["AvailabilityZone"]
            site.unset() if account["name"] == "unset" else site.furnish()


class Site:
    """One account-Region."""

    def __init__(self, bed, account, region, elb, classic):
        self.bed, self.account, self.region, self.elb, self.classic = bed, account, region, elb, classic

    def furnish(self):
        owner = {"Owner": f"team-{self.account['name']}"}
        self.application("edge", "monitor", owner | HOSTILE)
        self.application("web", "defensive", {}, scheme="internal", logs=True)
        self.application("pay", "strictest", owner)
        self.other("tcp", "network", owner)
        self.old("classic-web", "HTTP", "monitor", owner)
        self.old("classic-safe", "HTTPS", "strictest", {})
        self.old("classic-tcp", "TCP", "defensive", owner)
        if (self.account["name"], self.region) == ("shop", "eu-west-1"):
            # More than one batch of tags, and enough calls for a dice-rolling fault to hit some and spare some.
            for number in range(45):
                mode = ("monitor", "defensive", "strictest")[number % 3]
                self.application(f"svc-{number:02}", mode, owner if number % 2 else {})

    def unset(self):
        """As moto makes them: the answer does not contain the mode."""
        self.application("unset", None, {"Owner": "unset"})
        self.old("classic-unset", "HTTP", None, {"Owner": "unset"})

    def application(self, name, mode, tags, scheme="internet-facing", logs=False):
        made = self.elb.create_load_balancer(
            Name=name, Type="application", Scheme=scheme, Subnets=self.subnets, **tagged(tags)
        )["LoadBalancers"][0]
        attributes = dict(AWS_DEFAULTS)
        drops = mode == "strictest"
        if logs:
            attributes |= {"access_logs.s3.enabled": "true", "access_logs.s3.bucket": f"logs-{self.region}"}
        if mode:
            attributes["routing.http.desync_mitigation_mode"] = mode
            attributes["routing.http.drop_invalid_header_fields.enabled"] = str(drops).lower()
            self.elb.modify_load_balancer_attributes(
                LoadBalancerArn=made["LoadBalancerArn"],
                Attributes=[{"Key": key, "Value": value} for key, value in attributes.items()],
            )
        self.bed.note(
            self.account, self.region, made["LoadBalancerArn"], name, "application", mode, tags, scheme, logs=logs, drops=drops
        )

    def other(self, name, kind, tags):
        made = self.elb.create_load_balancer(
            Name=name, Type=kind, Scheme="internal", Subnets=self.subnets, **tagged(tags)
        )["LoadBalancers"][0]
        self.bed.note(
            self.account, self.region, made["LoadBalancerArn"], name, kind, None, tags, "internal", http=False
        )

    def old(self, name, protocol, mode, tags):
        listener = {"Protocol": protocol, "LoadBalancerPort": 8080, "InstancePort": 8080}
        self.classic.create_load_balancer(
            LoadBalancerName=name, Listeners=[listener], AvailabilityZones=[self.zone], **tagged(tags)
        )
        if mode:
            self.classic.modify_load_balancer_attributes(
                LoadBalancerName=name,
                LoadBalancerAttributes={
                    "AdditionalAttributes": [{"Key": "elb.http.desyncmitigationmode", "Value": mode}],
                    "AccessLog": {"Enabled": False},
                },
            )
        arn = f"arn:aws:elasticloadbalancing:{self.region}:{self.account['id']}:loadbalancer/{name}"
        self.bed.note(self.account, self.region, arn, name, "classic", mode, tags, http=protocol in ("HTTP", "HTTPS"))


def tagged(tags):
    # The API refuses an empty list.
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    bed = TestBed(sys.argv[1], sys.argv[2])
    organization = bed.organization()
    keys = bed.permissions()
    for account in bed.accounts:
        if account["active"]:
            bed.fill(account)
    seeded = {"organization": organization, "regions": REGIONS, "role": ROLE, "keys": keys}
    seeded |= {"accounts": bed.accounts, "load_balancers": bed.load_balancers}
    json.dump(seeded, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
