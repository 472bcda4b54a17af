"""The entry of a shard: what is recorded about its examples in addition to their rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tf_strattack import AttackResult
from tf_strattack.images import from_uint8
from tf_strattack.programs.directories.sealed import read_sealed
from tf_strattack.versions import versions

from .rows import UNTARGETED, Row
from .work import Outcome

# JSON values. "files" maps each file of the shard, as a path within the directory, to its "sha256" and "bytes".
Entry = dict[str, Any]


def entry_of(number: int, plan: str, outcome: Outcome) -> Entry:
    """The entry of a shard that has no files yet.

    Args:
      number: of the shard.
      plan: the hash of the plan, which covers the configuration.
      outcome: the examples and their measures.
    """
    result = outcome.result
    return {
        "shard": number,
        "files": {},
        "plan": plan,
        "num_examples": len(result),
        "versions": versions(),
        "attack": result.attack,
        "calls": [[*key, calls] for key, calls in result.calls.items()],
        "measures": {name: values.tolist() for name, values in outcome.measures.items()},
        # JSON has no NaN.
        "c": [float(c) if np.isfinite(c) else None for c in result.c],
        "clean_correct": result.clean_correct.tolist(),
        "origin": None if result.origin is None else result.origin.tolist(),
    }


def read_entry(path: Path) -> Entry | None:
    """The entry in a file; None if there is none, or if it has been altered."""
    entry = read_sealed(path)
    if entry is not None and "file" in entry:  # written when there was one format
        facts = {name: entry.pop(name) for name in ("sha256", "bytes")}
        entry["files"] = {f"dataset/{entry.pop('file')}": facts}
    return entry


def result_of(rows: Sequence[Row], entry: Entry, bounds: tuple[float, float]) -> AttackResult:
    """The result of a finished shard, as the attack returned it.

    Args:
      rows, entry: of the shard.
      bounds: of pixels.
    """
    measures, targets = entry["measures"], _column(rows, "target", np.int32)
    return AttackResult(
        images=_images(rows, "original", bounds),
        adversarial=_images(rows, "image", bounds),
        success=_column(rows, "success", np.bool_),
        labels=_column(rows, "label", np.int32),
        targets=None if (targets == UNTARGETED).all() else targets,
        clean_correct=np.array(entry["clean_correct"], np.bool_),
        c=np.array(entry["c"], np.float32),
        gradient_evaluations=np.array(measures["gradient"], np.int32),
        forward_evaluations=np.array(measures["forward"], np.int32),
        seconds=np.array(measures["seconds"], np.float32),
        bounds=bounds,
        attack=entry["attack"],
        calls={(kind, size): calls for kind, size, calls in entry["calls"]},
        example_ids=np.array([row["example_id"] for row in rows]),
        origin=None if entry.get("origin") is None else np.array(entry["origin"]),
    )


def _images(rows: Sequence[Row], feature: str, bounds: tuple[float, float]) -> npt.NDArray[np.float32]:
    images = np.stack([row[feature] for row in rows])
    return from_uint8(images, bounds) if images.dtype == np.uint8 else images


def _column(rows: Sequence[Row], feature: str, dtype: Any) -> npt.NDArray[Any]:
    return np.array([row[feature] for row in rows], dtype)
