"""Choice of examples of several runs to show side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tf_strattack import AttackResult

from ...runs.reading import results_in
from ...runs.records import require_same_examples
from ..study import Row

_NUMBER = 5


def shards_of(rows: Sequence[Row]) -> Iterator[dict[str, AttackResult]]:
    """The shards of runs on the same examples, by row, one shard at a time."""
    for shard in zip(*(results_in(row.run) for row in rows), strict=True):
        require_same_examples(shard)
        yield {row.name: result for row, result in zip(rows, shard, strict=True)}


def choose(
    rows: Iterable[Row], places: npt.NDArray[Any] | None = None, *, seed: int, number: int = _NUMBER
) -> dict[str, AttackResult]:
    """Draws `number` examples among `places` (None for all) and reads them from each run, by row."""
    rows = list(rows)
    if places is None:
        places = np.arange(sum(map(len, results_in(rows[0].run))))
    drawn = np.sort(np.random.default_rng(seed).choice(places, min(number, len(places)), replace=False))
    found: dict[str, list[AttackResult]] = {row.name: [] for row in rows}
    start = 0
    for shard in shards_of(rows):
        stop = start + len(next(iter(shard.values())))
        here = drawn[(drawn >= start) & (drawn < stop)] - start
        for name, result in shard.items() if len(here) else ():
            found[name].append(result[here])
        start = stop
    return {name: AttackResult.concatenate(parts) for name, parts in found.items()}
