"""The scales of a step: rho, alpha, and the margin asked of it."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from tf_strattack.checks import check_number
from tf_strattack.errors import InputError
from tf_strattack.problem.problem import Problem
from tf_strattack.solvers.base import Originals
from tf_strattack.typing import Rows, Scalar

# Rules for rho by name; see `rho_of`.
RHO_RULES = ("tangent", "gamma")
_MULTIPLE = "rho"


def check_rho(rho: Any) -> None:
    """Refuses what is neither a positive number nor one of the rules."""
    if rho not in RHO_RULES:
        if isinstance(rho, str):
            raise InputError(f"expected rho to be a number above 0, or {' or '.join(RHO_RULES)}, received {rho!r}")
        check_number("rho", rho, 0.0, open_low=True)


def check_alpha(alpha: Any) -> None:
    """Refuses what is neither a positive number nor a positive multiple of rho."""
    try:
        check_number("alpha", _multiple(alpha) if isinstance(alpha, str) else alpha, 0.0, open_low=True)
    except ValueError:
        raise InputError(
            f"expected alpha to be a number above 0, or a multiple of rho such as '10 rho', received {alpha!r}"
        ) from None


def rho_of(rule: float | str, problem: Problem, originals: Originals) -> Rows:
    """Rho (N,): a number as given; "gamma", the scale of the squared norm; or "tangent".

    The latter chooses it such that what it divides, the threshold of a shrinkage, fits what will change. The tangent of
    the margin asks for a perturbation of norm margin/slope. Spread over 15 % of the groups this is a norm per group,
    and rho puts the threshold at three times that; with the entries for groups likewise where the distortion shrinks
    them. A squared norm has a scale of its own, gamma: rho is at least a tenth of it, which keeps the steps those of
    the distortion, and without groups a third.
    """
    objective, margins = problem.objective, originals.margins
    if rule == "gamma":
        return tf.zeros_like(margins) + objective.gamma
    if not isinstance(rule, str):
        return tf.zeros_like(margins) + float(rule)
    if originals.slopes is None:
        raise ValueError("rho by the tangent needs the slopes at the originals")
    groups, distortion = objective.groups, objective.distortion
    entries = math.prod(problem.batch.images.shape[1:])
    length = tf.maximum((tf.abs(margins) + originals.confidence) / tf.maximum(originals.slopes, 1e-12), 1e-9)
    least = (0.3 if groups is None else 0.1) * objective.gamma * distortion.square
    rho = tf.zeros_like(margins) + float(least)
    if groups is not None:
        rho = tf.maximum(rho, objective.tau / (3.0 * length / math.sqrt(0.15 * groups.number)))
    scale = distortion.scale(3.0 * length / math.sqrt(0.15 * entries), entries)
    return rho if scale is None else tf.maximum(rho, objective.gamma * scale)


def alpha_of(alpha: float | str, rho: Rows) -> Rows:
    """Alpha (N,): a number as given, or a multiple of rho."""
    return _multiple(alpha) * rho if isinstance(alpha, str) else tf.zeros_like(rho) + alpha


def unit_of(margins: Rows) -> Rows:
    """The scale (N,) of an example's margin, in logits."""
    return tf.maximum(tf.abs(margins), 1e-6)


def column(values: Rows) -> Rows:
    """Values (N,) as they multiply images, (N, 1, 1, 1)."""
    return tf.reshape(values, [-1, 1, 1, 1])


def eta(k: Scalar, alpha: Rows) -> Rows:
    """eta_k = alpha sqrt(k) of the iteration after `k` finished ones: 1/eta_k is the decaying step."""
    return alpha * tf.sqrt(tf.cast(k + 1, alpha.dtype))


def track_margin(kappa: Rows, shortfall: Rows, most: float) -> Rows:
    """Adapts the margin asked of a step: what comes out lags behind, by how much depends on the example.

    `shortfall` (N,) is 1 after a candidate that misses the goal, for 10 % more, and -1 after one that reaches it, for
    10 % less. The limit `most` keeps z near the image where no candidate comes through: far out, tangents say
    nothing about valid images.
    """
    return tf.minimum(kappa * (1.0 + 0.1 * shortfall), most)


def _multiple(text: str) -> float:
    """The number in "10 rho"."""
    if not text.endswith(_MULTIPLE):
        raise ValueError(text)
    return float(text.removesuffix(_MULTIPLE).rstrip(" *"))
