"""Attacks on PyTorch models as functions of tensors, called like those of adv-lib, SecML-Torch and AttackBench."""

from __future__ import annotations

from typing import Any

from tf_strattack.attacks.attack import Attack
from tf_strattack.attacks.strattack import StrAttack
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.passing import kept_classifier
from tf_strattack.errors import InputError
from tf_strattack.interop.torch_tensors import attacked, check_tensor


def str_attack(
    model: Any,
    inputs: Any,
    labels: Any,
    targets: Any = None,
    targeted: bool = False,
    *,
    mask: Any = None,
    batch_size: int | str | None = None,
    **parameters: Any,
) -> Any:
    """`StrAttack` (arXiv 1808.01664) on a PyTorch model, called as the `str_attack` of adv-lib.

    Args:
      model: a `torch.nn.Module` in eval mode, or a function of tensors: from (N, C, H, W) in [0, 1] to logits (N, K).
      inputs: (N, C, H, W) in [0, 1], a tensor of float32 or float64.
      labels: (N,) integers, the true classes; the classes to reach if `targeted` without `targets`, as in adv-lib.
      targets: (N,) integers, the classes to reach, as AttackBench passes them.
      targeted: whether the attack is targeted.
      mask, batch_size: as in `StrAttack`; a mask is (H, W) or (N, H, W).
      **parameters: the hyper-parameters of `StrAttack`, for instance `group_size` or `epsilon`.

    Returns:
      A tensor of the inputs' shape, type and device: adversarial images, and the inputs where the attack fails.

    Raises:
      InputError: PyTorch is missing, tensors of another kind, shape or range, a model in training mode, or a
        hyper-parameter that is unknown or out of range.
      KeyboardInterrupt: Ctrl-C.
    """
    return run(StrAttack(**parameters), model, inputs, labels, targets, targeted, mask=mask, batch_size=batch_size)


def run(
    attack: Attack,
    model: Any,
    inputs: Any,
    labels: Any,
    targets: Any = None,
    targeted: bool = False,
    *,
    mask: Any = None,
    batch_size: int | str | None = None,
) -> Any:
    """An attack of this package on a PyTorch model; `functools.partial(run, sa.SigmaZero())` is called like adv-lib's.

    Args:
      attack: the attack.
      model, inputs, labels, targets, targeted, mask, batch_size: as in `str_attack`, (N, C, H, W) and (N,).

    Returns:
      As `str_attack`.

    Raises:
      InputError: as `str_attack`, or something that is no attack.
      KeyboardInterrupt: Ctrl-C.
    """
    if not isinstance(attack, Attack):
        raise InputError(f"expected an attack, sa.SigmaZero() for instance, received {attack!r}")
    check_tensor(inputs)
    classifier = to_classifier(model, inputs.device)
    return attacked(attack, classifier, inputs, labels, targets, targeted, mask=mask, batch_size=batch_size)


def to_classifier(model: Any, device: Any = None) -> Classifier:
    """The `Classifier` of a PyTorch model for images in [0, 1], for `interpret` and other functions that take one.

    It is made once for a model and a device, and kept with the model.

    Args:
      model: as in `str_attack`.
      device: as in `Classifier.from_torch`.

    Raises:
      InputError: as `Classifier.from_torch`.
    """

    def make() -> Classifier:
        return Classifier.from_torch(model, device=device)

    return kept_classifier(model, ("torch", str(device)), [], make) if hasattr(model, "__dict__") else make()
