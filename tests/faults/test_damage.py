"""Every file of a run damaged in every way: named by --verify, repaired by the next run, equal to an undamaged run."""

import functools
import json
import shutil

import pytest

from tests.faults.cells import (
    FAULTS,
    IN_THE_WAY,
    OTHER,
    RUNS,
    STUDIES,
    contents,
    delete,
    files_of,
    flip,
    replace_by_link,
    replace_by_others,
    run,
)

pytestmark = pytest.mark.slow

# These record when and in what time something was made: they are equal only where nothing of it was made again.
TIMES = ("manifest.json", "metrics.json", "metrics.sarif", "report.html")
CARDS = ("dataset/README.md", "parquet/README.md")
SHARDS = ("dataset/adversarial", "parquet/train", "shards/")
outcomes = []


@functools.cache
def runs_of(program, base):
    """A run, one of another configuration, and the content of the first."""
    for name, more in (("whole", ()), ("other", (OTHER,))):
        status, said = run(program, base / program / name, *more)
        assert status == 0, said
    return base / program / "whole", base / program / "other", contents(base / program / "whole")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    yield tmp_path_factory.mktemp("runs")
    width = max(len(name) for name, *_ in outcomes) if outcomes else 0
    for name, fault, outcome in outcomes:
        print(f"{name:{width}}  {fault:18}  {outcome}")


CELLS = [
    (program, fault)
    for program in RUNS
    for fault in FAULTS
    if program not in STUDIES or program == "eval.table1" or fault in (flip, delete)
]


@pytest.mark.parametrize(("program", "fault"), CELLS, ids=lambda value: getattr(value, "__name__", value))
def test_damage_is_named_and_repaired(program, fault, base, tmp_path):
    whole, other, before = runs_of(program, base)
    study = program in STUDIES
    for name in files_of(whole):
        if name in CARDS or (name == "lock" and fault not in IN_THE_WAY):
            continue  # a card may be changed by its reader; a lock only has a copy
        directory = tmp_path / name.replace("/", "_") / whole.name  # records have the last part of its path
        shutil.copytree(whole, directory)
        path = directory / name
        if not (other / name).exists() or (fault is replace_by_others and before[name] == (other / name).read_bytes()):
            continue
        fault(path, other / name)
        cell = f"{program} {name}"
        if not study or fault is flip:
            status, said = run(program, directory, "--verify")
            if name == "lock":  # which is not needed to look at what is there
                assert status in (0, 2), (cell, said)
            else:
                assert status == 2, (cell, said)
                assert path.name in said, (cell, said)
        status, said = run(program, directory)
        moved = path.is_dir() or (fault is replace_by_link and status == 2)
        if moved:
            assert status == 2, (cell, said)
            assert said.strip().splitlines()[-1].startswith("error: expected "), (cell, said)
            assert str(path) in said, (cell, said)
            path.rename(directory.parent / "moved")
            status, said = run(program, directory)
        assert status == 0, (cell, said)
        assert "Traceback" not in said, cell
        if not moved and name != "lock":
            assert path.name in said, (cell, said)
        after = contents(directory)
        made_again = name.startswith(SHARDS) or name == "manifest.json"
        skipped = (*TIMES, *(file for file in before if file.startswith("shards/"))) if made_again and not study else ()
        for file in before:
            if file not in skipped:
                assert after[file] == before[file], (cell, file)
        if not study:
            status, said = run(program, directory, "--verify")
            assert status == 0, (cell, said)
        outcomes.append((cell, fault.__name__, "named, moved, repaired, equal" if moved else "named, repaired, equal"))
        shutil.rmtree(directory.parent)


@pytest.mark.parametrize("program", [program for program in RUNS if program not in STUDIES])
def test_shards_in_each_others_places_and_extra_ones_do_not_count(program, base, tmp_path):
    whole, _, before = runs_of(program, base)
    directory = tmp_path / whole.name
    shutil.copytree(whole, directory)
    shards = sorted((directory / "dataset").glob("*tfrecord*"))[:2]
    copies = sorted((directory / "parquet").glob("*.parquet"))[:2]
    entries = sorted((directory / "shards").glob("*.json"))[:2]
    for one, another in filter(None, (shards, copies, entries)):
        first, second = one.read_bytes(), another.read_bytes()
        one.write_bytes(second)
        another.write_bytes(first)
    shutil.copy(entries[0], directory / "shards" / "00099.json")
    status, said = run(program, directory, "--verify")
    assert status == 2
    assert all(path.name in said for path in shards)
    status, said = run(program, directory)
    assert status == 0, said
    after = contents(directory)
    assert all(after[name] == before[name] for name in before if name.startswith(("dataset/", "parquet/")))
    metrics = [json.loads(content["metrics.json"]) for content in (before, after)]
    assert [m["num_examples"] for m in metrics] == [6, 6]
    assert metrics[0]["all"] == metrics[1]["all"]


def test_at_least_200_cells():
    """Counted as they are made: a file of a run and a fault each."""
    if len({(cell.split()[0], fault) for cell, fault, _ in outcomes}) < len(CELLS):
        pytest.skip("not all faults of all programs were run here")
    assert len(outcomes) >= 200
