"""Every attack by its evaluations, in the measures of structured attacks, against the best known results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf_strattack import Attack

from ..nets import Net
from .entries import Entries, better
from .envelope import improve
from .examples import MEASURES, Examples
from .kept import Kept
from .optimality import optimality
from .series import Series, attacked, returned_by_peers

COLUMNS = (
    "net",
    "attack",
    "gradient_evaluations_per_example",
    "num_examples",
    "asr",
    *(f"median_{name}" for name in MEASURES),
    *(f"optimality_{name}" for name in MEASURES),
)


def measure_structured(
    nets: Sequence[Net],
    attacks: Mapping[str, Attack],
    evaluations: Sequence[int],
    number: int,
    envelope: Path | None,
    kept: Kept,
) -> list[dict[str, Any]]:
    """Attacks the first `number` examples of every net with each number of gradient evaluations, a row for each.

    An attack whose evaluations cannot be set has a single row, as has each other program whose images a net comes
    with. Groups are those of StrAttack by default. Medians are over all examples, failures being infinitely large; None
    where most fail. `envelope` is a file of best known results, which is improved; None to compare the rows with each
    other alone. What a run that was stopped has `kept` is not made again.
    """
    rows = []
    for net in nets:
        examples = Examples(net)
        series = [*attacked(net, attacks, evaluations, number, kept), *returned_by_peers(net, number)]
        found: Entries = {}
        for one in series:
            found = better(found, examples.entries(one))
        best = found if envelope is None else improve(envelope, examples.keys(number), found, examples.held)
        rows += [_row(net, examples, one, best) for one in series]
    return rows


def _row(net: Net, examples: Examples, series: Series, best: Entries) -> dict[str, Any]:
    measured = examples.measure(series.places, series.adversarial)
    needed = {name: np.where(series.success, values, np.inf) for name, values in measured.items()}
    medians = {name: float(np.median(values)) for name, values in needed.items()}
    row: dict[str, Any] = {
        "net": net.name,
        "attack": series.name,
        "budget": series.budget,
        "hyper_parameters": series.hyper_parameters,
        "gradient_evaluations_per_example": series.evaluations,
        "num_examples": len(series.places),
        "asr": float(series.success.mean()),
        **{f"median_{name}": median if np.isfinite(median) else None for name, median in medians.items()},
    }
    for name in MEASURES:
        least, known = examples.best(best, series.places, name)
        row[f"optimality_{name}"] = optimality(needed[name][known], least)
    return row
