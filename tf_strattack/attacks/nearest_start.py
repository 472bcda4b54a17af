"""The nearest of the given images that reaches the goal, moved close to the original by bisection."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tf_strattack.problem.problem import Problem
from tf_strattack.problem.starting_points import StartingPoints
from tf_strattack.problem.work import Work
from tf_strattack.typing import Flags, Images, Pixels, Rows

# Halvings of the segment between an original and its starting point, to 0.4 % of its length.
_HALVINGS = 8


def nearest_start(work: Work, points: StartingPoints, required: Rows) -> tuple[Images, Flags]:
    """Finds each example's nearest starting point that reaches the goal, and moves it close to the goal's boundary.

    Points are clipped to the box, tried nearest first (in l2), and moved along the segment towards the original by
    bisection (the start of FMN, arXiv 2102.12827). Each trial is a forward evaluation.

    Args:
      work: the examples.
      points: their starting points.
      required: (N,) the margins from which on an example counts as a success.

    Returns:
      Perturbations (rows, H, W, C) that succeed, 0 if no point does, and whether one does, (rows,).
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
