"""Objective, distortion and success against gradient evaluations, for both solvers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tqdm import tqdm

from tf_strattack import AttackResult, StrAttack
from tf_strattack.programs.interrupts import complete
from tf_strattack.solvers import Admm, Paper, ProxLinear

from .means import means
from .nets import Net

COLUMNS = ("net", "series", "evaluations", "gradient_evaluations_per_example", "asr", "objective", "l0", "l2")

# The solvers without refinement, and the attack with all its defaults, which is a single point.
PAPER = "paper"
SOLVERS = ("prox_linear", PAPER)
DEFAULT = "default"
_SEARCH_STEPS = 6


def measure_curves(nets: Sequence[Net], examples: int, evaluations: Sequence[int]) -> list[dict[str, Any]]:
    """Attacks `examples` examples of every net with each budget of gradient evaluations, a row for each.

    "objective" is the mean of gamma ||delta||_2^2 + tau sum_i ||delta_{D_i}||_2 over successful examples.
    """
    points: list[tuple[Net, str, int | None, StrAttack]] = []
    for net in nets:
        points += [(net, solver, number, limited(solver, number)) for solver in SOLVERS for number in evaluations]
        points.append((net, DEFAULT, None, StrAttack()))
    measured = []
    for net, series, number, attack in tqdm(points, desc="curves", leave=False):
        images, labels, targets = net.examples(examples)
        result = complete(attack(net.classifier, images, labels, targets, batch_size=examples))
        measured.append(
            {
                "net": net.name,
                "series": series,
                "evaluations": number,
                "num_examples": examples,
                "gradient_evaluations_per_example": float(result.gradient_evaluations.mean()),
                "objective": _objective(result, attack),
                **means(result.delta, result.success, attack.groups),
            }
        )
    return measured


def limited(solver: str, evaluations: int) -> StrAttack:
    """StrAttack without refinement, with about `evaluations` gradient evaluations per example.

    With "prox_linear", ADMM spends the same number again on examples without success.
    """
    patience = evaluations + 1  # so that the whole budget is used
    if solver == PAPER:
        steps = max(1, evaluations // _SEARCH_STEPS)
        searching = Paper(search_steps=_SEARCH_STEPS, max_iterations=steps, patience=patience)
        return StrAttack(solver=searching, refine=False)
    first, second = (kind(max_iterations=evaluations, patience=patience) for kind in (ProxLinear, Admm))
    return StrAttack(solver=first, restarts=0, fallback=second, refine=False)


def _objective(result: AttackResult, attack: StrAttack) -> float | None:
    """The mean of the objective over successful examples; None without any."""
    delta = result.delta[result.success]
    if not len(delta):
        return None
    return float(attack.objective(*delta.shape[1:3]).cost(tf.constant(delta)).numpy().mean())
