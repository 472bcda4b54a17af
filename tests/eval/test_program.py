"""How programs end where the operating system refuses something."""

import errno
import os
import subprocess
import sys

from tests.programs import ROOT

FAIL = """
import os, sys
from tf_strattack.programs.command_line import Options
from tf_strattack.programs.running import run
number = int(sys.argv.pop())
def main():
    raise OSError(number, os.strerror(number), "place")
run(main, "A program.", Options({}))
"""


def ending(number):
    """How a program ends that meets the error of this number: its exit status, and what it wrote to stderr."""
    given = [sys.executable, "-c", FAIL, str(number)]
    done = subprocess.run(given, cwd=ROOT, text=True, capture_output=True, check=False)
    return done.returncode, done.stderr


def test_a_full_disk_and_a_missing_permission_get_one_line_and_an_error_of_ours_its_traceback():
    status, err = ending(errno.ENOSPC)
    assert status == 2
    assert err == (
        "error: expected room on the disk for place, received: No space left on device; the same command, with the "
        "same --output_dir, goes on\n"
    )
    status, err = ending(errno.EACCES)
    assert (status, err) == (2, f"error: expected access to place, received: {os.strerror(errno.EACCES)}\n")
    status, err = ending(errno.EBADF)
    assert status not in (0, 2)
    assert "Traceback" in err
