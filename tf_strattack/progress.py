"""Progress of a call, and what Ctrl-C does to it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

# A chunk of iterations takes about this long, so that callbacks and Ctrl-C are answered in time.
_CHUNK_SECONDS = 1.0

_State = TypeVar("_State", bound=Any)


class Progress(NamedTuple):
    """What a callback is told, several times a second at most.

    Attributes:
      examples: the number of examples in the call.
      done: how many are finished.
      started: how many are finished or being worked on.
      successes: how many have a successful perturbation so far, unfinished ones included.
      fraction: the share of the whole work that is done, in [0, 1].
    """

    examples: int
    done: int
    started: int
    successes: int
    fraction: float


Callback = Callable[[Progress], None]


class Tracker:
    """Drives compiled loops in chunks, reports to the callback, and turns Ctrl-C into an early end.

    Attributes:
      interrupted: whether Ctrl-C was pressed; loops that are started after that do nothing.
      chunk: how many iterations to do between two reports.
      calls: the number of network calls by (kind, rows), see `AttackResult.calls`.
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
        self._found = np.zeros(0, bool)
        self._rows = np.zeros(0, int)

    def start_batch(self, rows: int, iterations: int) -> None:
        """Announces a batch of `rows` examples that will take `iterations` iterations in all."""
        self._batch, self._iterations, self._finished = rows, iterations, 0
        self._found = np.zeros(rows, bool)
        self.attend(np.arange(rows))
        self.chunk = 1

    def attend(self, rows: npt.NDArray[np.int64]) -> None:
        """Announces that the loops to come work on these rows of the batch."""
        self._rows = rows

    def end_batch(self, successes: int) -> None:
        """Counts the batch as done."""
        self._done += self._batch
        self._successes += successes
        self._batch = 0
        self._found = np.zeros(0, bool)
        try:
            self._report(0)
        except KeyboardInterrupt:
            self.interrupted = True

    def count(self, rows: int, *, gradients: int = 0, forwards: int = 0) -> None:
        """Records calls of the network on batches of `rows` rows, padding included."""
        self.calls["gradient", rows] += gradients
        self.calls["forward", rows] += forwards

    def advance(self, program: Callable[[], _State], number: int) -> _State | None:
        """Calls `program`, which does `number` iterations; None after Ctrl-C, when its work is lost."""
        started = time.monotonic()
        try:
            state = program()
            state.objective.numpy()  # waits until it is there
        except KeyboardInterrupt:
            self.interrupted = True
            return None
        self._finished += number
        per_iteration = (time.monotonic() - started) / number
        self.chunk = max(1, min(2 * self.chunk, int(_CHUNK_SECONDS / max(per_iteration, 1e-6))))
        return state

    def report(self, found: npt.NDArray[np.bool_]) -> None:
        """Tells the callback which of the attended rows have a successful perturbation; earlier ones stay counted."""
        self._found[self._rows] |= found
        try:
            self._report(int(self._found.sum()))
        except KeyboardInterrupt:
            self.interrupted = True

    def _report(self, in_batch: int) -> None:
        if self._callback is None:
            return
        share = self._batch * min(1.0, self._finished / self._iterations) if self._iterations else 0
        fraction = (self._done + share) / self._examples if self._examples else 1.0
        started, successes = self._done + self._batch, self._successes + in_batch
        self._callback(Progress(self._examples, self._done, started, successes, min(1.0, fraction)))
