"""Runs a command and writes its time and peak memory: `python launcher.py FIGURES.json COMMAND...`.

A process counts, as its peak, also the memory of the one that started it, as long as it has not replaced
that memory by its own. So commands are started from here, a process that holds next to nothing, and this
file is run by its path: as a part of the package it would load TensorFlow first.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

# What ru_maxrss counts in.
_UNIT = 1 if sys.platform == "darwin" else 1024


def main() -> int:
    """Runs the command; returns its exit status."""
    figures, *command = sys.argv[1:]
    if os.path.lexists(figures):
        print(f"error: expected a new file, received {figures}, which exists: choose another", file=sys.stderr)
        return 2
    started = time.monotonic()
    process = subprocess.Popen(command)
    # The child's own figures: those that getrusage has of children are the largest of all.
    _, status, usage = os.wait4(process.pid, 0)
    facts = {"seconds": time.monotonic() - started, "peak_bytes": usage.ru_maxrss * _UNIT}
    Path(figures).write_text(json.dumps(facts))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
