"""The contract of a solver: a frozen dataclass of its own hyper-parameters with pure functions, as in optax."""

from __future__ import annotations

import abc
from collections.abc import Hashable
from typing import ClassVar, Generic, NamedTuple, TypeVar

from tf_strattack.problem.distortions import Distortion
from tf_strattack.problem.groups import GroupStructure
from tf_strattack.problem.problem import Problem
from tf_strattack.typing import Pixels, Rows, Scalar

# A solver's own iterate and numbers: named tuples of tensors with the examples as first axis.
Iterate = TypeVar("Iterate")
Parameters = TypeVar("Parameters")


class Candidate(NamedTuple):
    """The proposal of an iteration.

    Attributes:
      delta: sparse, feasible perturbations, (N, H, W, C) in [0, 1] scale.
      objective: the value by which candidates are compared, least first, (N,).
      succeeded: whether each reaches the goal, (N,) bool.
      finished: whether the solver itself has finished an example, (N,) bool; None if it never does.
    """

    delta: Pixels
    objective: Rows
    succeeded: Rows
    finished: Rows | None = None


class Monitored(NamedTuple):
    """The values of an iterate for callbacks and results; None if a solver has no such quantity.

    Attributes:
      c: the weight of the margin, (N,).
      kappa: the margin required of a step, in units of the original's, (N,).
      rho: the scale of the steps, (N, 1, 1, 1).
    """

    c: Rows | None = None
    kappa: Rows | None = None
    rho: Rows | None = None


class Originals(NamedTuple):
    """Facts about the network at the originals, and the requirements on candidates.

    Attributes:
      margins: (N,) in logits.
      required: the margin that a candidate must reach, (N,), see `Goal.required_margin`.
      confidence: the confidence that the caller requests, in logits.
      slopes: the l2 norm of the margin's gradient, (N,); None if no solver needs it.
      direction: the direction in which the cross-entropy grows, of norm 1, (N, H, W, C); None if no solver needs it.
    """

    margins: Rows
    required: Rows
    confidence: float
    slopes: Rows | None = None
    direction: Pixels | None = None


class Search(NamedTuple):
    """The search of c, the weight of the margin, for each example.

    Attributes:
      initial_c: the first value.
      steps: how many values to try.
    """

    initial_c: float
    steps: int


class Solver(abc.ABC, Generic[Iterate, Parameters]):
    """A solver of problem (2): its first iterate and one iteration. `minimise` does the rest.

    Everything on which a graph depends, except the tensor arguments of the functions, belongs in `structure`.
    """

    # The most iterations (for each c).
    max_iterations: int
    # The iterations without a noticeably better candidate after which an example is finished; None for no limit.
    patience: int | None = None
    # Iterations between two checks for finished examples.
    look_every: ClassVar[int] = 10
    # Whether candidates differ from iterates, so that a successful start needs a test of its own.
    tests_start: ClassVar[bool] = False
    # Whether a problem with a non-convex group penalty starts at the solution of the convex one.
    begins_convex: ClassVar[bool] = False
    # How often an attack begins again if it fails, unless its caller gives a number.
    restarts: ClassVar[int] = 0

    @property
    def search(self) -> Search | None:
        """The search of c, if the solver needs one."""
        return None

    @property
    def with_shorter_steps(self) -> Solver[Iterate, Parameters] | None:
        """The solver for examples on which the steps of this one may have been too long; None if there is none."""
        return None

    @property
    def structure(self) -> Hashable:
        """What the graph depends on, except tensors: the class, and hyper-parameters that are not numbers."""
        return type(self)

    @property
    def total_iterations(self) -> int:
        """The largest total number of iterations."""
        return self.max_iterations * (1 if self.search is None else self.search.steps)

    def check(self, distortion: Distortion, groups: GroupStructure | None) -> None:
        """Refuses problems that the solver cannot minimise, or for which one of its hyper-parameters has no effect.

        Raises:
          InputError: such a distortion or such groups.
        """

    @abc.abstractmethod
    def parameters(self, problem: Problem, originals: Originals) -> Parameters:
        """The numbers of an iteration as tensors: another value does not build another graph."""

    @abc.abstractmethod
    def init(self, problem: Problem, start: Pixels, c: Rows) -> Iterate:
        """The iterate at the perturbations `start`, for these `c` if the solver searches c or starts with one."""

    @abc.abstractmethod
    def step(self, k: Scalar, iterate: Iterate, problem: Problem, parameters: Parameters) -> tuple[Iterate, Candidate]:
        """One iteration, after `k` finished ones, and the candidate that it tests."""

    def monitor(self, iterate: Iterate, parameters: Parameters) -> Monitored:
        """The values for callbacks and results."""
        return Monitored()
