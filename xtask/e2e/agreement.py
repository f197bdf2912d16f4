#!/usr/bin/env python3
"""Deploys CloudFormation templates with moto's CloudFormation and compares `doorward check` on them with `doorward scan` on what
was deployed.

usage: agreement.py DOORWARD DATA.toml

moto reads the templates, resolves parameters, conditions and functions, and makes the resources; none of that shares code with
Doorward. It drops what its load balancers have no use for, though: their type, attributes and tags, the logging of classic ones,
and AWS's default attributes. `complete` gives them to moto's load balancers, from the properties as moto resolved them.
"""

import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

os.environ |= {"MOTO_ACCOUNT_ID": "111122223333", "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}

import arns  # noqa: E402
import boto3  # noqa: E402
import tomli  # noqa: E402
from moto.cloudformation.models import cloudformation_backends  # noqa: E402, F401
from moto.ec2.models import ec2_backends  # noqa: E402
from moto.elb.models import LoadBalancer, elb_backends  # noqa: E402
from moto.elbv2.models import FakeLoadBalancer, elbv2_backends  # noqa: E402
from moto.moto_server.threaded_moto_server import ThreadedMotoServer  # noqa: E402

REGION = "eu-west-1"
AWS_DEFAULTS = {
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "waf.fail_open.enabled": "false",
    "access_logs.s3.enabled": "false",
}
FASTER = {"DOORWARD_CALLS__SHARE_OF_LIMITS": "1000", "DOORWARD_REGIONS__FALLBACK": f'["{REGION}"]'}
KEYS = {"aws_access_key_id": "anybody", "aws_secret_access_key": "anything"}
# Tags of the stack that is being created, which CloudFormation gives to every resource.
STACK_TAGS = {}


SEVERITIES = ["informational", "low", "medium", "high", "critical"]

def current(cls, name, template, account, region, **_):
    properties = template["Properties"]
    kind = properties.get("Type", "application")
    subnets = [subnet.id for subnet in list(ec2_backends[account][region].get_default_subnets().values())[:2]]
    tags = STACK_TAGS | {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
    made = elbv2_backends[account][region].create_load_balancer(
        name,
        [],
        subnets,
        scheme=properties.get("Scheme", "internet-facing"),
        loadbalancer_type=kind,
        tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    named = {entry["Key"]: str(entry["Value"]) for entry in properties.get("LoadBalancerAttributes", [])}
    made.attrs.update((AWS_DEFAULTS if kind == "application" else {}) | named)
    return made


def classic(cls, name, template, account, region, **_):
    properties = template["Properties"]
    backend = elb_backends[account][region]
    made = backend.create_load_balancer(
        properties.get("LoadBalancerName", name),
        [f"{REGION}a"],
        properties["Listeners"],
        scheme=properties.get("Scheme", "internet-facing"),
    )
    logs = properties.get("AccessLoggingPolicy", {"Enabled": False})
    log = {"enabled": logs["Enabled"], "s3_bucket_name": logs.get("S3BucketName", ""), "s3_bucket_prefix": ""}
    mode = {"Key": "elb.http.desyncmitigationmode", "Value": "defensive"}
    backend.modify_load_balancer_attributes(made.name, access_log=log, additional_attributes=[mode])
    made.tags.update(STACK_TAGS | {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])})
    return made


def complete():
    arns.use_aws_arns()
    FakeLoadBalancer.create_from_cloudformation_json = classmethod(current)
    LoadBalancer.create_from_cloudformation_json = classmethod(classic)


def run(command, folder, environment):
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        sys.exit(f"{command[1]} ended with {done.returncode} and no JSON: {done.stderr.strip()}")


def said(document, key):
    return {(f[key], f["rule"]): (f["verdict"], f.get("severity")) for f in document["findings"]}


def stack_tags(words):
    pairs = [value for flag, value in zip(words, words[1:]) if flag == "--tag"]
    return dict(pair.split("=", 1) for pair in pairs)


def deploy(endpoint, infrastructure, words):
    """Creates the stack. Answers which load balancer each resource of the template became, by ARN or name."""
    formation = boto3.client("cloudformation", REGION, endpoint_url=endpoint, **KEYS)
    (template,) = infrastructure["files"].values()
    STACK_TAGS.clear()
    STACK_TAGS.update(stack_tags(words))
    parameters = [
        {"ParameterKey": key, "ParameterValue": value} for key, value in infrastructure.get("parameters", {}).items()
    ]
    formation.create_stack(StackName="stack", TemplateBody=template, Parameters=parameters)
    made = formation.describe_stack_resources(StackName="stack")["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in made}


def compare(binary, endpoint, infrastructure):
    """Answers how many verdicts are the same, and how many the code alone leaves open."""
    words = infrastructure.get("check", ["--new"])
    made = deploy(endpoint, infrastructure, words)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "doorward.toml").write_text(infrastructure.get("settings", ""))
        (folder / "code").mkdir()
        for file, text in infrastructure["files"].items():
            (folder / "code" / file).write_text(text)
        alone = {"PATH": os.environ.get("PATH", ""), "HOME": name}
        code = run([binary, "check", "--format", "json-v1", *words, "code"], folder, alone)
        aws = {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
        aws |= {key.upper(): value for key, value in KEYS.items()}
        scan = [binary, "scan", "--single-account", "--region", REGION, "--no-ledger", "--fail-on", "never"]
        live = run([*scan, "--format", "json-v1"], folder, alone | aws | FASTER)
    for finding in live["findings"]:
        # CloudFormation's physical id of a classic load balancer is its name, and of any other its ARN.
        finding["physical"] = finding["name"] if finding["kind"] == "classic" else finding["load_balancer"]
    # What stands in front of an internal load balancer is another declaration, so the code rates it by the worse.
    internal = {lb["arn"] for lb in live["load_balancers"] if lb["kind"] == "application" and lb["scheme"] == {"known": "internal"}}
    code, live = said(code, "address"), said(live, "physical")
    open_in_code = {
        (address, rule)
        for deployed in infrastructure["deployed"]
        for address in deployed["address"]
        for rule in deployed.get("unknown_in_code", {})
    }
    same, left_open = 0, 0
    for (address, rule), verdict in code.items():
        physical = made[address.removeprefix("Resources.")]
        scanned = live.pop((physical, rule), None)
        what = f"{infrastructure['name']}: {address}, {rule}: the code says {verdict}, the scan {scanned}"
        if scanned is None or scanned[0] == "unknown":
            sys.exit(what)
        # Declarations of target groups are not read, so the code claims nothing of how targets are asked.
        if rule == "upstream-http1" and verdict[0] == "not-asked":
            left_open += 1
        elif (address, rule) in open_in_code:
            if verdict[0] != "unknown":
                sys.exit(what)
            left_open += 1
        elif physical in internal and verdict[0] == scanned[0] == "fail":
            if SEVERITIES.index(verdict[1]) < SEVERITIES.index(scanned[1]):
                sys.exit(what)
            same += 1
        elif verdict != scanned:
            sys.exit(what)
        else:
            same += 1
    if live:
        sys.exit(f"{infrastructure['name']}: only the scan sees {sorted(live)}")
    return same, left_open


def main():
    binary, data = sys.argv[1:]
    infrastructures = [one for one in tomli.loads(pathlib.Path(data).read_text())["infrastructure"] if one.get("e2e")]
    complete()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://%s:%d" % server.get_host_and_port()
    same, left_open = 0, 0
    for infrastructure in infrastructures:
        counts = compare(binary, endpoint, infrastructure)
        same, left_open = same + counts[0], left_open + counts[1]
        urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")).read()
    server.stop()
    if len(infrastructures) < 8 or same < 60:
        sys.exit(f"only {len(infrastructures)} infrastructures and {same} verdicts were compared")
    print(f"{len(infrastructures)} templates deployed, {same} verdicts the same, {left_open} open in code alone")


if __name__ == "__main__":
    main()
