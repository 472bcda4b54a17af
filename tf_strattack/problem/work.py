"""The present examples: their goal, and the count of every evaluation of the network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_strattack.problem.batch import Batch
from tf_strattack.problem.goals.base import Goal
from tf_strattack.problem.groups import GroupStructure
from tf_strattack.problem.problem import Evaluations, Problem
from tf_strattack.problem.starting_points import StartingPoints
from tf_strattack.runtime import devices
from tf_strattack.runtime.progress import Tracker
from tf_strattack.runtime.rows import pad_rows, select_rows
from tf_strattack.typing import Pixels, Places, Rows


@dataclasses.dataclass(frozen=True)
class Work:
    """Some examples of a batch, padded for the devices, with their goal and their tracker.

    Attributes:
      goal: the goal of the attack.
      batch: the examples; rows after the first `rows` are padding.
      places: (rows,) places of the examples in the batch that the tracker counts.
      tracker: reports, turns Ctrl-C into an early end, and counts evaluations.
      starting_points: those of the examples, if the caller has given some.
    """

    goal: Goal
    batch: Batch
    places: Places
    tracker: Tracker
    starting_points: StartingPoints | None = None

    @property
    def rows(self) -> int:
        """The number of rows without padding."""
        return len(self.places)

    @property
    def size(self) -> int:
        """The number of rows, padding included."""
        return len(self.batch.images)

    def some(self, chosen: Places) -> Work:
        """The work on some of the examples, `chosen` by their rows."""
        points = None if self.starting_points is None else self.starting_points[chosen]
        return dataclasses.replace(
            self, batch=self.select(chosen, self.batch), places=self.places[chosen], starting_points=points
        )

    def placed(self, structure: GroupStructure) -> Work:
        """The same work with the regions of the groups, and with the box that they allow."""
        return dataclasses.replace(self, batch=structure.placed(self.batch))

    def select(self, chosen: Places, nest: Any) -> Any:
        """Tensors that go with the batch, for the rows of `some(chosen)`."""
        return select_rows(nest, pad_rows(chosen, devices.padded(len(chosen), self.batch.images.shape[1:])))

    def program(
        self, key: Hashable, function: Callable[..., Any], batch: Batch, *example: Any
    ) -> Callable[..., tuple[Any, Evaluations]]:
        """Compiles `function(problem, *arguments)` to a program of (batch, *arguments) that also counts evaluations.

        It is traced once for the goal, the key and the image shape, for any number of rows: numbers are tensors, and
        everything else on which `function` depends is in the key.
        """
        goal = self.goal  # a program that referred to `self` would keep its tensors alive

        def counted(batch: Batch, *arguments: Any) -> tuple[Any, Evaluations]:
            problem = Problem(goal, batch)
            result = function(problem, *arguments)
            return result, problem.spent

        return goal.program(key, counted, batch, *example)

    def evaluate(self, key: Hashable, function: Callable[..., Any], *arguments: Any) -> Any:
        """The result of `function(problem, *arguments)`, compiled as in `program`; its evaluations are counted."""
        result, spent = self.program(key, function, self.batch, *arguments)(self.batch, *arguments)
        self.enter(self.places, self.size, spent)
        return result

    def enter(self, places: Places, size: int, spent: Evaluations) -> None:
        """Counts the evaluations of a program on `size` rows, for the examples at `places`."""
        self.tracker.spend(places, size, gradients=int(spent.gradients), forwards=int(spent.forwards))
        self.tracker.lose(places[spent.lost.numpy()[: len(places)]])

    def margins(self) -> Rows:
        """The margins (N,) of the originals."""
        margins: Rows = self.evaluate("margin", lambda problem: problem.margin())
        return margins

    def tangents(self) -> tuple[Rows, Rows]:
        """The margins (N,) of the originals, and the l2 norms (N,) of their gradients."""

        def tangent(problem: Problem) -> tuple[Rows, Rows]:
            margins, gradient = problem.margin_and_gradient(tf.zeros_like(problem.batch.images))
            return margins, tf.sqrt(tf.reduce_sum(tf.square(gradient), [1, 2, 3]))

        found: tuple[Rows, Rows] = self.evaluate("tangent", tangent)
        return found

    def padded(self, rows: Any) -> Pixels:
        """An array (rows, ...) as a tensor, padded as the batch is."""
        return tf.constant(pad_rows(np.asarray(rows), self.size))
