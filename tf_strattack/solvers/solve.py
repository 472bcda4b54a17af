"""Runs a loop as its solver wants: once ("prox_linear"), or for each c of a search ("paper")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.problem.goal import Problem
from tf_strattack.runtime.progress import Tracker
from tf_strattack.runtime.rows import pad_rows
from tf_strattack.solvers import compaction
from tf_strattack.solvers.compaction import Solution
from tf_strattack.solvers.search import Bracket
from tf_strattack.solvers.zstep import Weights

_State = TypeVar("_State", bound=Any)


# The upper bound of the margin's weight where it is not searched: above every multiplier, finite in float32.
_UNBOUNDED = 1e10
# A candidate this much better than the best so far makes an example worth going on with.
_NOTICEABLE = 0.998


def solve(
    program: Callable[..., Any],
    state: Any,
    problem: Problem,
    weights: Weights,
    *,
    solver: str,
    rows: int,
    iterations: int,
    initial_c: float,
    search_steps: int,
    tracker: Tracker,
) -> Solution:
    """Runs `program(state, problem, weights, n)` and returns each example's best over all c.

    Args:
      program: a compiled loop over states.
      state: that every loop starts from; see `compaction.run`.
      problem, weights: the batch; `weights.c` is replaced.
      solver: "paper" searches c, the others take it as unbounded.
      rows: how many rows of the batch count.
      iterations: iterations for each c.
      initial_c, search_steps: of the search.
      tracker: drives the loop and stops it at Ctrl-C.
    """
    searched = solver == "paper"

    def run(c: npt.NDArray[np.float64]) -> Solution:
        at_c = weights._replace(c=tf.constant(pad_rows(c, len(weights.unit)), weights.unit.dtype))
        return compaction.run(
            program,
            state,
            problem,
            at_c,
            iterations,
            rows=rows,
            forwards=0 if solver == "prox_linear" else 1,
            tracker=tracker,
            searched=searched,
        )

    if not searched:
        return run(np.full(rows, _UNBOUNDED))
    return search(run, rows=rows, initial_c=initial_c, search_steps=search_steps, tracker=tracker)


def search(
    run: Callable[[npt.NDArray[np.float64]], Solution],
    *,
    rows: int,
    initial_c: float,
    search_steps: int,
    tracker: Tracker,
) -> Solution:
    """Calls `run` with `search_steps` values of c (`rows`,), and returns each example's best over all of them.

    The c of the solution is the one searched, and not the weight that the margin had in a step, which is 0 or c.
    """
    bracket = Bracket(rows, initial_c)
    best: Solution | None = None
    for _ in range(search_steps):
        outcome = run(bracket.c)
        present = outcome._replace(c=bracket.c.astype(np.float32))
        best = present if best is None else better(best, present)
        if tracker.interrupted:
            break
        bracket.update(present.found)
    if best is None:
        raise ValueError(f"search_steps must be at least 1, not {search_steps}")
    return best


def keep_best(
    state: _State,
    iterations: tf.Tensor,
    advance: Callable[[_State], tuple[_State, tf.Tensor, tf.Tensor]],
    cost: Callable[[tf.Tensor], tf.Tensor],
    patience: tf.Tensor,
) -> _State:
    """The loop itself, inside a graph: `iterations` times a step, a test, and the best so far.

    Args:
      state: has the fields k, c, best, objective and stalled.
      iterations: scalar int32.
      advance: one step; returns the next state, the candidate (N, H, W, C), and whether it succeeds (N,).
      cost: the objective (N,) of candidates.
      patience: iterations without a noticeably better candidate after which a row keeps what it has.
    """

    def body(state: _State) -> tuple[_State]:
        following, candidate, succeeded = advance(state)
        value = cost(candidate)
        # What a finished row still does, until it leaves the batch, must not change its result.
        better = succeeded & (value < state.objective) & (state.stalled < patience)
        noticeably = better & (value < _NOTICEABLE * state.objective)
        waiting = tf.cast(tf.math.is_finite(state.objective), tf.int32)
        finished = state.stalled >= patience
        return (
            following._replace(
                # Of whole rows; tf.where, which would broadcast, takes several times as long.
                best=tf.raw_ops.Select(condition=better, x=candidate, y=state.best),
                objective=tf.where(better, value, state.objective),
                c=tf.where(finished, state.c, following.c),
                stalled=tf.where(noticeably & ~finished, 0, state.stalled + waiting),
            ),
        )

    last = state.k + iterations
    return tf.while_loop(lambda state: state.k < last, body, (state,), parallel_iterations=1)[0]


def better(old: Solution, new: Solution) -> Solution:
    """The better of two solutions of the same rows, row by row; their iterations add up."""
    improved = new.objective < old.objective
    return Solution(
        np.where(improved[:, None, None, None], new.best, old.best),
        np.where(improved, new.objective, old.objective),
        np.where(improved | np.isinf(old.objective), new.c, old.c),
        old.iterations + new.iterations,
    )
