"""Verification of a run: checksums, and whether every example still fools the network as recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from tf_strattack import AttackResult, InputError
from tf_strattack.programs.streams import printable

from ..tables.measures import numbered
from .manifest import read_manifest
from .store import Store

# Names of files, and their damages in words.
Damages = Iterable[tuple[str, str]]
# Finds damages of files that were exported from the shards; takes these, and the facts in the manifest.
Exported = Callable[[Store, Mapping[str, Any]], Damages]
Fooled = Callable[[AttackResult], npt.NDArray[np.bool_]]


def verify(
    store: Store,
    fooled: Fooled,
    others: Damages,
    exported: Exported,
) -> str:
    """Checks every shard of a finished run; returns a line about the result.

    Args:
      store: the shards.
      fooled: whether (N,) the examples of a shard fool the network, tested again.
      others: damages of files other than shards.
      exported: finds damages of exported files. It is called if the shards are intact.

    Raises:
      InputError: a missing or damaged file, or an example whose classification contradicts its `success`. All of them
        are printed first.
    """
    wrong = [report(*damage) for damage in others]
    fine = not wrong
    examples = successes = 0
    for number in tqdm(range(store.plan.num_shards), unit="shard", desc="verified"):
        reasons = {**dict.fromkeys(store.lacking(number), "it is missing"), **store.damages(number)}
        if not reasons:
            result = store.result(number)
            other = fooled(result) != result.success
            examples, successes = examples + len(result), successes + int(result.success.sum())
            if other.any():
                reasons[store.path(number).name] = (
                    f"{other.sum()} of {len(result)} examples are classified differently: {_first(result, other)}; "
                    "delete the file"
                )
            else:
                reasons = store.contradictions(number)
        wrong += [report(*damage) for damage in reasons.items()]
    if fine and not wrong:
        wrong = [report(*damage) for damage in exported(store, (read_manifest(store) or {})["facts"])]
    if wrong:
        raise InputError(
            f"expected {store.plan.num_shards} intact shards and the files made from them, received {len(wrong)} "
            "damaged or missing files, listed above: run the command without --verify to make them again"
        )
    number, shards = numbered(examples, "example"), numbered(store.plan.num_shards, "shard")
    return f"all checksums match; {number} in {shards}, of which {successes} fool the network, as recorded"


def report(name: str, reason: str) -> str:
    """Prints what is wrong with a file; returns its name."""
    tqdm.write(printable(f"{name}: {reason}"))
    return name


def _first(result: AttackResult, chosen: npt.NDArray[np.bool_]) -> str:
    ids: Any = result.example_ids
    return str(ids[int(chosen.argmax())]) + (", ..." if chosen.sum() > 1 else "")
