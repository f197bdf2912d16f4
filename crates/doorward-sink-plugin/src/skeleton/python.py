#!/usr/bin/env python3
"""NAME: an output of Doorward. It writes the failing findings, one line each; change `Output` to what you need.

The contract is doorward-report-v1: `doorward guide plugins` has it in full.
"""

import json
import sys

CONTRACT = "doorward-report-v1"


class Output:
    """Writes to a file. The file that Doorward names is put in its place only when the receipt is right."""

    def __init__(self, config, delivery, destination):
        self.file = open(destination, "w", encoding="utf-8")

    def finding(self, finding):
        """Takes one finding and returns None if it wrote it, else the reason why it left it out."""
        if finding["verdict"] != "fail":
            return "does not fail"
        self.file.write(json.dumps([finding["severity"], finding["name"], finding["because"]]) + "\n")
        return None

    def finish(self):
        """Called once the whole report was read. Nothing counts as delivered before."""
        self.file.close()


def describe():
    return {
        "contract": CONTRACT,
        "name": "NAME",
        "version": "0.1.0",
        "destination": "stream",
        "repeat": "idempotent",
        "configuration_schema": {"type": "object"},
        "needs_env": [],
    }


def preflight(config):
    """Returns None if a report could be delivered now, else one sentence why not."""
    return None


def emit(lines):
    header = json.loads(next(lines))
    if header.get("contract") != CONTRACT:
        sys.exit(f"the contract is {header.get('contract')}, and this plugin knows {CONTRACT}")
    output = Output(header["config"], header["delivery"], header.get("destination"))
    read, written, skipped, end = 0, 0, {}, None
    for line in lines:
        record = json.loads(line)
        if record["type"] == "finding":
            read += 1
            reason = output.finding(record)
            if reason is None:
                written += 1
            else:
                skipped[reason] = skipped.get(reason, 0) + 1
        elif record["type"] == "end":
            end = record
    if end is None:
        sys.exit("the report has no end: Doorward was stopped, or the stream was cut")
    if end["findings"] != read:
        sys.exit(f"the report has {read} findings, and its end counts {end['findings']}")
    output.finish()
    return {"findings_in": read, "written": written, "skipped": skipped, "where": header.get("destination")}


def main():
    verb = sys.argv[-1]
    sys.stdin.reconfigure(encoding="utf-8", newline="\n")
    if verb == "describe":
        answer = describe()
    elif verb == "preflight":
        why = preflight(json.load(sys.stdin))
        answer = {"ok": why is None, "why": why}
    elif verb == "emit":
        answer = emit(iter(sys.stdin))
    else:
        sys.exit("usage: NAME describe|preflight|emit")
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
