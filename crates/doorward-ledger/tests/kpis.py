"""Computes the key figures of ledgers again, over their SQLite files alone, and compares them with those that Doorward computed.

Argument: the folder that the example `histories` wrote.
"""

import json
import math
import sqlite3
import sys
from datetime import datetime, timezone
from fractions import Fraction
from pathlib import Path

DAY = 86_400 * 10**9
OPEN, EXCEPTED, GONE, RETIRED = 3, 4, 5, 6
MONITOR, DEFENSIVE, NOT_APPLICABLE = 1, 2, 4
SEVERITIES = ["informational", "low", "medium", "high", "critical"]


def nanos(text):
    """A duration in ISO 8601 or a time in RFC 3339, in nanoseconds."""
    if text is None:
        return None
    if not text.startswith(("P", "-P")):
        whole, _, rest = text.rstrip("Z").partition(".")
        seconds = int(datetime.fromisoformat(whole).replace(tzinfo=timezone.utc).timestamp())
        return seconds * 10**9 + int((rest or "0").ljust(9, "0"))
    sign = -1 if text.startswith("-") else 1
    days, _, time = text.lstrip("-P").partition("T")
    total = Fraction(0)
    for part, units in ((days, {"D": 86_400, "W": 604_800}), (time, {"H": 3600, "M": 60, "S": 1})):
        number = ""
        for letter in part:
            if letter.upper() in units:
                total += Fraction(number) * units[letter.upper()]
                number = ""
            else:
                number += letter
    return sign * int(total * 10**9)


def durations(values):
    """Count, mean, median and 90th percentile, rounded down."""
    values = sorted(values)
    n = len(values)
    if n == 0:
        return (0, None, None, None)
    middle = (values[(n - 1) // 2] + values[n // 2]) // 2
    return (n, sum(values) // n, middle, values[math.ceil(Fraction(9 * n, 10)) - 1])


def reported(kpi, key):
    over = kpi[key]
    return (over["count"], nanos(over["mean"]), nanos(over["median"]), nanos(over["percentile_90"]))


class Ledger:
    """The rows of one ledger."""

    def __init__(self, path):
        db = sqlite3.connect(path)
        db.row_factory = sqlite3.Row
        self.groupings = {row["id"]: json.loads(row["document"]) for row in db.execute("SELECT * FROM groupings")}
        self.lbs = {row["id"]: row for row in db.execute("SELECT * FROM load_balancers")}
        self.places = {row["id"]: row for row in db.execute("SELECT * FROM places")}
        self.runs = {row["seq"]: row for row in db.execute("SELECT * FROM runs")}
        self.findings = db.execute("SELECT * FROM findings").fetchall()
        self.episodes = db.execute("SELECT * FROM episodes").fetchall()
        self.rules = {row["id"]: row["name"] for row in db.execute("SELECT * FROM rules")}
        self.modes = db.execute("SELECT * FROM mode_changes ORDER BY load_balancer, run").fetchall()

    def label(self, lb, by):
        dimension = self.centre if by == "centre" else by
        return self.groupings[self.lbs[lb]["grouping"]].get(dimension, "(not recorded)")

    def group(self, row, by):
        if by == "all":
            return None
        if by in ("owner", "ou", "centre"):
            return self.label(row["load_balancer"], by)
        if by == "rule":
            return self.rules[row["rule"]]
        return "(not recorded)" if row["severity"] is None else SEVERITIES[row["severity"]]

    def figures(self, by, until=None):
        """The figures of each group, as a dictionary of tuples."""
        groups = {}

        def of(name):
            empty = dict(total=[], excepted=[], net=[], monitor=[], gone=0, retired=0, back=[0, 0], in_time=[0, 0],
                         open=0, allowed=0, overdue=0, excepted_open=0, in_monitor=0)
            return groups.setdefault(name, empty)

        if by == "all":
            of(None)
        for row in self.episodes:
            if until is not None and row["closed"] >= until:
                continue
            here = of(self.group(row, by))
            if row["how"] in (GONE, RETIRED):
                here["gone" if row["how"] == GONE else "retired"] += 1
                continue
            here["total"].append(row["closed"] - row["opened"])
            here["net"].append(row["closed"] - row["opened"] - row["excepted"])
            if row["excepted"] > 0:
                here["excepted"].append(row["excepted"])
            same = lambda other: (other["load_balancer"], other["rule"]) == (row["load_balancer"], row["rule"])
            later = any(same(other) and other["run"] > row["run"] for other in self.episodes)
            failing = any(same(other) and other["state"] in (OPEN, EXCEPTED) for other in self.findings)
            here["back"][0] += later or failing
            here["back"][1] += 1
            if row["proven"] is not None and row["allowed"] is not None:
                # Late as far as it was observed, in time as far as it was open at all, and otherwise unknown.
                allowed = row["allowed"] * DAY
                late = row["proven"] >= allowed
                in_time = not late and row["closed"] - row["opened"] - row["excepted"] < allowed
                here["in_time"][0] += in_time
                here["in_time"][1] += in_time or late
        for row in self.findings:
            if row["state"] == EXCEPTED:
                of(self.group(row, by))["excepted_open"] += 1
            if row["state"] != OPEN:
                continue
            here = of(self.group(row, by))
            here["open"] += 1
            if row["allowed"] is not None:
                place = self.places[self.lbs[row["load_balancer"]]["place"]]
                last = row["seen"] if row["seen"] is not None else place["last_at"]
                running = 0 if row["proven_since"] is None else max(0, last - row["proven_since"])
                here["allowed"] += 1
                here["overdue"] += row["proven"] + running >= row["allowed"] * DAY
        if by not in ("severity", "rule"):
            self.monitor(of, by, until)
        return groups

    def monitor(self, of, by, until):
        entered = {}
        for row in self.modes:
            lb = self.lbs[row["load_balancer"]]
            if lb["counted"] == NOT_APPLICABLE:
                continue
            at = row["at"] if row["at"] is not None else self.runs[row["run"]]["at"]
            if row["now"] == MONITOR:
                entered.setdefault(lb["id"], at)
            elif lb["id"] in entered:
                since = entered.pop(lb["id"])
                if row["now"] >= DEFENSIVE and (until is None or at < until):
                    of(None if by == "all" else self.label(lb["id"], by))["monitor"].append(at - since)
        for lb in entered:
            if self.lbs[lb]["fate"] == 0:
                of(None if by == "all" else self.label(lb, by))["in_monitor"] += 1


def same(kpis, groups, by, where):
    """Compares the reported figures with the computed ones; how many there are."""
    compared = 0
    assert sorted(str(kpi["group"]) for kpi in kpis) == sorted(map(str, groups)), where
    for kpi in kpis:
        here = groups[kpi["group"]]
        pairs = [
            (reported(kpi, "time_to_remediate"), durations(here["total"])),
            (reported(kpi, "under_exception"), durations(here["excepted"])),
            (reported(kpi, "without_exception"), durations(here["net"])),
            (reported(kpi, "time_in_monitor"), durations(here["monitor"])),
            ((kpi["gone"], kpi["retired"]), (here["gone"], here["retired"])),
            ((kpi["came_back"]["count"], kpi["came_back"]["of"]), tuple(here["back"])),
            ((kpi["in_time"]["count"], kpi["in_time"]["of"]), tuple(here["in_time"])),
            ((kpi["open"], kpi["excepted"]), (here["open"], here["excepted_open"])),
            ((kpi["overdue"], kpi["with_deadline"]), (here["overdue"], here["allowed"])),
            (kpi["in_monitor"], None if by in ("severity", "rule") else here["in_monitor"]),
        ]
        for figure, (doorward, python) in enumerate(pairs):
            assert doorward == python, f"{where}: {by} {kpi['group']}: figure {figure}: {doorward} is not {python}"
            compared += 1
    return compared


def main():
    folders = sorted(Path(sys.argv[1]).iterdir(), key=lambda path: int(path.name))
    compared = 0
    for folder in folders:
        ledger = Ledger(folder / "ledger.db")
        kpis = json.loads((folder / "kpis.json").read_text())
        ledger.centre = kpis["centre_dimension"]
        for by in ("all", "owner", "severity", "ou", "rule", "centre"):
            compared += same(kpis[by], ledger.figures(by), by, folder)
        compared += same(kpis["half"], ledger.figures("all", nanos(kpis["half_until"])), "all", folder)
    print(f"{len(folders)} histories: {compared} figures are those that Python computes")


main()
