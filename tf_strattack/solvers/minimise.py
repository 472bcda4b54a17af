"""The loop of the library: it compiles a solver's step, iterates, keeps the best, and drops finished examples."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple

import numpy as np
import tensorflow as tf

from tf_strattack.problem.objective import Numbers, Objective
from tf_strattack.problem.problem import Evaluations, Problem
from tf_strattack.problem.work import Work
from tf_strattack.runtime import devices
from tf_strattack.runtime.progress import Means
from tf_strattack.runtime.rows import select_rows
from tf_strattack.solvers.base import Iterate, Monitored, Originals, Parameters, Solver
from tf_strattack.solvers.best import ENDLESS, Best, Solution
from tf_strattack.solvers.search import Bracket
from tf_strattack.typing import Pixels, Places, Rows, Scalar


class State(NamedTuple, Generic[Iterate]):
    """Where the loop is: finished iterations (scalar int32), the solver's iterate, and the best so far."""

    k: Scalar
    iterate: Iterate
    best: Best


def minimise(
    solver: Solver[Iterate, Parameters],
    objective: Objective,
    work: Work,
    originals: Originals,
    *,
    start: Pixels | None = None,
    known: Best | None = None,
    c: Rows | None = None,
) -> Solution:
    """Minimises `objective` under the margin for the examples of `work`, with each c that the solver searches.

    Args:
      solver: its step is compiled once for its structure, the objective's, the goal and the image shape.
      objective: the objective next to the margin.
      work: the examples; finished ones leave the batch, and Ctrl-C ends it with the best so far.
      originals: facts about the network at the originals.
      start: perturbations (N, H, W, C) within the box to begin with; None for 0.
      known: successes that are already known; None for none.
      c: (N,) the first c of a solver that does not search it; None for 0.

    Returns:
      The best perturbation of each example, over all c. If c is searched, the solution has the c that was found.
    """
    problem = Problem(work.goal, work.batch, objective.of_batch(work.batch))
    parameters = solver.parameters(problem, originals)
    known = Best.none(work.batch.images) if known is None else known
    if start is not None and solver.tests_start:
        known = _with_start(objective, work, originals, start, known)
    start = tf.zeros_like(work.batch.images) if start is None else start
    loop = _Loop(solver, objective, work, parameters)
    if solver.search is None:
        c = tf.zeros_like(originals.margins) if c is None else c
        return loop.run(State(tf.constant(0), solver.init(problem, start, c), known))
    bracket = Bracket(work.rows, solver.search.initial_c)
    best, nothing = Solution.none(work.rows, work.batch.images.shape[1:]), Best.none(work.batch.images)
    for step in range(solver.search.steps):
        c = work.padded(bracket.c.astype(np.float32))
        # Without what is known: whether a c succeeds is what its own iterates show.
        outcome = loop.run(State(tf.constant(0), solver.init(problem, start, c), nothing))
        best = best.better(outcome) if step else outcome
        if work.tracker.interrupted:
            break
        bracket.update(outcome.found)
    return best.better(_solution(known, np.arange(work.rows))._replace(c=best.c))


def _with_start(objective: Objective, work: Work, originals: Originals, start: Pixels, known: Best) -> Best:
    """The known successes, with the start in their place where it succeeds, too."""
    holds = work.evaluate(
        "start",
        lambda problem, start, required: problem.is_adversarial(start, required),
        start,
        originals.required,
    )
    cost = objective.at(objective.numbers(), work.batch).cost(start)
    return Best.of(tf.where(holds[:, None, None, None], start, known.delta), tf.where(holds, cost, known.objective))


class _Loop(Generic[Iterate, Parameters]):
    """A compiled loop over a batch that shrinks."""

    def __init__(
        self, solver: Solver[Iterate, Parameters], objective: Objective, work: Work, parameters: Parameters
    ) -> None:
        self._solver = solver
        self._objective = objective
        self._work = work
        self._parameters = parameters
        self._numbers = objective.numbers()
        self._patience = ENDLESS if solver.patience is None else solver.patience

    def run(self, state: State[Iterate]) -> Solution:
        """Iterates until all iterations are done, all examples are finished, or Ctrl-C."""
        solver, work, tracker = self._solver, self._work, self._work.tracker
        batch, parameters, shape = work.batch, self._parameters, work.batch.images.shape[1:]
        outcome = Solution.none(work.rows, shape)
        present, size = np.arange(work.rows), work.size
        sizes, done = batch_sizes(size, shape), 0
        patience, numbers = tf.constant(self._patience, tf.int32), self._numbers
        program = self._program(batch, state, parameters)
        while done < solver.max_iterations and len(present) and not tracker.interrupted:
            number = min(solver.look_every - done % solver.look_every, solver.max_iterations - done, tracker.chunk)
            arguments = batch, state, parameters, numbers, patience, tf.constant(number, tf.int32)
            after = tracker.advance(functools.partial(_waited, program, *arguments), number)
            if after is None:
                break
            (state, spent), done = after, done + number
            work.enter(work.places[present], size, spent)
            outcome.objective[present] = state.best.objective.numpy()[: len(present)]
            tracker.report(
                work.places, outcome.objective, functools.partial(self._means, state, parameters, len(present))
            )
            if done % solver.look_every:
                continue
            alive = np.flatnonzero(state.best.stalled.numpy()[: len(present)] < self._patience)
            smaller = min((s for s in sizes if s >= len(alive)), default=size) if len(alive) else 0
            if smaller < size:
                leaving = np.setdiff1d(np.arange(len(present)), alive)
                outcome.put(present[leaving], _solution(state.best, leaving))
                present, size = present[alive], smaller
                if len(alive):
                    chosen = np.concatenate([alive, np.repeat(alive[:1], size - len(alive))])
                    state, batch, parameters = select_rows((state, batch, parameters), chosen)
        outcome.put(present, _solution(state.best, np.arange(len(present))))
        return outcome

    def _program(self, *example: Any) -> Callable[..., tuple[State[Iterate], Evaluations]]:
        solver, objective = self._solver, self._objective

        def iterate(
            problem: Problem,
            state: State[Iterate],
            parameters: Parameters,
            numbers: Numbers,
            patience: Scalar,
            iterations: Scalar,
        ) -> State[Iterate]:
            problem.pose(objective.at(numbers, problem.batch))

            def body(state: State[Iterate], spent: Evaluations) -> tuple[State[Iterate], Evaluations]:
                problem.spent = spent
                problem.turn(state.k)
                next_iterate, candidate = solver.step(state.k, state.iterate, problem, parameters)
                c = solver.monitor(next_iterate, parameters).c
                best = state.best.after(candidate, c, patience)
                return State(state.k + 1, next_iterate, best), problem.spent

            last = state.k + iterations
            state, problem.spent = tf.while_loop(
                lambda state, _: state.k < last, body, (state, problem.spent), parallel_iterations=1
            )
            return state

        key = ("minimise", solver.structure, objective.structure)
        return self._work.program(key, iterate, *example, self._numbers, tf.constant(0), tf.constant(0))

    def _means(self, state: State[Iterate], parameters: Parameters, rows: int) -> Means:
        """The values for callbacks: means over the unfinished among the first `rows`."""
        monitored: Monitored = self._solver.monitor(state.iterate, parameters)
        running = state.best.stalled.numpy()[:rows] < self._patience

        def mean(values: tf.Tensor | None) -> float | None:
            if values is None or not running.any():
                return None
            return float(values.numpy().reshape(-1)[:rows][running].mean(dtype=np.float64))

        return Means(mean(monitored.kappa), mean(monitored.rho), mean(monitored.c))


def batch_sizes(size: int, image_shape: Sequence[int]) -> list[int]:
    """The sizes to which a batch of (H, W, C) images may shrink: only a few, as each needs new programs."""
    multiple = devices.padded(1, image_shape)
    wanted = {-(-size * part // 8 // multiple) * multiple for part in (1, 2, 3, 4, 6)}
    return sorted({max(multiple, w) for w in wanted if w < size} | {size})


def _waited(program: Callable[..., tuple[State[Any], Evaluations]], *arguments: Any) -> Any:
    """The result of a program, once it is computed."""
    state, spent = program(*arguments)
    state.best.objective.numpy()
    return state, spent


def _solution(best: Best, rows: Places) -> Solution:
    if not len(rows):
        return Solution.none(0, tuple(best.delta.shape[1:]))
    delta, objective, c = (tf.gather(part, rows).numpy() for part in (best.delta, best.objective, best.c))
    return Solution.of(delta, objective, c)
