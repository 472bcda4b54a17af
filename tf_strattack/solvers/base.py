"""The contract of a solver: a frozen dataclass of its own hyper-parameters with pure functions, as in optax."""

from __future__ import annotations

import abc
from collections.abc import Hashable
from typing import ClassVar, Generic, NamedTuple, TypeVar

from tf_strattack.problem.distortions import Distortion
from tf_strattack.problem.groups import GroupStructure
from tf_strattack.problem.problem import Problem
from tf_strattack.typing import Pixels, Rows, Scalar

# A solver's own iterate and numbers: named tuples of tensors, whose first axis is the examples.
Iterate = TypeVar("Iterate")
Parameters = TypeVar("Parameters")


class Candidate(NamedTuple):
    """What an iteration proposes.

    Attributes:
      delta: sparse, feasible perturbations, (N, H, W, C) in [0, 1] scale.
      objective: what the best has least of, (N,).
      succeeded: whether each reaches the goal, (N,) bool.
      finished: whether the solver itself has finished with an example, (N,) bool; None: it never has.
    """

    delta: Pixels
    objective: Rows
    succeeded: Rows
    finished: Rows | None = None


class Monitored(NamedTuple):
    """What callbacks and results get to see of an iterate; None where a solver has no such quantity.

    Attributes:
      c: the weight of the margin, (N,).
      kappa: the margin asked of a step, in units of the original's, (N,).
      rho: the scale of the steps, (N, 1, 1, 1).
    """

    c: Rows | None = None
    kappa: Rows | None = None
    rho: Rows | None = None


class Originals(NamedTuple):
    """What is known of the network at the originals, and what is asked of candidates.

    Attributes:
      margins: (N,) in logits.
      required: the margin that a candidate must reach, (N,), see `Goal.required_margin`.
      confidence: what the caller asks for, in logits.
      slopes: the l2 norm of the margin's gradient, (N,); None where no solver needs it.
      direction: in which the cross-entropy grows, of norm 1, (N, H, W, C); None where no solver needs it.
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
      steps: how many values are tried.
    """

    initial_c: float
    steps: int


class Solver(abc.ABC, Generic[Iterate, Parameters]):
    """How problem (2) is solved: what begins, and what one iteration does. `minimise` does the rest.

    Everything that a graph depends on, besides the tensors that the functions are given, belongs into `structure`.
    """

    # The most iterations (for each c).
    max_iterations: int
    # The iterations without a noticeably better candidate after which an example is finished; None for no limit.
    patience: int | None = None
    # Iterations between two looks at who is finished.
    look_every: ClassVar[int] = 10
    # Whether candidates are other points than iterates, so that a start that succeeds has to be tested by itself.
    tests_start: ClassVar[bool] = False
    # Whether a problem whose group penalty is not convex begins at the solution of the convex one.
    begins_convex: ClassVar[bool] = False
    # How often an attack begins again at a random point where nothing is found, unless it is given a number.
    restarts: ClassVar[int] = 0

    @property
    def search(self) -> Search | None:
        """The search of c, if the solver needs one."""
        return None

    @property
    def structure(self) -> Hashable:
        """What the graph depends on, besides tensors: the class, and hyper-parameters that are not numbers."""
        return type(self)

    @property
    def total_iterations(self) -> int:
        """The most iterations in all."""
        return self.max_iterations * (1 if self.search is None else self.search.steps)

    def check(self, distortion: Distortion, groups: GroupStructure | None) -> None:
        """Refuses what the solver cannot minimise, or for which one of its hyper-parameters means nothing.

        Raises:
          InputError: such a distortion or such groups.
        """

    @abc.abstractmethod
    def parameters(self, problem: Problem, originals: Originals) -> Parameters:
        """The numbers of an iteration as tensors: another value does not build another graph."""

    @abc.abstractmethod
    def init(self, problem: Problem, start: Pixels, c: Rows) -> Iterate:
        """The iterate at the perturbations `start`, for these `c`, if the solver searches them or begins with one."""

    @abc.abstractmethod
    def step(self, k: Scalar, iterate: Iterate, problem: Problem, parameters: Parameters) -> tuple[Iterate, Candidate]:
        """One iteration, after `k` finished ones, and the candidate that it tests."""

    def monitor(self, iterate: Iterate, parameters: Parameters) -> Monitored:
        """What callbacks and results get to see."""
        return Monitored()
