"""A report of 50,000 findings to a file, and through a plugin that only counts: time and memory, in turns.

    bench.py DOORWARD SAVED_SCAN

The saved scan is made larger by repeating its load balancers under other ARNs. Prints one line for each output and the ratio; the exit
code is 1 if the plugin takes more than 1.3 times as long as `ndjson-v1` to a file, or 20 MB more memory.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

FINDINGS = 50_000
ROUNDS = 5
SLOWER = 1.3
MEGABYTES = 20
COUNTER = """#!/bin/sh
for verb; do :; done
case $verb in
describe) echo '{"contract": "doorward-report-v1", "name": "count", "version": "1", "destination": "remote", "repeat": "idempotent"}';;
preflight) echo '{"ok": true}';;
emit) n=$(grep -c '^{"type":"finding"'); echo "{\\"findings_in\\": $n, \\"written\\": $n}";;
esac
"""


def enlarged(saved, folder):
    """A scan with at least as many findings."""
    scan, joined = saved.read_text().split("\n", 1)
    scan = json.loads(scan)
    found = sum(len(cell.get("load_balancers", [])) for cell in scan["inventory"]["cells"])
    # Each load balancer has at least five findings; the number is counted below.
    times = FINDINGS // (found * 5) + 1
    for cell in scan["inventory"]["cells"]:
        cell["load_balancers"] = [
            json.loads(json.dumps(lb).replace(lb["arn"], f"{lb['arn']}{number:04d}"))
            for lb in cell.get("load_balancers", [])
            for number in range(times)
        ]
    # The exceptions of the sample would cover more load balancers than they may.
    scan["exceptions"]["files"] = []
    path = folder / "large.saved"
    # Without history: that of the sample belongs to other load balancers.
    path.write_text(json.dumps(scan) + "\n" + json.dumps({"history": {}}) + "\n")
    return path


def measured(command, folder):
    """Seconds and megabytes of one run."""
    before = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    words = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - before
    if process.returncode not in (0, 3, 4, 5):
        sys.exit(f"{' '.join(map(str, command))}: exit code {process.returncode}: {words}")
    return seconds, usage.ru_maxrss / 1024


def main():
    doorward, saved = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        counter = folder / "count"
        counter.write_text(COUNTER)
        counter.chmod(0o755)
        (folder / "doorward.toml").write_text(f'[reports.count]\ncommand = ["{counter}"]\ntimeout = "10m"\n[ledger]\nenabled = false\n')
        large = enlarged(saved, folder)
        outputs = {"ndjson-v1 to a file": "ndjson-v1=out.ndjson", "a plugin that counts": "count"}
        rounds = {what: [] for what in outputs}
        for _ in range(ROUNDS):
            for what, output in outputs.items():
                command = [doorward, "report", "--from", large, "--config", "doorward.toml", "--format", output]
                rounds[what].append(measured(command, folder))
        findings = sum(line.startswith('{"type":"finding"') for line in open(folder / "out.ndjson", encoding="utf-8"))
        if findings < FINDINGS:
            sys.exit(f"the report has {findings} findings, fewer than {FINDINGS}")
        best = {what: (min(s for s, _ in runs), max(m for _, m in runs)) for what, runs in rounds.items()}
        for what, (seconds, megabytes) in best.items():
            print(f"{findings} findings, {what}: {seconds:.2f} s (least of {ROUNDS}), {megabytes:.0f} MB (most)")
        (file, file_memory), (plugin, plugin_memory) = best.values()
        print(f"the plugin takes {plugin / file:.2f} times as long (at most {SLOWER}), {plugin_memory - file_memory:+.0f} MB (at most +{MEGABYTES})")
        sys.exit(plugin / file > SLOWER or plugin_memory - file_memory > MEGABYTES)


main()
