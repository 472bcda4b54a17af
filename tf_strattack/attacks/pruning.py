"""Fewer changed entries, or fewer changed groups, as far as an example still succeeds."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.problem.distortions import CHANGED
from tf_strattack.problem.groups import Groups, GroupStructure
from tf_strattack.problem.work import Work
from tf_strattack.solvers.best import Solution
from tf_strattack.typing import Images, Pixels, Places

# The units to give up: single entries, or whole groups.
UNITS = ("entries", "groups")
# Halvings of the number of units to keep.
ROUNDS = 5

# (work, start, support) → the successes of least distortion that are 0 outside the support (N, H, W, C), from the
# perturbations `start`.
Within = Callable[[Work, Pixels, Pixels], Solution]


def prune(within: Within, work: Work, solution: Solution, groups: GroupStructure | None) -> None:
    """Replaces successes of `solution` by others that change fewer entries, or fewer groups, if there are any.

    The number to keep is bisected for each example: the largest remain, and the distortion is minimised within them.

    Args:
      within: minimises the distortion within a support.
      work: the examples.
      solution: their solution, changed in place.
      groups: the groups to count; None for entries.
    """
    enough = _number(solution.delta, work, groups)
    too_few = np.zeros_like(enough)
    for _ in range(ROUNDS):
        kept = (enough + too_few) // 2
        todo = np.flatnonzero(solution.found & (kept > too_few))
        if not len(todo) or work.tracker.interrupted:
            return
        some = work.some(todo)
        start = solution.delta[todo]
        support = some.padded(_largest(start, kept[todo], some, groups).astype(np.float32))
        again = within(some, some.padded(start), support)
        succeeded = np.flatnonzero(again.found)
        better = todo[succeeded]
        solution.put(better, again.at(succeeded)._replace(origin=solution.origin[better]))
        if len(better):
            enough[better] = _number(solution.delta[better], work.some(better), groups)
        failed = todo[~again.found]
        too_few[failed] = kept[failed]


def _number(delta: Images, work: Work, groups: GroupStructure | None) -> Places:
    """How many entries, or groups, of the perturbations (N, H, W, C) of `work` are changed, (N,)."""
    return (_sizes(delta, work, groups) > CHANGED).sum(axis=1)


def _largest(delta: Images, number: Places, work: Work, groups: GroupStructure | None) -> npt.NDArray[np.bool_]:
    """Which entries (N, H, W, C) belong to the `number` (N,) largest ones, or to the largest groups."""
    sizes = _sizes(delta, work, groups)
    order = np.argsort(-sizes, axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    chosen = (rank < number[:, None]) & (sizes > CHANGED)
    if groups is None:
        return chosen.reshape(delta.shape)
    made = _of(work, groups)
    shape = made.total(work.padded(delta)).shape
    given_up = tf.reshape(work.padded(np.float32(~chosen)), shape)
    # A pixel in a group that is given up stays 0, even if another group holds it.
    kept = (made.expand(given_up, delta.shape[-1]) == 0.0).numpy()[: len(delta)]
    return kept & (np.abs(delta) > CHANGED)


def _sizes(delta: Images, work: Work, groups: GroupStructure | None) -> npt.NDArray[np.float32]:
    """The sizes of entries, or the l2 norms of groups, of perturbations (N, H, W, C): (N, entries or groups)."""
    if groups is None:
        return np.abs(delta).reshape(len(delta), math.prod(delta.shape[1:]))
    made = _of(work, groups)
    norms: npt.NDArray[np.float32] = tf.sqrt(made.total(work.padded(delta**2))).numpy()[: len(delta)]
    return norms.reshape(len(delta), made.number)


def _of(work: Work, groups: GroupStructure) -> Groups:
    return groups.of(*work.batch.images.shape[1:3]).at(work.batch.regions)
