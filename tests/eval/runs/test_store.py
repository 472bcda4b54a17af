"""The shards of a run: they appear whole whatever happens, hold everything, and count in their own place only."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest

import tf_strattack as sa
from eval.runs.formats import FORMATS
from eval.runs.manifest import write_manifest
from eval.runs.rows import rows_of
from tests.directories import flip, opened
from tests.programs import run_code
from tf_strattack.programs.directories.sealed import read_sealed, write_sealed

pytest.importorskip("pyarrow", reason="needs the extra parquet")


class Stopped(BaseException):
    """Stands for a process that ends at once."""


def test_a_stop_between_any_two_steps_loses_the_shard_in_flight_at_most(outcomes, tmp_path):
    """Every rename, deletion and write to the disk may be the last thing that a process does."""
    plan, made = outcomes
    steps = 0

    def stop_at(last):
        nonlocal steps
        steps = 0

        def counted(function):
            def wrapper(*arguments, **options):
                nonlocal steps
                steps += 1
                if steps == last:
                    raise Stopped
                return function(*arguments, **options)

            return wrapper

        patched = pytest.MonkeyPatch()
        for name in ("replace", "rename", "unlink", "fsync"):
            patched.setattr(os, name, counted(getattr(os, name)))
        return patched

    stops = 0
    for last in range(1, 1000):
        directory = tmp_path / str(last)
        directory.mkdir()
        patched = stop_at(last)
        stopped, written = False, 0
        try:
            files = opened(directory, plan)
            for number, outcome in enumerate(made):
                files.write(number, outcome)
                written += 1
            write_manifest(files, {})
        except Stopped:
            stopped = True
        finally:
            patched.undo()
        if stopped:  # a kill would leave these, too
            for path in files.places(0):
                path.with_name(f"{path.name}.run.partial").touch()
        files = opened(directory, plan)
        finished = [number for number in range(plan.num_shards) if not files.missing(number)]
        assert not any(files.damages(number) for number in finished)
        assert finished in ([*range(written)], [*range(written + 1)]), "only the shard in flight is lost"
        assert not list(directory.rglob("*.partial"))
        for number in set(range(plan.num_shards)) - set(finished):
            files.write(number, made[number])
        for number, outcome in enumerate(made):
            ids = [row["example_id"] for row in files.rows(number)]
            assert ids == list(outcome.result.example_ids)
            assert files.intact(number) == ["tfds", "parquet"]
        if not stopped:
            break
        stops += 1
    assert stops >= 12, "three shards of two files and an entry each, and the manifest"


def test_a_stop_between_any_two_steps_of_a_copy_leaves_what_was_intact(outcomes, tmp_path):
    plan, made = outcomes
    for last in range(1, 100):
        (tmp_path / str(last)).mkdir()
        files = opened(tmp_path / str(last), plan)
        files.write(0, made[0])
        wanted = {path: path.read_bytes() for path in files.places(0)}
        flip(files.path(0, "parquet"))
        patched, counted = pytest.MonkeyPatch(), iter(range(1, 1000))

        def stopping(function, counted=counted, last=last):
            def wrapper(*arguments, **options):
                if next(counted) == last:
                    raise Stopped
                return function(*arguments, **options)

            return wrapper

        for name in ("replace", "rename", "fsync"):
            patched.setattr(os, name, stopping(getattr(os, name)))
        stopped = False
        try:
            files.copy(0)
        except Stopped:
            stopped = True
        finally:
            patched.undo()
        files = opened(tmp_path / str(last), plan)
        assert "tfds" in files.intact(0)
        if files.damages(0):
            files.copy(0)
        assert {path: path.read_bytes() for path in files.places(0)} == wanted
        if not stopped:
            break
    assert last >= 5, "a file and an entry, each flushed and renamed"


@pytest.mark.parametrize("damaged", ["tfds", "parquet"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_shard_that_is_intact_in_one_format_is_copied_byte_for_byte(outcomes, tmp_path, damaged, dtype):
    plan, made = outcomes
    files = opened(tmp_path, plan, dtype)
    files.write(0, made[0])
    wanted = {path: path.read_bytes() for path in files.places(0)}
    flip(files.path(0, damaged))
    assert files.damages(0) == {files.path(0, damaged).name: "the file has another checksum"}
    files.copy(0)
    assert {path: path.read_bytes() for path in files.places(0)} == wanted
    assert files.damages(0) == files.contradictions(0) == {}


def test_a_format_that_is_new_is_lacking_until_it_is_copied_and_then_stays(outcomes, tmp_path):
    plan, made = outcomes
    opened(tmp_path, plan, formats=("tfds",)).write(0, made[0])
    files = opened(tmp_path, plan, formats=("parquet",)).with_earlier_formats()
    assert files.formats == ("tfds", "parquet")
    assert files.lacking(0) == [files.path(0, "parquet").name]
    assert files.damages(0) == {}
    files.copy(0)
    assert files.lacking(0) == []
    assert opened(tmp_path, plan, formats=("tfds",)).with_earlier_formats().formats == ("tfds", "parquet")
    listed = json.loads((tmp_path / "shards" / "00000.json").read_text())["files"]
    assert list(listed) == [f"{path.parent.name}/{path.name}" for path in files.places(0)[:2]]


def test_an_entry_of_a_time_with_one_format_counts(outcomes, tmp_path):
    plan, made = outcomes
    files = opened(tmp_path, plan, formats=("tfds",))
    files.write(0, made[0])
    entry = tmp_path / "shards" / "00000.json"
    content = read_sealed(entry)
    ((name, facts),) = content.pop("files").items()
    write_sealed(entry, {**content, "file": name.rpartition("/")[2], **facts})
    assert files.damages(0) == {}
    assert files.with_earlier_formats().formats == ("tfds",)
    flip(files.path(0))
    assert files.damages(0) == {files.path(0).name: "the file has another checksum"}


def test_examples_that_contradict_those_of_the_other_format_are_found(outcomes, tmp_path):
    plan, made = outcomes
    files = opened(tmp_path, plan)
    files.write(0, made[0])
    other = dataclasses.replace(made[0].result, success=~made[0].result.success)
    files.path(0, "parquet").unlink()
    FORMATS["parquet"].write_shard(files.path(0, "parquet"), files.schema, rows_of(other, "uint8"))
    reason = f"its examples are not those of {files.path(0).name}; delete the file"
    assert files.contradictions(0) == {files.path(0, "parquet").name: reason}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_shard_has_all_that_the_attack_returned(outcomes, tmp_path, dtype, form):
    plan, made = outcomes
    files = opened(tmp_path, plan, dtype, (form,))
    files.write(1, made[1])
    found, wanted = files.result(1), made[1].result
    for field in dataclasses.fields(wanted):
        ours, theirs = getattr(found, field.name), getattr(wanted, field.name)
        if isinstance(theirs, np.ndarray):
            assert ours.dtype == theirs.dtype or theirs.dtype.kind == "U", field.name
            np.testing.assert_array_equal(ours, theirs, err_msg=field.name)
        else:
            assert ours == json.loads(json.dumps(theirs)) if field.name == "attack" else ours == theirs, field.name
    (measures,) = files.measures()
    np.testing.assert_allclose(measures["l2"], sa.metrics.l2(wanted.delta))
    assert {"float_success", "float_l0", "float_l2"} <= set(measures)


def test_a_weight_that_is_no_number_comes_back_as_such(outcomes, tmp_path):
    plan, made = outcomes
    weights = np.where(np.arange(4) == 1, np.nan, made[0].result.c).astype(np.float32)
    files = opened(tmp_path, plan)
    files.write(0, made[0]._replace(result=dataclasses.replace(made[0].result, c=weights)))
    np.testing.assert_array_equal(files.result(0).c, weights)


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_shard_has_the_same_bytes_in_every_process(outcomes, tmp_path, form):
    """The order of protobuf's map depends on the process."""
    plan, made = outcomes
    opened(tmp_path, plan).write(0, made[0])
    code = """
import sys
from pathlib import Path
import numpy as np
from eval.runs.formats import FORMATS
from eval.runs.rows import Schema
schema, form = Schema((28, 28, 1), "uint8"), FORMATS[sys.argv[3]]
form.write_shard(Path(sys.argv[2]), schema, list(form.read_shard(Path(sys.argv[1]), schema)))
"""
    path = opened(tmp_path, plan).path(0, form)
    for turn in range(3 if form == "tfds" else 1):
        status, _, err = run_code(code, path, tmp_path / str(turn), form)
        assert status == 0, err
        assert (tmp_path / str(turn)).read_bytes() == path.read_bytes()


def test_what_is_not_its_own_is_damaged(outcomes, tmp_path):
    """A shard counts in its own place, plan and configuration only."""
    plan, made = outcomes
    other = dataclasses.replace(plan, configuration="of another run")
    for name, owner in (("ours", plan), ("others", other)):
        (tmp_path / name).mkdir()
        files = opened(tmp_path / name, owner)
        for number, outcome in enumerate(made):
            files.write(number, outcome)
    files = opened(tmp_path / "ours", plan)
    assert [files.damages(number) for number in range(3)] == [{}] * 3
    entries = [tmp_path / "ours" / "shards" / f"{number:05d}.json" for number in range(3)]

    def becomes(reason, change):
        kept = {path: path.read_bytes() for path in (tmp_path / "ours").rglob("*") if path.is_file()}
        change()
        assert files.damages(0) == {files.path(0).name: reason}
        for path, content in kept.items():
            if path.is_dir():
                path.rmdir()
            path.unlink(missing_ok=True)
            path.write_bytes(content)
        assert files.damages(0) == {}

    def swap(one, other):
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)

    def swap_both():
        swap(files.path(0), files.path(1))
        swap(entries[0], entries[1])

    foreign = tmp_path / "others" / "shards" / "00000.json"
    size = files.path(0).stat().st_size
    becomes(f"its entry 00000.json belongs to {files.path(1).name}", swap_both)
    becomes(
        "its entry 00000.json belongs to another plan or configuration",
        lambda: shutil.copy(foreign, entries[0]),
    )
    becomes("its entry 00000.json cannot be read", lambda: flip(entries[0]))
    becomes("its entry 00000.json cannot be read", lambda: entries[0].write_text("[]"))
    becomes("the file has another checksum", lambda: flip(files.path(0)))
    becomes(
        f"the file has 10 bytes instead of {size}", lambda: files.path(0).write_bytes(files.path(0).read_bytes()[:10])
    )
    becomes("the file is missing", lambda: files.path(0).unlink())

    def replace_by_a_folder():
        files.path(0).unlink()
        files.path(0).mkdir()

    becomes("it is not a file", replace_by_a_folder)


def test_a_full_disk_leaves_nothing_of_the_shard(outcomes, tmp_path, monkeypatch):
    plan, made = outcomes
    files = opened(tmp_path, plan)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        files.write(0, made[0])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
