"""The search of c for the paper's solver: every example has its own bracket."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class Bracket:
    """Finds, for each example, about the least c with which the attack succeeds.

    It starts at one value, divides it by 10 after successes until one fails, or multiplies it by 10 after failures
    until one succeeds, then bisects in log c. A success at this c counts, whether or not its perturbation is the best
    so far.
    """

    def __init__(self, rows: int, initial_c: float) -> None:
        """Starts `rows` searches at `initial_c`."""
        self.c = np.full(rows, initial_c, np.float64)
        self._failed = np.zeros(rows)
        self._succeeded = np.full(rows, np.inf)

    def update(self, succeeded: npt.NDArray[np.bool_]) -> None:
        """Chooses the next c of each example, given whether the attack succeeded (N,) at the present one."""
        self._succeeded = np.where(succeeded, self.c, self._succeeded)
        self._failed = np.where(succeeded, self._failed, self.c)
        with np.errstate(invalid="ignore"):
            middle = np.sqrt(self._failed * self._succeeded)
        untried = np.where(succeeded, self._failed == 0.0, np.isinf(self._succeeded))
        self.c = np.where(untried, np.where(succeeded, self.c / 10.0, self.c * 10.0), middle)
