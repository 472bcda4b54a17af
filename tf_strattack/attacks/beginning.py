"""Where else an attack can begin: at images that reach the goal already."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tf_strattack.problem.objective import Objective
from tf_strattack.problem.problem import Problem
from tf_strattack.problem.starting_points import StartingPoints
from tf_strattack.problem.work import Work
from tf_strattack.solvers.base import Originals, Solver
from tf_strattack.solvers.best import STARTING_POINT, Best, Solution
from tf_strattack.solvers.minimise import minimise
from tf_strattack.typing import Flags, Images, Pixels, Rows

# Halvings of the segment between an original and its starting point: what is left is 0.4 % of its length.
_HALVINGS = 8


def from_starting_points(solver: Solver[Any, Any], objective: Objective, work: Work, originals: Originals) -> Solution:
    """Minimises `objective` from the nearest starting point of each example that reaches the goal, if one does.

    What is found this way is never lost: the start, brought near, is kept unless something better succeeds. Where it
    changes more groups than `max_groups`, only the largest remain, and success has to be found again.
    """
    solution = Solution.none(work.rows, work.batch.images.shape[1:])
    if work.starting_points is None:
        return solution
    delta, found = nearest_start(work, work.starting_points, originals.required)
    rows = np.flatnonzero(found)
    if not len(rows):
        return solution
    some = work.some(rows)
    solution.put(rows, _from(solver, objective, some, work.select(rows, originals), some.padded(delta[rows])))
    return solution._replace(origin=np.full(work.rows, STARTING_POINT, np.int8))


def from_convex(solver: Solver[Any, Any], objective: Objective, work: Work, originals: Originals) -> Solution:
    """Minimises `objective`, which is not convex, from the solution of the convex problem next to it.

    The convex problem finds where changes count. Its solution is kept, without all but the largest `max_groups` of its
    groups if so few may change, until something better succeeds. Examples for which this leaves nothing are minimised
    from the original.
    """
    convex = minimise(solver, objective.convex, work, originals)
    solution = Solution.none(work.rows, work.batch.images.shape[1:])
    begun = np.flatnonzero(convex.found)
    if len(begun):
        some = work.some(begun)
        start = some.padded(convex.delta[begun])
        solution.put(begun, _from(solver, objective, some, work.select(begun, originals), start))
    missing = np.flatnonzero(~solution.found)
    if len(missing) and not work.tracker.interrupted:
        solution.put(missing, minimise(solver, objective, work.some(missing), work.select(missing, originals)))
    return solution


def _from(solver: Solver[Any, Any], objective: Objective, work: Work, originals: Originals, start: Pixels) -> Solution:
    """Minimises `objective` from perturbations (N, H, W, C) that succeed, which are kept where they meet the budget."""
    here = objective.at(objective.numbers(), work.batch)
    cut = here.within_budget(start)
    whole = tf.reduce_all(cut == start, axis=[1, 2, 3])
    known = Best.of(cut, tf.where(whole, here.cost(cut), np.inf))
    return minimise(solver, objective, work, originals, start=cut, known=known)


def nearest_start(work: Work, points: StartingPoints, required: Rows) -> tuple[Images, Flags]:
    """Brings each example the nearest starting point that reaches the goal, and this near the goal's boundary.

    Points are clipped to the box, tried nearest first (in l2), and moved along the segment towards the original by
    bisection (as FMN begins, arXiv 2102.12827). Each trial is a forward evaluation.

    Args:
      work: the examples.
      points: theirs.
      required: (N,) the margins that count as success.

    Returns:
      Perturbations (rows, H, W, C) that succeed, 0 where no point does, and where one does, (rows,).
    """
    delta, found = np.zeros(work.batch.images.shape, np.float32)[: work.rows], np.zeros(work.rows, bool)
    order = np.array([np.argsort(_squares(_moves(work, points, row)), kind="stable") for row in range(work.rows)])
    for turn in range(points.number):
        todo = np.flatnonzero(~found)
        if not len(todo) or work.tracker.interrupted:
            break
        tried = np.stack([_moves(work, points, row, order[row, turn]) for row in todo])
        succeeded = _succeed(work.some(todo), tried, work.select(todo, required))
        delta[todo[succeeded]], found[todo[succeeded]] = tried[succeeded], True
    held = np.flatnonzero(found)
    if len(held):
        some = work.some(held)
        delta[held] = _bisected(some, some.padded(delta[held]), work.select(held, required))
    return delta, found


def _moves(work: Work, points: StartingPoints, row: Any, which: Any = slice(None)) -> Images:
    """The perturbations that lead an original to its starting points, or to one of them, within the box."""
    original, lower, upper = (part[row].numpy() for part in (work.batch.images, work.batch.lower, work.batch.upper))
    low, high = work.goal.classifier.bounds
    return np.clip((points.of(row)[which] - original) / np.float32(high - low), lower, upper)


def _squares(delta: Images) -> Rows:
    return np.square(delta).sum(axis=(1, 2, 3))


def _succeed(work: Work, delta: Images, required: Rows) -> Flags:
    held = work.evaluate("succeeds", Problem.is_adversarial, work.padded(delta), required)
    return held.numpy()[: work.rows]


def _bisected(work: Work, delta: Pixels, required: Rows) -> Images:
    """The nearest success on the segments from the originals to `delta` (N, H, W, C), which succeed."""

    def bisect(problem: Problem, delta: Pixels, required: Rows) -> Pixels:
        low = tf.zeros([tf.shape(delta)[0], 1, 1, 1])
        high = tf.ones_like(low)
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            holds = problem.is_adversarial(middle * delta, required)[:, None, None, None]
            low, high = tf.where(holds, low, middle), tf.where(holds, middle, high)
        return high * delta

    return work.evaluate("bisect", bisect, delta, required).numpy()[: work.rows]
