"""How programs end where the operating system refuses something."""

import errno
import os
import sys

from eval.program import run
from tests.programs import FORKS


def fail(number, errors):
    def main():
        raise OSError(number, os.strerror(number), "place")

    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.argv = ["program"]
    run(main)


def ending(number, directory):
    """The exit status of a program that meets this error, and what it writes to stderr."""
    process = FORKS.Process(target=fail, args=(number, directory / "errors"))
    process.start()
    process.join()
    return process.exitcode, (directory / "errors").read_text()


def test_a_full_disk_and_a_missing_permission_get_one_line_and_an_error_of_ours_its_traceback(tmp_path):
    status, err = ending(errno.ENOSPC, tmp_path)
    assert status == 2
    assert err == (
        "error: expected room on the disk for place, received: No space left on device; the same command, with the "
        "same --output_dir, goes on\n"
    )
    status, err = ending(errno.EACCES, tmp_path)
    assert (status, err) == (2, f"error: expected access to place, received: {os.strerror(errno.EACCES)}\n")
    status, err = ending(errno.EBADF, tmp_path)
    assert status not in (0, 2)
    assert "Traceback" in err
