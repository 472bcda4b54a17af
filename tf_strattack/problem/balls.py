"""Balls of the norms linf, l2 and l1 within the box: projections, steepest steps, and random points.

All perturbations are in [0, 1] scale. The projections are Euclidean and onto the intersection of ball and box, up to
rounding. To project onto the ball and then onto the box would give another point (for l1 see Croce and Hein 2021, arXiv
2103.01208).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.problem.proximal import box, l1
from tf_strattack.typing import Pixels, Rows, Scalar

# The total length of an attack's steps, in radii: enough to cross the ball (Madry et al. 2018).
REACH = 2.5
# Bisections of a multiplier: enough for the precision of float32.
_BISECTIONS = 26

Bound: TypeAlias = tf.Tensor | float


def default_step(radius: Any, steps: int) -> Any:
    """The length of each of `steps` steps in a ball of this `radius`."""
    return radius * (REACH / steps)


def linf_box(center: Bound, radius: Bound, lower: Bound, upper: Bound) -> tuple[Pixels, Pixels]:
    """The bounds of the points of [lower, upper] within ||x - center||_inf <= radius."""
    return tf.maximum(center - radius, lower), tf.minimum(center + radius, upper)


def sign_step(point: Pixels, gradient: Pixels, size: Bound, lower: Bound, upper: Bound) -> Pixels:
    """The step of l_inf norm |size| along a `gradient` (N, H, W, C), or against it, clipped to the bounds."""
    return box(point + size * tf.sign(gradient), lower, upper)


def project_linf(a: Pixels, radius: Bound, lower: Pixels, upper: Pixels) -> Pixels:
    """Solves argmin_d ||d - a||_2^2 subject to ||d||_inf <= radius and lower <= d <= upper."""
    return box(a, *linf_box(0.0, radius, lower, upper))


def project_l2(a: Pixels, radius: Bound, lower: Pixels, upper: Pixels) -> Pixels:
    """Solves argmin_d ||d - a||_2^2 subject to ||d||_2 <= radius and lower <= d <= upper, which hold 0.

    The solution is s a, clipped to the box, for the largest s <= 1 that puts it into the ball. A bisection finds s,
    which is at least radius / ||a||_2, as s a is then in the ball before clipping.
    """

    def of(scale: tf.Tensor) -> tuple[Pixels, tf.Tensor]:
        d = box(scale * a, lower, upper)
        return d, _row(measure_l2(d)) <= radius

    # A little less, so that the result is in the ball despite rounding.
    low = tf.minimum(1.0, tf.math.divide_no_nan((1.0 - 1e-6) * radius, _row(measure_l2(a))))
    low, high = tf.where(_row(measure_l2(a)) > 0.0, low, 1.0), tf.ones_like(low)
    return _bisected(of, tf.where(of(high)[1], high, low), high)


def project_l1(a: Pixels, radius: Bound, lower: Pixels, upper: Pixels) -> Pixels:
    """Solves argmin_d ||d - a||_2^2 subject to ||d||_1 <= radius and lower <= d <= upper, which hold 0.

    The solution is `a` after soft thresholding and clipping to the box, for the least threshold that puts it into the
    ball. A bisection finds the threshold (arXiv 2103.01208 has the set and its exact projection).
    """

    def of(threshold: tf.Tensor) -> tuple[Pixels, tf.Tensor]:
        d = box(l1(a, threshold), lower, upper)
        return d, _row(measure_l1(d)) <= radius

    high = _row(measure_linf(a))
    low = tf.zeros_like(high)
    return _bisected(of, tf.where(of(low)[1], low, high), low)


def _bisected(of: Callable[[tf.Tensor], tuple[Pixels, tf.Tensor]], inside: tf.Tensor, outside: tf.Tensor) -> Pixels:
    """The point of the number nearest to `outside` that is in the ball; `of` returns a point and whether it is."""
    for _ in range(_BISECTIONS):
        middle = 0.5 * (inside + outside)
        holds = of(middle)[1]
        inside, outside = tf.where(holds, middle, inside), tf.where(holds, outside, middle)
    return of(inside)[0]


def unit(gradient: Pixels, norm: str) -> Pixels:
    """A gradient (N, H, W, C) over its "l2" or "l1" norm, or ("linf") its sign; 0 where it is 0."""
    if norm == "linf":
        return tf.sign(gradient)
    # Division by the largest entry first, as squares of small gradients would underflow.
    gradient = tf.math.divide_no_nan(gradient, tf.reduce_max(tf.abs(gradient), axis=[1, 2, 3], keepdims=True))
    power = tf.abs(gradient) if norm == "l1" else tf.square(gradient)
    total = tf.reduce_sum(power, axis=[1, 2, 3], keepdims=True)
    return tf.math.divide_no_nan(gradient, total if norm == "l1" else tf.sqrt(total))


def sparse_sign(gradient: Pixels, share: Scalar) -> Pixels:
    """The signs of the largest entries of a gradient (N, H, W, C), a `share` of all, divided by their number.

    The l1 norm is 1. The steepest step of that norm changes one entry; a few at once are nearly as steep and need fewer
    steps (Tramer and Boneh 2019, arXiv 1904.13000). Entries that are 0 are never among them.
    """
    sizes = tf.reshape(tf.abs(gradient), [tf.shape(gradient)[0], -1])
    count = tf.cast(tf.round(share * tf.cast(tf.shape(sizes)[1], tf.float32)), tf.int32)
    count = tf.clip_by_value(count, 1, tf.shape(sizes)[1])
    least = tf.math.top_k(sizes, count).values[:, -1]
    signs = tf.where(tf.abs(gradient) >= _row(least), tf.sign(gradient), 0.0)
    return tf.math.divide_no_nan(signs, _row(measure_l1(signs)))


def measure_linf(delta: Pixels) -> Rows:
    """||d||_inf (N,) of perturbations (N, H, W, C)."""
    return tf.reduce_max(tf.abs(delta), axis=[1, 2, 3])


def measure_l2(delta: Pixels) -> Rows:
    """||d||_2 (N,) of perturbations (N, H, W, C)."""
    return tf.sqrt(tf.reduce_sum(tf.square(delta), axis=[1, 2, 3]))


def measure_l1(delta: Pixels) -> Rows:
    """||d||_1 (N,) of perturbations (N, H, W, C)."""
    return tf.reduce_sum(tf.abs(delta), axis=[1, 2, 3])


def draw_linf(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """A uniformly random point of the unit ball."""
    return rng.uniform(-1.0, 1.0, shape)


def draw_l2(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """A uniformly random point of the unit ball: in a uniform direction, with radius^dimension uniform."""
    direction = rng.normal(size=shape)
    return direction / np.linalg.norm(direction) * rng.uniform() ** (1.0 / direction.size)


def draw_l1(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """A uniformly random point of the unit ball: Laplace variables over their absolute sum plus an exponential one."""
    entries = rng.laplace(size=shape)
    return entries / (np.abs(entries).sum() + rng.exponential())


class Ball(NamedTuple):
    """The functions of a norm's ball.

    Attributes:
      project: (a, radius, lower, upper) → the nearest point of ball and box.
      measure: (N, H, W, C) → the norms (N,).
      draw: (generator, shape) → a random point of the unit ball.
    """

    project: Callable[[Pixels, Bound, Pixels, Pixels], Pixels]
    measure: Callable[[Pixels], Rows]
    draw: Callable[[np.random.Generator, tuple[int, ...]], npt.NDArray[np.float64]]


BALLS = {
    "linf": Ball(project_linf, measure_linf, draw_linf),
    "l2": Ball(project_l2, measure_l2, draw_l2),
    "l1": Ball(project_l1, measure_l1, draw_l1),
}


def _row(values: Rows) -> tf.Tensor:
    return values[:, None, None, None]
