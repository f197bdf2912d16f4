#!/usr/bin/env python3
"""Puts logs, metrics and query results into a moto and has the sources of doorward-traffic read them, also through faults.

usage: traffic.py MOTO_URL FAULTS_URL CORPUS SOURCES ATHENA

CORPUS is a folder of logs in AWS's key layout, SOURCES and ATHENA are examples of doorward-traffic: the first asks an
endpoint, the second counts the folder itself. Prints one line on what was seen; ends with an error where something differs.
"""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3

START, END = "2026-09-01T00:00:00Z", "2026-09-01T01:00:00Z"
LOG_ACCOUNT, READER, BUCKET = "333333333333", "444444444444", "central-alb-logs"
COLUMNS = ["what", "account", "region", "elb", "key1", "key2", "key3", "key4", "requests", "served"]


class TestBed:
    def __init__(self, moto, faults, corpus, sources, athena):
        self.moto, self.faults, self.corpus, self.sources, self.athena = moto, faults, Path(corpus), sources, athena
        self.sessions = {account: self.assume(account) for account in (LOG_ACCOUNT, READER)}

    def assume(self, account):
        base = boto3.client("sts", "eu-west-1", endpoint_url=self.moto, aws_access_key_id="a", aws_secret_access_key="b")
        role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        keys = base.assume_role(RoleArn=role, RoleSessionName="traffic")["Credentials"]
        return [keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]]

    def client(self, service, account, region="eu-west-1"):
        return boto3.Session(*self.sessions[account]).client(service, region_name=region, endpoint_url=self.moto)

    def ask(self, endpoint, sessions=None, **what):
        asked = {"endpoint": endpoint, "sessions": sessions or self.sessions, "start": START, "end": END, **what}
        done = subprocess.run([self.sources], input=json.dumps(asked).encode(), stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def post(self, url, body, kind="application/json"):
        request = urllib.request.Request(url, body.encode(), {"content-type": kind}, method="POST")
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def rules(self, *rules):
        self.post(f"{self.faults}/_microburst/rules", json.dumps(rules))

    def fired(self):
        with urllib.request.urlopen(f"{self.faults}/_microburst/fired?limit=100000") as answer:
            return len(json.load(answer))


def same(name, got, wanted):
    if got != wanted:
        sys.exit(f"{name}: {json.dumps(got)[:2000]} instead of {json.dumps(wanted)[:2000]}")


def logs(bed):
    """Objects of one account's bucket, read by another account's session, over small pages and through faults."""
    s3 = bed.client("s3", LOG_ACCOUNT)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    keys = sorted(path.relative_to(bed.corpus).as_posix() for path in bed.corpus.rglob("*.log.gz"))
    load_balancers = {}
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=f"alb/{key}", Body=(bed.corpus / key).read_bytes())
        account, _, region, load_balancer, *_ = key.rsplit("/", 1)[1].split("_")
        load_balancers[f"{account}/{region}/{load_balancer.replace('.', '/')}"] = True
    places = [{"load_balancer": name, "bucket": BUCKET, "prefix": "alb", "reader": READER} for name in load_balancers]
    # The bucket is in one Region here; moto does not redirect.
    answer = subprocess.run([bed.athena, "embedded", bed.corpus, START, END], stdout=subprocess.PIPE, check=True).stdout
    expected = json.loads(answer)["load_balancers"]
    lines = sum(tally["lines"] for tally in expected.values())

    clean = bed.ask(bed.moto, logs=places)["logs"]
    same("missed", clean["missed"], [])
    same("the count by S3", clean["tally"]["load_balancers"], expected)
    gone = [*places, {**places[0], "bucket": "no-such-bucket"}, {**places[0], "reader": "999999999999"}]
    partly = bed.ask(bed.moto, logs=gone)["logs"]
    same("the count beside gaps", partly["tally"]["load_balancers"], expected)
    same("gaps", [(m["gap"]["reason"], m["gap"].get("code")) for m in partly["missed"]], [("rejected", "NoSuchBucket"), ("role-missing", None)])

    fired = 0
    for name, rule in {
        "cut in the middle": {"operation": "GetObject", "response": {"abort_frac": 0.5}, "sequence": [1, 1]},
        "short but intact": {"operation": "GetObject", "response": {"truncate_frac": 0.3}, "sequence": [1, 1]},
        "slow down": {"operation": "GetObject", "error": {"code": "SlowDown", "status": 503}, "sequence": [2, 1]},
        "lists that fail": {"operation": "ListObjectsV2", "error": {"code": "InternalError", "status": 500}, "sequence": [1, 1]},
        "lists that are cut": {"operation": "ListObjectsV2", "response": {"truncate_frac": 0.7}, "sequence": [1, 1]},
        "resets": {"reset": True, "probability": 0.3},
    }.items():
        bed.rules({"service": "s3", **rule})
        before = bed.fired()
        through = bed.ask(bed.faults, logs=places)["logs"]
        if bed.fired() == before:
            sys.exit(f"{name}: no fault fired; does the rule still name the operation?")
        fired += bed.fired() - before
        same(f"{name}: missed", through["missed"], [])
        same(name, through["tally"]["load_balancers"], expected)
    bed.rules({"service": "s3", "operation": "GetObject", "error": {"code": "AccessDenied", "status": 403, "message": "Access Denied"}})
    refused = bed.ask(bed.faults, logs=places)["logs"]
    same("a refused count", refused["tally"]["load_balancers"], {})
    same("missing actions", {m["gap"].get("action") for m in refused["missed"]}, {"s3:GetObject"})
    same("refused objects", len(refused["missed"]), clean["objects"])
    bed.rules()
    return f"{clean['objects']} objects, {lines} lines by a session of another account, {fired} faults"


def metrics(bed):
    """Metrics that moto holds, over a bridge from the protocol that the SDK speaks to one that moto speaks."""
    cloudwatch = f"{bed.moto}/"
    session = bed.sessions[READER]
    scope = f"AWS4-HMAC-SHA256 Credential={session[0]}/20260901/eu-west-1/monitoring/aws4_request, SignedHeaders=host, Signature=00"

    def put(name, load_balancer, minutes, value):
        at = 1788220800 + 60 * minutes
        datum = {"MetricName": name, "Timestamp": at, "Value": value, "Dimensions": [{"Name": "LoadBalancer", "Value": load_balancer}]}
        headers = {
            "authorization": scope,
            "x-amz-security-token": session[2],
            "x-amz-target": "GraniteServiceVersion20100801.PutMetricData",
            "content-type": "application/x-amz-json-1.0",
        }
        body = json.dumps({"Namespace": "AWS/ApplicationELB", "MetricData": [datum]}).encode()
        urllib.request.urlopen(urllib.request.Request(cloudwatch, body, headers)).read()

    for minute in range(50):
        put("RequestCount", "app/busy/1", minute, 4)
    put("DesyncMitigationMode_NonCompliant_Request_Count", "app/busy/1", 3, 2)
    put("DesyncMitigationMode_NonCompliant_Request_Count", "app/busy/1", 44, 5)
    put("RequestCount", "app/clean/2", 1, 1)
    bridge = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("cbor.py"), bed.moto], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        port = int(bridge.stdout.readline())
        names = [f"{READER}/eu-west-1/app/{name}" for name in ("busy/1", "clean/2", "idle/3")]
        answer = bed.ask(f"http://127.0.0.1:{port}", metrics=names)["metrics"]
    finally:
        bridge.stdin.close()
        bridge.wait()
    metric = "DesyncMitigationMode_NonCompliant_Request_Count"
    same("requests", [answer[name]["RequestCount"] for name in names], [200, 1, "no traffic"])
    same("not compliant", [answer[name][metric] for name in names], [7, 0, "no traffic"])
    # moto has no idea of the protocol itself, and a page that says so is no zero.
    bare = bed.ask(bed.moto, metrics=names)["metrics"]
    same("without the bridge", {bare[name][metric] for name in names}, {"malformed"})
    return "metrics of 3 load balancers"


def athena(bed):
    """Results that were queued, by pages."""
    rows = [["hour", READER, "eu-west-1", "app/web/1", "2026-09-01T00 compliant", "served 2 2", "-", "-", "41", "40"]]
    rows += [["addresses", READER, "eu-west-1", "app/web/1", f"192.0.2.{n}", "", "", "", "1", "0"] for n in range(20)]
    kinds = [{"Name": name, "Type": "varchar"} for name in COLUMNS]
    results = [{"Data": [{"VarCharValue": value} for value in row]} for row in [COLUMNS, *rows]]
    queued = [{"rows": [], "column_info": []}, {"rows": results, "column_info": kinds}]
    body = {"account_id": LOG_ACCOUNT, "region": "eu-west-1", "results": queued}
    bed.post(f"{bed.moto}/moto-api/static/athena/query-results", json.dumps(body))
    answer = bed.ask(bed.moto, athena=BUCKET)["athena"]
    tally = answer["tally"]["load_balancers"][f"{READER}/eu-west-1/app/web/1"]
    same("lines by Athena", (tally["lines"], len(tally["sources"]["addresses"]["entries"])), (41, 20))
    return "a queued result of Athena"


def main():
    bed = TestBed(*sys.argv[1:])
    print(", ".join(part(bed) for part in (logs, metrics, athena)))


main()
