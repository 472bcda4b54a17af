"""Results of other programs as returned: pixels out of range, and success after clipping and rounding to 8 bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_strattack import InputError, StrAttack, quantize
from tf_strattack.images import from_uint8, to_uint8
from tf_strattack.programs.interrupts import complete
from tf_strattack.typing import Images

from .nets import Net

COLUMNS = (
    "net",
    "setting",
    "num_examples",
    "asr_as_returned",
    "num_outside",
    "farthest",
    "asr",
    "asr_rounded",
)

# Smaller excesses over the range are rounding errors.
_OUTSIDE = 1e-6


def require_peers(nets: Sequence[Net]) -> None:
    """Refuses nets without results of other programs.

    Raises:
      InputError: no net has peers.
    """
    if not any(net.peers for net in nets):
        raise InputError(
            "expected a net with arrays adv_NAME of other programs for the section peers, received none: add "
            "--cases_dir=DIR, or --nets=model and a file with such arrays as --peers=FILE"
        )


def measure_peers(nets: Sequence[Net]) -> list[dict[str, Any]]:
    """Evaluates the peers and StrAttack on every net with peers; StrAttack without epsilon, like most peers."""
    rows = []
    for net in nets:
        if net.peers:
            problem = net.labels, net.targets
            ours = complete(StrAttack(epsilon=None)(net.classifier, net.images, *problem)).adversarial
            stored = complete(quantize(net.classifier, net.images, ours, *problem)).adversarial
            for name, images in {"strattack": ours, "strattack, quantize": stored, **net.peers}.items():
                rows += _judged(net, name, images)
    return rows


def _judged(net: Net, name: str, adversarial: Images) -> list[dict[str, Any]]:
    """The row of a program's images for the net's examples; empty if it ran on none."""
    ran, valid, success = net.judged(adversarial)
    if not len(ran):
        return []
    returned, targets, (low, high) = adversarial[ran], net.targets[ran], net.classifier.bounds
    rounded = from_uint8(to_uint8(valid, (low, high)), (low, high))
    beyond = np.abs(returned - valid).reshape(len(ran), -1).max(axis=1)
    # Directly from the logits, since images as returned may be invalid.
    as_returned = float((net.classifier.logits(returned).numpy().argmax(axis=1) == targets).mean())

    return [
        {
            "net": net.name,
            "setting": name,
            "num_examples": len(ran),
            "asr_as_returned": as_returned,
            "num_outside": int((beyond > _OUTSIDE).sum()),
            "farthest": float(beyond.max()),
            "asr": float(success.mean()),
            "asr_rounded": float(net.classifier.fooled_by(rounded, net.labels[ran], targets).mean()),
        }
    ]
