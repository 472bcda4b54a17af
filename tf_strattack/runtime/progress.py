"""Progress of a call, and what Ctrl-C does to it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

# A chunk of iterations takes about this long, so that callbacks and Ctrl-C are answered in time.
_CHUNK_SECONDS = 1.0

_Result = TypeVar("_Result")


class Means(NamedTuple):
    """Means over the examples that a loop still runs on; None where the loop has no such quantity, or no example."""

    kappa: float | None = None
    rho: float | None = None
    c: float | None = None


class Progress(NamedTuple):
    """What a callback gets, after a few iterations and at the end of each batch.

    Attributes:
      examples: the number of examples in the call.
      done: how many are finished.
      started: how many are finished or being worked on.
      successes: how many have a successful perturbation so far, unfinished ones included.
      fraction: the share of the whole work that is done, in [0, 1].
      batch: the number of the batch that is being worked on, from 0; one for which memory did not suffice, and which is
        started again with fewer examples, has a number of its own.
      iterations: how many have been done in the batch; they go on counting in a second attempt at the examples that are
        missing, at each c of a search, and in the next stage.
      stage: "attack" or "refinement", each of which minimises an objective of its own; "quantization" has none.
      success_rate: of the batch's examples, the share that has a successful perturbation so far; once it has ended, the
        share whose result has been verified.
      objective: the mean over these of the least so far, in this stage: gamma D(delta) + tau sum_i ||delta_i||, in the
        refinement gamma D(delta), of other attacks what their results are compared by. None before the first, and at
        the end of a batch.
      kappa, rho, c: means over the examples that are not finished: the margin asked of a step, in units of the
        original's; ADMM's penalty, the scale of the steps; the weight of the margin (of FGM the size that is next).
        None where the attack has no such thing, and when no example is left.
    """

    examples: int
    done: int
    started: int
    successes: int
    fraction: float
    batch: int = 0
    iterations: int = 0
    stage: str = "attack"
    success_rate: float = 0.0
    objective: float | None = None
    kappa: float | None = None
    rho: float | None = None
    c: float | None = None


Callback = Callable[[Progress], None]


class Tracker:
    """Drives compiled loops in chunks, reports to the callback, and turns Ctrl-C into an early end.

    Attributes:
      interrupted: whether Ctrl-C was pressed; loops that are started after that do nothing.
      chunk: how many iterations to do between two reports.
      calls: the number of network calls by (kind, rows), see `AttackResult.calls`.
      gradients, forwards: (N,) int32, the evaluations spent on each example of the present batch.
    """

    def __init__(self, examples: int, callback: Callback | None) -> None:
        """Starts tracking a call of `examples` rows."""
        self.interrupted = False
        self.chunk = 1
        self.calls: Counter[tuple[str, int]] = Counter()
        self._examples = examples
        self._callback = callback
        self._done = self._successes = 0
        self._batch = self._iterations = self._finished = 0
        self._number = -1
        self._found = np.zeros(0, bool)
        self.gradients = self.forwards = np.zeros(0, np.int32)
        self._lost, self._lost_before = np.zeros(0, bool), 0
        self.enter("attack")

    def start_batch(self, rows: int, iterations: int) -> None:
        """Announces a batch of `rows` examples that will take `iterations` iterations in all."""
        self._batch, self._iterations, self._finished = rows, iterations, 0
        self._number += 1
        self._found = np.zeros(rows, bool)
        self.gradients, self.forwards = np.zeros(rows, np.int32), np.zeros(rows, np.int32)
        self._lost_before, self._lost = self.lost, np.zeros(rows, bool)
        self.enter("attack")
        self.chunk = 1

    def enter(self, stage: str) -> None:
        """Announces loops that minimise another objective than those before, see `Progress.stage`."""
        self._stage = stage
        self._objective = np.full(self._batch, np.inf)

    def end_batch(self, successes: int) -> None:
        """Counts the batch as done."""
        self._done += self._batch
        self._successes += successes
        rate = successes / self._batch
        self._batch = 0
        try:
            self._report(0, rate, None, Means())
        except KeyboardInterrupt:
            self.interrupted = True

    def spend(
        self,
        places: npt.NDArray[np.int64],
        size: int,
        *,
        gradients: int = 0,
        forwards: int = 0,
        alone: bool = False,
    ) -> None:
        """Enters calls of the network into the book: for the examples at `places` of the batch, on `size` rows.

        `alone`: each of the examples had calls of its own.
        """
        times = len(places) if alone else 1
        self.calls["gradient", size] += gradients * times
        self.calls["forward", size] += forwards * times
        self.gradients[places] += gradients
        self.forwards[places] += forwards

    def lose(self, places: npt.NDArray[np.int64]) -> None:
        """Notes that the network returned NaN or infinity for the examples at `places` of the batch."""
        self._lost[places] = True

    @property
    def lost(self) -> int:
        """Of how many examples the network returned NaN or infinity."""
        return self._lost_before + int(self._lost.sum())

    def advance(self, program: Callable[[], _Result], number: int) -> _Result | None:
        """Calls `program`, which does `number` iterations and waits for them; None after Ctrl-C: its work is lost."""
        started = time.monotonic()
        try:
            result = program()
        except KeyboardInterrupt:
            self.interrupted = True
            return None
        self._finished += number
        per_iteration = (time.monotonic() - started) / number
        self.chunk = max(1, min(2 * self.chunk, int(_CHUNK_SECONDS / max(per_iteration, 1e-6))))
        return result

    def report(
        self, places: npt.NDArray[np.int64], objective: npt.NDArray[np.float32], means: Callable[[], Means]
    ) -> None:
        """Reports the best objectives of the examples at `places`, infinite where nothing has succeeded yet.

        What earlier loops found stays counted. `means` is called only if there is a callback.
        """
        if self._callback is None:
            return
        try:
            self._objective[places] = np.minimum(self._objective[places], objective)
            known = np.isfinite(self._objective)
            self._found |= known
            mean = float(self._objective[known].mean()) if known.any() else None
            self._report(int(self._found.sum()), float(self._found.mean()), mean, means())
        except KeyboardInterrupt:
            self.interrupted = True

    def _report(self, in_batch: int, rate: float, objective: float | None, means: Means) -> None:
        if self._callback is None:
            return
        share = self._batch * min(1.0, self._finished / self._iterations) if self._iterations else 0
        fraction = (self._done + share) / self._examples if self._examples else 1.0
        started, successes = self._done + self._batch, self._successes + in_batch
        overall = self._examples, self._done, started, successes, min(1.0, fraction)
        self._callback(Progress(*overall, self._number, self._finished, self._stage, rate, objective, *means))
