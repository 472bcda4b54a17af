"""The default solver: the margin's tangent at a sparse, feasible point, and the problem with it solved at once.

ADMM splits problem (2) because the network is not convex. With the network replaced by its tangent nothing is
left to split: for groups that do not overlap, squared l2 distortion and the box, what remains,

    argmin_d  gamma D(d) + tau sum_i ||d_i||_2 + eta_k/2 ||d - y_hat||_2^2
    subject to  margin + g^T (d - y) <= -kappa,  lower <= d <= upper,

is a root of one number per example, the weight lambda of the margin, and costs no evaluation of the network.
Every iterate y is itself the candidate: one evaluation of the network serves its test and the next tangent.

Two things keep the tangents of a network with kinks from leading to and fro: y_hat is y with momentum (heavy
ball), and the tangent is a running mean of all so far, each of which a convex margin lies above.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tf_strattack.problem.goal import Network, Problem
from tf_strattack.problem.objective import Prox
from tf_strattack.solvers.solve import keep_best
from tf_strattack.solvers.zstep import Weights, eta, track_margin

# docs/solver.md shows what these do.
MOMENTUM = 0.8
TANGENT_MEMORY = 0.6
_ROOT_STEPS = 3
# Of what is asked. A row that stopped at a coarser one would turn rounding errors into differences of per cents.
_ACCURACY = 1e-4
_MAX_KAPPA = 0.2
# Within so much of success, in units of the original's margin, kappa changes in proportion: iterates end up there,
# and a jump at success itself would make rounding errors grow.
_NEAR = 0.05
_INFINITE = 1e30


class State(NamedTuple):
    """The iterate of N examples, and the best candidate so far.

    Attributes:
      k: the number of finished iterations, scalar int32.
      y, previous: this iterate and the one before, sparse and within the box, (N, H, W, C).
      normal, offset: the mean tangent, normal^T d + offset, of the margin: (N, H, W, C) and (N,).
      c: lambda, the weight of the margin in the last step, (N,).
      slope: how fast the tangent falls with lambda, (N,).
      kappa: the margin asked of the tangent, in units of `Weights.unit`, (N,).
      stalled: iterations since the best candidate has become noticeably better, (N,) int32.
      best, objective: the successful candidate of least objective, infinite where there is none.
    """

    k: tf.Tensor
    y: tf.Tensor
    previous: tf.Tensor
    normal: tf.Tensor
    offset: tf.Tensor
    c: tf.Tensor
    slope: tf.Tensor
    kappa: tf.Tensor
    stalled: tf.Tensor
    best: tf.Tensor
    objective: tf.Tensor


def initial_state(start: tf.Tensor, best: tf.Tensor, objective: tf.Tensor, kappa: float) -> State:
    """Starts from the perturbations `start` with what is known to succeed, if anything (objective finite)."""
    rows = tf.zeros_like(objective)
    return State(
        k=tf.constant(0),
        y=start,
        previous=start,
        normal=tf.zeros_like(start),
        offset=rows,
        c=rows,
        slope=rows,
        kappa=rows + kappa,
        stalled=tf.zeros_like(rows, tf.int32),
        best=best,
        objective=objective,
    )


def step(
    state: State,
    problem: Problem,
    weights: Weights,
    prox: Prox,
    margins: tf.Tensor,
    gradient: tf.Tensor,
    memory: float,
    square: float = 1.0,
) -> State:
    """One iteration: the mean tangent, and the point that it leads to.

    Args:
      state: the iterate.
      problem: the images and the box.
      weights: numeric parameters.
      prox: (x, L) → argmin_d tau/L sum_i ||d_i|| + gamma/L R(d) + 1/2 ||d - x||^2 within the box.
      margins, gradient: of the network at x0 + y: (N,) and (N, H, W, C).
      memory: the weight of the earlier tangents in the mean.
      square: the part of the squared l2 norm in the distortion, see `Distortion`.
    """
    kept = tf.where(state.k > 0, memory, 0.0)
    normal = kept * state.normal + (1.0 - kept) * gradient
    offset = kept * state.offset + (1.0 - kept) * (margins - _sum(gradient * state.y))
    eta_k = eta(state.k, weights)
    curvature = eta_k + 2.0 * square * weights.gamma
    centre = (state.y + MOMENTUM * (state.y - state.previous)) * (eta_k / curvature)
    asked = weights.required + state.kappa * weights.unit
    y, c, slope = _to_the_tangent(
        lambda x: prox(x, curvature),
        centre,
        normal,
        normal / curvature,
        offset + asked,
        state.c,
        state.slope,
        accuracy=_ACCURACY * asked,
    )
    return state._replace(k=state.k + 1, y=y, previous=state.y, normal=normal, offset=offset, c=c, slope=slope)


def run(
    state: State,
    problem: Problem,
    weights: Weights,
    iterations: tf.Tensor,
    *,
    prox: Prox,
    cost: Callable[[tf.Tensor], tf.Tensor],
    network: Network,
    memory: float = TANGENT_MEMORY,
    square: float = 1.0,
) -> State:
    """Does `iterations` more steps, each of which tests its iterate first, and keeps the best."""

    def advance(state: State) -> tuple[State, tf.Tensor, tf.Tensor]:
        margins, gradient = network.margin_and_gradient(problem, state.y)
        following = step(state, problem, weights, prox, margins, gradient, memory, square)
        short = tf.clip_by_value((margins + weights.required) / (_NEAR * weights.unit), -1.0, 1.0)
        kappa = track_margin(state.kappa, short, _MAX_KAPPA)
        return following._replace(kappa=kappa), state.y, margins <= -weights.required

    return keep_best(state, iterations, advance, cost, weights.patience)


def _to_the_tangent(
    prox: Callable[[tf.Tensor], tf.Tensor],
    centre: tf.Tensor,
    normal: tf.Tensor,
    direction: tf.Tensor,
    offset: tf.Tensor,
    weight: tf.Tensor,
    slope: tf.Tensor,
    accuracy: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Finds the least weight >= 0 for which d = prox(centre - weight direction) has normal^T d + offset <= 0.

    The left side falls with the weight. Secants within a bracket, from the last iteration's weight and slope;
    a row keeps its weight once it is within `accuracy`, so that no row's result depends on another's.

    Returns:
      d (N, H, W, C), its weight (N,) and the last secant's slope (N,).
    """
    steepest = _sum(normal * direction) + 1e-20  # the slope where nothing is shrunk or cut
    weight = tf.where(weight > 0.0, weight, tf.nn.relu(offset + _sum(normal * centre)) / steepest)
    slope = tf.where(slope > 0.0, slope, steepest)
    low, high = tf.zeros_like(weight) - 1e-9, tf.zeros_like(weight) + _INFINITE
    old_weight = old_excess = tf.zeros_like(weight)
    reached = tf.zeros_like(weight, tf.bool)
    for attempt in range(_ROOT_STEPS):
        point = prox(centre - weight[:, None, None, None] * direction)
        excess = _sum(normal * point) + offset
        reached |= (tf.abs(excess) <= accuracy) | ((weight <= 0.0) & (excess <= 0.0))
        if attempt == _ROOT_STEPS - 1:
            break
        low, high = tf.where(excess > 0.0, weight, low), tf.where(excess > 0.0, high, weight)
        if attempt:
            secant = tf.math.divide_no_nan(old_excess - excess, weight - old_weight)
            slope = tf.where(~reached & (secant > 1e-3 * steepest) & (secant < 1.5 * steepest), secant, slope)
        # No more than four times as far at once: the first groups to wake make the slope much steeper.
        guess = tf.minimum(weight + excess / slope, 4.0 * weight + 1e-3 * tf.abs(excess) / steepest)
        middle = tf.where(high < _INFINITE, 0.5 * (low + high), 2.0 * weight)
        guess = tf.nn.relu(tf.where((guess <= low) | (guess >= high), middle, guess))
        old_weight, old_excess = weight, excess
        weight = tf.where(reached, weight, guess)
    return point, weight, slope


def _sum(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(values, axis=[1, 2, 3])
