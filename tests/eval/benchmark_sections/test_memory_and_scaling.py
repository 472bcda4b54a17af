"""The sections memory and scaling: peaks of processes, and large sets of digits."""

import json
import subprocess
import sys

import numpy as np
import pytest

import tf_strattack as sa
from eval.benchmarks import launcher
from eval.benchmarks.memory import DISJOINT, OVERLAPPING, increases
from eval.benchmarks.scaling import write_digits
from eval.inputs.datasets import read_dataset


def test_increases_of_memory_and_their_ratios():
    totals = {(DISJOINT, 16): 110.0, (OVERLAPPING, 16): 115.0, (DISJOINT, 90): 150.0, (OVERLAPPING, 90): 170.0}
    rows = {(row["groups"], row["batch_size"]): row for row in increases("net", 100.0, totals)}
    assert rows[DISJOINT, 90]["over_loaded_mib"] == 50
    assert rows[DISJOINT, 90]["over_smallest_mib"] == 40
    assert rows[DISJOINT, 90]["ratio_of_totals"] is None
    overlapping = rows[OVERLAPPING, 90]
    assert overlapping["ratio_of_totals"] == pytest.approx(170 / 150)
    assert overlapping["ratio_over_loaded"] == pytest.approx(70 / 50)
    assert overlapping["ratio_over_smallest"] == pytest.approx(60 / 40)
    assert rows[OVERLAPPING, 16]["ratio_over_smallest"] is None  # nothing over itself


def test_the_peak_of_a_child_is_its_own(tmp_path):
    ballast = np.ones(2**26, np.uint8)  # in this process, which has also loaded TensorFlow
    peaks = []
    for code in ("pass", "x = b'1' * 2**27"):
        figures = tmp_path / f"{len(peaks)}.json"
        command = [sys.executable, "-S", launcher.__file__, str(figures), sys.executable, "-S", "-c", code]
        subprocess.run(command, check=True)
        peaks.append(json.loads(figures.read_text())["peak_bytes"])
    assert peaks[0] < len(ballast) < 2**27 < peaks[1] < 2**28
    failing = [sys.executable, "-S", launcher.__file__, str(tmp_path / "new"), sys.executable, "-c", "exit(3)"]
    assert subprocess.run(failing).returncode == 3
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr) == (
        2,
        f"error: expected a new file, received {figures}, which exists: choose another\n",
    )
    assert json.loads(figures.read_text())["peak_bytes"] == peaks[1]


def test_the_digits_of_the_scaling_section_are_a_data_set(tmp_path):
    size = write_digits(tmp_path / "a.npz", 1001, seed=1)
    write_digits(tmp_path / "b.npz", 1001, seed=1)
    assert size == 1001 * 28 * 28
    records = list(read_dataset(str(tmp_path / "a.npz"), data_dir=None, split="test", download=False).records)
    images, labels, _ = sa.shipped.load_sample()
    assert len(records) == 1001
    assert records[1000].label == labels[0]
    repeated = np.stack([records[0].image, records[500].image, records[1000].image])
    assert 0 < np.abs(repeated - images[0]).max() <= 4.5 / 255
    assert (repeated[0] != repeated[1]).any()
    with np.load(tmp_path / "a.npz") as a, np.load(tmp_path / "b.npz") as b:
        np.testing.assert_array_equal(a["images"], b["images"])
