"""Reads a run again: checksums, and whether every example still does what it is said to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from tf_strattack import AttackResult, Classifier, InputError
from tf_strattack.programs.streams import printable

from ..tables.measures import numbered
from .store import Store

# Names of files, and what is wrong with them.
Damages = Iterable[tuple[str, str]]


def verify(
    store: Store,
    classifier: Classifier,
    confidence: float,
    others: Damages,
    exported: Callable[[Store], Damages],
) -> str:
    """Checks every shard of a finished run; returns what was found, in a line.

    Args:
      store: its shards.
      classifier, confidence: what examples of `success` fool, and by how much.
      others: what is wrong with the files beside the shards.
      exported: finds what is wrong with files that were made of the shards elsewhere. Called if shards are fine.

    Raises:
      InputError: a file that is missing or damaged, or an example that the network classifies otherwise than its
        `success` says; after every one has been printed.
    """
    wrong = [report(*damage) for damage in others]
    fine = not wrong
    examples = successes = 0
    for number in tqdm(range(store.plan.num_shards), unit="shard", desc="verified"):
        reason = store.damage(number) or ("it is missing" if store.missing(number) else None)
        if reason is None:
            result = store.result(number)
            other = _fooled(classifier, result, confidence) != result.success
            examples, successes = examples + len(result), successes + int(result.success.sum())
            if other.any():
                reason = (
                    f"{other.sum()} of {len(result)} examples are classified otherwise: {_first(result, other)}; "
                    "delete it"
                )
        if reason:
            wrong.append(report(store.path(number).name, reason))
    if fine and not wrong:
        wrong = [report(*damage) for damage in exported(store)]
    if wrong:
        raise InputError(
            f"expected {store.plan.num_shards} shards and what was made of them as they were written, "
            f"received {len(wrong)} damaged or missing, listed above: the command without --verify makes the damaged "
            "ones again"
        )
    number, shards = numbered(examples, "example"), numbered(store.plan.num_shards, "shard")
    return f"every file has its checksum; {number} in {shards}, of which {successes} fool the network, as recorded"


def report(name: str, reason: str) -> str:
    """Prints what is wrong with a file; returns its name."""
    tqdm.write(printable(f"{name}: {reason}"))
    return name


def _fooled(classifier: Classifier, result: AttackResult, confidence: float) -> npt.NDArray[np.bool_]:
    return classifier.fooled_by(result.adversarial, result.labels, result.targets, confidence=confidence)


def _first(result: AttackResult, chosen: npt.NDArray[np.bool_]) -> str:
    ids: Any = result.example_ids
    return str(ids[int(chosen.argmax())]) + (", ..." if chosen.sum() > 1 else "")
