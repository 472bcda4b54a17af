"""Problems whose network is a function of numbers, for tests of a single step of a solver."""

from __future__ import annotations

import tensorflow as tf

import tf_strattack as sa
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.objective import Objective
from tf_strattack.problem.problem import Problem
from tf_strattack.solvers.base import Originals


class Numbers:
    """A goal with a margin and gradient of one's own, which no candidate reaches unless `reached` says so."""

    def __init__(self, margin_and_gradient, reached=False):
        self._margin_and_gradient = margin_and_gradient
        self._reached = reached

    def margin_and_gradient(self, batch, delta):
        return tuple(tf.convert_to_tensor(part) for part in self._margin_and_gradient(delta))

    def is_adversarial(self, batch, delta, confidence):
        return tf.fill(tf.shape(confidence), self._reached)


def batch_of(images, epsilon=1.0, kept=1.0):
    """The batch of images in [0, 1]; where `kept` is 0 the box is the point 0."""
    images = tf.constant(images)
    lower, upper = tf.maximum(-images, -epsilon) * kept, tf.minimum(1 - images, epsilon) * kept
    return Batch(images, tf.zeros(len(images), tf.int32), lower, upper, tf.range(len(images)))


def problem_of(images, margin_and_gradient=None, *, epsilon=1.0, kept=1.0, **objective):
    """The problem of these images: `objective` as of `Objective`."""
    return Problem(Numbers(margin_and_gradient), batch_of(images, epsilon, kept), Objective(**objective))


def originals_of(rows, *, margin=1.0, required=0.0, slope=1.0, dtype=tf.float64):
    """What is known at the originals: the same for every example."""
    margins, needed, slopes = (tf.fill([rows], tf.constant(value, dtype)) for value in (margin, required, slope))
    return Originals(margins, needed, 0.0, slopes)


def brief(iterations, *, patience=40, refining=None, **values):
    """`StrAttack` with few iterations: of its solver and its fallback, and `refining` of its refinement."""
    few = {"max_iterations": iterations, "patience": patience}
    if refining is not None:
        values["refine"] = sa.Refinement(solver=sa.solvers.ProxLinear.refining(max_iterations=refining))
    return sa.StrAttack(solver=sa.solvers.ProxLinear(**few), fallback=sa.solvers.Admm(**few), **values)
