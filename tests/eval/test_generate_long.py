"""Generations that are killed again and again, or long: what takes minutes to show."""

import json
import random
import re
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

import tf_strattack as sa
from tests.directories import check_equal, examples
from tests.programs import ROOT, start

pytestmark = pytest.mark.slow

# 160 examples in 20 shards; a run of them all takes seconds longer than a program needs to start.
ARGUMENTS = [
    "--num_images=40",
    "--targets=random:4",
    "--shard_size=8",
    "--quantize=uint8",
    "--attack_parameters=max_iterations=100",
]


def generate(directory, *arguments):
    process = start("eval.generate", *arguments, f"--output_dir={directory}")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    directory = tmp_path_factory.mktemp("whole") / "out"
    generate(directory, *ARGUMENTS)
    return directory


def made(directory):
    """The files that are there, with the time at which they were made: a shard, and then its entry."""
    return {path: path.stat().st_mtime_ns for path in directory.glob("*/*") if not path.name.endswith("partial")}


def test_twenty_kills_at_random_moments_change_nothing(whole, tmp_path):
    directory, chance = tmp_path / "out", random.Random(0)
    during_attack = 0
    for kill in range(20):
        if len(list((directory / "shards").glob("*.json"))) > 14:  # so that all kills find work under way
            for number in chance.sample(range(20), 10):
                for path in (directory / "dataset").glob(f"*-{number:05d}-of-*"):
                    path.unlink()
        before, begun = made(directory), time.monotonic()
        process = start("eval.generate", *ARGUMENTS, f"--output_dir={directory}")
        # A quarter at any time from the start on, the rest while shards are written.
        files, limit = chance.randint(1, 7), chance.uniform(0, 8) if kill % 4 == 0 else 120
        while len(made(directory).items() - before.items()) < files and time.monotonic() - begun < limit:
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.2))
        assert process.poll() is None, "it was done before it was killed"
        process.kill()
        process.communicate()
        during_attack += bool(made(directory).items() - before.items())
    assert during_attack >= 10
    generate(directory, *ARGUMENTS)
    check_equal(directory, whole)
    assert len(examples(directory)) == 160
    assert not list(directory.rglob("*.partial"))


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
