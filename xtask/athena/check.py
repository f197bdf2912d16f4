"""Spoils lines of a corpus, has them counted by Athena's ways on other engines, and compares with the engine of this project.

usage: check.py EXAMPLE FOLDER REGEX_JAVA QUERY_PY

EXAMPLE is the program that says the statements and counts; FOLDER a corpus in AWS's key layout, to which one object of
spoiled lines is added for each load balancer.
"""

import gzip
import json
import math
import random
import re
import subprocess
import sys
from pathlib import Path

START, END = "2026-09-01T00:00:00Z", "2026-09-01T01:00:00Z"
SPOILED = 400


def spoil(line, draw):
    """A line with something done to it that clients, cut transfers or other versions do."""
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(line) + 1)
        to = draw.randrange(len(line) + 1)
        line = draw.choice(
            [
                lambda: line[:at] + draw.choice(['"', '""', " ", '" "', "\\", "\\\\", '\\"', "\\x22", '"-" "Severe"', "?", "é"]) + line[at:],
                lambda: line[:at],
                lambda: line[: min(at, to)] + line[max(at, to) :],
                lambda: line.replace('"-" "-"', draw.choice(['"Severe" "BadUri"', "- -", '"-" "BadUri"', '"Compliant" "-"']), 1),
                lambda: line.replace('"Mozilla', '"' + draw.choice(["\\", "x", "\\x22"]) * draw.choice([10, 8000]) + "Mozilla", 1),
                lambda: " ".join(line.split(" ")[: draw.randint(15, 40)]),
                lambda: answered(line, draw),
                lambda: answered(line, draw),
            ]
        )()
    return line.replace("\n", "").replace("\r", "")


def answered(line, draw):
    """A line that is not compliant and that a rule, a firewall, a login or nothing answered."""
    status = draw.choice(["101", "202", "302", "400", "401", "403", "404", "405", "408", "460", "464", "502", "561"])
    target = draw.choice(["-", "-", status])
    actions = draw.choice(["-", "waf", "waf-failed", "authenticate", "waf,forward", "fixed-response", "redirect"])
    line = re.sub(r" [0-9]{3} (-|[0-9]{3}) ", f" {status} {target} ", line, count=1)
    line = line.replace('"forward"', f'"{actions}"', 1)
    return re.sub(r'"-" "-" TID', '"Acceptable" "SpaceInUri" TID', line, count=1)


def spoiled_objects(folder):
    draw = random.Random(11)
    seen = set()
    for path in sorted(folder.rglob("*T0030Z_*.log.gz")):
        load_balancer = path.name.split("_")[3]
        if load_balancer in seen:
            continue
        seen.add(load_balancer)
        lines = gzip.decompress(path.read_bytes()).decode("utf-8", "replace").splitlines()
        bad = [spoil(draw.choice(lines), draw) for _ in range(SPOILED)] + ["", "x" * 20000]
        text = "\n".join(bad) + "\n"
        path.with_name(path.name.replace("_20260901T0030Z_", "_20260901T0035Z_").replace(".log.gz", "spoiled.log.gz")).write_bytes(
            gzip.compress(text.encode(), mtime=0)
        )
    return len(seen) * (SPOILED + 1)


def at_least(sketch):
    """What the engine makes of its sketch of clients: fewer than there were, in all but one of forty cases."""
    runs = [int(digit, 36) if digit.islower() or digit.isdigit() else 36 + ord(digit) - ord("A") for digit in sketch]
    used = sum(run > 0 for run in runs)
    estimate = 0.709 * 64 * 64 / sum(0.5**run for run in runs)
    if estimate <= 160 and used < 64:
        estimate = 64 * math.log(64 / (64 - used))
    return max(int(estimate * (1 - 2 * 1.04 / 8)), used)


def same_clients(path, mine, theirs):
    """The engine sketches the clients of a day, and the query counts them; compares both and takes them out of the tallies."""
    here, there = mine.pop("client_days", {}), theirs.pop("client_days", {})
    for day in sorted(here.keys() | there.keys()):
        counted = int(there.get(day, "=0").removeprefix("="))
        least = at_least(here[day]) if day in here else 0
        if not counted * 0.4 <= least <= counted * 1.1 + 1:
            yield f"{path}/client_days/{day}", least, counted


def without_examples(tallies):
    """The query keeps no examples of requests."""
    for tally in tallies.values():
        for _, client in tally["sources"]["clients"]["answered"]:
            client.pop("example", None)


def differences(path, mine, theirs):
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key in sorted(mine.keys() | theirs.keys()):
            if key not in mine or key not in theirs:
                yield f"{path}/{key}", mine.get(key), theirs.get(key)
            else:
                yield from differences(f"{path}/{key}", mine[key], theirs[key])
    elif isinstance(mine, list) and isinstance(theirs, list):
        order = lambda items: sorted(json.dumps(item, sort_keys=True) for item in items)
        if order(mine) != order(theirs):
            yield path, [item for item in mine if item not in theirs][:3], [item for item in theirs if item not in mine][:3]
    elif mine != theirs:
        yield path, mine, theirs


def main():
    example, folder, java, query = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    spoiled = spoiled_objects(folder)
    keys = [path.relative_to(folder).parts for path in folder.rglob("*.log.gz")]
    accounts, regions = (",".join(sorted({key[at] for key in keys})) for at in (1, 3))

    def ask(*words, **more):
        return subprocess.run([example, *words], check=True, stdout=subprocess.PIPE, **more).stdout

    said = folder.with_suffix(".json")
    said.write_bytes(ask("say", accounts, regions, START, END))
    rows = subprocess.run([sys.executable, query, said, folder, java], check=True, stdout=subprocess.PIPE).stdout
    theirs = json.loads(ask("rows", START, END, input=rows))["load_balancers"]
    mine = json.loads(ask("embedded", str(folder), START, END))["load_balancers"]
    without_examples(mine)
    for tally in [*mine.values(), *theirs.values()]:
        # Which of the lines are kept as samples is not agreed on.
        tally["unparsed"]["samples"] = len(tally["unparsed"]["samples"]) > 0
    found = [found for name in mine for found in same_clients(name, mine[name], theirs.get(name, {}))]
    found += differences("", mine, theirs)
    for place, here, there in found[:20]:
        print(f"{place}: counted here {here}, by the query {there}", file=sys.stderr)
    if found:
        sys.exit(f"{len(found)} differences")
    total = lambda name: sum(tally[name] for tally in mine.values())
    unparsed = sum(tally["unparsed"]["count"] for tally in mine.values())
    print(
        f"{len(mine)} load balancers, {total('lines')} lines, {total('outside')} outside, {unparsed} unparsed, "
        f"{total('absent')} absent, {spoiled} of them spoiled: no difference"
    )


if __name__ == "__main__":
    main()
