"""Where an attack can start: at the original, at the solution of a convex problem, at other images, at random."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_strattack.attacks.nearest_start import nearest_start
from tf_strattack.problem.objective import Objective
from tf_strattack.problem.work import Work
from tf_strattack.solvers.base import Originals, Solver
from tf_strattack.solvers.best import FALLBACK, RESTART, STARTING_POINT, Best, Solution
from tf_strattack.solvers.minimise import minimise
from tf_strattack.typing import Pixels

# Random starts fill the whole box, then half of it, and so on: if gradients mislead, some examples need a start far
# from the original, others a near one.
_SHARES = (1.0, 0.5)


class Beginnings(NamedTuple):
    """How an attack looks for a success: it tries each way only for the examples that still have none.

    Attributes:
      solver: from the original, then from starting points, then from random points.
      restarts: how often it begins again: first at the original with shorter steps, if the solver has such, then at
        random points.
      seed: the seed of the random points.
      fallback: the solver that starts at the original at the end, if there is one. If the network is flat, feasible
        iterates do not move; those of ADMM may leave the box in between.
    """

    solver: Solver[Any, Any]
    restarts: int
    seed: int
    fallback: Solver[Any, Any] | None

    def find(self, objective: Objective, work: Work, originals: Originals) -> Solution:
        """Minimises `objective` for the examples of `work`; `origin` says how each success was found."""
        solution = from_one_start(self.solver, objective, work, originals)
        ways = (self._with_shorter_steps, self._from_starting_points, self._from_random_points, self._by_fallback)
        for way in ways:
            missing = np.flatnonzero(~solution.found)
            if len(missing) and not work.tracker.interrupted:
                again = way(objective, work.some(missing), work.select(missing, originals))
                found = np.flatnonzero(again.found)
                solution.put(missing[found], again.at(found))
        return solution

    def _with_shorter_steps(self, objective: Objective, work: Work, originals: Originals) -> Solution:
        solver = self.solver.with_shorter_steps
        if solver is None or not self.restarts:
            return Solution.none(work.rows, work.batch.images.shape[1:])
        solution = from_one_start(solver, objective, work, originals)
        return solution._replace(origin=np.full(work.rows, RESTART, np.int8))

    def _from_starting_points(self, objective: Objective, work: Work, originals: Originals) -> Solution:
        return from_starting_points(self.solver, objective, work, originals)

    def _from_random_points(self, objective: Objective, work: Work, originals: Originals) -> Solution:
        points = self.restarts - (self.solver.with_shorter_steps is not None)
        return from_random_points(self.solver, objective, work, originals, points=points, seed=self.seed)

    def _by_fallback(self, objective: Objective, work: Work, originals: Originals) -> Solution:
        if self.fallback is None:
            return Solution.none(work.rows, work.batch.images.shape[1:])
        solution = from_one_start(self.solver, objective, work, originals, first=self.fallback)
        return solution._replace(origin=np.full(work.rows, FALLBACK, np.int8))


def from_one_start(
    solver: Solver[Any, Any],
    objective: Objective,
    work: Work,
    originals: Originals,
    start: Pixels | None = None,
    *,
    first: Solver[Any, Any] | None = None,
) -> Solution:
    """Minimises `objective` from perturbations (N, H, W, C), None for 0; first the convex problem, if it is not convex.

    The convex problem finds the pixels that matter. Its solution, cut to its largest `max_groups` groups if there is
    such a limit, is kept until a better one succeeds. Examples without a success by then are minimised from `start`.
    `first`, None for `solver`, is the solver from `start`; `solver` improves what it finds.
    """
    first = first or solver
    if objective.convex == objective or not solver.begins_convex:
        return minimise(first, objective, work, originals, start=start)
    convex = minimise(first, objective.convex, work, originals, start=start)
    solution = Solution.none(work.rows, work.batch.images.shape[1:])
    begun = np.flatnonzero(convex.found)
    if len(begun):
        some = work.some(begun)
        near = some.padded(convex.delta[begun])
        solution.put(begun, _from_success(solver, objective, some, work.select(begun, originals), near))
    missing = np.flatnonzero(~solution.found)
    if len(missing) and not work.tracker.interrupted:
        some, known = work.some(missing), work.select(missing, originals)
        again = None
        if start is not None:  # the first iterate is a candidate, so it must be within the budget
            again = objective.at(objective.numbers(), some.batch).within_budget(work.select(missing, start))
        solution.put(missing, minimise(first, objective, some, known, start=again))
    return solution


def from_starting_points(solver: Solver[Any, Any], objective: Objective, work: Work, originals: Originals) -> Solution:
    """Minimises `objective` from the nearest starting point of each example that reaches the goal, if one does.

    A success found this way is never lost: the start, moved close to the original, is kept unless a better one
    succeeds. If it changes more groups than `max_groups`, only the largest remain, and a success has to be found again.
    """
    solution = Solution.none(work.rows, work.batch.images.shape[1:])
    if work.starting_points is None:
        return solution
    delta, found = nearest_start(work, work.starting_points, originals.required)
    rows = np.flatnonzero(found)
    if not len(rows):
        return solution
    some = work.some(rows)
    start = some.padded(delta[rows])
    solution.put(rows, _from_success(solver, objective, some, work.select(rows, originals), start))
    return solution._replace(origin=np.full(work.rows, STARTING_POINT, np.int8))


def from_random_points(
    solver: Solver[Any, Any], objective: Objective, work: Work, originals: Originals, *, points: int, seed: int
) -> Solution:
    """Minimises `objective` from up to `points` random points of the box, until one leads to a success.

    All examples get the same points for a `seed`, relative to their boxes, so that no result depends on the batch.
    """
    solution = Solution.none(work.rows, work.batch.images.shape[1:])
    missing = np.arange(work.rows)
    for place in range(points):
        if not len(missing) or work.tracker.interrupted:
            break
        some, known = work.some(missing), work.select(missing, originals)
        lower, upper = some.batch.lower, some.batch.upper
        where = np.random.default_rng((seed, place)).random(lower.shape[1:], np.float32)
        start = _SHARES[place % len(_SHARES)] * (lower + (upper - lower) * where)
        solution.put(missing, from_one_start(solver, objective, some, known, start))
        missing = np.flatnonzero(~solution.found)
    return solution._replace(origin=np.full(work.rows, RESTART, np.int8))


def _from_success(
    solver: Solver[Any, Any], objective: Objective, work: Work, originals: Originals, start: Pixels
) -> Solution:
    """Minimises `objective` from perturbations (N, H, W, C) that succeed; those within the budget are kept."""
    here = objective.at(objective.numbers(), work.batch)
    cut = here.within_budget(start)
    whole = tf.reduce_all(cut == start, axis=[1, 2, 3])
    known = Best.of(cut, tf.where(whole, here.cost(cut), np.inf))
    return minimise(solver, objective, work, originals, start=cut, known=known)
