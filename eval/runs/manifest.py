"""manifest.json: the contents of a run, and the checksum of every file."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tf_strattack.programs.directories.sealed import read_sealed, write_sealed
from tf_strattack.runtime.files import sha256_of

from .plan import plan_damage
from .store import Store

MANIFEST, PLAN = "manifest.json", "plan.npz"
# The parts of an entry that the manifest repeats; the entry also has the measures of the examples.
_LISTED = ("shard", "files", "num_examples", "versions")


def write_manifest(store: Store, facts: dict[str, Any] | None = None, files: Iterable[str] = ()) -> None:
    """Writes the manifest: configuration, plan, and the shards finished so far with their checksums.

    Args:
      store: the shards.
      facts: facts about the finished run, as in metrics.json; None while shards are missing.
      files: the files made from the shards, as paths within the directory.
    """
    plan = store.plan
    manifest = {
        "configuration": json.loads(json.dumps(store.configuration)),
        "num_images": len(plan.positions),
        "skipped_misclassified": plan.skipped,
        "num_examples": plan.num_examples,
        "shard_size": plan.shard_size,
        "num_shards": plan.num_shards,
        "plan": plan.digest,
        "complete": facts is not None,
        "facts": facts,
        "files": {name: sha256_of(store.directory / name) for name in files},
        "shards": [{name: entry[name] for name in _LISTED} for entry in store.entries()],
    }
    write_sealed(store.directory / MANIFEST, manifest, writer=store.writer)


def read_manifest(store: Store) -> dict[str, Any] | None:
    """The manifest of a finished run; None if there is none, or if it is damaged or belongs to another run."""
    found = read_sealed(store.directory / MANIFEST)
    return found if found is not None and found["complete"] and found["plan"] == store.plan.digest else None


def manifest_damage(store: Store) -> str | None:
    """What is wrong with the manifest, in words; None if it is fine, even if the run is unfinished."""
    path = store.directory / MANIFEST
    if not os.path.lexists(path):
        return "it is missing"
    found = read_sealed(path)
    if found is None:
        return "it cannot be read"
    return None if found["plan"] == store.plan.digest else "it belongs to another run"


def file_damage(path: Path, checksum: str) -> str | None:
    """What is wrong with a file, in words; None if it has the checksum."""
    if not os.path.lexists(path):
        return "it is missing"
    if not stat.S_ISREG(path.lstat().st_mode):
        return "it is not a file"
    return None if sha256_of(path) == checksum else "its content has changed"


def damages(store: Store) -> Iterator[tuple[str, str]]:
    """The damages of a finished run, except in its shards: names and reasons."""
    if reason := plan_damage(store.directory / PLAN, store.plan.configuration):
        yield PLAN, reason
    manifest = read_manifest(store)
    if manifest is None:
        yield MANIFEST, manifest_damage(store) or "the run is unfinished"
        return
    for name, checksum in manifest["files"].items():
        if reason := file_damage(store.directory / name, checksum):
            yield name, reason
