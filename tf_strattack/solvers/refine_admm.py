"""The refinement by ADMM, as Proposition 3 has it: eqs. (21) and (22)."""

from __future__ import annotations

import functools
from typing import NamedTuple

import tensorflow as tf

from tf_strattack.problem import proximal
from tf_strattack.problem.distortions import Distortion
from tf_strattack.problem.goal import Network, Problem
from tf_strattack.solvers.solve import keep_best
from tf_strattack.solvers.zstep import INITIAL_KAPPA, MarginAndGradient, Weights, eta, lagging_kappa, z_step


class State(NamedTuple):
    """The iterate of the refinement; fields as in `admm.State`."""

    k: tf.Tensor
    z: tf.Tensor
    u: tf.Tensor
    kappa: tf.Tensor
    c: tf.Tensor
    stalled: tf.Tensor
    best: tf.Tensor
    objective: tf.Tensor


def initial_state(
    problem: Problem, start: tf.Tensor, weights: Weights, distortion: Distortion, network: Network
) -> State:
    """Starts from a successful perturbation; the best so far is it, or its restriction if that succeeds too."""
    z = proximal.box(start, problem.lower, problem.upper)
    holds = network.succeeds(problem, z, weights.required)
    best = tf.where(holds[:, None, None, None], z, start)
    rows = tf.zeros_like(weights.unit)
    cost = weights.gamma * distortion.cost(best, weights.beta)
    stalled = tf.zeros_like(rows, tf.int32)
    return State(tf.constant(0), z, tf.zeros_like(z), rows + INITIAL_KAPPA, rows, stalled, best, cost)


def step(
    state: State,
    problem: Problem,
    weights: Weights,
    solver: str,
    distortion: Distortion,
    evaluate: MarginAndGradient,
) -> tuple[State, tf.Tensor]:
    """One iteration, eqs. (21), (22) and the dual update; returns the next state and the candidate delta.

    The box of `problem` is the point 0 off the pattern, and the gradient is 0 there, so z stays 0 too.
    """
    rho = weights.rho
    delta = distortion.prox(state.z - state.u, weights.gamma / rho, weights.beta, problem.lower, problem.upper)  # (21)
    eta_k = eta(state.k, weights)
    curvature = eta_k + rho
    z_bar = (eta_k * state.z + rho * (delta + state.u)) / curvature
    margins, gradient = evaluate(state.z)
    z, c = z_step(solver, state.z, z_bar, curvature, margins, gradient, state.kappa, weights)  # (22)
    return state._replace(k=state.k + 1, z=z, u=state.u + delta - z, c=c), delta


def run(
    state: State,
    problem: Problem,
    weights: Weights,
    iterations: tf.Tensor,
    *,
    solver: str,
    distortion: Distortion,
    network: Network,
) -> State:
    """Does `iterations` more steps, testing the candidate of each and keeping the one of least distortion."""

    def advance(state: State) -> tuple[State, tf.Tensor, tf.Tensor]:
        evaluate = functools.partial(network.margin_and_gradient, problem)
        following, delta = step(state, problem, weights, solver, distortion, evaluate)
        succeeded = network.succeeds(problem, delta, weights.required)
        return following._replace(kappa=lagging_kappa(state.kappa, succeeded)), delta, succeeded

    def cost(delta: tf.Tensor) -> tf.Tensor:
        return weights.gamma * distortion.cost(delta, weights.beta)

    return keep_best(state, iterations, advance, cost, weights.patience)
