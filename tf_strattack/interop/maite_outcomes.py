"""What became of each image, as metadata for MAITE."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from tf_strattack import metrics
from tf_strattack.attacks.attack import Attack
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.interop.maite_batches import Examples
from tf_strattack.problem.groups import SlidingMask
from tf_strattack.result import AttackResult
from tf_strattack.typing import Images


class AttackOutcome(TypedDict):
    """The entry "attack" of an attacked datum's metadata; distances are in [0, 1] scale, None without success.

    Attributes:
      name: the attack, such as "strattack".
      success: whether the network is fooled, by its own output.
      clean_correct: whether it classifies the original correctly.
      label: the true class.
      target: the class to reach; None in an untargeted attack.
      l0, l1, l2, linf: distances from the original; `l0` counts entries.
      groups: the changed groups, those of the attack, or squares of 2 x 2 pixels if it has none.
      gradient_evaluations, forward_evaluations: as in `AttackResult`.
    """

    name: str
    success: bool
    clean_correct: bool
    label: int
    target: int | None
    l0: float | None
    l1: float | None
    l2: float | None
    linf: float | None
    groups: float | None
    gradient_evaluations: int
    forward_evaluations: int


class AttackedDatum(TypedDict):
    """The metadata of a datum, with all that it had before.

    Attributes:
      id: the datum's own.
      attack: what became of its image.
    """

    id: int | str
    attack: AttackOutcome


def outcomes_of(
    attack: Attack, classifier: Classifier, examples: Examples, result: AttackResult
) -> tuple[Images, list[AttackOutcome]]:
    """The images (N, H, W, C) of a batch after an attack on those that were attacked, and what became of each.

    Args:
      attack: the attack.
      classifier: the network, which also classifies the images that were not attacked.
      examples: the batch.
      result: of `examples.attacked`.
    """
    rows = examples.attacked
    others = np.setdiff1d(np.arange(len(examples.images)), rows)
    images, correct = examples.images.copy(), np.zeros(len(examples.images), bool)
    images[rows], correct[rows] = result.adversarial, result.clean_correct
    if len(others):
        correct[others] = classifier.classify(examples.images[others]) == examples.labels[others]
    place = {row: position for position, row in enumerate(rows.tolist())}
    groups = getattr(attack, "groups", None) or SlidingMask(2)
    distances = {name: measure(result.delta) for name, measure in metrics.DISTANCES.items()}
    distances["groups"] = metrics.nonzero_groups(result.delta, groups)

    def outcome(row: int) -> AttackOutcome:
        at = place.get(row)
        success = at is not None and bool(result.success[at])
        measured = {name: float(values[at]) if success else None for name, values in distances.items()}
        return {
            "name": attack.name,
            "success": success,
            "clean_correct": bool(correct[row]),
            "label": int(examples.labels[row]),
            "target": None if examples.targets is None else int(examples.targets[row]),
            "l0": measured["l0"],
            "l1": measured["l1"],
            "l2": measured["l2"],
            "linf": measured["linf"],
            "groups": measured["groups"],
            "gradient_evaluations": 0 if at is None else int(result.gradient_evaluations[at]),
            "forward_evaluations": 0 if at is None else int(result.forward_evaluations[at]),
        }

    return images, [outcome(row) for row in range(len(images))]
