"""D(delta) of problem (2), as `distortion=` takes it, and its proximal operators within the box.

The framework is general in D because only one step of it changes. With tau = 0 it is the problem of C&W in l0, l2 and
l_inf, and with the elastic net that of EAD.
"""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, ClassVar, TypeAlias

import tensorflow as tf

from tf_strattack.checks import check_choice, check_number
from tf_strattack.errors import InputError
from tf_strattack.problem import proximal
from tf_strattack.typing import Pixels, Rows

# An entry counts as changed above this, in [0, 1] scale: the paper's threshold, used throughout.
CHANGED = 1e-6

Bound: TypeAlias = tf.Tensor | float


@dataclasses.dataclass(frozen=True)
class Distortion(abc.ABC):
    """D(d) = `square` ||d||_2^2 + R(d): a frozen dataclass of the numbers in R, if it has any.

    Within a graph the numbers are tensors, so that a new value does not build a new graph.
    """

    # 1 if D includes the squared l2 norm, else 0.
    square: ClassVar[float] = 0.0
    # Whether R sets entries to 0.
    sparse: ClassVar[bool] = False
    # Whether the minimiser is continuous in the weight, as secants require.
    continuous: ClassVar[bool] = True

    @abc.abstractmethod
    def rest(self, delta: Pixels) -> Rows:
        """R (N,) of perturbations (N, H, W, C) in [0, 1] scale."""

    @abc.abstractmethod
    def shrink(self, a: Pixels, weight: tf.Tensor, lower: Bound, upper: Bound) -> Pixels:
        """Solves argmin_d weight R(d) + 1/2 ||d - a||_2^2 subject to lower <= d <= upper, for `a` (N, H, W, C)."""

    def scale(self, threshold: Rows, entries: int) -> Rows | None:
        """1/weight (N,) for which `shrink` keeps entries from `threshold` (N,) on; None if nothing is shrunk."""
        return None

    def cost(self, delta: Pixels) -> Rows:
        """D (N,) of perturbations (N, H, W, C) in [0, 1] scale."""
        return self.square * _sum(tf.square(delta)) + self.rest(delta)

    def prox(self, a: Pixels, weight: tf.Tensor, lower: Bound, upper: Bound) -> Pixels:
        """Solves argmin_d weight D(d) + 1/2 ||d - a||_2^2 subject to lower <= d <= upper.

        `weight` broadcasts against `a` (N, H, W, C); the box holds 0.
        """
        whole = 1.0 + 2.0 * self.square * weight
        return self.shrink(a / whole, weight / whole, lower, upper)


class SquaredL2(Distortion):
    """||d||_2^2, the distortion of the paper."""

    square = 1.0

    def rest(self, delta: Pixels) -> Rows:
        """0 (N,) for any `delta` (N, H, W, C)."""
        return tf.zeros_like(delta[:, 0, 0, 0])

    def shrink(self, a: Pixels, weight: tf.Tensor, lower: Bound, upper: Bound) -> Pixels:
        """`a` (N, H, W, C) clipped to `lower` and `upper`; `weight` has no effect."""
        return proximal.box(a, lower, upper)


class L1(Distortion):
    """||d||_1."""

    sparse = True

    def rest(self, delta: Pixels) -> Rows:
        """||d||_1 (N,) of `delta` (N, H, W, C)."""
        return _sum(tf.abs(delta))

    def shrink(self, a: Pixels, weight: tf.Tensor, lower: Bound, upper: Bound) -> Pixels:
        """Soft thresholding of `a` (N, H, W, C) by `weight`, clipped to `lower` and `upper`."""
        return proximal.box(proximal.l1(a, weight), lower, upper)

    def scale(self, threshold: Rows, entries: int) -> Rows:
        """1/`threshold` (N,), for any number of `entries`."""
        return 1.0 / threshold


@dataclasses.dataclass(frozen=True)
class ElasticNet(Distortion):
    """beta ||d||_1 + ||d||_2^2, the distortion of EAD.

    Attributes:
      beta: the weight of the l1 norm, in [0, 1] scale.

    Raises:
      InputError: a negative beta.
    """

    square = 1.0
    sparse = True

    beta: float = 1.0

    def __post_init__(self) -> None:
        """Checks a number; within graphs it is a tensor."""
        if not tf.is_tensor(self.beta):
            check_number("beta", self.beta, 0.0)

    def rest(self, delta: Pixels) -> Rows:
        """Beta ||d||_1 (N,) of `delta` (N, H, W, C)."""
        return self.beta * _sum(tf.abs(delta))

    def shrink(self, a: Pixels, weight: tf.Tensor, lower: Bound, upper: Bound) -> Pixels:
        """Soft thresholding of `a` (N, H, W, C) by beta `weight`, clipped to `lower` and `upper`."""
        return proximal.box(proximal.l1(a, self.beta * weight), lower, upper)

    def scale(self, threshold: Rows, entries: int) -> Rows:
        """Beta/`threshold` (N,), for any number of `entries`."""
        return self.beta / threshold


class L0(Distortion):
    """The number of changed entries."""

    sparse = True
    continuous = False

    def rest(self, delta: Pixels) -> Rows:
        """How many entries (N,) of `delta` (N, H, W, C) are changed."""
        return _sum(tf.cast(tf.abs(delta) > CHANGED, delta.dtype))

    def shrink(self, a: Pixels, weight: tf.Tensor, lower: Bound, upper: Bound) -> Pixels:
        """Hard thresholding of `a` (N, H, W, C) within `lower` and `upper`: 0 where it saves less than `weight`."""
        return proximal.l0(a, weight, lower, upper)

    def scale(self, threshold: Rows, entries: int) -> Rows:
        """2/`threshold`^2 (N,), for any number of `entries`."""
        return 2.0 / tf.square(threshold)


class LInf(Distortion):
    """The largest change of an entry."""

    def rest(self, delta: Pixels) -> Rows:
        """||d||_inf (N,) of `delta` (N, H, W, C)."""
        return tf.reduce_max(tf.abs(delta), axis=[1, 2, 3])

    def shrink(self, a: Pixels, weight: tf.Tensor, lower: Bound, upper: Bound) -> Pixels:
        """`a` (N, H, W, C) clipped at the level that `weight` affords, and to `lower` and `upper`."""
        return proximal.linf(a, weight, lower, upper)

    def scale(self, threshold: Rows, entries: int) -> Rows:
        """15/(`threshold` `entries`) (N,): the level falls with the sum over all of them."""
        return 15.0 / (threshold * entries)


# `distortion=` by name; a new distortion is a class above and an entry here.
DISTORTIONS: dict[str, type[Distortion]] = {
    "l2": SquaredL2,
    "l1": L1,
    "en": ElasticNet,
    "l0": L0,
    "linf": LInf,
}


def as_distortion(value: Any) -> Distortion:
    """`value` itself, or the distortion of this name with its defaults.

    Raises:
      InputError: anything else.
    """
    if isinstance(value, Distortion):
        return value
    if not isinstance(value, str):
        raise InputError(
            f"expected distortion to be a name or an object such as ElasticNet(beta=2), received {value!r}"
        )
    check_choice("distortion", value, DISTORTIONS)
    return DISTORTIONS[value]()


def _sum(values: Pixels) -> Rows:
    return tf.reduce_sum(values, axis=[1, 2, 3])
