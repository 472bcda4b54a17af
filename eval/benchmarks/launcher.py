"""Runs a command and writes its time and peak memory: `python launcher.py FIGURES.json COMMAND...`.

The peak of a new process includes the memory of its parent, until it has replaced that memory by its own.
Commands are therefore started from this small process. Run this file by its path: as a part of the package
it would load TensorFlow first.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

# The unit of ru_maxrss in bytes.
_UNIT = 1 if sys.platform == "darwin" else 1024


def main() -> int:
    """Runs the command and returns its exit status."""
    figures, *command = sys.argv[1:]
    if os.path.lexists(figures):
        print(f"error: expected a new file, received {figures}, which exists: choose another", file=sys.stderr)
        return 2
    started = time.monotonic()
    process = subprocess.Popen(command)
    # The figures of this child alone: getrusage reports the maximum over all children.
    _, status, usage = os.wait4(process.pid, 0)
    facts = {"seconds": time.monotonic() - started, "peak_bytes": usage.ru_maxrss * _UNIT}
    Path(figures).write_text(json.dumps(facts))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
