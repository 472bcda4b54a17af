"""Sparsity against distortion: StrAttack by its weight tau, compared with other programs on the same examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from tf_strattack import StrAttack
from tf_strattack.programs.interrupts import complete
from tf_strattack.typing import Images

from .means import means
from .nets import Net

COLUMNS = (
    "net",
    "epsilon",
    "setting",
    "num_examples",
    "asr",
    "l0",
    "l1",
    "l2",
    "nonzero_groups",
    "gradient_evaluations_per_example",
)

# Largest changes of a pixel by net, None for no limit, as the peers had them. Other nets use the attack's default.
_EPSILONS: dict[str, tuple[float | None, ...]] = {"mnist_cases": (None, 0.5), "cifar10_cases": (None,)}


def measure_pareto(nets: Sequence[Net], examples: int | None, taus: Sequence[float]) -> list[dict[str, Any]]:
    """Attacks the first `examples` examples of every net (None for all) with each tau, and evaluates its peers.

    The rows of peers have None for "tau", "epsilon" and the evaluations, which are unknown.
    """
    default = StrAttack()
    points = [
        (net, StrAttack(tau=tau, epsilon=epsilon))
        for net in nets
        for epsilon in _EPSILONS.get(net.name, (default.epsilon,))
        for tau in taus
    ]
    measured: dict[str, list[dict[str, Any]]] = {net.name: [] for net in nets}
    for net, attack in tqdm(points, desc="pareto", leave=False):
        rows = slice(examples)
        result = complete(attack(net.classifier, net.images[rows], net.labels[rows], net.targets[rows]))
        measured[net.name].append(
            {
                "net": net.name,
                "epsilon": attack.epsilon,
                "tau": attack.tau,
                "default": attack.tau == default.tau,
                "setting": f"tau {attack.tau:g}" + (" (default)" if attack.tau == default.tau else ""),
                "num_examples": len(result),
                **means(result.delta, result.success, attack.groups),
                "gradient_evaluations_per_example": float(result.gradient_evaluations.mean()),
            }
        )
    for net in nets:
        for name, adversarial in net.peers.items():
            measured[net.name] += judge(net, name, adversarial[:examples], default.groups)
    return [row for rows in measured.values() for row in rows]


def judge(net: Net, name: str, adversarial: Images, groups: Any) -> list[dict[str, Any]]:
    """The row of a peer's images for the net's first examples, clipped to valid pixels; empty if it ran on none."""
    ran, valid, success = net.judged(adversarial)
    if not len(ran):
        return []
    return [
        {
            "net": net.name,
            "epsilon": None,
            "tau": None,
            "default": False,
            "setting": name,
            "num_examples": len(ran),
            **means(valid - net.images[ran], success, groups),
            "gradient_evaluations_per_example": None,
        }
    ]
