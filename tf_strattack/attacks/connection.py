"""Fewer clusters of changes: groups next to changed ones become cheaper, others more expensive (as GSE does)."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import tensorflow as tf

from tf_strattack.errors import InputError
from tf_strattack.problem.distortions import CHANGED
from tf_strattack.problem.groups import Groups
from tf_strattack.problem.objective import Objective
from tf_strattack.problem.work import Work
from tf_strattack.solvers.base import Originals, Solver
from tf_strattack.solvers.best import Best, Solution
from tf_strattack.solvers.minimise import minimise
from tf_strattack.typing import Pixels

# Rounds of new weights, each with this share of the solver's iterations.
_ROUNDS, _SHARE = 2, 0.36
# The weight of a group among changed ones, and that of a group far from any.
_AMONG, _FAR = 0.5, 4.0
# The standard deviation of the blur, in sides of a group, and how many of them its kernel reaches.
_BLUR, _REACH = 0.5, 3.0


def check_connected(solver: Solver[Any, Any], tau: float) -> None:
    """Refuses cases that `connect` cannot improve: a problem without groups, a solver that gains nothing from a start.

    Raises:
      InputError: such a weight of the groups, or such a solver.
    """
    if tau == 0.0:
        raise InputError("expected connected with tau above 0, whose weight it changes, received tau=0")
    if not solver.begins_convex:
        raise InputError(f"expected connected with solver=prox_linear, received {type(solver).__name__}")


def connect(
    solver: Solver[Any, Any], objective: Objective, work: Work, originals: Originals, solution: Solution
) -> None:
    """Replaces perturbations of `solution` by others with fewer clusters, if these succeed.

    In each round the groups are weighted by `connecting_weights`, and the weighted problem is minimised from the
    present perturbations, which are kept unless a better one succeeds.
    """
    if objective.groups is None:
        return
    for shorter in connecting(solver):
        found = np.flatnonzero(solution.found)
        if not len(found) or work.tracker.interrupted:
            return
        some, known = work.some(found), work.select(found, originals)
        start = some.padded(solution.delta[found])
        weights = connecting_weights(objective.groups.at(some.batch.regions), start)
        some = dataclasses.replace(some, batch=some.batch._replace(weights=weights))
        cost = objective.at(objective.numbers(), some.batch).cost(start)
        again = minimise(shorter, objective, some, known, start=start, known=Best.of(start, cost))
        solution.put(found, again._replace(origin=solution.origin[found]))


def connecting(solver: Solver[Any, Any]) -> list[Solver[Any, Any]]:
    """The solvers of the rounds: the attack's, with fewer iterations."""
    whole: Any = solver  # a dataclass, which the type of solvers does not say
    return [dataclasses.replace(whole, max_iterations=math.ceil(_SHARE * whole.max_iterations))] * _ROUNDS


def connecting_weights(groups: Groups, delta: Pixels) -> tf.Tensor:
    """The weights (N, P, Q) of groups: 0.5 among the changed pixels of `delta` (N, H, W, C), 4 far from any.

    The changed pixels, blurred over half the side of a group and averaged over each group, say how near a group is, b,
    and the weight is 0.5 + 3.5 (1 - b)^2. GSE (arXiv 2311.17434) weights pixels in this spirit.
    """
    changed = tf.cast(tf.reduce_any(tf.abs(delta) > CHANGED, axis=3, keepdims=True), delta.dtype)
    near = groups.total(_blurred(changed, _BLUR * groups.side))
    near = tf.math.divide_no_nan(near, groups.total(tf.ones_like(changed)))
    return _AMONG + (_FAR - _AMONG) * tf.square(1.0 - near)


def _blurred(pixels: Pixels, deviation: float) -> Pixels:
    """Pixels (N, H, W, 1) under a Gaussian kernel of norm 1, with 0 around the image."""
    reach = math.ceil(_REACH * deviation)
    kernel = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / deviation)).astype(np.float32)
    kernel /= kernel.sum()
    columns = tf.nn.conv2d(pixels, kernel[:, None, None, None], 1, "SAME")
    return tf.nn.conv2d(columns, kernel[None, :, None, None], 1, "SAME")
