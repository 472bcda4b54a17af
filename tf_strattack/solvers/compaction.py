"""Runs a loop over a batch whose finished examples leave it, so that they cost nothing more."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.problem.goal import Problem
from tf_strattack.runtime import devices
from tf_strattack.runtime.progress import Means, Tracker
from tf_strattack.runtime.rows import select_rows as take

# Iterations between two looks at who is finished.
_LOOK_EVERY = 10


class Solution(NamedTuple):
    """The best candidates (N, H, W, C), their objectives and c (N,), and the iterations that each row did (N,)."""

    best: npt.NDArray[np.float32]
    objective: npt.NDArray[np.float32]
    c: npt.NDArray[np.float32]
    iterations: npt.NDArray[np.int32]

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """Which rows (N,) have a successful candidate."""
        return np.isfinite(self.objective)

    def chosen(self, rows: npt.NDArray[np.int64]) -> Solution:
        """Some of the rows."""
        return Solution(self.best[rows], self.objective[rows], self.c[rows], self.iterations[rows])

    def replaced(self, rows: npt.NDArray[np.int64], by: Solution) -> Solution:
        """This with some of its rows from another solution of them; their iterations add up."""
        best, objective = self.best.copy(), self.objective.copy()
        c, iterations = self.c.copy(), self.iterations.copy()
        best[rows], objective[rows], c[rows] = by.best, by.objective, by.c
        iterations[rows] += by.iterations
        return Solution(best, objective, c, iterations)


def run(
    program: Callable[..., Any],
    state: Any,
    problem: Problem,
    weights: Any,
    iterations: int,
    *,
    rows: int,
    forwards: int,
    tracker: Tracker,
    gradients: int = 1,
    look_every: int = _LOOK_EVERY,
    searched: bool = False,
) -> Solution:
    """Calls `program(state, problem, weights, n)` until `iterations` are done, all rows finished, or Ctrl-C.

    Args:
      program: does n iterations on a batch of any size.
      state: a named tuple with the fields best, objective, c and stalled; the first axis of a tensor is its rows.
      problem, weights: of the same rows; the weights are a named tuple with a scalar `patience`, the value of
        `stalled` at which a row is finished.
      iterations: the most that a row does.
      rows: how many rows count; those behind them only pad the batch.
      forwards: forward evaluations of an iteration, besides its gradients, for the records.
      tracker: reports, and turns Ctrl-C into an early end.
      gradients: gradient evaluations of an iteration, for the records.
      look_every: iterations between two looks at who is finished.
      searched: whether a search has set the c of the weights: callbacks hear of it, and not of the state's c and kappa,
        which is for a c that is not searched.
    """
    patience = int(weights.patience)
    shape = state.best.shape[1:]
    outcome = Solution(
        np.zeros((rows, *shape), np.float32),
        np.full(rows, np.inf, np.float32),
        np.zeros(rows, np.float32),
        np.zeros(rows, np.int32),
    )
    present, size = np.arange(rows), len(state.objective)
    sizes, done = batch_sizes(size, shape), 0
    while done < iterations and len(present) and not tracker.interrupted:
        number = min(look_every - done % look_every, iterations - done, tracker.chunk)
        following = tracker.advance(
            functools.partial(program, state, problem, weights, tf.constant(number, tf.int32)), number
        )
        if following is None:
            break
        state, done = following, done + number
        tracker.count(size, gradients=gradients * number, forwards=forwards * number)
        outcome.iterations[present] += number
        outcome.objective[present] = state.objective.numpy()[: len(present)]
        tracker.report(outcome.objective, functools.partial(_means, state, weights, len(present), patience, searched))
        if done % look_every:
            continue
        alive = np.flatnonzero(state.stalled.numpy()[: len(present)] < patience)
        smaller = min((s for s in sizes if s >= len(alive)), default=size) if len(alive) else 0
        if smaller < size:
            leaving = np.setdiff1d(np.arange(len(present)), alive)
            _record(outcome, present[leaving], state, leaving)
            present, size = present[alive], smaller
            if len(alive):
                chosen = np.concatenate([alive, np.repeat(alive[:1], size - len(alive))])
                state, problem, weights = (take(part, chosen) for part in (state, problem, weights))
    _record(outcome, present, state, np.arange(len(present)))
    return outcome


def batch_sizes(size: int, image_shape: Sequence[int]) -> list[int]:
    """The sizes to which a batch of (H, W, C) images may shrink: few, as a network is prepared anew for each."""
    multiple = devices.padded(1, image_shape)
    wanted = {-(-size * part // 8 // multiple) * multiple for part in (1, 2, 3, 4, 6)}
    return sorted({max(multiple, w) for w in wanted if w < size} | {size})


def _means(state: Any, weights: Any, rows: int, patience: int, searched: bool) -> Means:
    """What callbacks are told of the rows that are not finished."""
    running = state.stalled.numpy()[:rows] < patience

    def mean(values: tf.Tensor | None) -> float | None:
        if values is None or not running.any():
            return None
        return float(values.numpy().reshape(-1)[:rows][running].mean(dtype=np.float64))

    kappa, c = (None, weights.c) if searched else (getattr(state, "kappa", None), state.c)
    return Means(mean(kappa), mean(getattr(weights, "rho", None)), mean(c))


def _record(outcome: Solution, rows: npt.NDArray[np.int64], state: Any, places: npt.NDArray[np.int64]) -> None:
    if len(rows):
        outcome.best[rows] = tf.gather(state.best, places).numpy()
        outcome.objective[rows] = tf.gather(state.objective, places).numpy()
        outcome.c[rows] = tf.gather(state.c, places).numpy()
