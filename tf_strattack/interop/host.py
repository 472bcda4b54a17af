"""The base of the adapters for both toolboxes: the attack from its parameters, and one classifier per model."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import numpy.typing as npt

from tf_strattack.attacks.attack import Attack
from tf_strattack.checks import check_classes, check_count
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.errors import InputError
from tf_strattack.result import AttackResult
from tf_strattack.typing import Classes, Images


def parameters_of(kind: type[Attack]) -> dict[str, Any]:
    """The hyper-parameters of a class of attacks with their defaults: both toolboxes keep them as attributes."""
    return {name: value.default for name, value in inspect.signature(kind).parameters.items()}


def set_parameters(host: Any, parameters: dict[str, Any]) -> None:
    """Gives `host` an attribute for each hyper-parameter of its `kind`: from `parameters`, else the default.

    Raises:
      InputError: a name that is not a hyper-parameter, with the place where it belongs; a value out of range.
    """
    known = parameters_of(host.kind)
    try:
        host.kind(**parameters)
    except TypeError as error:
        unknown = [name for name in parameters if name not in known]
        if not unknown:
            raise
        raise InputError(
            f"expected hyper-parameters of {host.kind.__name__}, received {unknown[0]}: it has {', '.join(known)}"
        ) from error
    for name, value in (known | parameters).items():
        setattr(host, name, value)


def native(host: Any) -> Attack:
    """The attack that the attributes of `host` describe; its `batch_size` is checked as well.

    Raises:
      InputError: a value out of range.
    """
    if host.batch_size not in (None, "auto"):
        check_count("batch_size", host.batch_size)
    attack: Attack = host.kind(**{name: getattr(host, name) for name in parameters_of(host.kind)})
    return attack


def labels_beside(classifier: Classifier, images: Images, targets: Any) -> Classes:
    """Placeholder labels for a targeted attack without true ones: (N,) classes other than the targets."""
    classifier.prepare(images)  # finds the number of classes
    return np.asarray((np.asarray(targets) + 1) % (classifier.num_classes or 1), np.int32)


def class_numbers(y: npt.NDArray[Any], classifier: Classifier, images: Images, name: str) -> Classes:
    """Class numbers (N,) from labels (N,), (N, 1) or one-hot (N, K), of any type of numbers; messages say `name`.

    Raises:
      InputError: labels of another shape, or numbers that are no classes.
    """
    classifier.prepare(images)  # finds the number of classes
    wide = y.shape[1] if y.ndim == 2 else 1
    if y.ndim not in (1, 2) or wide not in (1, classifier.num_classes) or y.dtype.kind not in "fiub":
        raise InputError(
            f"expected {name} of shape (N,), (N, 1) or, one-hot, (N, {classifier.num_classes}), "
            f"received {y.dtype} {y.shape}"
        )
    classes = y.argmax(axis=1) if wide > 1 else y.reshape(len(y))
    if (classes != np.round(classes)).any():
        raise InputError(f"expected class numbers as {name}, received numbers that are not whole")
    return check_classes(classes.astype(np.int64), len(images), classifier.num_classes, name)


def require_several_scores(classifier: Classifier, images: Images) -> None:
    """Refuses a model of one output for two classes: both toolboxes take the argmax, which is always class 0.

    Raises:
      InputError: such a model, or one that `Classifier.prepare` refuses.
    """
    classifier.prepare(images)
    if classifier.single_score:
        raise InputError(
            "expected a model that returns a score for each class, as the toolbox decides by argmax, received one of a "
            "single output: wrap it so that it returns (1 - p, p) or (-z, z), or attack it without the toolbox"
        )


def finished(result: AttackResult) -> AttackResult:
    """Raises Ctrl-C again: a host would mistake a partial result for a complete one, and continue.

    Raises:
      KeyboardInterrupt: the attack was interrupted.
    """
    if result.interrupted:
        raise KeyboardInterrupt
    return result
