"""The fast gradient method (Goodfellow et al., arXiv 1412.6572) and its iteration (Kurakin et al., arXiv 1607.02533).

The size of the perturbation is found for each example on a fine grid, as in appendix F of arXiv 1808.01664.
"""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.attacks.attack import Attack, Found
from tf_strattack.checks import check_choice, check_count, check_number
from tf_strattack.problem import proximal
from tf_strattack.problem.goal import Network, Problem
from tf_strattack.runtime import devices
from tf_strattack.runtime.progress import Tracker
from tf_strattack.runtime.rows import pad_rows
from tf_strattack.runtime.rows import select_rows as take
from tf_strattack.solvers import compaction
from tf_strattack.solvers.compaction import Solution
from tf_strattack.solvers.solve import better

NORMS = ("l1", "l2", "linf")
# The grid begins so much below the norm of a change of every pixel by the whole range, and first goes up by `_COARSE`.
_DECADES, _COARSE = 5, 1.25


class State(NamedTuple):
    """Where N examples are on the grid.

    Attributes:
      k: the number of grid points done, scalar int32.
      c: the size of the next perturbation in the norm, (N,).
      stalled: 1 where an example has succeeded, else 0, (N,) int32.
      best, objective: the perturbation that did (N, H, W, C) and its size (N,), infinite where none has.
    """

    k: tf.Tensor
    c: tf.Tensor
    stalled: tf.Tensor
    best: tf.Tensor
    objective: tf.Tensor


class Weights(NamedTuple):
    """What stays fixed on a pass over the grid.

    Attributes:
      required: the confidence that a perturbation must reach, in logits, (N,).
      direction: of the step at the originals, of norm 1, (N, H, W, C).
      ratio: of two neighbours on the grid, scalar.
      steps: in how many steps a perturbation is made, scalar.
      patience: the value of `stalled` at which an example is finished.
    """

    required: tf.Tensor
    direction: tf.Tensor
    ratio: tf.Tensor
    steps: tf.Tensor
    patience: tf.Tensor


@dataclasses.dataclass(frozen=True, kw_only=True)
class IFGM(Attack):
    """The iterative fast gradient method: `steps` steps of size/`steps` against the cross-entropy's gradient.

    A step goes along the gradient's sign (`norm="linf"`), or along the gradient over its l2 or l1 norm, which are one
    direction measured differently; what leaves the valid range is cut. The size is the least on a grid with which an
    example succeeds. The grid goes up by a quarter until it does, and then by `grid_ratio` from the last size that
    failed: a success between two that fail on the coarse grid is not seen. `AttackResult.c` is the size. An image
    that fools the network already is left as it is.

    Attributes:
      norm: "l1", "l2" or "linf".
      steps: how many.
      grid_ratio: of two neighbours on the fine grid, above 1 and at most 1.25.

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
        """The most grid points that an example takes."""
        return _points(10.0**_DECADES, _COARSE) + _points(_COARSE, self.grid_ratio)

    def perturb(self, network: Network, problem: Problem, start: tf.Tensor, rows: int, tracker: Tracker) -> Found:
        """Attacks a batch; `start` is not used, the grid begins at the originals."""
        margins = network.program("margin", network.margin, problem)(problem)

        def first(problem: Problem) -> tf.Tensor:
            return _direction(network, problem, tf.zeros_like(problem.images), self.norm)

        def loop(state: State, problem: Problem, weights: Weights, points: tf.Tensor) -> State:
            last = state.k + points
            return tf.while_loop(
                lambda state: state.k < last,
                lambda state: (_try(state, problem, weights, network, self.norm),),
                (state,),
                parallel_iterations=1,
            )[0]

        weights = Weights(
            network.demanded(margins, self.confidence),
            network.program("direction", first, problem, key=self.norm)(problem),
            tf.constant(_COARSE),
            tf.constant(self.steps, tf.int32),
            tf.constant(1),
        )
        tracker.count(len(margins), gradients=1, forwards=1)
        size = 10.0**-_DECADES * float(np.prod(problem.images.shape[1:])) ** _EXPONENT[self.norm]
        program = network.program(
            "grid", loop, _initial(problem, margins, weights.required), problem, weights, tf.constant(0), key=self.norm
        )

        def scan(chosen: npt.NDArray[np.int64], sizes: npt.NDArray[np.float32], ratio: float, points: int) -> Solution:
            whole = devices.padded(len(chosen), problem.images.shape[1:])
            padded = pad_rows(chosen, whole)
            tracker.attend(chosen)
            parts = take(problem, padded), take(weights, padded)._replace(ratio=tf.constant(ratio, tf.float32))
            state = _initial(parts[0], tf.gather(margins, padded), parts[1].required)._replace(
                c=tf.constant(pad_rows(sizes, whole), tf.float32)
            )
            return compaction.run(
                program,
                state,
                *parts,
                points,
                rows=len(chosen),
                gradients=int(self.steps) - 1,
                forwards=1,
                look_every=1,
                tracker=tracker,
            )

        everyone = np.arange(rows)
        solution = scan(everyone, np.full(rows, size, np.float32), _COARSE, _points(10.0**_DECADES, _COARSE))
        reached = np.flatnonzero(solution.found)
        if len(reached) and not tracker.interrupted:
            below = solution.objective[reached] / _COARSE * self.grid_ratio
            fine = scan(reached, below, self.grid_ratio, _points(_COARSE, self.grid_ratio))
            # Where nothing smaller succeeds the coarse size stays; `replaced` adds its iterations.
            finer = better(solution.chosen(reached), fine)._replace(iterations=fine.iterations)
            solution = solution.replaced(reached, finer)
            tracker.attend(everyone)
        sizes = np.where(solution.found, solution.objective, 0.0).astype(np.float32)
        points = solution.iterations
        return Found(solution.found, solution.best, sizes, 1 + (self.steps - 1) * points, 1 + points)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FGM(IFGM):
    """The fast gradient method: one step against the cross-entropy's gradient, of the least size that succeeds.

    Attributes:
      norm: "l1", "l2" or "linf", as in `IFGM`.
      grid_ratio: of two neighbours on the fine grid, above 1 and at most 1.25.

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


def _initial(problem: Problem, margins: tf.Tensor, required: tf.Tensor) -> State:
    """Before the first grid point; who succeeds without a change is finished."""
    rows, held = tf.zeros_like(margins), margins <= -required
    return State(
        tf.constant(0),
        rows,
        tf.cast(held, tf.int32),
        tf.zeros_like(problem.images),
        tf.where(held, 0.0, rows + float("inf")),
    )


def _try(state: State, problem: Problem, weights: Weights, network: Network, norm: str) -> State:
    """Makes the perturbations of one grid point and tests them."""
    step = (state.c / tf.cast(weights.steps, tf.float32))[:, None, None, None]

    def moved(delta: tf.Tensor, direction: tf.Tensor) -> tf.Tensor:
        return proximal.box(delta - step * direction, problem.lower, problem.upper)

    def again(k: tf.Tensor, delta: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return k + 1, moved(delta, _direction(network, problem, delta, norm))

    begun = moved(tf.zeros_like(state.best), weights.direction)
    _, delta = tf.while_loop(lambda k, _: k < weights.steps, again, (tf.constant(1), begun), parallel_iterations=1)
    succeeded = network.succeeds(problem, delta, weights.required) & (state.stalled < weights.patience)
    return state._replace(
        k=state.k + 1,
        c=state.c * weights.ratio,
        stalled=tf.where(succeeded, weights.patience, state.stalled),
        best=tf.where(succeeded[:, None, None, None], delta, state.best),
        objective=tf.where(succeeded, state.c, state.objective),
    )


def _direction(network: Network, problem: Problem, delta: tf.Tensor, norm: str) -> tf.Tensor:
    """The cross-entropy's gradient at x0 + delta, brought to norm 1; 0 where the network is flat."""
    gradient = network.cross_entropy_gradient(problem, delta)
    if norm == "linf":
        return tf.sign(gradient)
    # By the largest entry first: squares of small gradients would underflow.
    gradient = tf.math.divide_no_nan(gradient, tf.reduce_max(tf.abs(gradient), axis=[1, 2, 3], keepdims=True))
    power = tf.abs(gradient) if norm == "l1" else tf.square(gradient)
    total = tf.reduce_sum(power, axis=[1, 2, 3], keepdims=True)
    return tf.math.divide_no_nan(gradient, total if norm == "l1" else tf.sqrt(total))
