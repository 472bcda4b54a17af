"""The solver of the paper: the hinge by its gradient, eq. (15), with a search of c for each example."""

from __future__ import annotations

import dataclasses
from typing import Any, Self

import tensorflow as tf

from tf_strattack.checks import check_count, check_number
from tf_strattack.solvers.base import Search
from tf_strattack.solvers.splitting import Splitting
from tf_strattack.typing import Rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class Paper(Splitting):
    """ADMM as printed in arXiv 1808.01664, with a search of c per example: to reproduce the paper.

    Attributes:
      max_iterations: the most iterations for each c.
      patience: after its first success, an example leaves the batch once its best result has not improved by 0.2 % for
        this many iterations (None: no limit).
      rho: ADMM's penalty: a number, "tangent" (set per example from the tangent of the margin at the original) or
        "gamma" (the weight of the distortion); the paper's authors take 15.
      alpha: factor of eta_k = alpha sqrt(k), the inverse step: a number (the authors take 5), or a multiple of rho such
        as "5 rho".
      copies: "support" or (overlapping groups, Proposition 2) "paper".
      split_box: False for one block of distortion and box.
      initial_c: the first c, the weight of the margin.
      search_steps: how many c to try; 1 keeps c fixed, as in the paper's text.

    Raises:
      InputError: a value out of range.

    Example:
      >>> import tf_strattack as sa
      >>> sa.solvers.Paper(rho=15.0, alpha=5.0, search_steps=9).total_iterations
      9000
    """

    max_iterations: int = 1000
    patience: int | None = None
    initial_c: float = 1.0
    search_steps: int = 6

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        check_number("initial_c", self.initial_c, 0.0, open_low=True)
        check_count("search_steps", self.search_steps)

    @classmethod
    def refining(cls, **values: Any) -> Self:
        """The solver with the defaults of a refinement; `values` as in the class."""
        return super().refining(**{"max_iterations": 200, **values})

    @property
    def search(self) -> Search:
        """The search of c."""
        return Search(self.initial_c, self.search_steps)

    def weight(self, c: Rows, margins: Rows, required: Rows, needed: Rows) -> Rows:
        """The searched `c` if the margin is not reached, else 0."""
        return c * tf.cast(margins > -required, margins.dtype)
