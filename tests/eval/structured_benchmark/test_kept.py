"""A run that was stopped continues with the attacks that it has not made."""

import numpy as np
import pytest

import tf_strattack as sa
from eval.benchmarks.structured.kept import Kept
from eval.benchmarks.structured.section import measure_structured
from tests.builders import brief


class Counting(sa.FGM):
    """Counts its calls, and stops as Ctrl-C does at a given one."""

    calls = 0
    last = None

    def __call__(self, *args, **options):
        type(self).calls += 1
        if type(self).calls == type(self).last:
            raise KeyboardInterrupt
        return super().__call__(*args, **options)


@pytest.fixture
def counting():
    Counting.calls, Counting.last = 0, None
    return {"strattack": brief(10), "fgm_l1": Counting(norm="l1"), "fgm_l2": Counting(norm="l2")}


def test_what_was_found_is_not_looked_for_again(net, counting, tmp_path):
    Counting.last = 2
    with pytest.raises(KeyboardInterrupt):
        measure_structured([net], counting, [20], 4, None, Kept(tmp_path))
    names = {"exact-strattack-20.npz", "exact-fgm_l1-whole.npz"}
    assert {path.name for path in (tmp_path / "structured").iterdir()} == names
    rows = measure_structured([net], counting, [20], 4, None, Kept(tmp_path))
    assert Counting.calls == 3
    assert rows == measure_structured([net], counting, [20], 4, None, Kept())
    (tmp_path / "structured" / "notes.txt").write_text("mine")
    Kept(tmp_path).forget()  # also those of a process that was killed before it did
    assert [path.name for path in (tmp_path / "structured").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("change", ["network", "images", "number", "parameters", "damaged", "link"])
def test_what_was_found_for_anything_else_does_not_count(net, counting, tmp_path, change):
    attacks = {"fgm_l2": counting["fgm_l2"]}
    measure_structured([net], attacks, [20], 4, None, Kept(tmp_path))
    path, number = tmp_path / "structured" / "exact-fgm_l2-whole.npz", 4
    if change == "network":
        net = net._replace(sha256="1" * 64)
    elif change == "images":
        net = net._replace(images=np.clip(net.images + np.float32(0.01), 0, 1))
    elif change == "number":
        number = 3
    elif change == "parameters":
        attacks = {"fgm_l2": Counting(norm="linf")}
    elif change == "damaged":
        path.write_bytes(path.read_bytes()[:-200])
    else:
        path.rename(tmp_path / "elsewhere.npz")
        path.symlink_to(tmp_path / "elsewhere.npz")
    measure_structured([net], attacks, [20], number, None, Kept(tmp_path))
    assert Counting.calls == 2
