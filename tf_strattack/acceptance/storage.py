"""The promise about images of 8 bits."""

from __future__ import annotations

import numpy as np

from tf_strattack.acceptance.trial import Trial
from tf_strattack.acceptance.verdict import Verdict
from tf_strattack.attacks.quantization import quantize
from tf_strattack.images import LEVELS, from_uint8, to_uint8

_NAME = "8 bits"


def eight_bits(trial: Trial) -> Verdict:
    """`quantize` keeps each success: an image that 8 bits hold, and that fools the network by its own output."""
    result, bounds = trial.result, trial.classifier.bounds
    limit = trial.attack.largest_change
    if not result.success.any():
        return Verdict(_NAME, None, "no example has succeeded, so that there is none to store")
    if limit is not None and limit < 1 / LEVELS:
        return Verdict(_NAME, None, f"epsilon {limit:.3g} is less than one of {LEVELS} levels")
    # Positions count for networks with an input per image, so the examples that failed stay in.
    given = np.where(result.success[:, None, None, None], result.adversarial, trial.images)
    given = np.clip(given, np.float32(bounds[0]), np.float32(bounds[1]))
    stored = quantize(
        trial.classifier,
        trial.images,
        given,
        trial.labels,
        trial.targets,
        epsilon=limit,
        confidence=trial.attack.confidence,
    )
    read = from_uint8(to_uint8(stored.adversarial, bounds), bounds)
    fooled = trial.leads(read) > 0
    kept = result.success & stored.success
    details = {"successes": int(result.success.sum()), "kept": int(kept.sum())}
    if not np.array_equal(read, stored.adversarial):
        return Verdict(_NAME, False, "images that 8 bits do not hold", details)
    if (stored.success & ~fooled).any():
        text = f"{(stored.success & ~fooled).sum()} stored images do not fool the network when they are read again"
        return Verdict(_NAME, False, text, details)
    if kept.sum() < result.success.sum():
        text = f"{(result.success & ~stored.success).sum()} of {result.success.sum()} successes are lost in 8 bits"
        return Verdict(_NAME, False, text, details)
    return Verdict(_NAME, True, f"all {kept.sum()} successes fool the network as 8-bit images, too", details)
