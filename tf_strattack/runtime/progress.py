"""Progress of a call, and what Ctrl-C does to it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

# The duration of a chunk of iterations in seconds, so that callbacks and Ctrl-C do not wait long.
_CHUNK_SECONDS = 1.0

_Result = TypeVar("_Result")


class Means(NamedTuple):
    """Means over the unfinished examples of a loop; None if the loop has no such quantity, or no example is left."""

    kappa: float | None = None
    rho: float | None = None
    c: float | None = None


class Progress(NamedTuple):
    """The argument of a callback, after a few iterations and at the end of each batch.

    Attributes:
      examples: the number of examples in the call.
      done: how many are finished.
      started: how many are finished or being worked on.
      successes: how many have a successful perturbation so far, unfinished ones included.
      fraction: the completed share of the whole work, in [0, 1].
      batch: the number of the present batch, from 0; a batch that ran out of memory and starts again with fewer
        examples has a number of its own.
      iterations: the number of iterations of the batch so far, including those of a second attempt at the examples
        without a success, of each c of a search, and of earlier stages.
      stage: "attack" or "refinement", each with its own objective, or "quantization", which has none.
      success_rate: the share of the batch's examples with a successful perturbation so far; at the end of the batch,
        the share with a verified one.
      objective: the mean over these of the least objective so far in this stage: gamma D(delta) + tau sum_i
        ||delta_i||, in the refinement gamma D(delta); other attacks have their own. None before the first success, and
        at the end of a batch.
      kappa, rho, c: means over the unfinished examples: the margin required of a step, in units of the original's; the
        penalty of ADMM, or the scale of the steps; the weight of the margin (for FGM the next size). None if the attack
        has no such quantity, and if no example is left.
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
      interrupted: whether Ctrl-C was pressed; loops that start afterwards do nothing.
      chunk: the number of iterations between two reports.
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
        """Announces a batch of `rows` examples with a total of `iterations` iterations."""
        self._batch, self._iterations, self._finished = rows, iterations, 0
        self._number += 1
        self._found = np.zeros(rows, bool)
        self.gradients, self.forwards = np.zeros(rows, np.int32), np.zeros(rows, np.int32)
        self._lost_before, self._lost = self.lost, np.zeros(rows, bool)
        self.enter("attack")
        self.chunk = 1

    def enter(self, stage: str) -> None:
        """Announces loops with another objective than before, see `Progress.stage`."""
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
        """Counts calls of the network, for the examples at `places` of the batch, on `size` rows.

        `alone`: each example had its own calls.
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
        """The number of examples for which the network returned NaN or infinity."""
        return self._lost_before + int(self._lost.sum())

    def advance(self, program: Callable[[], _Result], number: int) -> _Result | None:
        """Calls `program`, which does `number` iterations and waits for them; None after Ctrl-C, with its work lost."""
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
        """Reports the best objectives of the examples at `places`, infinite for those without a success yet.

        Successes of earlier loops stay counted. `means` is called only if there is a callback.
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
