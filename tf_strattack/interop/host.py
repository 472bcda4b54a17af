"""What the adapters for both toolboxes need: the attack by its parameters, and one classifier for a host's model."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from tf_strattack.attacks.strattack import StrAttack
from tf_strattack.checks import check_count
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.errors import InputError
from tf_strattack.result import AttackResult
from tf_strattack.typing import Classes, Images

# By name, as both toolboxes keep hyper-parameters: attributes that may be set later.
PARAMETERS: dict[str, Any] = {name: value.default for name, value in inspect.signature(StrAttack).parameters.items()}


def set_parameters(host: object, parameters: dict[str, Any]) -> None:
    """Gives `host` an attribute for each hyper-parameter of `StrAttack`: of `parameters`, else the default.

    Raises:
      InputError: a name that is no hyper-parameter, with the place where it belongs; a value out of range.
    """
    StrAttack(**parameters)
    for name, value in (PARAMETERS | parameters).items():
        setattr(host, name, value)


def native(host: Any) -> StrAttack:
    """The attack that the attributes of `host` describe, whose `batch_size` is looked at as well.

    Raises:
      InputError: a value out of range.
    """
    if host.batch_size not in (None, "auto"):
        check_count("batch_size", host.batch_size)
    return StrAttack(**{name: getattr(host, name) for name in PARAMETERS})


def labels_beside(classifier: Classifier, images: Images, targets: Any) -> Classes:
    """Labels for a targeted attack whose host knows none: (N,) classes other than the targets, which is all they do."""
    classifier.prepare(images)  # finds the number of classes
    return np.asarray((np.asarray(targets) + 1) % (classifier.num_classes or 1), np.int32)


def require_several_scores(classifier: Classifier, images: Images) -> None:
    """Refuses a model of one output for two classes, which both toolboxes classify by argmax, as class 0 always.

    Raises:
      InputError: such a model, or what `Classifier.prepare` refuses.
    """
    classifier.prepare(images)
    if classifier.single_score:
        raise InputError(
            "expected a model that returns a score for each class, as the toolbox decides by argmax, received one of a "
            "single output: wrap it so that it returns (1 - p, p) or (-z, z), or attack it without the toolbox"
        )


def finished(result: AttackResult) -> AttackResult:
    """Passes Ctrl-C on: a host would take half a result for a whole one, and go on.

    Raises:
      KeyboardInterrupt: the attack was interrupted.
    """
    if result.interrupted:
        raise KeyboardInterrupt
    return result
