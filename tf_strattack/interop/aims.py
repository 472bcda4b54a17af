"""The classes to reach by a rule, for the hosts that pass a rule instead of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_strattack import targets as rules
from tf_strattack.checks import check_whole
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.errors import InputError
from tf_strattack.typing import Classes, Images

_RANDOM, _LEAST_LIKELY = "random", "least_likely"


def check_rule(name: str, rule: Any, seed: Any) -> None:
    """Refuses a rule other than None, "random", "least_likely" or a class, and a seed below 0; messages say `name`.

    Raises:
      InputError: such a rule or seed.
    """
    check_whole("target_seed", seed)
    if isinstance(rule, int | np.integer) and not isinstance(rule, bool) and rule >= 0:
        return
    if rule is not None and not (isinstance(rule, str) and rule in (_RANDOM, _LEAST_LIKELY)):
        raise InputError(
            f"expected {name} to be None, 'random', 'least_likely' or the number of a class, received {rule!r}"
        )


def targets_of(
    name: str, rule: Any, classifier: Classifier, images: Images, labels: Classes, numbers: Sequence[int], seed: int
) -> Classes | None:
    """The targets (N,) of a rule that `check_rule` accepts; None for an untargeted attack.

    Args:
      name: what messages call the rule.
      rule: the rule.
      classifier: the network, after its first use.
      images: (N, H, W, C).
      labels: (N,) true classes.
      numbers: N of them, one for each image: a random target depends on it, on the label and on the seed.
      seed: the seed of random targets.

    Raises:
      InputError: a class that the network does not have.
    """
    classes = classifier.num_classes or 0
    if rule is None:
        return None
    if rule == _RANDOM:
        drawn = [
            rules.random([label], classes, seed=seed, first_row=n)[0] for label, n in zip(labels, numbers, strict=True)
        ]
        return np.array(drawn, np.int32)
    if rule == _LEAST_LIKELY:
        return rules.least_likely(classifier, images)
    if int(rule) >= classes:
        raise InputError(f"expected {name} to be a class from 0 to {classes - 1}, received {rule}")
    return np.full(len(labels), rule, np.int32)
