"""Attacks without a limit on the change, and with a given number of gradient evaluations."""

from __future__ import annotations

import dataclasses
from typing import Any

from tf_strattack import PGD, Attack, Refinement, SigmaZero, StrAttack
from tf_strattack.attacks.descent import Descent
from tf_strattack.solvers import as_solver


def unlimited(attack: Attack) -> Attack:
    """The attack without `epsilon`, as most attacks are by default; PGD, which looks within a radius, as it is."""
    whole: Any = attack  # a dataclass, which the type of attacks does not say
    return attack if isinstance(attack, PGD) else dataclasses.replace(whole, epsilon=None)


def spending(attack: Attack, evaluations: int) -> Attack | None:
    """The attack with about `evaluations` gradient evaluations per example; None if its number cannot be set.

    All other hyper-parameters stay. A search of c has the same number of steps, each shorter or longer; StrAttack and
    its refinement have the same shares as before, and spend more on examples without success (restarts, fallback).
    """
    if isinstance(attack, StrAttack):
        return _structured(attack, evaluations)
    if isinstance(attack, Descent):
        return dataclasses.replace(attack, max_iterations=max(1, evaluations // attack.search_steps))
    if isinstance(attack, SigmaZero):
        return dataclasses.replace(attack, max_iterations=evaluations)
    if isinstance(attack, PGD):
        return dataclasses.replace(attack, steps=max(1, evaluations // attack.restarts))
    return None


def _structured(attack: StrAttack, evaluations: int) -> StrAttack:
    factor = evaluations / attack.iterations()
    refine: bool | Refinement = attack.refine
    if attack.refinement is not None:
        refining = as_solver(attack.refinement.solver, refining=True)
        refine = dataclasses.replace(attack.refinement, solver=_scaled(refining, factor))
    return dataclasses.replace(attack, solver=_scaled(as_solver(attack.solver), factor), refine=refine)


def _scaled(solver: Any, factor: float) -> Any:
    """The solver with `factor` times as many iterations."""
    return dataclasses.replace(solver, max_iterations=max(1, round(factor * solver.max_iterations)))
