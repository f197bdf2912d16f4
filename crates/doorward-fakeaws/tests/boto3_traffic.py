#!/usr/bin/env python3
"""Reads S3, CloudWatch and Athena of the emulator with boto3, which parses every answer by AWS's own service models.

usage: boto3_traffic.py EMULATOR     starts the program on a world of its own; prints one line on what was seen
"""

import datetime
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3
import botocore.model
from botocore.config import Config
from botocore.exceptions import ClientError

# CloudWatch has several protocols; the emulator speaks the one that current SDKs other than this one prefer.
CBOR = "smithy-rpc-v2-cbor"
botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS = (CBOR, *botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS)

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
START = (NOW - datetime.timedelta(hours=2)).replace(minute=0, second=0)
WORLD = f"""
[organization]
id = "o-test000001"
management = "000000000001"
home_region = "eu-west-1"
regions = ["eu-west-1", "us-east-1"]
[[account]]
id = "000000000001"
name = "one"
[[account]]
id = "000000000002"
name = "two"
[[caller]]
access_key = "AKIAEXAMPLE000000001"
secret = "s"
account = "000000000001"
arn = "arn:aws:iam::000000000001:user/reader"
allow = ["s3:*", "cloudwatch:*", "athena:*", "glue:*"]
[[bucket]]
name = "near-logs"
account = "000000000001"
region = "eu-west-1"
folder = "objects"
[[bucket]]
name = "far-logs"
account = "000000000001"
region = "us-east-1"
[[bucket.object]]
key = "far"
text = "away"
[[bucket]]
name = "closed-logs"
account = "000000000002"
region = "eu-west-1"
[[metric]]
account = "000000000001"
region = "eu-west-1"
name = "RequestCount"
dimensions = {{ LoadBalancer = "app/web/1" }}
from = "{START.isoformat().replace("+00:00", "Z")}"
every = 60
values = [{", ".join(f"{number}.0" for number in range(60))}]
[[athena]]
account = "000000000001"
region = "eu-west-1"
columns = ["n"]
rows = [{", ".join(f'["{number}"]' for number in range(25))}]
"""


def refused(call, **what):
    try:
        call(**what)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise SystemExit(f"{what} was not refused")


def check(name, got, wanted):
    if got != wanted:
        raise SystemExit(f"{name}: {got!r} instead of {wanted!r}")


def s3(client):
    keys = [item["Key"] for page in client.get_paginator("list_objects_v2").paginate(Bucket="near-logs", PaginationConfig={"PageSize": 2}) for item in page.get("Contents", [])]
    check("keys", keys, sorted(f"day/{number}/é +%.txt" for number in range(7)))
    page = client.list_objects_v2(Bucket="near-logs", Prefix="day/", Delimiter="/", StartAfter="day/3/z")
    check("groups", [group["Prefix"] for group in page["CommonPrefixes"]], ["day/4/", "day/5/", "day/6/"])
    whole = client.get_object(Bucket="near-logs", Key=keys[3])
    check("object", whole["Body"].read(), b"3" * 100)
    part = client.get_object(Bucket="near-logs", Key=keys[3], Range="bytes=90-", IfMatch=whole["ETag"])
    check("part", (part["Body"].read(), part["ContentRange"]), (b"3" * 10, "bytes 90-99/100"))
    check("other object", refused(client.get_object, Bucket="near-logs", Key=keys[3], IfMatch='"x"'), "PreconditionFailed")
    check("no key", refused(client.get_object, Bucket="near-logs", Key="none"), "NoSuchKey")
    check("no bucket", refused(client.list_objects_v2, Bucket="no-such-logs"), "NoSuchBucket")
    check("another's", refused(client.list_objects_v2, Bucket="closed-logs"), "AccessDenied")
    check("redirected", client.get_object(Bucket="far-logs", Key="far")["Body"].read(), b"away")


def cloudwatch(client):
    stat = {
        "Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount", "Dimensions": [{"Name": "LoadBalancer", "Value": "app/web/1"}]},
        "Period": 300,
        "Stat": "Sum",
    }
    queries = [{"Id": "web", "MetricStat": stat}, {"Id": "hour", "MetricStat": {**stat, "Period": 3600}}]
    values = {}
    for page in client.get_paginator("get_metric_data").paginate(MetricDataQueries=queries, StartTime=START, EndTime=NOW, ScanBy="TimestampAscending", MaxDatapoints=5):
        for result in page["MetricDataResults"]:
            values.setdefault(result["Id"], []).extend(zip(result["Timestamps"], result["Values"]))
    check("sum", (len(values["web"]), sum(value for _, value in values["web"])), (12, 1770.0))
    check("hour", values["hour"], [(START, 1770.0)])
    many = [{"Id": f"q{number}", "MetricStat": stat} for number in range(501)]
    check("limit", refused(client.get_metric_data, MetricDataQueries=many, StartTime=START, EndTime=NOW), "ValidationError")


def athena(client):
    id = client.start_query_execution(QueryString="SELECT 1", ResultConfiguration={"OutputLocation": "s3://near-logs/results/"})["QueryExecutionId"]
    status = {"State": "QUEUED"}
    while status["State"] in ("QUEUED", "RUNNING"):
        status = client.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]
    check("state", status["State"], "SUCCEEDED")
    pages = client.get_paginator("get_query_results").paginate(QueryExecutionId=id, PaginationConfig={"PageSize": 10})
    rows = [row["Data"][0]["VarCharValue"] for page in pages for row in page["ResultSet"]["Rows"]]
    check("rows", rows, ["n", *(str(number) for number in range(25))])


def main():
    with tempfile.TemporaryDirectory() as folder:
        for number in range(7):
            path = Path(folder, "objects", "day", str(number), "é +%.txt")
            path.parent.mkdir(parents=True)
            path.write_bytes(str(number).encode() * 100)
        world = Path(folder, "world.toml")
        world.write_text(WORLD)
        emulator = subprocess.Popen([sys.argv[1], "--world", world, "--port", "0"], stdout=subprocess.PIPE, text=True)
        try:
            endpoint = emulator.stdout.readline().strip().split("=", 1)[1]
            session = boto3.Session("AKIAEXAMPLE000000001", "s", region_name="eu-west-1")
            for service, look in {"s3": s3, "cloudwatch": cloudwatch, "athena": athena}.items():
                look(session.client(service, endpoint_url=endpoint, config=Config(retries={"max_attempts": 1})))
        finally:
            emulator.kill()
            emulator.wait()
    print("boto3 reads S3, CloudWatch and Athena of the emulator by AWS's models")


main()
