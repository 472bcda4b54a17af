"""Where a hyper-parameter of another object belongs: a line for error messages."""

from __future__ import annotations

import dataclasses
from typing import Any

from tf_strattack.problem.distortions import DISTORTIONS
from tf_strattack.solvers import SOLVERS, Solver


def place_in(name: str, *, solver: Any, refining: bool = False) -> str | None:
    """The argument that takes `name`, as the caller would write it; None if none does.

    Args:
      name: the name of a hyper-parameter.
      solver: the `solver=` of the caller; None for the default.
      refining: whether the method is a refinement.
    """
    for distortion in DISTORTIONS.values():
        if name in _fields(distortion):
            return f"distortion=sa.distortions.{distortion.__name__}({name}=...)"
    kinds = [kind for kind in SOLVERS.values() if name in _fields(kind)]
    present: type | None = type(solver) if isinstance(solver, Solver) else SOLVERS.get(solver or "prox_linear")
    if kinds:
        kind: type = present if present in kinds and present is not None else kinds[0]
        made = f"sa.solvers.{kind.__name__}{'.refining' if refining else ''}({name}=...)"
        return f"solver={made}"
    if refining:
        return None
    if name == "sigma_quantile":
        return "refine=sa.Refinement(sigma_quantile=...)"
    if name == "refine_iterations":
        kind = present or SOLVERS["prox_linear"]
        return f"refine=sa.Refinement(solver=sa.solvers.{kind.__name__}.refining(max_iterations=...))"
    return None


def _fields(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}
