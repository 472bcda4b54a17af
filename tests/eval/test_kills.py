"""Twenty kills at random moments, each followed by the same command, change nothing."""

import json
import random
import time

import pytest

from tests.directories import check_same_runs, shards
from tests.programs import PATIENCE, start

pytestmark = pytest.mark.slow

QUICK = "max_iterations=60,fallback.max_iterations=20"
# Programs whose uninterrupted run takes several times as long as they need to start.
COMMANDS = {
    "eval.attack": ["--num_images=40", "--batch_size=9", f"--attack_parameters={QUICK}"],
    "eval.generate": [
        "--num_images=40",
        "--targets=random:4",
        "--shard_size=8",
        "--quantize=uint8",
        "--format=tfds,parquet",
        f"--attack_parameters={QUICK}",
    ],
    "eval.table1": [
        "--num_images=6",
        "--batch_size=9",
        "--attacks=strattack,ifgm_l2",
        "--taus=2",
        "--attack_parameters=strattack.max_iterations=60,strattack.fallback.max_iterations=20",
    ],
}


def completed(program, directory):
    process = start(program, *COMMANDS[program], f"--output_dir={directory}")
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err


def made(directory):
    """The files that are there, with the time at which they were made."""
    return {
        path: path.stat().st_mtime_ns
        for path in directory.rglob("*")
        if path.is_file() and not path.name.endswith("partial") and not path.name.startswith("lock")
    }


@pytest.mark.parametrize("program", COMMANDS)
def test_twenty_kills_at_random_moments_change_nothing(program, tmp_path):
    whole, directory, chance = tmp_path / "whole", tmp_path / "out", random.Random(0)
    completed(program, whole)
    number, during_work = len(made(whole)), 0
    for kill in range(20):
        runs = [directory, *sorted((directory / "attacks").glob("*"))]
        if len(made(directory)) > 0.6 * number:  # so that all kills find work under way
            for run in runs:
                for number in chance.sample(range(len(shards(run))), len(shards(run)) // 2):
                    for path in run.glob(f"*/*-{number:05d}-of-*"):  # in every format, or it would be copied
                        path.unlink()
        before, begun = made(directory), time.monotonic()
        process = start(program, *COMMANDS[program], f"--output_dir={directory}")
        # A quarter at any time from the start on, the rest while files are written.
        files, limit = chance.randint(1, 7), chance.uniform(0, 10) if kill % 4 == 0 else PATIENCE
        while len(made(directory).items() - before.items()) < files and time.monotonic() - begun < limit:
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.3))
        assert process.poll() is None, "it was done before it was killed"
        process.kill()
        process.communicate()
        during_work += bool(made(directory).items() - before.items())
    assert during_work >= 10
    completed(program, directory)
    if program == "eval.table1":
        ours, theirs = (json.loads((path / "table1.json").read_text()) for path in (directory, whole))
        assert [row["name"] for row in ours["rows"]] == [row["name"] for row in theirs["rows"]]
        assert ours["claims"] == theirs["claims"]
        for row, other in zip(ours["rows"], theirs["rows"], strict=True):
            assert {name: row[name] for name in ("best", "average", "worst", "all")} == {
                name: other[name] for name in ("best", "average", "worst", "all")
            }
            check_same_runs(directory / "attacks" / row["name"], whole / "attacks" / row["name"])
    else:
        check_same_runs(directory, whole)
    assert not list(directory.rglob("*.partial"))
    status = start(program, *COMMANDS[program], f"--output_dir={directory}", "--verify")
    status.communicate(timeout=PATIENCE)
    assert status.returncode == 0
