"""Reads finished runs, for the programs that compare or explain them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tf_strattack import AttackResult, InputError
from tf_strattack.programs.directories.marker import config_damage, read_claim
from tf_strattack.programs.directories.sealed import digest_of

from .finish import METRICS
from .manifest import MANIFEST, PLAN, damages, read_manifest
from .plan import load_plan
from .store import Store


def results_in(directory: Path) -> Iterator[AttackResult]:
    """The results of the run in `directory`, shard by shard.

    Raises:
      InputError: no run there, or its plan cannot be read.
    """
    return store_in(directory).results()


def metrics_in(directory: Path) -> dict[str, Any]:
    """The content of metrics.json of a finished run."""
    found: dict[str, Any] = json.loads((directory / METRICS).read_text(encoding="utf-8"))
    return found


def whole_run(directory: Path) -> str | None:
    """A hash of the whole run in `directory`; None if it is unfinished or damaged."""
    claim = read_claim(directory)
    if claim is None or config_damage(directory, claim):
        return None
    try:
        store = store_in(directory)
    except InputError:
        return None
    manifest = read_manifest(store)
    every = range(store.plan.num_shards)
    if manifest is None or any(damages(store)) or any(map(store.lacking, every)) or any(map(store.damages, every)):
        return None
    return digest_of(manifest)


def store_in(directory: Path) -> Store:
    """The shards of the run in `directory`.

    Raises:
      InputError: no run there, or its plan cannot be read.
    """
    claim = read_claim(directory)
    if claim is None:
        raise InputError(f"expected a run in {directory}, received none: there is no {MANIFEST}")
    return Store(directory, load_plan(directory / PLAN), claim.configuration, formats=()).with_earlier_formats()
