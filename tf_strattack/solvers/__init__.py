"""Solvers of problem (2), as `solver=` takes them: frozen dataclasses of their own hyper-parameters."""

from typing import Any

from tf_strattack.checks import check_choice
from tf_strattack.errors import InputError
from tf_strattack.solvers.admm import Admm
from tf_strattack.solvers.base import Candidate, Monitored, Originals, Search, Solver
from tf_strattack.solvers.best import Solution
from tf_strattack.solvers.paper import Paper
from tf_strattack.solvers.prox_linear import ProxLinear

__all__ = ["Admm", "Candidate", "Monitored", "Originals", "Paper", "ProxLinear", "Search", "Solution", "Solver"]

# `solver=` by name; a new solver is a file and an entry here.
SOLVERS: dict[str, type[ProxLinear | Admm | Paper]] = {"prox_linear": ProxLinear, "admm": Admm, "paper": Paper}


def as_solver(value: Any, *, refining: bool = False) -> Solver[Any, Any]:
    """`value` itself, or the solver of this name with its defaults for an attack or (`refining`) a refinement.

    Raises:
      InputError: anything else.
    """
    if isinstance(value, Solver):
        return value
    if not isinstance(value, str):
        raise InputError(f"expected solver to be a name or an object such as solvers.Admm(rho=2), received {value!r}")
    check_choice("solver", value, SOLVERS)
    return SOLVERS[value].refining() if refining else SOLVERS[value]()
