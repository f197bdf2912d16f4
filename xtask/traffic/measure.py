"""Runs a command to its end and prints what it and its children used, as JSON: measure.py PROGRAM [ARGUMENT...]."""

import json
import os
import subprocess
import sys
import time

begun = time.monotonic()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
printed = child.stdout.read().decode()
_, status, used = os.wait4(child.pid, 0)
print(json.dumps({
    "code": os.waitstatus_to_exitcode(status), "printed": printed, "seconds": time.monotonic() - begun,
    "cpu_seconds": used.ru_utime + used.ru_stime, "peak_kib": used.ru_maxrss,
}))
