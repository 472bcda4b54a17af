"""Success within a budget of changed groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from tf_strattack import StrAttack
from tf_strattack.programs.interrupts import complete

from .means import means
from .nets import Net

COLUMNS = ("net", "max_groups", "asr", "l0", "l2", "gradient_evaluations_per_example")


def measure_groups(nets: Sequence[Net], examples: int, budgets: Sequence[int]) -> list[dict[str, Any]]:
    """Attacks `examples` examples of every net with each budget as `max_groups`, a row for each."""
    measured = []
    for net, budget in tqdm([(net, budget) for net in nets for budget in budgets], desc="groups", leave=False):
        attack = StrAttack(max_groups=budget)
        result = complete(attack(net.classifier, *net.examples(examples), batch_size=examples))
        measured.append(
            {
                "net": net.name,
                "max_groups": budget,
                "num_examples": examples,
                "gradient_evaluations_per_example": float(result.gradient_evaluations.mean()),
                **means(result.delta, result.success, attack.groups),
            }
        )
    return measured
