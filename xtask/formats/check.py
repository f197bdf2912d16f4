"""Reads what Doorward writes with the libraries that its consumers use, and compares it with the report.

    check.py FOLDER QUERIES SCHEMAS

The folder has NAME.json, oscal/NAME.json, NAME.ocsf, NAME.lake, parquet/NAME/ and history/NAME/ (by the plugin) for each sample, and kit.xml, the
conformance tests of the plugin.
"""

import collections
import json
import os
import pathlib
import sys

import duckdb
import jsonschema
import junitparser
import pyarrow.parquet as pq
from trestle.oscal.assessment_results import AssessmentResults


def prop(thing, name):
    return next((p.value for p in thing.props or [] if p.name == name), None)


def oscal(path, report):
    """trestle reads the document, and every verdict is found again."""
    results = AssessmentResults.oscal_read(path)
    if results is None:
        raise SystemExit(f"{path.name}: trestle reads nothing")
    (result,) = results.results
    items = {item.uuid: prop(item, "asset-id") for item in result.local_definitions.inventory_items}
    observed = {prop(o, "finding"): o for o in result.observations if prop(o, "finding")}
    risks = {prop(r, "finding"): r for r in result.risks or [] if prop(r, "finding")}
    for finding in report["findings"]:
        one = observed[finding["id"]]
        verdict = finding["verdict"].replace("-", " ")
        assert prop(one, "verdict") == verdict, finding["id"]
        assert items[one.subjects[0].subject_uuid] == finding["load_balancer"], finding["id"]
        assert (finding["id"] in risks) == (verdict in ("fail", "unknown", "excepted")), finding["id"]
    satisfied = [f for f in result.findings if str(f.target.status.state.value) == "satisfied"]
    verdicts = {o.uuid: prop(o, "verdict") for o in result.observations}
    for finding in satisfied:
        linked = {verdicts[one.observation_uuid] for one in finding.related_observations}
        assert "pass" in linked and not linked & {"fail", "unknown", "excepted"}, finding.title
    return f"{len(observed)} verdicts, {len(risks)} risks, {len(result.findings)} objectives, {len(satisfied)} satisfied"


def ocsf(path, report, schemas):
    """Every line is valid by the published schema of its version, and every verdict that has a finding is there."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    schema = json.loads((schemas / f"{lines[0]['metadata']['version']}.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    for line in lines:
        for error in validator.iter_errors(line):
            raise SystemExit(f"{path.name}: {list(error.path)}: {error.message[:300]}")
    wanted = sum(f["verdict"] not in ("not-applicable", "not-asked") for f in report["findings"])
    assert len(lines) == wanted, f"{len(lines)} lines, {wanted} findings"
    return f"{len(lines)} lines of OCSF {lines[0]['metadata']['version']}"


def parquet(folder, report, queries):
    """pyarrow and DuckDB read the same rows as the report has, and every query of the example runs."""
    connection = duckdb.connect()
    # What earlier scans observed and this one did not is in the built-in files only, and marked.
    rows = [row for row in pq.read_table(folder / "findings").to_pylist() if row.get("observed", True)]
    count = collections.Counter(row["verdict"] for row in rows)
    assert count == collections.Counter(f["verdict"] for f in report["findings"]), count
    by_id = {f["id"]: f for f in report["findings"]}
    for row in rows:
        for key in ("rule", "account", "region", "load_balancer", "name", "owner", "reason", "because", "severity"):
            assert row[key] == by_id[row["id"]].get(key), (row["id"], key)
    modes = {row["arn"]: (row["mode"], row["mode_state"]) for row in pq.read_table(folder / "load_balancers").to_pylist()
             if row.get("observed", True)}
    for lb in report["load_balancers"]:
        mode = lb["mode"]
        known = isinstance(mode, dict) and "known" in mode
        assert modes[lb["arn"]] == ((mode["known"], "known") if known else (None, "absent" if mode == "absent" else "unknown")), lb["arn"]
    (run,) = pq.read_table(folder / "runs").to_pylist()
    counts = report["coverage"]["counts"]
    assert (run["complete"], run["failed"], run["account_regions"]) == (counts["complete"], counts["failed"], counts["all"])
    os.chdir(folder)
    results = [connection.execute(statement).fetchall() for statement in duckdb.extract_statements(queries)]
    assert results[0] and results[1] and sum(row[2] for row in results[0]) == count["fail"], results[0]
    assert sum(row[1] for row in results[1]) == len(report["load_balancers"])
    assert not list(folder.rglob("*.part"))
    return f"{len(rows)} rows of findings, {len(results)} queries"


def junit(path):
    """junitparser reads the verdicts of the conformance tests."""
    suites = junitparser.JUnitXml.fromfile(str(path))
    cases = [case for suite in suites for case in suite]
    (suite,) = suites
    failed = [case.name for case in cases if any(isinstance(result, junitparser.Failure) for result in case.result)]
    assert suite.tests == len(cases) >= 19 and suite.failures == len(failed) == 0, (path, failed)
    return f"{len(cases)} cases"


def main():
    folder, queries, schemas = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).read_text(), pathlib.Path(sys.argv[3]).resolve()
    for path in sorted(folder.glob("*.json")):
        report = json.loads(path.read_text())
        # trestle reads files that end in .json only.
        print(f"{path.stem}: {oscal(folder / 'oscal' / path.name, report)}")
        for suffix in (".ocsf", ".lake"):
            print(f"{path.stem}: {ocsf(path.with_suffix(suffix), report, schemas)}")
        for writer in ("parquet", "history"):
            print(f"{path.stem}: {writer}: {parquet(folder / writer / path.stem, report, queries)}")
    print(f"conformance tests of parquet: {junit(folder / 'kit.xml')}")


main()
