"""Problem (2) without the network: gamma D(delta) + tau sum_i ||delta_{D_i}||_2, its value and proximal operators."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Hashable
from typing import NamedTuple

import tensorflow as tf

from tf_strattack.problem import proximal
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.distortions import Distortion, SquaredL2
from tf_strattack.problem.groups import Groups
from tf_strattack.typing import Pixels, Rows, Scalar

# (x, L) → argmin_d tau/L sum_i ||d_i||_2 + gamma/L R(d) + 1/2 ||d - x||_2^2 within the box, for x (N, H, W, C) and the
# curvature L (N, 1, 1, 1), which already includes the squared l2 norm (see `Distortion`).
Prox = Callable[[Pixels, tf.Tensor], Pixels]

_NO_LIMIT = 2**30


class Numbers(NamedTuple):
    """The numbers of an objective as tensors: a new value does not build a new graph."""

    gamma: Scalar
    tau: Scalar
    max_groups: Scalar
    distortion: tuple[Scalar, ...]


@dataclasses.dataclass(frozen=True)
class Objective:
    """The objective next to the margin.

    Attributes:
      distortion: D.
      groups: which pixels form a group; None if groups have no effect.
      penalty: the penalty of a group's norm, a key of `proximal.GROUP_PENALTIES`.
      gamma, tau: weights of distortion and of group sparsity.
      max_groups: the most groups that a perturbation may change; None for no limit.
      weights: the weight of the norm of each group, (N, P, Q) or broadcast to it; `Batch.weights` has those of a batch.
    """

    distortion: Distortion = dataclasses.field(default_factory=SquaredL2)
    groups: Groups | None = None
    penalty: str = "l2"
    gamma: float | Scalar = 1.0
    tau: float | Scalar = 0.0
    max_groups: int | Scalar | None = None
    weights: float | tf.Tensor = 1.0

    @property
    def convex(self) -> Objective:
        """The related convex problem: with l2 norms of groups, and without a limit on their number."""
        return dataclasses.replace(self, penalty="l2", max_groups=None)

    @property
    def structure(self) -> Hashable:
        """Everything on which the graph of a loop depends, except the numbers."""
        return type(self.distortion), self.groups, self.penalty, self.max_groups is not None

    def numbers(self) -> Numbers:
        """The numbers, as tensors."""
        return Numbers(
            tf.constant(self.gamma, tf.float32),
            tf.constant(self.tau, tf.float32),
            tf.constant(_NO_LIMIT if self.max_groups is None else self.max_groups, tf.int32),
            tuple(tf.constant(number, tf.float32) for number in dataclasses.astuple(self.distortion)),
        )

    def at(self, numbers: Numbers, batch: Batch) -> Objective:
        """The same objective with `numbers`, for these examples."""
        names = (field.name for field in dataclasses.fields(self.distortion))
        return dataclasses.replace(
            self.of_batch(batch),
            distortion=dataclasses.replace(self.distortion, **dict(zip(names, numbers.distortion, strict=True))),
            gamma=numbers.gamma,
            tau=numbers.tau,
            max_groups=None if self.max_groups is None else numbers.max_groups,
        )

    def of_batch(self, batch: Batch) -> Objective:
        """The same objective with the groups of these examples, and their weights."""
        groups = None if self.groups is None else self.groups.at(batch.regions)
        return dataclasses.replace(self, groups=groups, weights=batch.weights)

    def cost(self, delta: Pixels) -> Rows:
        """Gamma D(delta) + tau sum_i w_i ||delta_i||_2^p (N,), p = 1 or (`penalty="l2_half"`) 1/2, w_i the weights."""
        value = self.gamma * self.distortion.cost(delta)
        if self.groups is not None:
            _, measure = proximal.GROUP_PENALTIES[self.penalty]
            norms = tf.sqrt(self.groups.total(tf.square(delta)))
            value += self.tau * tf.reduce_sum(tf.cast(self.counts, norms.dtype) * measure(norms), axis=[1, 2])
        return value

    @property
    def counts(self) -> float | tf.Tensor:
        """The weight of the norm of each group, by groups and batch, (N, P, Q) or broadcast to it."""
        own = 1.0 if self.groups is None else self.groups.weights
        return self.weights if isinstance(own, float) else self.weights * own

    def within_budget(self, delta: Pixels) -> Pixels:
        """Perturbations (N, H, W, C) cut to the largest `max_groups` of their groups."""
        if self.groups is None or self.max_groups is None:
            return delta
        norms = tf.sqrt(self.groups.total(tf.square(delta)))
        kept = self.groups.limit(tf.ones_like(norms), norms, self.max_groups)
        return delta * _of_pixels(self.groups, kept, delta.shape[-1])

    def shrinkage(self, norms: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
        """The factors (N, P, Q) by which groups of these norms shrink, eq. (12)."""
        shrink, _ = proximal.GROUP_PENALTIES[self.penalty]
        return shrink(norms, threshold)

    def prox(self, lower: Pixels, upper: Pixels) -> Prox:
        """The proximal operator within the box: that of R in the distortion, then that of the groups, if there are any.

        The order is exact for l1 and groups that do not overlap (Yuan et al. 2011, "Efficient methods for overlapping
        group lasso", theorem 1), and an approximation otherwise.
        """
        distortion = self.distortion
        if self.groups is None:
            return lambda x, curvature: distortion.shrink(x, self.gamma / curvature, lower, upper)
        groups = self._group_prox(self.groups, lower, upper)
        if isinstance(distortion, SquaredL2):  # nothing is left to shrink
            return groups
        return lambda x, curvature: groups(distortion.shrink(x, self.gamma / curvature, -math.inf, math.inf), curvature)

    def _group_prox(self, groups: Groups, lower: Pixels, upper: Pixels) -> Prox:
        """The proximal operator of the group penalty within the box.

        Each group's factor comes from its norm over the entries that can move in the direction of x. This is exact if
        the box has 0 on its boundary (black or white pixels) and no change reaches the other side. If groups overlap,
        it is an approximation: a second pass takes the norms after the shrinkage of the others.
        """
        # A side without room stays closed, any other one counts as unlimited.
        lowest, highest = lower * 1e6, upper * 1e6

        def factors(norms: tf.Tensor, threshold: tf.Tensor) -> tuple[tf.Tensor, Pixels]:
            scale = self.shrinkage(norms, threshold)
            if self.max_groups is not None:
                scale = groups.limit(scale, norms, self.max_groups)
            return scale, _of_pixels(groups, scale, lower.shape[-1])

        def prox(x: Pixels, curvature: tf.Tensor) -> Pixels:
            threshold = self.tau / curvature[:, :, :, 0] * self.counts
            movable = tf.clip_by_value(x, lowest, highest)
            scale, pixels = factors(tf.sqrt(groups.total(tf.square(movable))), threshold)
            if groups.overlapping:
                left = tf.sqrt(groups.total(tf.square(movable * pixels)))
                _, pixels = factors(tf.math.divide_no_nan(left, scale), threshold)
            return proximal.box(x * pixels, lower, upper)

        return prox


def _of_pixels(groups: Groups, scale: tf.Tensor, channels: int) -> Pixels:
    """The factors (N, H, W, C) of entries, from those of their groups, (N, P, Q).

    A pixel in groups of factors s_i gets 1/(1 + sum_i (1/s_i - 1)), by the stationarity of a sum of norms, and 0 if one
    of them is 0.
    """
    if groups.overlapping:
        pixels = _inverse(1.0 + groups.expand(_inverse(tf.maximum(scale, 1e-12)) - 1.0, channels))
        pixels *= tf.cast(pixels > 1e-9, pixels.dtype)  # several times faster than tf.where
    else:
        pixels = groups.expand(scale, channels)
    if not groups.complete:  # no group, no shrinkage
        pixels = tf.where(tf.convert_to_tensor(groups.multiplicity) > 0.0, pixels, 1.0)
    return pixels


def _inverse(values: tf.Tensor) -> tf.Tensor:
    """1 / values, not by a quotient: TensorFlow's last bit of one depends on the place in the batch."""
    return tf.math.divide_no_nan(tf.ones_like(values), values)
