"""What is no envelope, or cannot be written, is refused before anything is attacked, and stays."""

import os
from pathlib import Path

import numpy as np
import pytest

import tf_strattack as sa
from eval.benchmarks.structured.envelope import check, improve
from eval.benchmarks.structured.envelope_file import read


@pytest.mark.parametrize("content", ["text", "other arrays", "no directory", "a link to itself"])
def test_a_file_that_is_no_envelope_is_refused_and_kept(examples, fine, tmp_path, content):
    path = tmp_path / "envelope.npz"
    if content == "text":
        path.write_text("mine")
    elif content == "other arrays":
        np.savez(path, images=np.ones(3))
    elif content == "no directory":
        path = tmp_path / "missing" / "envelope.npz"
    else:
        path.symlink_to(path)
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(sa.InputError, match=r"expected .*envelope"):
        improve(path, examples.keys(4), examples.entries(fine), examples.held)
    assert (path.read_bytes() if path.exists() else None) == before


DAMAGES = {
    "another format": {"format": np.array(1)},
    "no format": {"format": None},
    "more arrays": {"mine": np.ones(3)},
    "part of a format": {"format": np.array(2.7)},
    "columns of different length": {"value": np.ones(3)},
    "an image that is not there": {"example": np.full(24, 99)},
    "an image before the first": {"example": np.full(24, -1)},
    "pixels that are not there": {"pixels": np.ones(5, np.float32)},
    "a start before the first pixel": {"start": np.array([-3])},
    "empty images": {"shape": np.zeros((1, 3), int)},
    "flat images": {"shape": np.ones((1, 2), int)},
    "text values": {"value": np.array(["1.0"] * 24)},
    "complex values": {"value": np.ones(24, complex)},
    "text pixels": {"pixels": np.array(["1.0"] * 36)},
    "columns of columns": {"value": np.ones((24, 2))},
    "numbers for networks": {"network": np.ones(24)},
    "classes that are no numbers": {"target": np.array(["1"] * 24)},
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_envelope_is_refused_and_kept(examples, fine, tmp_path, name):
    path = tmp_path / "envelope.npz"
    improve(path, examples.keys(4), examples.entries(fine), examples.held)
    with np.load(path) as file:
        arrays = {**file, **DAMAGES[name]}
    np.savez(path, **{part: array for part, array in arrays.items() if array is not None})
    before = path.read_bytes()
    for attempt in (lambda: check(path), lambda: improve(path, examples.keys(4), examples.entries(fine), set)):
        with pytest.raises(sa.InputError, match=r"^expected an envelope .*received .*envelope\.npz") as error:
            attempt()
        assert "\n" not in str(error.value)
    assert path.read_bytes() == before
    if name == "another format":
        assert str(error.value) == f"expected an envelope of format 2, received {path} of format 1: name a new file"


@pytest.mark.parametrize("obstacle", ["link", "folder"])
def test_a_lock_that_cannot_be_taken_is_reported_before_anything_is_measured(tmp_path, obstacle):
    path, lock = tmp_path / "envelope.npz", tmp_path / "lock.envelope.npz"
    if obstacle == "link":
        lock.symlink_to(tmp_path / "elsewhere")
    else:
        lock.mkdir()
    with pytest.raises(sa.InputError, match=r"^expected --envelope where .*lock\.envelope\.npz can be made and locked"):
        check(path)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_file_that_cannot_be_written_is_refused(examples, fine, tmp_path):
    path = tmp_path / "envelope.npz"
    improve(path, examples.keys(4), examples.entries(fine), examples.held)
    path.chmod(0o400)
    with pytest.raises(sa.InputError, match="that can be written"):
        check(path)


def test_where_nothing_can_be_written_is_refused():
    with pytest.raises(sa.InputError, match=r"^expected --envelope where /proc/"):
        check(Path("/proc/best.npz"))


def test_no_file_has_no_entries(tmp_path):
    assert read(tmp_path / "envelope.npz") == {}
