"""Attacks on PyTorch models as functions of tensors, called like those of adv-lib, SecML-Torch and AttackBench."""

from __future__ import annotations

from typing import Any

import numpy as np

from tf_strattack.attacks.attack import Attack
from tf_strattack.attacks.strattack import StrAttack
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.passing import kept_classifier
from tf_strattack.classifiers.torch_modules import required_torch
from tf_strattack.errors import InputError
from tf_strattack.interop import host
from tf_strattack.typing import Classes, Images


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


def attacked(
    attack: Attack,
    classifier: Classifier,
    inputs: Any,
    labels: Any,
    targets: Any,
    targeted: bool,
    **options: Any,
) -> Any:
    """The tensor that `run` returns, for a classifier; arguments as there."""
    torch = required_torch()
    images = check_tensor(inputs).detach().cpu().numpy().transpose(0, 2, 3, 1).astype(np.float32)
    true, wanted = _classes(classifier, images, labels, targets, targeted)
    result = host.finished(attack(classifier, images, true, wanted, **options))
    # Entries that no attack has changed are those of the inputs in every bit, also in float64.
    changed = result.success[:, None, None, None] & (result.adversarial != images)
    adversarial, kept = (
        torch.from_numpy(np.ascontiguousarray(part.transpose(0, 3, 1, 2))).to(inputs.device)
        for part in (result.adversarial, ~changed)
    )
    return torch.where(kept, inputs.detach(), adversarial.to(inputs.dtype))


def check_tensor(inputs: Any) -> Any:
    """Returns a tensor of images (N, C, H, W), and refuses anything else.

    Raises:
      InputError: it is of another kind, type or shape.
    """
    torch = required_torch()
    if not isinstance(inputs, torch.Tensor):
        raise InputError(f"expected a tensor (N, C, H, W), received {type(inputs).__name__}: torch.as_tensor(inputs)")
    if inputs.dtype not in (torch.float32, torch.float64):
        raise InputError(
            f"expected inputs of float32 or float64, which keep small changes, received {inputs.dtype}: inputs.float()"
        )
    if inputs.ndim != 4:
        raise InputError(f"expected inputs of shape (N, C, H, W), received {tuple(inputs.shape)}")
    return inputs


def _classes(
    classifier: Classifier, images: Images, labels: Any, targets: Any, targeted: bool
) -> tuple[Classes, Classes | None]:
    """True classes and targets (N,); placeholders for true classes that adv-lib does not pass."""
    if targets is not None and not targeted:
        raise InputError("expected targeted=True with targets, received targeted=False: pass targets=None")
    if not targeted:
        return _array(labels), None
    if targets is not None:
        return _array(labels), _array(targets)
    wanted = _array(labels)
    return host.labels_beside(classifier, images, wanted), wanted


def _array(classes: Any) -> Classes:
    array: Classes = classes.detach().cpu().numpy() if hasattr(classes, "detach") else np.asarray(classes)
    return array
