"""How near an attack comes to the best known results."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating]


def optimality(measured: Values, best: Values) -> float | None:
    """The optimality of an attack on one network, in the manner of AttackBench (arXiv 2404.19460).

    The share of examples that withstand an attack, as a function of the change allowed, encloses an area up to the
    change at which nothing withstands the best known results. Optimality is 1 where the attack encloses the area of
    the best known results, and 0 where it finds nothing.

    Args:
      measured: (N,) what the attack needs for each example, such as the number of changed groups; infinity for a
        failure.
      best: (N,) the least known, at most `measured`, all finite.

    Returns:
      A number from 0 to 1; None without examples, and if all of `best` are the same, as the areas are equal then.
    """
    if not len(best):
        return None
    most = best.max()
    gaps = most - best  # subtracted before the mean, which rounds: where nothing is found, the result is 0 exactly
    if not gaps.any():
        return None
    return float((most - np.minimum(measured, most)).mean() / gaps.mean())
