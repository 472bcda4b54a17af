"""Conversions are reported once a run, and numbers of flags are digits."""

import subprocess
import sys

import pytest

from eval.inputs.whole_numbers import whole_number
from eval.notices import forget_notices, notice
from tests.programs import ROOT


def test_a_notice_is_printed_once_a_run_in_a_line(notes):
    for text in ("grey\nimages", "grey images", "large images"):
        notice(text)
    assert notes() == ["grey images", "large images"]
    forget_notices()
    notice("grey images")
    assert notes() == ["grey images"]


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_digits_are_a_whole_number(text, number):
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", "²", "٣", "１", "-1", "+1", "1.0", "1_0", " 1", "9" * 5000])
def test_what_int_refuses_or_nobody_means_is_no_whole_number(text):
    assert whole_number(text) is None


def test_a_step_does_not_say_again_what_the_program_or_another_step_has_said():
    script = "from eval.notices import notice; notice('one'); notice('two')"
    outer = (
        "import subprocess, sys; from eval.notices import notice, sharing; notice('one'); "
        f"[subprocess.run([sys.executable, '-c', {script!r}], env=sharing(), check=True) for _ in range(2)]"
    )
    done = subprocess.run([sys.executable, "-c", outer], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line for line in done.stderr.splitlines() if line.startswith("note: ")] == ["note: one", "note: two"]
