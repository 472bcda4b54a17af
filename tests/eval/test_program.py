"""How programs end if the operating system refuses something."""

import errno
import os
import re
import subprocess
import sys

import pytest

from eval import attack
from tests.programs import ROOT, server_of
from tests.slow import first_quick

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


ALL = [
    *("eval.attack", "eval.imagenet", "eval.generate", "eval.table1", "eval.interpretability", "eval.defenses"),
    *("eval.benchmark", "eval.acceptance", "training.train", "training.sample"),
]


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("module", ALL)
def test_help_lists_every_flag_and_nothing_of_absl_without_tensorflow(module, flag):
    code = f"""
import sys
from {module.rpartition(".")[0]} import {module.rpartition(".")[2]} as program
try:
    program.cli()
finally:
    print("\\n", *sorted(name for name in sys.modules if name in ("tensorflow", "keras")), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code, flag], cwd=ROOT, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")
    listed = re.findall(r"^  --(?:\[no\])?(\w+)", done.stdout, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert not {"verbosity", "pdb", "logtostderr", "tf_tracer", "helpfull"} & set(listed)
    assert {"seed", "output_dir"} <= set(listed) or module.startswith("training.")
    for name, default in re.findall(r"^  --(\w+)=(\S+)", done.stdout, re.MULTILINE):
        assert default not in ("None", "[]"), name


def test_help_is_of_the_flags_of_the_program_in_the_order_of_their_groups():
    status, out, _ = server_of("eval.attack").run("--help")
    assert status == 0
    listed = re.findall(r"^  --(?:\[no\])?(\w+)", out, re.MULTILINE)
    assert listed == [*(holder.name for holder in attack.OPTIONS.holders), "flagfile"]


def test_help_names_the_parameters_of_the_attack_that_is_named():
    status, out, err = server_of("eval.attack").run("--attack=cw_l2", "--help")
    assert (status, err) == (0, "")
    assert "Parameters of cw_l2" in out
    assert re.search(r"^  search_steps=9\n      \S.*\.$", out, re.MULTILINE)


def test_help_for_an_unknown_attack_is_one_line():
    status, out, err = server_of("eval.attack").run("--attack=cwl2", "--help")
    assert (status, out) == (2, "")
    assert err.endswith("received 'cwl2': did you mean cw_l2?\n")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("--num_images=1e3", "expected --num_images to be a positive whole number, received '1e3'"),
        ("--num_images=", "expected --num_images to be a positive whole number, received ''"),
        ("--seed=-1: x", "expected --seed to be a whole number in the range [0, 2147483647], received '-1: x'"),
        ("--overwrite=maybe", "expected --overwrite to be true or false, received 'maybe'"),
        ("--nooverwrite=3", "--nooverwrite=3 does not take an argument"),
        (
            "--data_format=NCHW",
            "expected --data_format to be one of channels_last, channels_first, series, volumes, received 'NCHW'",
        ),
    ],
)
def test_a_value_that_does_not_fit_its_flag_is_one_line(argument, said):
    assert server_of("eval.attack").run(argument) == (2, "", f"error: {said}; --help lists the flags\n")


def test_flags_are_read_from_a_file(tmp_path):
    (tmp_path / "flags.txt").write_text("# few\n--num_images=1\n--targets=random\n--attack=fgm_l2\n")
    given = [f"--flagfile={tmp_path / 'flags.txt'}", f"--output_dir={tmp_path / 'out'}"]
    status, out, err = server_of("eval.attack").run(*given)
    assert status == 0, err
    assert "1 image attacked" in out
    # One target for each image: one row and not four equal ones.
    assert re.findall(r"^ *(best|average|worst|all) ", out, re.MULTILINE) == ["all"]


@pytest.mark.parametrize(
    "number", first_quick([errno.EACCES, errno.EBADF, errno.ENAMETOOLONG, errno.ELOOP, errno.EISDIR])
)
def test_whatever_the_operating_system_refuses_is_one_line(number):
    said = os.strerror(number)
    line = f"error: expected place to be a file or folder that can be used, received: {said}\n"
    assert ending(number) == (2, line)


@pytest.mark.slow
def test_a_full_disk_is_one_line_with_the_place():
    assert ending(errno.ENOSPC) == (
        2,
        "error: not enough room on the disk for place: No space left on device; free some, and run the same command "
        "to resume\n",
    )
