"""A directory belongs to one configuration, and to one process at a time."""

import json
import subprocess
import sys

import pytest

from eval.configuration import claim
from tests.programs import ROOT
from tf_strattack import InputError

HOLD = """
import pathlib, sys
from eval.configuration import claim
claim(pathlib.Path(sys.argv[1]), {"a": 1}, flag="--output_dir", overwrite=False)
print("claimed", flush=True)
sys.stdin.read()
"""


def take(directory, configuration, overwrite=False):
    claim(directory, configuration, flag="--output_dir", overwrite=overwrite)


def hold(directory):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == "claimed\n"
    return process


def test_a_second_process_is_refused_until_the_first_has_died(tmp_path):
    directory = tmp_path / "run"
    first = hold(directory)
    for overwrite in (False, True):
        with pytest.raises(InputError, match=r"to be free, received .*, in which another process is at work"):
            take(directory, {"a": 2 if overwrite else 1}, overwrite=overwrite)
    assert json.loads((directory / "config.json").read_text()) == {"a": 1}
    first.kill()
    first.wait()
    take(directory, {"a": 1})


def test_the_difference_is_shown_in_nested_values(tmp_path):
    take(tmp_path / "run", {"seed": 0, "attack": {"tau": 1.0, "rho": None}})
    with pytest.raises(InputError, match=r"differs in attack.tau \(1.0 there, 2.0 here\): choose another directory"):
        take(tmp_path / "run", {"seed": 0, "attack": {"tau": 2.0, "rho": None}})


def test_overwrite_removes_the_work_of_another_configuration_only(tmp_path):
    directory = tmp_path / "run"
    first = hold(directory)
    (directory / "parts").mkdir()
    (directory / "parts" / "0.npz").write_text("work")
    (directory / "figure.png").write_text("work")
    first.communicate()
    take(directory, {"a": 2}, overwrite=True)
    assert sorted(path.name for path in directory.iterdir()) == ["config.json", "lock"]
    assert json.loads((directory / "config.json").read_text()) == {"a": 2}


def test_what_a_kill_left_of_a_claim_is_taken_up(tmp_path):
    (tmp_path / "config.json.partial").write_text('{"a":')
    (tmp_path / "lock").touch()
    take(tmp_path, {"a": 1})
    assert json.loads((tmp_path / "config.json").read_text()) == {"a": 1}


def test_something_else_s_directory_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="to be new, empty or a run"):
        take(tmp_path, {"a": 1}, overwrite=True)


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe", b"[1]"])
def test_a_corrupt_configuration_is_refused_and_can_be_overwritten(content, tmp_path):
    (tmp_path / "config.json").write_bytes(content)
    (tmp_path / "old").write_text("work")
    with pytest.raises(InputError, match="received a corrupt file: choose another directory, or add --overwrite"):
        take(tmp_path, {"a": 1})
    take(tmp_path, {"a": 1}, overwrite=True)
    assert json.loads((tmp_path / "config.json").read_text()) == {"a": 1}
    assert not (tmp_path / "old").exists()


def test_overwrite_leaves_what_a_link_leads_to(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("work")
    claim(tmp_path / "run", {"a": 1}, flag="-", overwrite=False)()
    (tmp_path / "run" / "dataset").symlink_to(tmp_path / "elsewhere")
    take(tmp_path / "run", {"a": 2}, overwrite=True)
    assert not (tmp_path / "run" / "dataset").exists()
    assert (tmp_path / "elsewhere" / "kept").read_text() == "work"


def test_parts_share_a_directory_and_the_whole_does_not(tmp_path):
    def part(name):
        return claim(tmp_path / "run", {"a": 1}, flag="--output_dir", overwrite=False, part=name)

    first, second = part("0-of-2"), part("1-of-2")
    for refused in (lambda: part("0-of-2"), lambda: take(tmp_path / "run", {"a": 1})):
        with pytest.raises(InputError, match="another process is at work"):
            refused()
    first()
    second()
    take(tmp_path / "run", {"a": 1})
