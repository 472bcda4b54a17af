"""Programs whose output nobody reads, and programs that are stopped before they have started."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.programs import PATIENCE, ROOT, run_code
from tests.slow import first_quick
from tf_strattack.programs.streams import printable

GIVEN = "-m eval.attack --attack=fgm_l2 --num_images=1 --targets=random --output_dir="


@pytest.mark.parametrize("where", first_quick(["2> /dev/full", "| true", "> /dev/full", ">&-"]))
def test_results_are_written_where_the_output_cannot_be(where, tmp_path):
    out = tmp_path / "out"
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} {GIVEN}{out} {where}; exit ${{PIPESTATUS[0]}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert (out / "report.html").exists()


def test_ctrl_c_while_a_program_is_being_imported_is_one_word():
    for wait in (0.15, 0.4):
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "eval.attack"],  # slower, and it shows how far it has come
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        seen = ""
        while "tf_strattack.programs.interrupts" not in seen:
            seen = process.stderr.readline()
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert "Traceback" not in err


def test_an_error_of_our_own_is_one_line_and_a_file_with_the_rest(tmp_path):
    code = (
        "import eval.attack, eval.pipeline\n"
        "def broken(*_, **__): raise ZeroDivisionError('of our own\\nin two lines')\n"
        "eval.pipeline.attack_dataset = broken\n"
        "eval.attack.cli()\n"
    )
    status, _, err = run_code(code, f"--output_dir={tmp_path / 'out'}")
    assert status == 1
    (line,) = (line for line in err.splitlines() if line.startswith("error: "))
    assert line.startswith(
        "error: unexpected ZeroDivisionError: of our own (an error of this program; all of it is in "
    )
    path = line.rpartition(" in ")[2].rstrip(")")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    os.unlink(path)
    assert "Traceback" in text
    assert "in broken" in text
    assert "Traceback" not in err


def test_escape_sequences_are_shown_and_not_sent():
    assert printable("a\x1b]0;owned\x07\x1b[2J\r\udce9b") == r"a\x1b]0;owned\x07\x1b[2J\r\udce9b"
    assert printable("Zażółć 漢字\tℓ₀\n") == "Zażółć 漢字\tℓ₀\n"
