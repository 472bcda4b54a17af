"""What other programs returned, as they returned it: pixels out of range, and what survives clipping and 8 bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_strattack import InputError, StrAttack, quantize
from tf_strattack.images import from_uint8, to_uint8
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

# Nearer to the range than this is rounding.
_OUTSIDE = 1e-6


def require_peers(nets: Sequence[Net]) -> None:
    """Refuses nets of whose examples nothing by other programs is known.

    Raises:
      InputError: there is no net with peers.
    """
    if not any(net.peers for net in nets):
        raise InputError(
            "expected a net with arrays adv_NAME of other programs in the section peers, received none: give "
            "--cases_dir"
        )


def measure_peers(nets: Sequence[Net]) -> list[dict[str, Any]]:
    """Judges StrAttack's default, without epsilon as most peers, and the peers, of every net that has any."""
    rows = []
    for net in nets:
        if net.peers:
            problem = net.labels, net.targets
            ours = StrAttack(epsilon=None)(net.classifier, net.images, *problem).adversarial
            stored = quantize(net.classifier, net.images, ours, *problem).adversarial
            for name, images in {"strattack": ours, "strattack, quantize": stored, **net.peers}.items():
                rows += _judged(net, name, images)
    return rows


def _judged(net: Net, name: str, adversarial: Images) -> list[dict[str, Any]]:
    """The row of what was made of the net's examples; none if it was run on none of them."""
    ran = np.flatnonzero(~np.isnan(adversarial).any(axis=(1, 2, 3)))
    if not len(ran):
        return []
    returned, targets = adversarial[ran], net.targets[ran]
    low, high = net.classifier.bounds
    valid = np.clip(returned, low, high)
    rounded = from_uint8(to_uint8(valid, (low, high)), (low, high))
    beyond = np.abs(returned - valid).reshape(len(ran), -1).max(axis=1)

    def share(images: Images) -> float:
        return float(net.classifier.fooled_by(images, net.labels[ran], targets).mean())

    # The logits themselves: as returned, images need not be valid.
    as_returned = float((net.classifier.logits(returned).numpy().argmax(axis=1) == targets).mean())

    return [
        {
            "net": net.name,
            "setting": name,
            "num_examples": len(ran),
            "asr_as_returned": as_returned,
            "num_outside": int((beyond > _OUTSIDE).sum()),
            "farthest": float(beyond.max()),
            "asr": share(valid),
            "asr_rounded": share(rounded),
        }
    ]
