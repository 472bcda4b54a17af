"""Directories of runs in tests: claimed, filled by others, compared file by file and example by example."""

from __future__ import annotations

import json
import os
import shutil
from types import SimpleNamespace

import numpy as np
import tensorflow_datasets as tfds

from eval.runs.reading import results_in
from eval.runs.store import Store
from tf_strattack.programs.directories.configuration import claim


def take(directory, configuration, overwrite=False, program="eval.attack"):
    return claim(directory, configuration, program=program, flag="--output_dir", overwrite=overwrite)


# A directory that no program here has made, by the files in it.
OTHERS = {
    "text": {"thesis.txt": "precious"},
    "hugging_face": {"config.json": '{"architectures": ["BertModel"]}', "model.safetensors": "weights"},
    "project": {"config.json": '{"project": "mine"}', "src/a.py": "print()", "parts/00000.npz": "mine"},
    "version_0.2.0": {"config.json": '{"attack": "strattack", "seed": 0}', "parts/00000.npz": "work", "lock": ""},
    "another_mark": {"config.json": '{"made_by": "someone eval.attack", "a": 1}', "metrics.json": "{}"},
    "unknown_program": {"config.json": '{"made_by": "tf_strattack eval.unheard_of", "a": 1}', "metrics.json": "{}"},
    "mark_of_another_type": {"config.json": '{"made_by": ["tf_strattack eval.attack"]}', "metrics.json": "{}"},
    "list": {"config.json": "[1]", "metrics.json": "{}"},
    "cut_off": {"config.json": '{"made_by": "tf_strattack eval.attack", "a', "metrics.json": "{}"},
    "empty_config": {"config.json": "", "metrics.json": "{}"},
    "config_alone": {"config.json": '{"a": 1}'},
    "config_folder": {"config.json/a": "mine"},
    "mark_that_has_moved": {"config.json.old": '{"made_by": "tf_strattack eval.attack", "a": 1}'},
    "begins_as_a_lock": {"locksmiths.txt": "mine"},
    "lock_with_content": {"lock": "mine"},
    "partial_of_others": {"config.json.partial": '{"a": 1}'},
    "hidden": {".git/HEAD": "ref"},
}


def contents(directory):
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def check_all_is_known(directory, program, copy):
    """Overwriting a copy of `directory` removes everything that `program` wrote into it."""
    shutil.copytree(directory, copy)
    claim(copy, {"another": 1}, program=program, flag="-", overwrite=True)()
    assert [name for name in sorted(os.listdir(copy)) if not name.startswith("lock")] == ["config.json"]


def shards(directory):
    """The files of the shards of a run, as TFDS stores them."""
    return sorted((directory / "dataset").glob("*tfrecord*"))


def parquet_shards(directory):
    """The same as Parquet files; none of a run without them."""
    return sorted((directory / "parquet").glob("train-*.parquet"))


def opened(directory, plan, dtype="uint8", formats=("tfds", "parquet")):
    """The store of a run of a plan, in which shards can be written."""
    result = Store(directory, plan, {"image_dtype": dtype, "bounds": [0.0, 1.0]}, formats=formats)
    result.open()
    return result


def flip(path):
    """Damages a file by one bit."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def copy_of(whole, tmp_path):
    """A copy of a generation, and the arguments with which it is resumed."""
    directory, arguments, _ = whole
    shutil.copytree(directory / "out", tmp_path / "out")
    return tmp_path / "out", [*arguments[:-2], f"--output_dir={tmp_path / 'out'}"]


def results(directory):
    """The results of a run, shard by shard."""
    return list(results_in(directory))


def study_of(directory, facts, rows, claims=None):
    """A study as tables see it."""
    return SimpleNamespace(directory=directory, facts=facts, rows=lambda: rows, claims=lambda: claims or {})


def lay(directory, files):
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(content)


def examples(directory):
    """The data set as TFDS reads it, by example id."""
    builder = tfds.builder_from_directory(str(directory / "dataset"))
    rows = list(tfds.as_numpy(builder.as_dataset(split="train")))
    by_id = {row["example_id"].decode(): row for row in rows}
    assert len(by_id) == len(rows) == builder.info.splits["train"].num_examples
    return by_id


def check_equal(ours, theirs):
    """Fails unless two runs have the same examples, and the same Parquet files byte for byte."""
    files = [{path.name: path.read_bytes() for path in parquet_shards(directory)} for directory in (ours, theirs)]
    assert files[0] == files[1]
    ours, theirs = examples(ours), examples(theirs)
    assert ours.keys() == theirs.keys()
    for name, row in ours.items():
        for feature, value in row.items():
            np.testing.assert_array_equal(value, theirs[name][feature], err_msg=f"{name} {feature}")


def check_same_runs(ours, theirs):
    """Fails unless two runs have the same shards, byte for byte, and the same figures but for times."""
    assert [path.name for path in shards(ours)] == [path.name for path in shards(theirs)] != []
    for form in (shards, parquet_shards):
        for one, other in zip(form(ours), form(theirs), strict=True):
            assert one.read_bytes() == other.read_bytes(), one.name
    figures = [json.loads((directory / "metrics.json").read_text()) for directory in (ours, theirs)]
    for metrics in figures:
        for name in ("seconds_per_example", "finished_at", "command"):
            metrics.pop(name)
    assert figures[0] == figures[1]
