"""ADMM for problem (2): the state, one step, and the loop at a given c.

Symbols are the paper's; u, v, s are its scaled duals (u/rho, v/rho, s/rho). All tensors are in [0, 1] scale.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import tensorflow as tf

from tf_strattack.problem import proximal
from tf_strattack.problem.distortions import DISTORTIONS
from tf_strattack.problem.goal import Network, Problem
from tf_strattack.problem.groups import Groups
from tf_strattack.solvers.solve import keep_best
from tf_strattack.solvers.zstep import INITIAL_KAPPA, MarginAndGradient, Weights, eta, lagging_kappa, z_step


class Structure(NamedTuple):
    """What the graph of the loop is built from; a change of any of these is another graph.

    Attributes:
      groups: which pixels form a group.
      penalty: a key of `proximal.GROUP_PENALTIES`.
      solver: "admm" or "paper", how the z-step treats the network.
      copies: "support", consensus over the groups that hold a pixel, or "paper", a copy of the whole
        image for each group (Proposition 2). They differ only where groups overlap.
      limited: whether `Weights.max_groups` bounds the number of groups that a candidate may change.
      distortion: a key of `distortions.DISTORTIONS`.
      grouped: whether there is anything for groups to do; without, ADMM has two blocks, as C&W and EAD need.
    """

    groups: Groups
    penalty: str
    solver: str
    copies: str
    limited: bool = False
    distortion: str = "l2"
    grouped: bool = True


class State(NamedTuple):
    """The iterate of N examples, and the best candidate so far.

    Attributes:
      k: the number of finished iterations, scalar int32.
      z: the variable that the network sees, (N, H, W, C).
      u, s: scaled duals of delta and w, (N, H, W, C).
      v: scaled duals of the group copies y, in the layout of `Groups.gather`; 0 (N,) without groups.
      kappa: the margin asked of z, in units of `Weights.unit`, (N,).
      c: the weight of the margin in the last z-step, (N,).
      best: the successful candidate of least objective, 0 where there is none, (N, H, W, C).
      stalled: iterations since the best candidate has become noticeably better, (N,) int32.
      objective: gamma D(best) + tau sum ||best_i||, infinite where there is none, (N,).
    """

    k: tf.Tensor
    z: tf.Tensor
    u: tf.Tensor
    s: tf.Tensor
    v: tf.Tensor
    kappa: tf.Tensor
    c: tf.Tensor
    stalled: tf.Tensor
    best: tf.Tensor
    objective: tf.Tensor


def initial_state(problem: Problem, structure: Structure) -> State:
    """Starts from the original images: all variables zero, no candidate."""
    zero = tf.zeros_like(problem.images)
    rows = tf.zeros_like(problem.lower[:, 0, 0, 0])
    return State(
        k=tf.constant(0),
        z=zero,
        u=zero,
        s=zero,
        v=tf.zeros_like(structure.groups.gather(zero)) if structure.grouped else rows,
        kappa=rows + INITIAL_KAPPA,
        c=rows,
        stalled=tf.zeros_like(rows, tf.int32),
        best=zero,
        objective=rows + float("inf"),
    )


def step(
    state: State,
    problem: Problem,
    weights: Weights,
    structure: Structure,
    evaluate: MarginAndGradient,
) -> tuple[State, tf.Tensor]:
    """One iteration of ADMM, eqs. (10)-(12), (15) and (9), or with overlapping groups (16)-(18).

    The candidate is the sparse one: y, where delta is not 0 either if D is sparse; delta where there are no groups.

    Args:
      state: the iterate; `kappa` and the best candidate pass through.
      problem: the images and the box.
      weights: numeric parameters.
      structure: groups, penalty and solver.
      evaluate: the margin (N,) at x0 + z and its gradient (N, H, W, C).

    Returns:
      The next state, and the sparse, feasible candidate (N, H, W, C) of this iteration.
    """
    groups, rho = structure.groups, weights.rho
    distortion = DISTORTIONS[structure.distortion]
    delta = distortion.prox(state.z - state.u, weights.gamma / rho, weights.beta, -math.inf, math.inf)  # (10)
    w = proximal.box(state.z - state.s, problem.lower, problem.upper)  # (11)

    # The z-step: every variable pulls z towards itself plus its dual.
    eta_k = eta(state.k, weights)
    curvature = eta_k + 2.0 * rho
    pulls = eta_k * state.z + rho * (delta + state.u + w + state.s)
    if structure.grouped:
        copies = groups.gather(state.z) - state.v
        shrink, _ = proximal.GROUP_PENALTIES[structure.penalty]
        scale = shrink(groups.norms(copies), weights.tau / rho[:, :, :, 0])
        y = groups.spread(scale) * copies  # (12)
        multiplicity = tf.constant(groups.multiplicity, state.z.dtype)
        curvature += rho * multiplicity
        pulls += rho * groups.scatter(y + state.v)
        if structure.copies == "paper" and groups.stride < groups.size:
            # Off its group a copy equals z minus its dual: it pulls z to where it is (Proposition 2).
            curvature += rho * (groups.number - multiplicity)
            pulls += rho * (groups.number - multiplicity) * state.z
    margins, gradient = evaluate(state.z)
    z, c = z_step(structure.solver, state.z, pulls / curvature, curvature, margins, gradient, state.kappa, weights)

    following = state._replace(k=state.k + 1, z=z, c=c, u=state.u + delta - z, s=state.s + w - z)
    if not structure.grouped:
        return following, proximal.box(delta, problem.lower, problem.upper)
    following = following._replace(v=state.v + y - groups.gather(z))  # (9)
    if structure.limited:
        kept = groups.limit(scale, groups.norms(y), weights.max_groups)
        y, scale = groups.spread(tf.cast(kept > 0.0, y.dtype)) * y, kept
    found = candidate(groups, y, scale, state.z, problem)
    return following, tf.where(delta == 0.0, delta, found) if distortion.sparse else found


def candidate(groups: Groups, y: tf.Tensor, scale: tf.Tensor, z: tf.Tensor, problem: Problem) -> tf.Tensor:
    """The image of the group copies y: their mean at each pixel, 0 if one of its groups is 0, within the box.

    Pixels that no group covers are never made sparse; they take the value of z.
    """
    multiplicity = tf.constant(groups.multiplicity, y.dtype)
    value = groups.scatter(y) / tf.maximum(multiplicity, tf.ones_like(multiplicity))
    if groups.stride < groups.size:
        zero = groups.scatter(groups.spread(tf.cast(scale <= 0.0, y.dtype)))
        value = tf.where(zero > 0.0, tf.zeros_like(value), value)
    if not groups.multiplicity.all():
        value = tf.where(multiplicity > 0.0, value, z)
    return proximal.box(value, problem.lower, problem.upper)


def objective(delta: tf.Tensor, structure: Structure, gamma: tf.Tensor, tau: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
    """Gamma D(delta) + tau sum_i ||delta_i||_2^p of each example, p = 1 or (`penalty="l2_half"`) 1/2."""
    value = gamma * DISTORTIONS[structure.distortion].cost(delta, beta)
    if structure.grouped:
        _, measure = proximal.GROUP_PENALTIES[structure.penalty]
        norms = tf.sqrt(structure.groups.total(tf.square(delta)))
        value += tau * tf.reduce_sum(measure(norms), axis=[1, 2])
    return value


def run(
    state: State,
    problem: Problem,
    weights: Weights,
    iterations: tf.Tensor,
    *,
    structure: Structure,
    network: Network,
) -> State:
    """Does `iterations` more steps, testing the candidate of each and keeping the best."""

    def advance(state: State) -> tuple[State, tf.Tensor, tf.Tensor]:
        evaluate = functools.partial(network.margin_and_gradient, problem)
        following, candidate = step(state, problem, weights, structure, evaluate)
        succeeded = network.succeeds(problem, candidate, weights.required)
        return following._replace(kappa=lagging_kappa(state.kappa, succeeded)), candidate, succeeded

    def cost(delta: tf.Tensor) -> tf.Tensor:
        return objective(delta, structure, weights.gamma, weights.tau, weights.beta)

    return keep_best(state, iterations, advance, cost, weights.patience)
