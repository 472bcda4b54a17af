"""Long generations: properties that take minutes to show."""

import json
import re
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

import tf_strattack as sa
from tests.programs import ROOT

pytestmark = pytest.mark.slow


def peak_and_files(directory, number, tmp_path):
    """Peak memory in MiB of a generation, and its open files over time, at the steps of its progress."""
    images, labels, _ = sa.shipped.load_sample()
    rows = np.arange(number) % len(images)
    np.savez(tmp_path / f"{number}.npz", images=(images[rows] * 255).round().astype(np.uint8), labels=labels[rows])
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "eval.generate",
            f"--dataset={tmp_path / f'{number}.npz'}",
            "--attack=fgm_l2",
            "--quantize=uint8",
            f"--output_dir={directory}",
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    watched, peak, files = psutil.Process(process.pid), 0, []
    while process.poll() is None:
        try:
            peak = max(peak, int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{process.pid}/status").read())[1]))
            if list((directory / "shards").glob("*.json")):
                files.append(watched.num_fds())
        except (psutil.NoSuchProcess, FileNotFoundError, TypeError):
            break
        time.sleep(0.1)
    assert process.wait() == 0
    assert json.loads((directory / "metrics.json").read_text())["num_examples"] >= 0.95 * number
    return peak / 1024, files


def test_memory_and_open_files_do_not_grow_with_the_number_of_examples(tmp_path):
    small, _ = peak_and_files(tmp_path / "small", 1000, tmp_path)
    large, files = peak_and_files(tmp_path / "large", 10_000, tmp_path)
    arrays = 9000 * 28 * 28 / 2**20  # the images of the .npz file, which is read whole
    assert large - small < arrays + 0.05 * small, (small, large)
    assert len(files) > 20
    assert max(files[len(files) // 2 :]) <= max(files[: len(files) // 2]) + 2, files
