"""Writes the lines of a corpus as Parquet, as a delivery of CloudWatch Logs may, and has the query count them.

usage: parquet.py EXAMPLE FOLDER QUERY_PY

EXAMPLE is the program that says the statements and counts; FOLDER a corpus in AWS's key layout, in which no quote is escaped.
How AWS spells the columns is not documented; here they are the documented fields in lower case, but for one with a colon,
which the settings name. Lines of a time without a classification are in files without those columns.
"""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import duckdb

from check import END, START, differences, same_clients, without_examples

PLACE, CLIENT = "s3://vended-{region}/AWSLogs/{account}/alb/{region}/{day}", "client:port"
FIELDS = {
    "type": 0, "time": 1, "elb": 2, CLIENT: 3, "elb_status_code": 8, "target_status_code": 9, "request_line": 12, "user_agent": 13,
    "target_group_arn": 16, "domain_name": 18, "matched_rule_priority": 20, "actions_executed": 22, "classification": 27, "classification_reason": 28, "conn_trace_id": 29,
}  # fmt: skip
LATE = ["classification", "classification_reason", "conn_trace_id"]


def rows(path):
    """The fields of every line, without their quotes; what a line does not have is empty."""
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        tokens = [token.strip('"') if token.startswith('"') else token for token in re.findall(r'"[^"]*"|[^ ]+', line)]
        if tokens:
            yield {name: tokens[at] if at < len(tokens) else None for name, at in FIELDS.items()}


def write(database, path, columns, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ", ".join(f'"{name}" VARCHAR' for name in columns)
    database.execute(f"CREATE OR REPLACE TABLE out ({names})")
    database.executemany(f"INSERT INTO out VALUES ({', '.join('?' * len(columns))})", [[row.get(name) for name in columns] for row in values])
    database.execute(f"COPY out TO '{path}' (FORMAT parquet)")


def bad(row):
    """A row with something that no line has: counted as not understood, whichever it is."""
    for name, value in [
        ("time", "yesterday"), ("time", None), ("type", ""), ("elb_status_code", "20"), ("target_status_code", None), (CLIENT, ""),
        ("request_line", None), ("user_agent", None), ("target_group_arn", None), ("classification", "Severe!"), ("classification_reason", None),
        ("classification", None),
    ]:  # fmt: skip
        yield {**row, "classification": "Severe", "classification_reason": "BadUri", name: value}


def main():
    example, folder, query = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    written = folder.with_name("parquet")
    database = duckdb.connect()
    accounts, regions, by_folder, spoiled, unattributed = set(), set(), {}, {}, 0
    for path in sorted(folder.rglob("*.log.gz")):
        account, region, day = re.search(r"AWSLogs/(\d+)/elasticloadbalancing/([^/]+)/(\d+/\d+/\d+)/", path.as_posix()).groups()
        accounts.add(account)
        regions.add(region)
        by_folder.setdefault((account, region, day), []).extend(rows(path))
    for (account, region, day), values in by_folder.items():
        place = written / f"AWSLogs/{account}/alb/{region}/{day}"
        recent = [row for row in values if row["classification"] is not None]
        write(database, place / "03/new.parquet", list(FIELDS), recent)
        write(database, place / "old.parquet", [name for name in FIELDS if name not in LATE], [row for row in values if row["classification"] is None])
        worse = list(bad(recent[0]))
        spoiled[f"{account}/{region}/{recent[0]['elb']}"] = len(worse)
        homeless = {**recent[0], "elb": None}
        unattributed += 1
        write(database, place / "bad.parquet", list(FIELDS), [*worse, homeless])

    def ask(*words, **more):
        return subprocess.run([example, *words], check=True, stdout=subprocess.PIPE, **more).stdout

    def count(client):
        said = folder.with_name("said.json")
        said.write_bytes(ask("say", ",".join(sorted(accounts)), ",".join(sorted(regions)), START, END, PLACE, client))
        found = subprocess.run([sys.executable, query, said, written], check=True, stdout=subprocess.PIPE).stdout
        return json.loads(ask("rows", START, END, input=found))

    theirs, mine = count(CLIENT), json.loads(ask("embedded", str(folder), START, END))
    for name, tally in [*mine["load_balancers"].items(), *theirs["load_balancers"].items()]:
        # What lies outside is not even read here.
        tally["outside"] = 0
        tally["unparsed"]["samples"] = []
    for name, tally in mine["load_balancers"].items():
        tally["unparsed"]["count"] += spoiled.get(name, 0)
    without_examples(mine["load_balancers"])
    found = [
        found
        for name, tally in mine["load_balancers"].items()
        for found in same_clients(name, tally, theirs["load_balancers"].get(name, {}))
    ]
    found += differences("", mine["load_balancers"], theirs["load_balancers"])
    if theirs["reading"]["unparsed"]["count"] != unattributed:
        found.append(("reading/unparsed", unattributed, theirs["reading"]["unparsed"]))
    for place, here, there in found[:20]:
        print(f"{place}: counted here {here}, by the query {there}", file=sys.stderr)
    if found:
        sys.exit(f"{len(found)} differences")
    # Asked for a column that is not there, nothing is understood, and nothing is compliant.
    wrong = count("client_port")
    understood = sum(tally["lines"] for tally in wrong["load_balancers"].values())
    if understood:
        sys.exit(f"{understood} rows without a client were understood")
    lines = sum(tally["lines"] for tally in mine["load_balancers"].values())
    absent = sum(tally["absent"] for tally in mine["load_balancers"].values())
    print(f"{len(mine['load_balancers'])} load balancers, {lines} rows, {absent} without a classification, {sum(spoiled.values()) + unattributed} spoiled: no difference")


main()
