"""Faults of files: the possible damages of each file, and the expected outcomes."""

from __future__ import annotations

import shutil

from tests.programs import server_of

QUICK = ["--attack=fgm_l2", "--num_images=3", "--targets=random:2"]
# Programs whose runs are damaged: their arguments, and another configuration.
RUNS = {
    "eval.attack": [*QUICK, "--batch_size=3"],
    "eval.imagenet": [*QUICK, "--model=mnist_cnn", "--dataset=sample", "--groups=squares:2"],
    "eval.generate": [*QUICK, "--shard_size=3", "--quantize=uint8", "--format=tfds,parquet"],
    "eval.table1": ["--attacks=fgm_l2,fgm_l1", "--num_images=3", "--targets=random", "--taus=2"],
    "eval.interpretability": ["--attacks=fgm_l2,fgm_l1", "--num_images=4", "--percentiles=50"],
}
STUDIES = ("eval.table1", "eval.interpretability")
OTHER = "--seed=5"


def flip(path, _):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path, _):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path, _):
    path.write_bytes(b"")


def delete(path, _):
    path.unlink()


def replace_by_folder(path, _):
    path.unlink()
    path.mkdir()


def replace_by_link(path, _):
    elsewhere = path.parent.parent / f"moved_{path.name}"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def replace_by_others(path, other):
    shutil.copy(other, path)


FAULTS = (flip, truncate, empty, delete, replace_by_folder, replace_by_link, replace_by_others)
# What is nobody's to remove: it is named, and once it has been moved, the run is repaired.
IN_THE_WAY = (replace_by_folder, replace_by_link)


def run(program, directory, *more):
    """The exit status of a program with its arguments, and all that it printed."""
    status, out, err = server_of(program).run(*RUNS[program], *more, f"--output_dir={directory}")
    return status, out + err


def files_of(directory):
    """The files of a run that a fault can hit, within the directory; locks hold nothing, runs of studies are runs."""
    found = [path.relative_to(directory).as_posix() for path in sorted(directory.rglob("*")) if path.is_file()]
    return [name for name in found if not name.startswith(("lock.", "attacks/"))]


def contents(directory):
    """The content of each file, but for locks."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.startswith("lock")
    }
