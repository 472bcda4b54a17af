"""The search of c for the paper's solver: every example has its own bracket."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class Bracket:
    """Finds, for each example, about the least c with which the attack succeeds.

    Starts at one value; where it succeeds divides by 10 until it fails, where it fails multiplies by 10
    until it succeeds, then bisects in log c. What counts is the success at this c alone, and not
    whether the perturbation is also the best so far.
    """

    def __init__(self, rows: int, initial_c: float) -> None:
        """Starts `rows` searches at `initial_c`."""
        self.c = np.full(rows, initial_c, np.float64)
        self._failed = np.zeros(rows)
        self._succeeded = np.full(rows, np.inf)

    def update(self, succeeded: npt.NDArray[np.bool_]) -> None:
        """Moves every c on, given whether the attack succeeded (N,) at the present one."""
        self._succeeded = np.where(succeeded, self.c, self._succeeded)
        self._failed = np.where(succeeded, self._failed, self.c)
        with np.errstate(invalid="ignore"):
            middle = np.sqrt(self._failed * self._succeeded)
        untried = np.where(succeeded, self._failed == 0.0, np.isinf(self._succeeded))
        self.c = np.where(untried, np.where(succeeded, self.c / 10.0, self.c * 10.0), middle)
