"""The best candidate so far: within the loop, and as its result."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.solvers.base import Candidate
from tf_strattack.typing import Flags, Images, Pixels, Places, Rows, Scalar

# How a success can be found: by the run from the original, from a starting point or from a random point, or by the
# fallback solver. The last is for methods that start from the results of others.
ORIGINS = ("first run", "starting point", "restart", "fallback", "")
FIRST_RUN, STARTING_POINT, RESTART, FALLBACK, GIVEN = range(5)
# The patience that is never exhausted.
ENDLESS = 2**30
# An improvement by this factor makes an example worth more iterations.
_NOTICEABLE = 0.998


class Best(NamedTuple):
    """The state that the loop keeps for each example.

    Attributes:
      delta: the successful candidate of least objective, or the start, (N, H, W, C).
      objective: its objective, infinite if there is none, (N,).
      c: the weight of the margin in the last iteration of the example, (N,).
      stalled: iterations since the last noticeable improvement, (N,) int32; from the patience on, the example is
        finished.
    """

    delta: Pixels
    objective: Rows
    c: Rows
    stalled: Rows

    @classmethod
    def of(cls, delta: Pixels, objective: Rows) -> Best:
        """The known success, if there is one (its objective is finite)."""
        rows = tf.zeros_like(objective)
        return cls(delta, objective, rows, tf.zeros_like(rows, tf.int32))

    @classmethod
    def none(cls, images: Pixels) -> Best:
        """Nothing yet."""
        return cls.of(tf.zeros_like(images), tf.fill(tf.shape(images)[:1], float("inf")))

    def after(self, candidate: Candidate, c: Rows | None, patience: Scalar) -> Best:
        """The best after one more candidate, found with the weight `c`."""
        # A finished row iterates until it leaves the batch, but its result must not change.
        going = self.stalled < patience
        better = candidate.succeeded & (candidate.objective < self.objective) & going
        noticeably = better & (candidate.objective < _NOTICEABLE * self.objective)
        waiting = tf.cast(tf.math.is_finite(self.objective), tf.int32)
        stalled = tf.where(noticeably, 0, self.stalled + waiting)
        if candidate.finished is not None:
            stalled = tf.where(candidate.finished, tf.maximum(stalled, patience), stalled)
        return Best(
            # Selects whole rows; tf.where, which would broadcast, takes several times as long.
            delta=tf.raw_ops.Select(condition=better, x=candidate.delta, y=self.delta),
            objective=tf.where(better, candidate.objective, self.objective),
            c=self.c if c is None else tf.where(going, c, self.c),
            stalled=stalled,
        )


class Solution(NamedTuple):
    """The result of a method for N examples.

    Attributes:
      delta: the best perturbations, (N, H, W, C) in [0, 1] scale.
      objective: their objectives, infinite without a success, (N,).
      c: the weights of the margin, (N,).
      origin: how each success was found, (N,) indices of `ORIGINS`.
    """

    delta: Images
    objective: npt.NDArray[np.float32]
    c: npt.NDArray[np.float32]
    origin: npt.NDArray[np.int8]

    @classmethod
    def of(
        cls, delta: Images, objective: npt.NDArray[np.float32], c: npt.NDArray[np.float32], origin: int = FIRST_RUN
    ) -> Solution:
        """A solution of `delta` (N, H, W, C), `objective` and `c` (N,), whose rows all have the index `origin`."""
        return cls(delta, objective, c, np.full(len(delta), origin, np.int8))

    @classmethod
    def none(cls, rows: int, image_shape: tuple[int, ...]) -> Solution:
        """No success for any of `rows` images of shape (H, W, C)."""
        numbers = np.zeros(rows, np.float32)
        return cls.of(np.zeros((rows, *image_shape), np.float32), numbers + np.float32(np.inf), numbers)

    @property
    def found(self) -> Flags:
        """Which rows (N,) have a successful candidate."""
        return np.isfinite(self.objective)

    def at(self, rows: Places) -> Solution:
        """Some of the rows."""
        return Solution(self.delta[rows], self.objective[rows], self.c[rows], self.origin[rows])

    def put(self, rows: Places, by: Solution) -> None:
        """Replaces some rows, in place, by another solution of them."""
        parts: Any = zip(self, by, strict=True)
        for mine, other in parts:
            mine[rows] = other

    def better(self, new: Solution) -> Solution:
        """The better of two solutions of the same rows, row by row."""
        improved = new.objective < self.objective
        return Solution(
            np.where(improved[:, None, None, None], new.delta, self.delta),
            np.where(improved, new.objective, self.objective),
            np.where(improved | np.isinf(self.objective), new.c, self.c),
            np.where(improved, new.origin, self.origin),
        )
