"""The fast gradient method (Goodfellow et al., arXiv 1412.6572) and its iteration (Kurakin et al., arXiv 1607.02533).

The size of the perturbation is found for each example on a fine grid, as in appendix F of arXiv 1808.01664.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.attacks.attack import Attack
from tf_strattack.checks import check_choice, check_count, check_number
from tf_strattack.problem import proximal
from tf_strattack.problem.balls import unit
from tf_strattack.problem.objective import Objective
from tf_strattack.problem.problem import Problem
from tf_strattack.problem.work import Work
from tf_strattack.solvers.base import Candidate, Monitored, Originals, Solver
from tf_strattack.solvers.best import ENDLESS, Best, Solution
from tf_strattack.solvers.minimise import minimise
from tf_strattack.typing import Images, Pixels, Rows, Scalar

NORMS = ("l1", "l2", "linf")
# The grid begins this many decades below the norm of the largest possible change, and first rises by `_COARSE`.
_DECADES, _COARSE = 5, 1.25


class Iterate(NamedTuple):
    """Where N examples are on the grid: the size of the next perturbation in the norm, (N,)."""

    size: Rows


class Numbers(NamedTuple):
    """The values that stay fixed during a pass over the grid.

    Attributes:
      required: the margin that a perturbation must reach, in logits, (N,).
      direction: the direction of the step at the originals, of norm 1, (N, H, W, C).
      ratio: the ratio of two neighbours on the grid, scalar.
      steps: how many steps make a perturbation, scalar int32.
    """

    required: Rows
    direction: Pixels
    ratio: Scalar
    steps: Scalar


@dataclasses.dataclass(frozen=True)
class Grid(Solver[Iterate, Numbers]):
    """A pass over the grid of sizes; an example is finished at the first size that succeeds.

    Attributes:
      norm: "l1", "l2" or "linf".
      steps: how many steps.
      ratio: of two neighbours on the grid.
      max_iterations: the number of grid points.
    """

    look_every: ClassVar[int] = 1

    norm: str
    steps: int
    ratio: float
    max_iterations: int

    @property
    def structure(self) -> Hashable:
        """The class and the norm."""
        return type(self), self.norm

    def parameters(self, problem: Problem, originals: Originals) -> Numbers:
        """The numbers of the pass as tensors."""
        steps = tf.constant(self.steps, tf.int32)
        return Numbers(originals.required, originals.direction, tf.constant(self.ratio, tf.float32), steps)

    def init(self, problem: Problem, start: Pixels, c: Rows) -> Iterate:
        """The first sizes, `c` (N,); `start` (N, H, W, C) is 0."""
        return Iterate(c)

    def step(self, k: Scalar, iterate: Iterate, problem: Problem, parameters: Numbers) -> tuple[Iterate, Candidate]:
        """Makes the perturbations of one grid point and tests them."""
        size = (iterate.size / tf.cast(parameters.steps, tf.float32))[:, None, None, None]
        batch = problem.batch

        def moved(delta: Pixels, direction: Pixels) -> Pixels:
            return proximal.box(delta - size * direction, batch.lower, batch.upper)

        delta = problem.repeat(
            parameters.steps - 1,
            lambda delta: moved(delta, direction_of(problem, delta, self.norm)),
            moved(tf.zeros_like(parameters.direction), parameters.direction),
        )
        succeeded = problem.is_adversarial(delta, parameters.required)
        candidate = Candidate(delta, iterate.size, succeeded, finished=succeeded)
        return Iterate(iterate.size * parameters.ratio), candidate

    def monitor(self, iterate: Iterate, parameters: Numbers) -> Monitored:
        """The next size, in place of a weight of the margin."""
        return Monitored(iterate.size)


@dataclasses.dataclass(frozen=True, kw_only=True)
class IFGM(Attack):
    """The iterative fast gradient method: `steps` steps of size/`steps` against the cross-entropy's gradient.

    A step follows the sign of the gradient (`norm="linf"`), or the gradient divided by its l2 or l1 norm, which is one
    direction measured in two ways. Pixels are clipped to the valid range. The result has the smallest size on a grid
    that succeeds. Sizes grow by a quarter until one succeeds, and then by `grid_ratio` from the last one that failed: a
    size that succeeds between two coarse sizes that fail is missed. `AttackResult.c` is the size. An image that already
    fools the network is left unchanged.

    Attributes:
      norm: "l1", "l2" or "linf".
      steps: how many steps.
      grid_ratio: the ratio of two neighbouring sizes on the fine grid, above 1 and at most 1.25.

    Raises:
      InputError: a value out of range.

    Example:
      >>> import tf_strattack as sa
      >>> sa.IFGM(norm="l2").steps
      10
    """

    name: ClassVar[str] = "ifgm"

    norm: str = "linf"
    steps: int = 10
    grid_ratio: float = 1.01

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        check_choice("norm", self.norm, NORMS)
        check_count("steps", self.steps)
        check_number("grid_ratio", self.grid_ratio, 1.0, _COARSE, open_low=True)

    def iterations(self) -> int:
        """The largest number of grid points for an example."""
        return _points(10.0**_DECADES, _COARSE) + _points(_COARSE, self.grid_ratio)

    def perturb(self, work: Work, given: Images) -> Solution:
        """Attacks a batch, starting at the originals; `given` (N, H, W, C) is 0."""
        margins, norm = work.margins(), self.norm
        direction = work.evaluate(
            ("direction", norm), lambda problem: direction_of(problem, tf.zeros_like(problem.batch.images), norm)
        )
        originals = self.originals(work, margins)._replace(direction=direction)
        entries = math.prod(work.batch.images.shape[1:])
        least = 10.0**-_DECADES * float(entries) ** _EXPONENT[norm]
        solution = self._scan(work, originals, np.full(work.rows, least), _COARSE, 10.0**_DECADES)
        reached = np.flatnonzero(solution.found)
        if len(reached) and not work.tracker.interrupted:
            below = solution.objective[reached] / _COARSE * self.grid_ratio
            fine = self._scan(work.some(reached), work.select(reached, originals), below, self.grid_ratio, _COARSE)
            # The coarse size stays if no smaller one succeeds.
            solution.put(reached, solution.at(reached).better(fine))
        sizes = np.where(solution.found, solution.objective, 0.0).astype(np.float32)
        return solution._replace(c=sizes)

    def _scan(self, work: Work, originals: Originals, first: npt.NDArray[Any], ratio: float, span: float) -> Solution:
        """The smallest size that succeeds on the grid of this `ratio` from `first` (N,) to `span` times `first`."""
        # Examples that succeed without a change are finished before the first grid point.
        held = originals.margins <= -originals.required
        known = Best.of(tf.zeros_like(work.batch.images), tf.where(held, 0.0, float("inf")))
        known = known._replace(stalled=tf.where(held, ENDLESS, 0))
        grid = Grid(self.norm, self.steps, ratio, _points(span, ratio))
        return minimise(grid, Objective(), work, originals, known=known, c=work.padded(first.astype(np.float32)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class FGM(IFGM):
    """The fast gradient method: one step against the cross-entropy's gradient, of the smallest size that succeeds.

    Attributes:
      norm: "l1", "l2" or "linf", as in `IFGM`.
      grid_ratio: the ratio of two neighbouring sizes on the fine grid, above 1 and at most 1.25.

    Raises:
      InputError: a value out of range.

    Example:
      >>> import tf_strattack as sa
      >>> sa.FGM(norm="l2").norm
      'l2'
    """

    name: ClassVar[str] = "fgm"

    steps: int = dataclasses.field(default=1, init=False)


_EXPONENT = {"l1": 1.0, "l2": 0.5, "linf": 0.0}


def _points(span: float, ratio: float) -> int:
    """How many points of a grid lie within a factor of `span`, both ends included."""
    return 1 + math.ceil(math.log(span) / math.log(ratio) - 1e-9)


def direction_of(problem: Problem, delta: Pixels, norm: str) -> Pixels:
    """The cross-entropy's gradient at x0 + delta, scaled to norm 1; 0 where the network is flat."""
    return unit(problem.cross_entropy_gradient(delta), norm)
