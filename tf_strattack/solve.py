"""Runs a loop as its solver wants: once ("prox_linear"), or for each c of a search ("paper")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
import tensorflow as tf

from tf_strattack.network import Problem
from tf_strattack.progress import Tracker
from tf_strattack.search import Bracket
from tf_strattack.zstep import Weights, track_margin

_State = TypeVar("_State", bound=Any)


# The upper bound of the margin's weight where it is not searched: above every multiplier, finite in float32.
_UNBOUNDED = 1e10


class Solution(NamedTuple):
    """The best candidates (N, H, W, C), their objectives and c (N,), and the iterations that were done."""

    best: tf.Tensor
    objective: tf.Tensor
    c: tf.Tensor
    iterations: int

    @property
    def found(self) -> np.ndarray[Any, Any]:
        """Which rows (N,) have a successful candidate."""
        return np.isfinite(self.objective.numpy())


def solve(
    program: Callable[..., Any],
    initial_state: Callable[[], Any],
    problem: Problem,
    weights: Weights,
    *,
    solver: str,
    iterations: int,
    initial_c: float,
    search_steps: int,
    tracker: Tracker,
) -> Solution:
    """Runs `program(state, problem, weights, n)` and returns each example's best over all c.

    Args:
      program: a compiled loop over states with the fields `best`, `objective` and `c`.
      initial_state: makes the state that every loop starts from.
      problem, weights: the batch; `weights.c` is replaced.
      solver: "paper" searches c, "prox_linear" takes it as unbounded.
      iterations: iterations for each c.
      initial_c, search_steps: of the search.
      tracker: drives the loop and stops it at Ctrl-C.
    """
    rows = len(weights.unit)
    searched = solver == "paper"
    bracket = Bracket(rows, initial_c if searched else _UNBOUNDED)
    best: Solution | None = None
    done = 0
    for _ in range(search_steps if searched else 1):
        at_c = weights._replace(c=tf.constant(bracket.c, weights.unit.dtype))

        def advance(state: Any, iterations: int, at_c: Weights = at_c) -> Any:
            return program(state, problem, at_c, tf.constant(iterations))

        state, number = tracker.loop(advance, initial_state(), iterations)
        done += number
        # With "paper" the weight of a step is 0 or c; the search's c says more.
        present = Solution(state.best, state.objective, at_c.c if searched else state.c, done)
        best = present if best is None else _better(best, present)._replace(iterations=done)
        tracker.carry(best.found)
        if tracker.interrupted:
            break
        bracket.update(present.found)
    if best is None:
        raise ValueError(f"search_steps must be at least 1, not {search_steps}")
    return best


def keep_best(
    state: _State,
    iterations: tf.Tensor,
    advance: Callable[[_State], tuple[_State, tf.Tensor]],
    cost: Callable[[tf.Tensor], tf.Tensor],
    succeeds: Callable[[tf.Tensor], tf.Tensor],
) -> _State:
    """The loop itself, inside a graph: `iterations` times a step, a test, and the best so far.

    Args:
      state: has the fields k, kappa, best and objective.
      iterations: scalar int32.
      advance: one step; returns the next state and the candidate (N, H, W, C).
      cost: the objective (N,) of candidates.
      succeeds: whether (N,) candidates fool the network.
    """

    def body(state: _State) -> tuple[_State]:
        following, candidate = advance(state)
        succeeded, value = succeeds(candidate), cost(candidate)
        better = succeeded & (value < state.objective)
        return (
            following._replace(
                kappa=track_margin(state.kappa, succeeded),
                best=tf.where(better[:, None, None, None], candidate, state.best),
                objective=tf.where(better, value, state.objective),
            ),
        )

    last = state.k + iterations
    return tf.while_loop(lambda state: state.k < last, body, (state,), parallel_iterations=1)[0]


def _better(old: Solution, new: Solution) -> Solution:
    improved = new.objective < old.objective
    return Solution(
        tf.where(improved[:, None, None, None], new.best, old.best),
        tf.where(improved, new.objective, old.objective),
        tf.where(improved | tf.math.is_inf(old.objective), new.c, old.c),
        new.iterations,
    )
