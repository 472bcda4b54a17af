"""How far the ratios of the table would vary with other images: bootstrap intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tf_strattack import AttackResult, metrics

from ...inputs.examples import image_ids
from ...runs.records import require_same_examples

_RESAMPLES, _LEVEL = 1000, 0.95
NOTE = (
    f"In brackets: {_LEVEL:.0%} percentile intervals of {_RESAMPLES} bootstrap resamples, which draw the images with "
    "replacement, the same ones for both attacks."
)


def ratio_intervals(
    results: Iterable[AttackResult], baseline: Iterable[AttackResult], *, seed: int
) -> dict[str, list[float] | None]:
    """The interval of each mean distance of `results`, divided by that of `baseline`, in the average case.

    Args:
      results, baseline: the shards of two runs on the same examples.
      seed: the seed of the average case, as in metrics.json, and of the resamples.

    Returns:
      measure → [low, high]; None with a single image, or if a resample has no success of both attacks.

    Raises:
      ValueError: the runs have different examples.
    """
    values, theirs, ids = [], [], []
    for one, other in zip(results, baseline, strict=True):
        require_same_examples([one, other])
        values.append(_distances(one))
        theirs.append(_distances(other))
        ids.append(image_ids(one))
    drawn = metrics.one_target_each(np.concatenate(ids), seed=seed)
    chosen = np.random.default_rng(seed).integers(len(drawn), size=(_RESAMPLES, len(drawn)))
    found = {}
    for name in metrics.DISTANCES:
        pair = [np.concatenate([part[name] for part in parts])[drawn] for parts in (values, theirs)]
        found[name] = _interval(pair[0], pair[1], chosen)
    return found


def _distances(result: AttackResult) -> Mapping[str, npt.NDArray[np.float64]]:
    """Each distance (N,), NaN for failures."""
    return {name: np.where(result.success, of(result.delta), np.nan) for name, of in metrics.DISTANCES.items()}


def _interval(
    values: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64], chosen: npt.NDArray[Any]
) -> list[float] | None:
    ours, base = (_means(part[chosen]) for part in (values, theirs))
    if len(values) < 2 or np.isnan(ours).any() or not (base > 0.0).all():
        return None
    low, high = np.quantile(ours / base, [0.5 - 0.5 * _LEVEL, 0.5 + 0.5 * _LEVEL])
    return [float(low), float(high)]


def _means(resamples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mean over the successes in each resample; NaN without any."""
    number = (~np.isnan(resamples)).sum(axis=1)
    return np.where(number, np.nansum(resamples, axis=1) / np.maximum(number, 1), np.nan)
