"""The tensors (N, C, H, W) of callers in PyTorch, and an attack on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tf_strattack.attacks.attack import Attack
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.torch_modules import required_torch
from tf_strattack.errors import InputError
from tf_strattack.interop import host
from tf_strattack.typing import Classes, Images


def attacked(
    attack: Attack,
    classifier: Classifier,
    inputs: Any,
    labels: Any,
    targets: Any,
    targeted: bool,
    **options: Any,
) -> Any:
    """The tensor (N, C, H, W) that `interop.torch.run` returns, for a classifier; arguments as there."""
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
